"""Other raters that could have rated: the labels of a snapshot under random rater weights."""

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TieRule
from smo_pipelines.labels.aggregation import AGGREGATIONS

__all__ = ["rater_weights", "redraw_labels"]


def rater_weights(rater_ids: np.ndarray, *, redraw: int) -> np.ndarray:
    """Return an Exp(1) weight for each rater, a function of the redraw's number and the rater alone.

    So a rater who works in both arms has one weight in both, and what that rater does cancels in their difference.

    Returns
    -------
    ndarray of shape (n_raters,), float64
    """
    return np.asarray(-np.log(hash_to_unit(f"redraw:{redraw}", rater_ids.tolist())), dtype=np.float64)


def redraw_labels(snapshot: LabelSnapshot, *, redraw: int) -> np.ndarray:
    """Label a snapshot's items again with every rating weighted by its rater's Exp(1) weight.

    This is the Bayesian bootstrap [1]_ of raters. All items keep a label: unlike a bootstrap that leaves raters out, weights
    lose no item. The recipe's own aggregation is applied to the weighted ratings; a median of two-valued votes is on the side of
    more than half of the weight, as a majority is. Weights are continuous, so a tie would need two equal sums of 53-bit numbers;
    it would follow the recipe's tie rule, negative for ``apart``.

    Parameters
    ----------
    snapshot : LabelSnapshot
    redraw : int
        The number of the redraw.

    Returns
    -------
    ndarray of shape (n_items,), int8
        0 or 1.

    References
    ----------
    .. [1] D. B. Rubin (1981). The Bayesian bootstrap. The Annals of Statistics 9(1), 130-134.
    """
    weights = rater_weights(snapshot.votes.rater_ids, redraw=redraw)[snapshot.votes.rater]
    labels = AGGREGATIONS[snapshot.recipe.aggregation](snapshot.votes, len(snapshot), weights, snapshot.gold).labels
    at_tie = 1 if snapshot.recipe.ties is TieRule.positive else 0
    return np.where(labels == TIE, at_tie, labels).astype(np.int8)
