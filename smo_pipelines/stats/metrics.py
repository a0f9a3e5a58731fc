"""The metrics, each in one place: value, influence values, unit, range and preferred direction.

Influence values turn any of these metrics into a mean over items, to first order: with weights ``w`` on the items,

    M(w) = M(1) + (1/n) sum_i (w_i - 1) psi_i + o(|w - 1|),        psi_i = n dM/dw_i at w = 1,

the infinitesimal jackknife (Jaeckel 1972; Efron 1982, chapter 6). Every metric here is unchanged when all weights are scaled, so
Euler's identity gives ``sum_i psi_i = 0``. An item is flagged when its score is at or above the threshold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from smo_pipelines.domain.effects import Direction, WhyNot
from smo_pipelines.errors import CannotEstimate, UnknownName

__all__ = ["METRICS", "MIN_OF_A_CLASS", "Metric", "get_metric"]

MIN_OF_A_CLASS = 10
"""Fewest items of a class (or in all) for an interval: below it the first-order expansion is too coarse to rely on."""

_MetricFunction = Callable[[np.ndarray, np.ndarray, float], float]
_InfluenceFunction = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A named pure function of scores, references and a threshold.

    Attributes
    ----------
    value : callable (scores (n,), references (n,), threshold) -> float
        References are 0 or 1; ranking metrics ignore the threshold. Raises :class:`CannotEstimate` where undefined.
    influence : callable (scores (n,), references (n,), threshold) -> ndarray of shape (n,)
        The influence values psi, with mean zero. Raises :class:`CannotEstimate` also with too few items of a class.
    thresholded : bool
        Whether the threshold matters.
    reference : str
        The scikit-learn function that gives the same value.
    needs_positives : bool
        Whether it has no value on items that are all benign.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    direction: Direction
    thresholded: bool
    value: _MetricFunction
    influence: _InfluenceFunction
    reference: str
    needs_positives: bool = True


def get_metric(name: str) -> Metric:
    """Return a metric by name.

    Raises
    ------
    UnknownName
        When no metric has the name; the message offers the closest one.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownName("metric", name, METRICS) from None


def _class_counts(references: np.ndarray) -> tuple[int, int]:
    if len(references) == 0:
        raise CannotEstimate(WhyNot.no_items, "there are no items to measure", items=0)
    positives = int(np.count_nonzero(references))
    return positives, len(references) - positives


def _require(references: np.ndarray, *, positives: int = 0, negatives: int = 0, items: int = 1) -> None:
    """Raise unless there are at least so many positives, negatives and items."""
    pos, neg = _class_counts(references)
    counts = {"items": pos + neg, "positives": pos, "negatives": neg}
    if (positives and not pos) or (negatives and not neg):
        missing = "positive" if positives and not pos else "negative"
        raise CannotEstimate(WhyNot.one_class, f"none of the {pos + neg} items is {missing} under the gold", **counts)
    if pos < positives:
        raise CannotEstimate(WhyNot.few_positives, f"an interval needs {positives} positive items, there are {pos}", **counts)
    if neg < negatives:
        raise CannotEstimate(WhyNot.few_items, f"an interval needs {negatives} negative items, there are {neg}", **counts)
    if pos + neg < items:
        raise CannotEstimate(WhyNot.few_items, f"an interval needs {items} items, there are {pos + neg}", **counts)


def _require_ranking(scores: np.ndarray) -> None:
    if bool(np.all(scores == scores[0])):
        raise CannotEstimate(WhyNot.constant_scores, f"all {len(scores)} scores are equal, so they rank nothing", items=len(scores))


