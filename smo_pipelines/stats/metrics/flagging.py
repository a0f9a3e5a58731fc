"""Metrics of what is flagged at a threshold: F1, recall, precision, false positive rate and balanced accuracy.

Over-blocking has no metric of its own: it is the false positive rate on a benchmark of benign look-alikes.
"""

import numpy as np

from smo_pipelines.domain.effects import Direction, WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.metrics.metric import MIN_OF_A_CLASS, Conditions, Metric

__all__ = ["BALANCED_ACCURACY", "F1", "FALSE_POSITIVE_RATE", "PRECISION", "RECALL", "influence_of_share"]


def influence_of_share(hit: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return the influence values of ``sum(hit and base) / sum(base)``, both of shape (n,), bool."""
    weight = base.astype(np.float64)
    value = float(np.sum(hit & base) / np.sum(base))
    return np.asarray(weight * (hit - value) / np.mean(weight), dtype=np.float64)


def _f1(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del groups
    flagged = scores >= threshold
    return float(2.0 * np.sum(flagged & (references == 1)) / (np.sum(flagged) + np.sum(references == 1)))


def _f1_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    flagged = (scores >= threshold).astype(np.float64)
    both = flagged + references
    value = _f1(scores, references, threshold, groups)
    return np.asarray((2.0 * flagged * references - value * both) / np.mean(both), dtype=np.float64)


def _recall(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del groups
    return float(np.mean(scores[references == 1] >= threshold))


def _recall_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    del groups
    return influence_of_share(scores >= threshold, references == 1)


def _require_flagged(scores: np.ndarray, threshold: float, at_least: int) -> np.ndarray:
    flagged = scores >= threshold
    found = int(np.count_nonzero(flagged))
    if not found:
        raise CannotEstimate(
            WhyNot.no_items,
            f"none of the {len(scores)} items is flagged, so no share of them is right",
            items=len(scores),
            flagged=0,
        )
    if found < at_least:
        raise CannotEstimate(
            WhyNot.few_items, f"an interval needs {at_least} flagged items, there are {found}", items=len(scores), flagged=found
        )
    return flagged


def _precision(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del groups
    return float(np.mean(references[_require_flagged(scores, threshold, 1)] == 1))


def _precision_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    del groups
    return influence_of_share(references == 1, _require_flagged(scores, threshold, MIN_OF_A_CLASS))


def _false_positive_rate(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del groups
    return float(np.mean(scores[references == 0] >= threshold))


def _false_positive_rate_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    del groups
    return influence_of_share(scores >= threshold, references == 0)


def _balanced_accuracy(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    kept = 1.0 - _false_positive_rate(scores, references, threshold, groups)
    return 0.5 * (_recall(scores, references, threshold, groups) + kept)


def _balanced_accuracy_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    gained = _recall_influence(scores, references, threshold, groups)
    return np.asarray(0.5 * (gained - _false_positive_rate_influence(scores, references, threshold, groups)), dtype=np.float64)


F1 = Metric(
    name="f1",
    title="F1",
    about="The harmonic mean of precision and recall of the violating class, at the threshold.",
    thresholded=True,
    formula=_f1,
    expansion=_f1_influence,
    conditions=Conditions(positives=1),
    interval_conditions=Conditions(positives=MIN_OF_A_CLASS),
    reference="sklearn.metrics.f1_score",
)

RECALL = Metric(
    name="recall",
    title="recall",
    about="The share of violating items that are flagged, at the threshold.",
    thresholded=True,
    formula=_recall,
    expansion=_recall_influence,
    conditions=Conditions(positives=1),
    interval_conditions=Conditions(positives=MIN_OF_A_CLASS),
    reference="sklearn.metrics.recall_score",
)

PRECISION = Metric(
    name="precision",
    title="precision",
    about="The share of flagged items that are violating, at the threshold. Not defined where nothing is flagged.",
    thresholded=True,
    formula=_precision,
    expansion=_precision_influence,
    conditions=Conditions(positives=1),
    interval_conditions=Conditions(positives=1),
    reference="sklearn.metrics.precision_score",
)

FALSE_POSITIVE_RATE = Metric(
    name="false_positive_rate",
    title="false positive rate",
    about="The share of benign items that are flagged, at the threshold. On a benchmark of benign look-alikes this is over-blocking.",
    direction=Direction.lower_is_better,
    thresholded=True,
    formula=_false_positive_rate,
    expansion=_false_positive_rate_influence,
    conditions=Conditions(negatives=1),
    interval_conditions=Conditions(negatives=MIN_OF_A_CLASS),
    reference="1 - sklearn.metrics.recall_score(pos_label=0)",
)

BALANCED_ACCURACY = Metric(
    name="balanced_accuracy",
    title="balanced accuracy",
    about="The mean of recall on violating and on benign items, at the threshold: accuracy that the share of violating items does not move.",
    thresholded=True,
    formula=_balanced_accuracy,
    expansion=_balanced_accuracy_influence,
    conditions=Conditions(positives=1, negatives=1),
    interval_conditions=Conditions(positives=MIN_OF_A_CLASS, negatives=MIN_OF_A_CLASS),
    reference="sklearn.metrics.balanced_accuracy_score",
)
