"""What the algorithms here share: an item's share of positive rating weight, and the label of a probability."""

from typing import NamedTuple

import numpy as np

from smo_pipelines.domain.labels import TIE, Votes

__all__ = ["ItemLabels", "likelier", "positive_share"]

_RATINGS_AT_ONCE = 1 << 24
_EVEN = 1e-9  # a computed probability this close to one half leans by rounding alone


class ItemLabels(NamedTuple):
    """Labels (int8: 0, 1 or TIE), positive shares and probabilities of being positive (float64), each of shape (n_items,)."""

    labels: np.ndarray
    share: np.ndarray
    soft: np.ndarray


def positive_share(votes: Votes, n_items: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the weight of an item's positive ratings over the weight of all its ratings.

    Parameters
    ----------
    votes : Votes
        Every item has at least one rating.
    n_items : int
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating; None weighs all alike.

    Returns
    -------
    ndarray of shape (n_items,), float64

    Raises
    ------
    ValueError
        When an item has no rating, or a weight is not positive.
    """
    if weights is not None and not bool((weights > 0).all()):
        raise ValueError("rating weights must be positive")
    total, positive = np.zeros(n_items), np.zeros(n_items)
    for start in range(0, len(votes), _RATINGS_AT_ONCE):  # so that a hundred million ratings need no copy of themselves
        part = slice(start, start + _RATINGS_AT_ONCE)
        item, weight = votes.item[part], None if weights is None else weights[part]
        value = votes.value[part].astype(np.float64)
        total += np.bincount(item, weights=weight, minlength=n_items)
        positive += np.bincount(item, weights=value if weight is None else weight * value, minlength=n_items)
    if not bool((total > 0).all()):
        raise ValueError(f"{int((total == 0).sum())} of {n_items} items have no rating")
    return positive / total


def likelier(probability: np.ndarray) -> np.ndarray:
    """Return 1 where an item is likelier positive than not, 0 where less likely, TIE where neither: shape (n_items,), int8."""
    lean = probability - 0.5
    labels: np.ndarray = np.where(np.abs(lean) <= _EVEN, TIE, lean > 0.0).astype(np.int8)
    return labels
