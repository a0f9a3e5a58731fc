"""The middle rating of an item, for labels that are ordered."""

import numpy as np

from smo_pipelines.domain.labels import TIE, GoldAnswers, Votes
from smo_pipelines.labels.aggregation.shares import ItemLabels, positive_share

__all__ = ["median"]


def median(votes: Votes, n_items: int, weights: np.ndarray | None = None, gold: GoldAnswers | None = None) -> ItemLabels:
    """Label an item by the (weighted) median of its ratings.

    A vote says whether a rating lies at or above the positive label. The median rating does exactly when more than half of the
    weight does, so the median of the ratings needs only these votes: it is 0, 1, or 0.5 where the middle falls between a rating
    below and one at or above, which stays apart as a tie.

    Parameters
    ----------
    votes : Votes
    n_items : int
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating.
    gold : GoldAnswers, optional
        Plays no part here.
    """
    share = positive_share(votes, n_items, weights)
    middle = 0.5 * (1.0 + np.sign(share - 0.5))
    labels = np.where(middle == 0.5, TIE, middle).astype(np.int8)
    return ItemLabels(labels, share, share)
