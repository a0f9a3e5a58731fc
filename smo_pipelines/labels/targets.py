"""From ratings to what a classifier learns: the label itself, its probability, or the guideline's own labels."""

import numpy as np

from smo_pipelines.domain.labels import TIE, Aggregation, LabelSnapshot, Votes
from smo_pipelines.domain.targets import NEGATIVE, POSITIVE, Targets
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.redraw import Redrawn

__all__ = ["LEARNED_SOFT", "label_shares", "targets_of"]

LEARNED_SOFT = frozenset({Aggregation.soft_shares})
"""The aggregations whose probabilities are learned in place of the label, so that tied items can stay."""


def targets_of(snapshot: LabelSnapshot, *, by_label: bool = False, redrawn: Redrawn | None = None) -> Targets | None:
    """Return what is learned of each item of a snapshot, or None where that is its label.

    Parameters
    ----------
    by_label : bool
        Learn every label of the guideline apart, not only whether it counts as positive.
    redrawn : Redrawn, optional
        Labels of the same items under other rater weights, in place of the snapshot's own.

    Raises
    ------
    LabelError
        When ``by_label`` is asked of a guideline with two labels, which are what is learned anyway.
    """
    soft = snapshot.recipe.aggregation in LEARNED_SOFT
    if not by_label:
        if not soft:
            return None
        likely = snapshot.soft if redrawn is None else redrawn.soft
        return Targets(classes=(NEGATIVE, POSITIVE), positives=(POSITIVE,), shares=np.stack([1.0 - likely, likely], axis=1))
    votes = snapshot.votes
    if len(votes.labels) < 3:
        raise LabelError(
            f"the guideline has the labels {' and '.join(votes.labels)}, which a classifier of two classes tells apart already: "
            "leave classes out of the classifier's file, or label under a guideline of three labels or more"
        )
    shares = label_shares(votes, len(snapshot), None if redrawn is None else redrawn.weights)
    if not soft:
        shares = _most_rated(shares, snapshot.labels if redrawn is None else redrawn.labels, votes.is_positive)
    return Targets(classes=votes.labels, positives=votes.positives, shares=shares)


def label_shares(votes: Votes, n_items: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the share of each item's rating weight that each label has: shape (n_items, n_labels), float64.

    Parameters
    ----------
    votes : Votes
        Every item has at least one rating.
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating; None weighs all alike.
    """
    cell = votes.item.astype(np.int64) * len(votes.labels) + votes.label
    total = np.bincount(cell, weights=weights, minlength=n_items * len(votes.labels)).reshape(n_items, len(votes.labels))
    return np.asarray(total / total.sum(axis=1, keepdims=True), dtype=np.float64)


def _most_rated(shares: np.ndarray, labels: np.ndarray, is_positive: np.ndarray) -> np.ndarray:
    """Return one label an item: the most rated on the side of the aggregated label, so that classes and label never disagree.

    Equally rated labels share the item. A side that nobody voted for, as a model of raters may choose, is shared by all its labels;
    a tied item keeps its shares (it is not trained on).
    """
    side = np.where(labels[:, None] == 1, is_positive, ~is_positive)
    within = np.where(side, shares, -1.0)
    most = (within == within.max(axis=1, keepdims=True)) & side
    chosen = most / most.sum(axis=1, keepdims=True)
    return np.where((labels == TIE)[:, None], shares, chosen)
