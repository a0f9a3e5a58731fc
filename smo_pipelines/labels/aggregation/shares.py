"""The share of an item's rating weight that is positive: what every algorithm here starts from."""

from typing import NamedTuple

import numpy as np

from smo_pipelines.domain.labels import Votes

__all__ = ["ItemLabels", "positive_share"]


class ItemLabels(NamedTuple):
    """Labels (int8: 0, 1 or TIE) and positive shares (float64), each of shape (n_items,)."""

    labels: np.ndarray
    share: np.ndarray


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
    total = np.bincount(votes.item, weights=weights, minlength=n_items).astype(np.float64)
    if not bool((total > 0).all()):
        raise ValueError(f"{int((total == 0).sum())} of {n_items} items have no rating")
    positive = votes.value.astype(np.float64) if weights is None else weights * votes.value
    return np.asarray(np.bincount(votes.item, weights=positive, minlength=n_items) / total, dtype=np.float64)
