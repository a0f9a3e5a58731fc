"""Labels from a model of what each rater confuses with what."""

import numpy as np

from smo_pipelines.domain.labels import GoldAnswers, Votes
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.aggregation.shares import ItemLabels, likelier, positive_share
from smo_pipelines.stats.dawid_skene import fit_dawid_skene

__all__ = ["dawid_skene"]

_POOLING = 10.0  # so that raters of few ratings stay near the pool; without it the majority does better below some 50 a rater
_TOLERANCE = 1e-8
_MAX_ITERATIONS = 2000


def dawid_skene(votes: Votes, n_items: int, weights: np.ndarray | None = None, gold: GoldAnswers | None = None) -> ItemLabels:
    """Label an item by its posterior in the model of Dawid and Skene, with a confusion matrix for every rater.

    Strict and lenient raters are told apart and corrected for, which one number for a rater's skill cannot do. The model runs over
    the guideline's own labels; an item's probability of being positive is the posterior of all positive ones. Items with gold keep
    their gold throughout, and teach what their raters confuse. ``share`` stays the plain share of positive ratings.

    The answer is always one of an EM that converged: one that did not is an error, so that nothing downstream can take labels that
    still move for settled ones.

    Parameters
    ----------
    votes : Votes
    n_items : int
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating: one of weight 2 counts as two equal ones.
    gold : GoldAnswers, optional
        ``label`` fixes the posterior of the items whose gold is known.

    Raises
    ------
    LabelError
        When EM does not converge.

    See Also
    --------
    smo_pipelines.stats.dawid_skene.fit_dawid_skene : the estimator.
    """
    share = positive_share(votes, n_items, weights)
    known = np.full(n_items, -1, dtype=np.int8) if gold is None else gold.label
    used = np.zeros(len(votes.labels) + 1, dtype=bool)  # the last place is for -1, where no gold is known
    used[votes.label] = used[known] = True
    used[-1] = False
    place = np.where(used, np.cumsum(used) - 1, -1).astype(np.int8)
    fit = fit_dawid_skene(
        votes.item,
        votes.rater,
        place[votes.label],
        n_items=n_items,
        n_raters=len(votes.rater_ids),
        n_labels=int(used.sum()),
        weights=weights,
        gold=place[known],
        pooling=_POOLING,
        tolerance=_TOLERANCE,
        max_iterations=_MAX_ITERATIONS,
    )
    if not fit.converged:
        raise LabelError(
            f"dawid_skene still moves after {fit.iterations} iterations over {len(votes)} ratings of {n_items} items by "
            f"{len(votes.rater_ids)} raters; aggregate by majority, or collect more ratings an item or gold"
        )
    soft = np.minimum(fit.posterior[:, votes.is_positive[used[:-1]]].sum(axis=1), 1.0)
    return ItemLabels(likelier(soft), share, soft)
