"""Other raters that could have rated: the labels of a snapshot under random rater weights."""

from typing import NamedTuple

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TieRule
from smo_pipelines.labels.aggregation import AGGREGATIONS

__all__ = ["Redrawn", "rater_weights", "redraw_labels", "redrawn"]


def rater_weights(rater_ids: np.ndarray, *, redraw: int | str) -> np.ndarray:
    """Return an Exp(1) weight for each rater, a function of the redraw's number (or name) and the rater alone.

    So a rater who works in both arms has one weight in both, and what that rater does cancels in their difference.

    Returns
    -------
    ndarray of shape (n_raters,), float64
    """
    return np.asarray(-np.log(hash_to_unit(f"redraw:{redraw}", rater_ids.tolist())), dtype=np.float64)


class Redrawn(NamedTuple):
    """A snapshot's items under other rater weights.

    Attributes
    ----------
    labels : ndarray of shape (n_items,), int8
        0 or 1.
    soft : ndarray of shape (n_items,), float64
        How likely the aggregation holds each item to be positive.
    weights : ndarray of shape (n_ratings,), float64
        The weight that each rating had.
    """

    labels: np.ndarray
    soft: np.ndarray
    weights: np.ndarray


def redraw_labels(snapshot: LabelSnapshot, *, redraw: int | str) -> np.ndarray:
    """Return the labels of :func:`redrawn`: shape (n_items,), int8, 0 or 1."""
    return redrawn(snapshot, redraw=redraw).labels


def redrawn(snapshot: LabelSnapshot, *, redraw: int | str) -> Redrawn:
    """Label a snapshot's items again with every rating weighted by its rater's Exp(1) weight.

    This is the Bayesian bootstrap [1]_ of raters. All items keep a label: unlike a bootstrap that leaves raters out, weights
    lose no item. The recipe's own aggregation is applied to the weighted ratings; a median of two-valued votes is on the side of
    more than half of the weight, as a majority is. Weights are continuous, so a tie would need two equal sums of 53-bit numbers;
    it would follow the recipe's tie rule, negative for ``apart``.

    Parameters
    ----------
    snapshot : LabelSnapshot
    redraw : int or str
        The number of the redraw, or its name.

    References
    ----------
    .. [1] D. B. Rubin (1981). The Bayesian bootstrap. The Annals of Statistics 9(1), 130-134.
    """
    weights = rater_weights(snapshot.votes.rater_ids, redraw=redraw)[snapshot.votes.rater]
    found = AGGREGATIONS[snapshot.recipe.aggregation](snapshot.votes, len(snapshot), weights, snapshot.gold)
    at_tie = 1 if snapshot.recipe.ties is TieRule.positive else 0
    return Redrawn(np.where(found.labels == TIE, at_tie, found.labels).astype(np.int8), found.soft, weights)
