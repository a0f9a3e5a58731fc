"""Metrics of functional tests: test cases decided as their gold says, over all cases and by functionality.

Röttger et al. (2021), HateCheck: all cases of a functionality share a label, so its pass rate is its accuracy.
"""

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.metrics.flagging import influence_of_share
from smo_pipelines.stats.metrics.metric import MIN_OF_A_CLASS, Conditions, Metric, Needs

__all__ = ["PASS_RATE", "PASS_RATE_MACRO", "PASS_RATE_WORST"]


def _passed(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    return np.asarray((scores >= threshold) == (references == 1))


def _micro(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del groups
    return float(np.mean(_passed(scores, references, threshold)))


def _micro_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    del groups
    return influence_of_share(_passed(scores, references, threshold), np.ones(len(scores), dtype=bool))


def _rates(
    scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each item's functionality by number, whether it passed, and the functionalities' rates and sizes."""
    _, code, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    passed = _passed(scores, references, threshold)
    return code, passed, np.bincount(code, weights=passed) / sizes, sizes


def _macro(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    return float(np.mean(_rates(scores, references, threshold, groups)[2]))


def _macro_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    """Differentiate ``(1/F) sum_f sum_{i in f} w_i c_i / sum_{i in f} w_i``: ``psi_i = n (c_i - rate_f) / (F n_f)``."""
    code, passed, rates, sizes = _rates(scores, references, threshold, groups)
    smallest = int(sizes.min())
    if smallest < MIN_OF_A_CLASS:
        raise CannotEstimate(
            WhyNot.few_items,
            f"an interval needs {MIN_OF_A_CLASS} cases of each functionality, the smallest has {smallest}",
            items=smallest,
            functionalities=len(sizes),
        )
    return np.asarray(len(scores) * (passed - rates[code]) / (len(sizes) * sizes[code]), dtype=np.float64)


def _worst(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    return float(np.min(_rates(scores, references, threshold, groups)[2]))


PASS_RATE = Metric(
    name="functional_pass_rate",
    title="functional pass rate",
    about="The share of test cases that are decided as their gold says, at the threshold; every case counts the same.",
    thresholded=True,
    formula=_micro,
    expansion=_micro_influence,
    conditions=Conditions(),
    interval_conditions=Conditions(items=MIN_OF_A_CLASS),
    reference="sklearn.metrics.accuracy_score",
)

PASS_RATE_MACRO = Metric(
    name="functional_pass_rate_macro",
    title="macro functional pass rate",
    about="The mean over functionalities of the share of their cases that are decided as their gold says, at the threshold.",
    thresholded=True,
    formula=_macro,
    expansion=_macro_influence,
    conditions=Conditions(),
    interval_conditions=Conditions(items=MIN_OF_A_CLASS),
    reference="mean over functionalities of sklearn.metrics.accuracy_score",
    needs=Needs.functionality,
)

PASS_RATE_WORST = Metric(
    name="functional_pass_rate_worst",
    title="worst functional pass rate",
    about="The lowest share of cases decided as their gold says among the functionalities, at the threshold.",
    thresholded=True,
    formula=_worst,
    expansion=None,
    conditions=Conditions(),
    interval_conditions=Conditions(),
    reference="min over functionalities of sklearn.metrics.accuracy_score",
    no_expansion="the extreme of several rates has no first-order interval, and a bootstrap of an extreme is wrong too",
    needs=Needs.functionality,
)
