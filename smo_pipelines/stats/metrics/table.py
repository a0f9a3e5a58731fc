"""Every metric of many runs on many slices at once: each run's scores are sorted once, whatever the number of slices.

Counts at thresholds are matrix products of slices by runs. What depends on the order of the scores is computed from one flat column
a run: its items from the highest score to the lowest, slice after slice (:mod:`smo_pipelines.stats.metrics.sorted_slices`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smo_pipelines.errors import BenchmarkError, CannotEstimate
from smo_pipelines.stats.metrics.calibration import EXPECTED_CALIBRATION_ERROR
from smo_pipelines.stats.metrics.metric import Metric, Needs
from smo_pipelines.stats.metrics.ranking import AUROC, AVERAGE_PRECISION, RECALL_AT_FPR
from smo_pipelines.stats.metrics.registry import METRICS, get_metric
from smo_pipelines.stats.metrics.sorted_slices import Slices, SortedRun
from smo_pipelines.stats.metrics.subgroups import BNSP_AUC, BPSN_AUC, SUBGROUP_AUC

__all__ = ["MetricTable", "metric_table"]

_Cells = tuple[np.ndarray, np.ndarray]
"""Values of some cells, and which of them have none."""


@dataclass(frozen=True, eq=False)
class MetricTable:
    """Metrics of R runs on S slices.

    Attributes
    ----------
    values : mapping of metric name to masked array of shape (R, S), float64
        Masked where there is no value: a mean over a row leaves such cells out, and none of them reads as a number.
    reasons : mapping of (metric name, run, slice) to CannotEstimate
        Why, for every masked cell: what the metric's own ``value`` raises there.
    """

    values: Mapping[str, np.ma.MaskedArray]
    reasons: Mapping[tuple[str, int, int], CannotEstimate]

    def cell(self, metric: str, run: int, of: int) -> float:
        """Return one number; raises its :class:`CannotEstimate` where there is none."""
        if (metric, run, of) in self.reasons:
            raise self.reasons[metric, run, of]
        return float(self.values[metric][run, of])


def metric_table(
    scores: np.ndarray,
    references: np.ndarray,
    thresholds: np.ndarray,
    slices: np.ndarray | None = None,
    *,
    metrics: Sequence[str] | None = None,
    functionality: np.ndarray | None = None,
) -> MetricTable:
    """Return metrics of every run on every slice.

    Parameters
    ----------
    scores : ndarray of shape (R, n)
    references : ndarray of shape (n,)
        Gold, 0 or 1.
    thresholds : ndarray of shape (R,)
        Each run's own.
    slices : ndarray of shape (S, n), bool, or None
        Which items are in each slice, each item in any number of them; None for one slice of all items. A metric that compares a
        group with the rest takes the slice as the group and all other items as its background; any other sees the slice alone.
    metrics : sequence of str or None
        Names; None for every metric.
    functionality : ndarray of shape (n,) or None
        Of each item, for the metrics that need it.

    Returns
    -------
    MetricTable
        Each cell is what the metric's ``value`` returns or raises on the slice's items, within 1e-12.

    Raises
    ------
    BenchmarkError
        When shapes do not fit, a score is not finite, or a reference is neither 0 nor 1.
    UnknownName
        When a metric is not defined.
    """
    scores = np.asarray(scores, dtype=np.float64)
    references, thresholds = np.asarray(references), np.asarray(thresholds, dtype=np.float64)
    held = np.ones((1, len(references)), dtype=bool) if slices is None else np.asarray(slices, dtype=bool)
    _check(scores, references, thresholds, held, functionality)
    asked = [get_metric(name) for name in (METRICS if metrics is None else metrics)]
    table = _Table(scores, references, thresholds, Slices.of(held, references), functionality)
    values: dict[str, np.ma.MaskedArray] = {}
    reasons: dict[tuple[str, int, int], CannotEstimate] = {}
    for metric in asked:
        found, refused = table.cells(metric)
        values[metric.name] = np.ma.masked_array(np.where(refused, 0.0, found), mask=refused)
        reasons |= {(metric.name, run, of): why for (run, of), why in table.reasons(metric, refused).items()}
    return MetricTable(values, reasons)


def _check(
    scores: np.ndarray, references: np.ndarray, thresholds: np.ndarray, slices: np.ndarray, functionality: np.ndarray | None
) -> None:
    n = len(references)
    fits = scores.ndim == 2 and scores.shape[1] == n and thresholds.shape == scores.shape[:1] and slices.shape == (len(slices), n)
    if not fits or (functionality is not None and len(functionality) != n):
        raise BenchmarkError(
            f"scores of shape {scores.shape}, {n} references, thresholds of shape {thresholds.shape} and slices of shape {slices.shape} "
            "do not fit; give scores (runs, items), a threshold a run, and slices (slices, items)"
        )
    if not bool(np.isfinite(scores).all()):
        raise BenchmarkError("a score is not a finite number; score the classifier again")
    if not bool(np.all((references == 0) | (references == 1))):
        raise BenchmarkError("references must be 0 or 1; leave out the items whose gold is not known")


class _Table:
    """The inputs, and what several metrics need of them, each computed once and only when a metric asks."""

    def __init__(
        self, scores: np.ndarray, references: np.ndarray, thresholds: np.ndarray, slices: Slices, functionality: np.ndarray | None
    ) -> None:
        self.scores, self.references, self.thresholds = scores, references, thresholds
        self.slices, self.functionality = slices, functionality
        self._sorted: list[dict[str, np.ndarray]] | None = None
        self._counts: tuple[np.ndarray, np.ndarray] | None = None

    def cells(self, metric: Metric) -> _Cells:
        """Return a metric's values, shape (R, S), and where it has none; a value that has none is anything."""
        shape = (len(self.scores), len(self.slices.sizes))
        refused = np.broadcast_to(self._few(metric), shape).copy()
        if metric.needs is Needs.functionality and self.functionality is None:
            return np.zeros(shape), np.ones(shape, dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):  # the cells that divide by zero are refused
            found, undefined = self._compute(metric.name)
        if metric.conditions.ranks:
            refused |= self._of_order("constant").astype(bool)
        if metric.conditions.probabilities:
            refused |= ((self.scores < 0.0) | (self.scores > 1.0)) @ self.slices.items.T > 0
        return found, refused | undefined

    def reasons(self, metric: Metric, refused: np.ndarray) -> dict[tuple[int, int], CannotEstimate]:
        """Return why, for each refused cell: asked of the metric itself, once a slice where the scores do not matter."""
        few, of_slice = self._few(metric), {}
        found: dict[tuple[int, int], CannotEstimate] = {}
        for run, of in zip(*(axis.tolist() for axis in np.nonzero(refused)), strict=True):
            if of not in of_slice or not few[of]:
                of_slice[of] = self._why(metric, run, of)
            found[run, of] = of_slice[of]
        return found

    def _why(self, metric: Metric, run: int, of: int) -> CannotEstimate:
        try:
            self._alone(metric, run, of)
        except CannotEstimate as why:
            return why
        raise AssertionError(f"{metric.name} has a value that was refused")  # pragma: no cover

    def _alone(self, metric: Metric, run: int, of: int) -> float:
        """Return the pure function's value of one cell."""
        inside = self.slices.held[of]
        if metric.needs is Needs.members:
            return metric.value(self.scores[run], self.references, self.thresholds[run], inside)
        groups = None if self.functionality is None else self.functionality[inside]
        return metric.value(self.scores[run, inside], self.references[inside], self.thresholds[run], groups)

    def _few(self, metric: Metric) -> np.ndarray:
        """Return the slices with too few items of a class for a value, shape (S,)."""
        wanted, all_of_it = metric.conditions, np.ones_like(self.slices.sizes)
        if metric.needs is Needs.members:  # its conditions are on the benchmark, of which the slice is the group
            positives, total = int(np.count_nonzero(self.references)), len(self.references)
            pos, neg, items = positives * all_of_it, (total - positives) * all_of_it, total * all_of_it
        else:
            pos, neg, items = self.slices.positives, self.slices.negatives, self.slices.sizes
        few = (pos < wanted.positives) | (neg < wanted.negatives) | (items < max(wanted.items, 1))
        return np.asarray(few)

    def _compute(self, name: str) -> _Cells:
        if name in _AT_THRESHOLD:
            found = _AT_THRESHOLD[name](*self._flagged())
            return found, ~np.isfinite(found)
        if name == "brier_score":
            return (self.scores - self.references) ** 2 @ self.slices.items.T / self.slices.sizes, np.zeros(1, dtype=bool)
        if name in (SUBGROUP_AUC.name, BPSN_AUC.name, BNSP_AUC.name):
            return self._against_background(name)
        if name.startswith("functional_pass_rate_"):
            found = self._by_functionality(np.nanmean if name.endswith("macro") else np.nanmin)
            return found, np.zeros(1, dtype=bool)
        return self._of_order(name), np.zeros(1, dtype=bool)

    def _flagged(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the flagged positives and negatives, each (R, S), and all positives and negatives, each (S,)."""
        if self._counts is None:
            flagged = (self.scores >= self.thresholds[:, None]).astype(np.float64)
            hits = flagged @ (self.slices.items * (self.references == 1)).T
            self._counts = hits, flagged @ self.slices.items.T - hits
        return (*self._counts, self.slices.positives, self.slices.negatives)

    def _of_order(self, name: str) -> np.ndarray:
        """Return what is read off the sorted scores, shape (R, S); one sort a run gives all of it."""
        if self._sorted is None:
            self._sorted = [_order_metrics(SortedRun.of_run(scores, self.references, self.slices)) for scores in self.scores]
        if not self._sorted:
            return np.zeros((0, len(self.slices.sizes)))
        return np.stack([one[name] for one in self._sorted])

    def _against_background(self, name: str) -> _Cells:
        """Return one of the AUCs of a slice against the rest, in doubled whole numbers: ``U(group, all) - U(group, group)``."""
        pos, neg = self.slices.positives, self.slices.negatives
        if name == SUBGROUP_AUC.name:
            wins, base = self._of_order("wins"), pos * neg
            constant = self._of_order("constant")
        else:
            total = int(np.count_nonzero(self.references))
            others = (total - pos) if name == BPSN_AUC.name else (len(self.references) - total - neg)
            base = others * (neg if name == BPSN_AUC.name else pos)
            wins = self._of_order("lost" if name == BPSN_AUC.name else "won") - self._of_order("wins")
            constant = self._all_tied(name, wins, base)
        return wins / (2.0 * base), (base == 0) | constant

    def _all_tied(self, name: str, wins: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Return where a group and its background share one score: only cells of exactly a half can, and those are looked at."""
        tied = np.zeros(wins.shape, dtype=bool)
        for run, of in np.argwhere((wins == base) & (base > 0)).tolist():
            inside, positive = self.slices.held[of], self.references == 1
            some = np.flatnonzero(inside != positive if name == BPSN_AUC.name else inside == positive)
            tied[run, of] = bool(np.all(self.scores[run, some] == self.scores[run, some[0]]))
        return tied

    def _by_functionality(self, over: Callable[..., np.ndarray]) -> np.ndarray:
        assert self.functionality is not None  # noqa: S101 -- `cells` refused it
        kinds, code = np.unique(self.functionality, return_inverse=True)
        of, item = self.slices.pairs
        pair = of * len(kinds) + code[item]
        cells = len(self.slices.sizes) * len(kinds)
        sizes = np.bincount(pair, minlength=cells)
        passed = (self.scores >= self.thresholds[:, None]) == (self.references == 1)
        rates = [np.bincount(pair, weights=one[item], minlength=cells) / sizes for one in passed]
        by_slice = np.reshape(rates, (len(self.scores), len(self.slices.sizes), len(kinds)))
        nobody = np.all(np.isnan(by_slice), axis=2, keepdims=True)  # an empty slice, which is refused
        return np.asarray(over(np.where(nobody, 0.0, by_slice), axis=2))


def _order_metrics(run: SortedRun) -> dict[str, np.ndarray]:
    wins = run.wins()
    recalls = {name: run.recall_at(limit) for name, limit in RECALL_AT_FPR.items()}
    return {
        "constant": run.constant(),
        "wins": wins,
        "won": run.wins_over_all(),
        "lost": run.losses_to_all(),
        AUROC.name: wins / (2.0 * run.slices.positives * run.slices.negatives),
        AVERAGE_PRECISION.name: run.average_precision(),
        EXPECTED_CALIBRATION_ERROR.name: run.calibration_error(),
        **recalls,
    }


_AT_THRESHOLD: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "f1": lambda hits, alarms, pos, neg: 2.0 * hits / (hits + alarms + pos),
    "recall": lambda hits, alarms, pos, neg: hits / pos,
    "precision": lambda hits, alarms, pos, neg: hits / (hits + alarms),
    "false_positive_rate": lambda hits, alarms, pos, neg: alarms / neg,
    "balanced_accuracy": lambda hits, alarms, pos, neg: 0.5 * (hits / pos + (1.0 - alarms / neg)),
    "functional_pass_rate": lambda hits, alarms, pos, neg: (hits + neg - alarms) / (pos + neg),
}
"""Metrics at a threshold from flagged positives and negatives (R, S) and all positives and negatives (S,)."""
