"""Where a classifier starts to flag."""

import numpy as np

from smo_pipelines.errors import ClassifierError

__all__ = ["tune"]


def tune(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the threshold with the greatest F1; an item is flagged when its score is at or above it.

    The thresholds tried lie midway between neighbouring distinct scores, and midway between 0 and the lowest (flag everything).
    When several are best, the middle one is taken (of an even number, the lower of the two).

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
    order = np.argsort(scores, kind="stable")
    values, starts = np.unique(scores[order], return_index=True)
    below = np.concatenate([[0], np.cumsum(positive[order])])[starts]  # positives that fall below each cut
    hits = n_positive - below
    flagged = len(scores) - starts
    f1 = 2 * hits / (flagged + n_positive)
    cuts = (np.concatenate([[min(0.0, float(values[0]))], values[:-1]]) + values) / 2
    best = np.flatnonzero(f1 == f1.max())
    return float(cuts[best[(len(best) - 1) // 2]])
