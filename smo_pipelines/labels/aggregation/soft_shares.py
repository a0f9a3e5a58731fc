"""The share of positive ratings, taken as the label's probability."""

import numpy as np

from smo_pipelines.domain.labels import GoldAnswers, Votes
from smo_pipelines.labels.aggregation.majority import majority
from smo_pipelines.labels.aggregation.shares import ItemLabels

__all__ = ["soft_shares"]


def soft_shares(votes: Votes, n_items: int, weights: np.ndarray | None = None, gold: GoldAnswers | None = None) -> ItemLabels:
    """Keep how divided an item's raters are: its probability of being positive is the share of its rating weight that is.

    The hard label is the majority's. An evenly divided item has probability one half and stays a tie; what a tie becomes is the
    recipe's decision, and changes no probability.

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
