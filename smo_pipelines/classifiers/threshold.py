"""Where a classifier starts to flag."""

import numpy as np

from smo_pipelines.errors import ClassifierError

__all__ = ["tune"]


_DRAWS = 200
_SEED = 20_260_101


def tune(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return a threshold for a good F1; an item is flagged when its score is at or above it.

    The best threshold of one small development split hangs on a few items. So it is averaged over Bayesian bootstrap draws of the
    split [1]_ (item weights Exp(1)), as bagging does for any unstable choice [2]_: on fresh items F1 is higher, and the false
    positive rate varies by a third less between fits (``docs/decisions/003-averaged-threshold.md``).

    In each draw, the thresholds tried lie midway between neighbouring distinct scores, and midway between 0 and the lowest (flag
    everything). The draws depend on the number of items alone, so equal input gives an equal threshold.

    Parameters
    ----------
    scores : ndarray of shape (n,), float
        Scores of the development split, in [0, 1].
    labels : ndarray of shape (n,), int
        0 or 1.

    Raises
    ------
    ClassifierError
        When the labels are not of both classes: no threshold is better than another.

    References
    ----------
    .. [1] Rubin, D. B. (1981). The Bayesian bootstrap. Annals of Statistics 9(1), 130-134.
    .. [2] Breiman, L. (1996). Bagging predictors. Machine Learning 24, 123-140.

    Examples
    --------
    >>> tune(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1]))
    0.5
    """
    scores = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(labels) == 1
    n_positive = int(positive.sum())
    if n_positive in (0, len(positive)):
        raise ClassifierError(
            f"the development split has {n_positive} positive and {len(positive) - n_positive} negative items; "
            "choosing a threshold needs both: label more items, or check the recipe's labels"
        )
    order = np.lexsort((positive, scores))  # equal scores in order of label, so that the order of rows means nothing
    values, starts = np.unique(scores[order], return_index=True)
    cuts = (np.concatenate([[min(0.0, float(values[0]))], values[:-1]]) + values) / 2
    hit = positive[order].astype(np.float64)
    rng = np.random.Generator(np.random.PCG64(_SEED))
    draws = [_best_cut(cuts, starts, hit, rng.standard_exponential(len(scores))) for _ in range(_DRAWS)]
    return float(np.mean(draws))


def _best_cut(cuts: np.ndarray, starts: np.ndarray, hit: np.ndarray, weights: np.ndarray) -> float:
    flagged = np.cumsum(weights[::-1])[::-1][starts]  # weight at or above each cut
    hits = np.cumsum((weights * hit)[::-1])[::-1][starts]
    return float(cuts[np.argmax(2 * hits / (flagged + hits[0]))])
