"""Metrics of scores as probabilities: expected calibration error and Brier score."""

import numpy as np

from smo_pipelines.domain.effects import Direction
from smo_pipelines.stats.metrics.metric import MIN_OF_A_CLASS, Conditions, Metric

__all__ = ["BINS", "BRIER_SCORE", "EXPECTED_CALIBRATION_ERROR", "bin_of_ties"]

BINS = 15
"""Bins of equal mass of the expected calibration error."""


def bin_of_ties(below: np.ndarray, sizes: np.ndarray, total: int | np.ndarray) -> np.ndarray:
    """Return the bin of each group of equal scores: where the middle of its ranks falls when ``total`` ranks are cut into equal parts.

    A group is never split, so the order of rows cannot matter. In whole numbers, so that no rounding moves a group.

    Parameters
    ----------
    below, sizes : ndarray of shape (n_groups,), int64
        Items that score lower, and items in the group.
    total : int or ndarray of shape (n_groups,), int64
    """
    return np.asarray(BINS * (2 * below + sizes) // (2 * total), dtype=np.int64)


def _calibration_error(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del threshold, groups
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    bins = bin_of_ties(np.cumsum(sizes) - sizes, sizes, len(scores))
    gaps = np.bincount(bins[group], weights=references - scores, minlength=BINS)
    return float(np.sum(np.abs(gaps)) / len(scores))


def _weighted_calibration_error(scores: np.ndarray, references: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``sum_b |sum_{i in b} w_i (y_i - s_i)| / sum_i w_i`` with the bins of the items as they are.

    Edges that move with the weights add noise of their own: for the difference of two runs on 300 and 1,000 simulated items they
    gave 1.22 to 1.36 times the true standard error, and edges held still 1.14 to 1.26. Both err on the wide side, because a sum of
    absolute values has a kink where the scores are calibrated.
    """
    by_bin = np.zeros((len(scores), BINS, len(references)))
    for run, one in enumerate(scores):
        _, group, sizes = np.unique(one, return_inverse=True, return_counts=True)
        bins = bin_of_ties(np.cumsum(sizes) - sizes, sizes, len(one))[group]
        by_bin[run, bins, np.arange(len(one))] = references - one
    gaps = by_bin.reshape(-1, len(references)) @ weights
    return np.asarray(np.abs(gaps).reshape(len(scores), BINS, -1).sum(axis=1) / weights.sum(axis=0))


def _squared_errors(scores: np.ndarray, references: np.ndarray) -> np.ndarray:
    return np.asarray((scores - references) ** 2, dtype=np.float64)


def _brier(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del threshold, groups
    return float(np.mean(_squared_errors(scores, references)))


def _brier_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    del threshold, groups
    errors = _squared_errors(scores, references)
    return np.asarray(errors - np.mean(errors), dtype=np.float64)


EXPECTED_CALIBRATION_ERROR = Metric(
    name="expected_calibration_error",
    title="ECE",
    about=(
        f"Expected calibration error: sum over {BINS} bins of equal mass of n_b/n |share of positives - mean score|. "
        "Equal scores are never split between bins. It is biased upwards on few items."
    ),
    direction=Direction.lower_is_better,
    thresholded=False,
    formula=_calibration_error,
    expansion=None,
    conditions=Conditions(items=BINS, probabilities=True),
    interval_conditions=Conditions(items=BINS * MIN_OF_A_CLASS),
    reference="Naeini, Cooper and Hauskrecht (2015), with the equal-mass bins of Nguyen and O'Connor (2015)",
    weighted=_weighted_calibration_error,
    no_expansion="it is a sum of absolute values over bins that the items themselves set, so it has a kink at calibration and no expansion there",
)

BRIER_SCORE = Metric(
    name="brier_score",
    title="Brier score",
    about="The mean squared difference between the score, read as a probability, and the gold.",
    unit="squared error",
    direction=Direction.lower_is_better,
    thresholded=False,
    formula=_brier,
    expansion=_brier_influence,
    conditions=Conditions(probabilities=True),
    interval_conditions=Conditions(items=MIN_OF_A_CLASS),
    reference="sklearn.metrics.brier_score_loss",
)
