"""Other raters that could have rated: the labels of a snapshot under random rater weights."""

from typing import NamedTuple

import numpy as np
from scipy import special

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TieRule
from smo_pipelines.labels.aggregation import AGGREGATIONS
from smo_pipelines.stats.panel_flips import matching_shape

__all__ = ["Redrawn", "rater_weights", "redraw_labels", "redraw_shape", "redrawn"]


def rater_weights(rater_ids: np.ndarray, *, redraw: int | str, shape: float = 1.0) -> np.ndarray:
    """Return a random weight for each rater, a function of the redraw's number (or name), the rater and the shape alone.

    So a rater who works in both arms has one weight in both, and what that rater does cancels in their difference; with two shapes
    the weights have the same rank in both.

    Parameters
    ----------
    shape : float
        Of the gamma distribution with mean 1 that the weights come from; 1 is Exp(1).

    Returns
    -------
    ndarray of shape (n_raters,), float64
    """
    uniforms = hash_to_unit(f"redraw:{redraw}", rater_ids.tolist())
    if shape == 1.0:
        return np.asarray(-np.log(uniforms), dtype=np.float64)
    return np.asarray(special.gammainccinv(shape, uniforms) / shape, dtype=np.float64)


def redraw_shape(snapshot: LabelSnapshot) -> float:
    """Return the shape of weights at which a redraw flips a snapshot's labels about as much as other raters would: 1 or more.

    By the majority, whatever the recipe's aggregation; ``docs/decisions/014-how-much-a-redraw-flips.md``.
    """
    positives = np.bincount(snapshot.votes.item, weights=snapshot.votes.value, minlength=len(snapshot)).astype(np.int64)
    sizes = snapshot.n_ratings
    panels = {size: np.bincount(positives[sizes == size], minlength=size + 1) for size in np.unique(sizes).tolist() if size > 1}
    return matching_shape(panels)


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
    """Return the labels of :func:`redrawn` with Exp(1) weights: shape (n_items,), int8, 0 or 1."""
    return redrawn(snapshot, redraw=redraw).labels


def redrawn(snapshot: LabelSnapshot, *, redraw: int | str, shape: float = 1.0) -> Redrawn:
    """Label a snapshot's items again with every rating weighted by its rater's random weight.

    With shape 1, Exp(1) weights, this is the Bayesian bootstrap [1]_ of raters. All items keep a label: unlike a bootstrap that
    leaves raters out, weights lose no item. The recipe's own aggregation is applied to the weighted ratings; a median of two-valued
    votes is on the side of more than half of the weight, as a majority is. Weights are continuous, so a tie would need two equal
    sums of 53-bit numbers; it would follow the recipe's tie rule, negative for ``apart``.

    Parameters
    ----------
    snapshot : LabelSnapshot
    redraw : int or str
        The number of the redraw, or its name.
    shape : float
        Of the weights' distribution, see :func:`rater_weights`; :func:`redraw_shape` finds the one for a claim about other raters.

    References
    ----------
    .. [1] D. B. Rubin (1981). The Bayesian bootstrap. The Annals of Statistics 9(1), 130-134.
    """
    weights = rater_weights(snapshot.votes.rater_ids, redraw=redraw, shape=shape)[snapshot.votes.rater]
    found = AGGREGATIONS[snapshot.recipe.aggregation](snapshot.votes, len(snapshot), weights, snapshot.gold)
    at_tie = 1 if snapshot.recipe.ties is TieRule.positive else 0
    return Redrawn(np.where(found.labels == TIE, at_tie, found.labels).astype(np.int8), found.soft, weights)
