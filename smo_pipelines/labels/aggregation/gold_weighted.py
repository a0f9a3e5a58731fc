"""A vote in which raters weigh as much as their answers on items of known label say."""

import numpy as np
from scipy import special

from smo_pipelines.domain.labels import GoldAnswers, Votes
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.aggregation.shares import ItemLabels, likelier, positive_share

__all__ = ["gold_weighted"]

_POOLED_ANSWERS = 4  # so many answers as right as the pool's are added to each rater's, as Agresti and Coull (1998) add four
_GRAIN = 2.0**-20  # weights are whole numbers of it, so their sums are exact: no order of raters can move a last bit or break a tie


def gold_weighted(votes: Votes, n_items: int, weights: np.ndarray | None = None, gold: GoldAnswers | None = None) -> ItemLabels:
    r"""Weigh each rating by the log odds that its rater is right, and turn the weights into a probability.

    A rater of accuracy p has the weight :math:`\log\frac{(K-1)p}{1-p}` on a scale of K labels, the best one where raters err
    independently and all wrong labels are equally likely [1]_: for two labels the log odds of p. The item's probability of being
    positive is then the posterior at even odds beforehand, spread evenly over the labels of either side; for two labels it is the
    logistic function of the weight for minus the weight against. The odds are even because a majority's are, and because hidden
    gold is not a random sample of the items.

    One number for a rater takes them to be as good on positive items as on negative ones. Where raters are rather strict or lenient,
    a majority does as well, and ``dawid_skene`` better.

    A rater's p is their share of right answers on gold after four more answers that are as right as all raters' together: so a
    rater without gold answers has the accuracy of the pool. A rater at or below chance (1/K) weighs nothing: turning their labels
    round could give an item a label that nobody chose. An item of such raters alone has probability one half, and is a tie.

    Parameters
    ----------
    votes : Votes
    n_items : int
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating; multiplies its rater's weight.
    gold : GoldAnswers, optional
        What raters answered on gold; the known labels themselves are not used, so an item's gold does not decide its label.

    Raises
    ------
    LabelError
        When no rater has answered an item with gold under the recipe's guideline, or none is better than chance.

    References
    ----------
    .. [1] S. Nitzan and J. Paroush (1982). Optimal decision rules in uncertain dichotomous choice situations. International
       Economic Review 23(2), 289-297.
    """
    share = positive_share(votes, n_items, weights)
    of_raters = _rater_weights(gold, len(votes.labels))[votes.rater]
    whole = np.rint((of_raters if weights is None else of_raters * weights) / _GRAIN)
    n_labels = len(votes.labels)
    cell = votes.item * np.int64(n_labels) + votes.label
    evidence = np.bincount(cell, weights=whole, minlength=n_items * n_labels).reshape(n_items, n_labels) * _GRAIN
    odds = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    positive, negative = odds[:, votes.is_positive].mean(axis=1), odds[:, ~votes.is_positive].mean(axis=1)
    soft = positive / (positive + negative)
    return ItemLabels(likelier(soft), share, soft)


def _rater_weights(gold: GoldAnswers | None, n_labels: int) -> np.ndarray:
    """Return each rater's weight: shape (n_raters,)."""
    if gold is None or not gold.answered.any():
        raise LabelError(
            "gold_weighted needs raters who answered items with a known label under the recipe's guideline, and there is no such "
            "answer; import gold for that guideline and ratings of the gold items, or aggregate by majority or dawid_skene"
        )
    right, answered = int(gold.right.sum()), int(gold.answered.sum())
    pool = (right + 1.0) / (answered + 2.0)
    accuracy = (gold.right + _POOLED_ANSWERS * pool) / (gold.answered + _POOLED_ANSWERS)
    weights = np.maximum(special.logit(accuracy) + np.log(n_labels - 1.0), 0.0)
    if not weights.any():
        raise LabelError(
            f"gold_weighted found no rater better than chance: {right} of {answered} answers on gold are right, on a scale of "
            f"{n_labels} labels; check that the gold was made under the recipe's guideline, or aggregate by majority"
        )
    return np.asarray(weights, dtype=np.float64)