def _tied_groups(scores: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each item's group of equal scores (0 is the highest), and the groups' positives and sizes."""
    values, group = np.unique(-scores, return_inverse=True)
    positives = np.bincount(group, weights=references, minlength=len(values))
    sizes = np.bincount(group, minlength=len(values)).astype(np.float64)
    return group, positives, sizes


def _sum_from(values: np.ndarray) -> np.ndarray:
    """Return the sum over this group and all lower-scored ones."""
    return np.cumsum(values[::-1])[::-1]


def _average_precision(scores: np.ndarray, references: np.ndarray, threshold: float) -> float:
    del threshold
    _require(references, positives=1, negatives=1)
    _require_ranking(scores)
    _, positives, sizes = _tied_groups(scores, references)
    precision = np.cumsum(positives) / np.cumsum(sizes)
    return float(positives @ precision / positives.sum())


def _average_precision_influence(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    """Differentiate ``AP = sum_g (tp_g / P) (TP_g / N_g)`` over groups g of equal scores by the weight of an item in group h.

    ``dAP/dw = [y (TP_h/N_h - AP) + y sum_{g>=h} tp_g/N_g - sum_{g>=h} tp_g TP_g/N_g^2] / P``.
    """
    del threshold
    _require(references, positives=MIN_OF_A_CLASS, negatives=1)
    _require_ranking(scores)
    group, positives, sizes = _tied_groups(scores, references)
    total = positives.sum()
    flagged = np.cumsum(sizes)
    precision = np.cumsum(positives) / flagged
    value = positives @ precision / total
    gained = precision - value + _sum_from(positives / flagged)
    lost = _sum_from(positives * precision / flagged)
    return np.asarray(len(scores) * (references * gained[group] - lost[group]) / total, dtype=np.float64)


def _placements(scores: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, float]:
    """Return each item's share of the other class that it is ranked rightly against (ties count half), and their mean."""
    group, positives, sizes = _tied_groups(scores, references)
    negatives = sizes - positives
    below = (_sum_from(negatives) - 0.5 * negatives) / negatives.sum()
    above = (np.cumsum(positives) - 0.5 * positives) / positives.sum()
    return np.where(references == 1, below[group], above[group]), float(positives @ below / positives.sum())


def _auroc(scores: np.ndarray, references: np.ndarray, threshold: float) -> float:
    del threshold
    _require(references, positives=1, negatives=1)
    _require_ranking(scores)
    return _placements(scores, references)[1]


def _auroc_influence(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    """Return the placement values of DeLong, DeLong and Clarke-Pearson (1988), centred and scaled by their class's share."""
    del threshold
    _require(references, positives=MIN_OF_A_CLASS, negatives=MIN_OF_A_CLASS)
    _require_ranking(scores)
    placements, value = _placements(scores, references)
    share = float(np.mean(references))
    return np.asarray((placements - value) / np.where(references == 1, share, 1.0 - share), dtype=np.float64)


def _f1(scores: np.ndarray, references: np.ndarray, threshold: float) -> float:
    _require(references, positives=1)
    flagged = scores >= threshold
    return float(2.0 * np.sum(flagged & (references == 1)) / (np.sum(flagged) + np.sum(references == 1)))


def _f1_influence(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    _require(references, positives=MIN_OF_A_CLASS)
    flagged = (scores >= threshold).astype(np.float64)
    both = flagged + references
    value = _f1(scores, references, threshold)
    return np.asarray((2.0 * flagged * references - value * both) / np.mean(both), dtype=np.float64)


def _share_of(hit: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return the influence values of ``sum(hit and base) / sum(base)``."""
    weight = base.astype(np.float64)
    value = float(np.sum(hit & base) / np.sum(base))
    return np.asarray(weight * (hit - value) / np.mean(weight), dtype=np.float64)


def _recall(scores: np.ndarray, references: np.ndarray, threshold: float) -> float:
    _require(references, positives=1)
    return float(np.mean(scores[references == 1] >= threshold))


def _recall_influence(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    _require(references, positives=MIN_OF_A_CLASS)
    return _share_of(scores >= threshold, references == 1)


def _false_positive_rate(scores: np.ndarray, references: np.ndarray, threshold: float) -> float:
    _require(references, negatives=1)
    return float(np.mean(scores[references == 0] >= threshold))


def _false_positive_rate_influence(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    _require(references, negatives=MIN_OF_A_CLASS)
    return _share_of(scores >= threshold, references == 0)


def _pass_rate(scores: np.ndarray, references: np.ndarray, threshold: float) -> float:
    _require(references)
    return float(np.mean((scores >= threshold) == (references == 1)))


def _pass_rate_influence(scores: np.ndarray, references: np.ndarray, threshold: float) -> np.ndarray:
    _require(references, items=MIN_OF_A_CLASS)
    return _share_of((scores >= threshold) == (references == 1), np.ones(len(scores), dtype=bool))


def _share_metric(  # every metric here is a share between 0 and 1
    name: str,
    title: str,
    direction: Direction,
    value: _MetricFunction,
    influence: _InfluenceFunction,
    reference: str,
    *,
    needs_positives: bool = True,
) -> Metric:
    return Metric(
        name=name,
        title=title,
        unit="share",
        low=0.0,
        high=1.0,
        direction=direction,
        thresholded=name not in ("average_precision", "auroc"),
        value=value,
        influence=influence,
        reference=reference,
        needs_positives=needs_positives,
    )


_HIGHER, _LOWER = Direction.higher_is_better, Direction.lower_is_better

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            _share_metric(
                "average_precision",
                "average precision",
                _HIGHER,
                _average_precision,
                _average_precision_influence,
                "sklearn.metrics.average_precision_score",
            ),
            _share_metric("auroc", "AUROC", _HIGHER, _auroc, _auroc_influence, "sklearn.metrics.roc_auc_score"),
            _share_metric("f1", "F1", _HIGHER, _f1, _f1_influence, "sklearn.metrics.f1_score"),
            _share_metric("recall", "recall", _HIGHER, _recall, _recall_influence, "sklearn.metrics.recall_score"),
            _share_metric(
                "false_positive_rate",
                "false positive rate",
                _LOWER,
                _false_positive_rate,
                _false_positive_rate_influence,
                "1 - sklearn.metrics.recall_score(pos_label=0)",
                needs_positives=False,
            ),
            _share_metric(
                "functional_pass_rate",
                "functional pass rate",
                _HIGHER,
                _pass_rate,
                _pass_rate_influence,
                "sklearn.metrics.accuracy_score",
                needs_positives=False,
            ),
        )
    }
)
"""Every metric, by name."""
