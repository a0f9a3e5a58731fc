"""The middle rating of an item, for labels that are ordered."""

import numpy as np

from smo_pipelines.domain.labels import GoldAnswers, Votes
from smo_pipelines.labels.aggregation.majority import majority
from smo_pipelines.labels.aggregation.shares import ItemLabels

__all__ = ["median"]


def median(votes: Votes, n_items: int, weights: np.ndarray | None = None, gold: GoldAnswers | None = None) -> ItemLabels:
    """Label an item by the (weighted) median of its ratings.

    A vote says whether a rating lies at or above the positive label. The median rating does exactly when more than half of the
    weight does, so it is the majority of these votes; where the middle falls between a rating below and one at or above, it is a
    tie, as for the majority.

    Parameters
    ----------
    votes : Votes
    n_items : int
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating.
    gold : GoldAnswers, optional
        Plays no part here.
    """
    return majority(votes, n_items, weights, gold)
