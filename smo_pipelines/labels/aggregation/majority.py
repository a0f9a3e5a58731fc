"""The label that more than half of the ratings give."""

import numpy as np

from smo_pipelines.domain.labels import TIE, GoldAnswers, Votes
from smo_pipelines.labels.aggregation.shares import ItemLabels, positive_share

__all__ = ["majority"]


def majority(votes: Votes, n_items: int, weights: np.ndarray | None = None, gold: GoldAnswers | None = None) -> ItemLabels:
    """Label an item positive when more than half of its rating weight is positive, negative when less is.

    Exactly half is a tie and stays one; what a tie becomes is the recipe's decision.

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
    labels = np.where(share > 0.5, 1, np.where(share < 0.5, 0, TIE)).astype(np.int8)
    return ItemLabels(labels, share, share)
