"""The metric of every run on the items of every question: the runs of a benchmark are measured once, whatever is asked of it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np

from smo_pipelines.analysis.selection import Selection
from smo_pipelines.domain.benchmarks import FUNCTIONALITY, UNKNOWN_GOLD, Benchmark
from smo_pipelines.domain.effects import Question, ThresholdKind, WhyNot
from smo_pipelines.domain.experiments import ReplicateKind
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.errors import BenchmarkError, CannotEstimate
from smo_pipelines.stats.bootstrap import BootstrapArm, bootstrap_components, item_weights, seed_of
from smo_pipelines.stats.crossed import ArmMetrics, CrossedComponents, crossed_components
from smo_pipelines.stats.metrics import Metric, MetricTable, Needs, get_metric, metric_table

__all__ = ["Asked", "ExpandedArm", "Measured", "MeasuredArm", "control_threshold", "expand", "measure"]

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Asked:
    """A question and the items of the benchmark that answer it."""

    question: Question
    selection: Selection

    @property
    def metric(self) -> Metric:
        """The metric that is asked for."""
        return get_metric(self.question.metric)

    @property
    def at_control(self) -> bool:
        """Whether the control's threshold is given to every run."""
        return self.metric.thresholded and self.question.threshold is ThresholdKind.control


@dataclass(frozen=True, eq=False)
class MeasuredArm:
    """One arm's metrics: of its fits on actual labels (n_runs,), and of its fits on redrawn raters (n_redraws,)."""

    values: np.ndarray
    redraws: np.ndarray

    @property
    def mean(self) -> float:
        """The mean metric over the fits on actual labels."""
        return float(np.mean(self.values))


@dataclass(frozen=True, eq=False)
class ExpandedArm:
    """One arm's metric to first order in its items: fits on actual labels with influence values, redraws by value alone."""

    runs: ArmMetrics
    redraws: np.ndarray


@dataclass(frozen=True, eq=False)
class Measured:
    """Both arms' metrics, and the parts of the variance of their difference."""

    control: MeasuredArm
    treatment: MeasuredArm
    parts: CrossedComponents


@dataclass(frozen=True, eq=False)
class _Scored:
    """All fits of both arms on one benchmark: scores (n_fits, n_items), thresholds (n_fits,), and which fits are whose."""

    benchmark: Benchmark
    labels: tuple[str, ...]
    scores: np.ndarray
    thresholds: np.ndarray
    parts: tuple[slice, ...]
    """Of the control the fits on actual labels and on redraws, then the same of the treatment."""
    seeds: np.ndarray

    @cached_property
    def snapshots(self) -> tuple[np.ndarray, np.ndarray]:
        """The fits of both arms on their actual labels, in the order of their seeds."""
        control, treatment = (np.arange(part.start, part.stop) for part in (self.parts[0], self.parts[2]))
        return control[np.argsort(self.seeds[control])], treatment[np.argsort(self.seeds[treatment])]

    @property
    def shared_seeds(self) -> bool:
        """Whether each of these fits of one arm has a fit of the other arm with its seed."""
        return np.array_equal(*(self.seeds[rows] for rows in self.snapshots))

    @classmethod
    def of(cls, benchmark: Benchmark, control: ArmRuns, treatment: ArmRuns) -> "_Scored":
        kinds = ReplicateKind.snapshot, ReplicateKind.redraw
        groups = [arm.of_kind(kind) for arm in (control, treatment) for kind in kinds]
        runs = [run for group in groups for run in group]
        ends = np.cumsum([0, *(len(group) for group in groups)]).tolist()
        return cls(
            benchmark=benchmark,
            labels=tuple(run.id.label for run in runs),
            scores=np.stack([_scores(run, benchmark) for run in runs]),
            thresholds=np.array([run.threshold for run in runs], dtype=np.float64),
            parts=tuple(slice(start, end) for start, end in pairwise(ends)),
            seeds=np.array([run.id.seed for run in runs], dtype=np.int64),
        )


def control_threshold(control: ArmRuns) -> float:
    """Return the mean tuned threshold of the control's snapshot runs: the one operating point given to every run."""
    return float(np.mean([run.threshold for run in control.of_kind(ReplicateKind.snapshot)]))


def _scores(run: ReplicateResult, benchmark: Benchmark) -> np.ndarray:
    if benchmark.name not in run.predictions:
        raise BenchmarkError(f"{run.id.label} has no predictions on {benchmark.name}; score it before comparing")
    predictions = run.predictions[benchmark.name]
    if predictions.benchmark_digest != benchmark.digest:
        raise BenchmarkError(
            f"{run.id.label} was scored on another version of {benchmark.name} "
            f"({predictions.benchmark_digest[:12]}, not {benchmark.digest[:12]}); score it again"
        )
    return predictions.scores


def expand(one: Asked, arm: ArmRuns, benchmark: Benchmark, at: float) -> ExpandedArm:
    """Return one arm's metric with its influence values, for what is linear in several arms.

    Parameters
    ----------
    at : float
        The control's threshold, used where the question asks for it.

    Raises
    ------
    CannotEstimate
        When the metric has no expansion, or does not exist for one of the runs.
    BenchmarkError
        When a run was not scored on this version of the benchmark.
    """
    metric, selection = one.metric, one.selection

    def inputs(run: ReplicateResult) -> tuple[np.ndarray, np.ndarray, float, np.ndarray | None]:
        threshold = at if one.at_control else run.threshold
        return _scores(run, benchmark)[selection.rows], selection.references, threshold, selection.groups

    def values(runs: Sequence[ReplicateResult]) -> np.ndarray:
        return np.array([metric.value(*inputs(run)) for run in runs], dtype=np.float64)

    snapshots = arm.of_kind(ReplicateKind.snapshot)
    influences = np.stack([metric.influence(*inputs(run)) for run in snapshots])
    return ExpandedArm(ArmMetrics(values(snapshots), influences), values(arm.of_kind(ReplicateKind.redraw)))


def measure(
    asked: Mapping[Key, Asked], benchmark: Benchmark, control: ArmRuns, treatment: ArmRuns
) -> dict[Key, Measured | CannotEstimate]:
    """Return what each question asks of the runs of both arms on one benchmark.

    Values come from one table a gold and kind of threshold, whatever the number of questions. What the items contribute to the
    variance comes from influence values where the metric has them, else from a bootstrap whose weights are drawn once for all
    questions, runs and arms.

    Parameters
    ----------
    asked : mapping of any key to Asked
        All about ``benchmark``.

    Raises
    ------
    BenchmarkError
        When a run was not scored on this version of the benchmark.
    """
    for arm, name in ((control, "control"), (treatment, "treatment")):
        if not arm.of_kind(ReplicateKind.snapshot):
            error = CannotEstimate(WhyNot.one_run, f"{name} has no run on its actual labels", runs=0)
            return dict.fromkeys(asked, error)
    scored, at = _Scored.of(benchmark, control, treatment), control_threshold(control)
    found: dict[Key, Measured | CannotEstimate] = {}
    resampled: dict[Key, tuple[Asked, np.ndarray]] = {}
    for key, values in _values(asked, scored, at).items():
        one = asked[key]
        try:
            if isinstance(values, CannotEstimate):
                raise values
            if one.metric.expansion is not None:
                found[key] = _measured(scored, values, _by_influence(one, scored, values, at))
                continue
            _require_interval(one, scored, values)
            resampled[key] = one, values
        except CannotEstimate as error:
            found[key] = error
    return found | _by_bootstrap(resampled, scored)


def _thresholds(one: Asked, scored: _Scored, at: float) -> np.ndarray:
    return np.full_like(scored.thresholds, at) if one.at_control else scored.thresholds


def _values(asked: Mapping[Key, Asked], scored: _Scored, at: float) -> dict[Key, np.ndarray | CannotEstimate]:
    """Return the metric of every fit, shape (n_fits,), for each question."""
    alike: dict[tuple[str, bool], list[Key]] = {}
    for key, one in asked.items():
        alike.setdefault((one.selection.gold, one.at_control), []).append(key)
    found: dict[Key, np.ndarray | CannotEstimate] = {}
    for keys in alike.values():
        ones = [asked[key] for key in keys]
        of_items = {one.question.items: k for k, one in reversed(list(enumerate(ones)))}  # one slice for equal items
        column = {items: number for number, items in enumerate(of_items)}
        table = _table(ones, [ones[k] for k in of_items.values()], scored, at)
        for key, one in zip(keys, ones, strict=True):
            found[key] = _column(table, one, column[one.question.items], scored)
    return found


def _table(ones: list[Asked], distinct: list[Asked], scored: _Scored, at: float) -> MetricTable:
    benchmark, gold = scored.benchmark, scored.benchmark.golds[ones[0].selection.gold]
    known = gold != UNKNOWN_GOLD
    slices = np.zeros((len(distinct), len(gold)), dtype=bool)
    for row, one in zip(slices, distinct, strict=True):
        inside = one.selection.groups if one.metric.needs is Needs.members else None
        row[one.selection.rows if inside is None else one.selection.rows[inside]] = True
    kinds = benchmark.slices.get(FUNCTIONALITY)
    return metric_table(
        scored.scores[:, known],
        gold[known],
        _thresholds(ones[0], scored, at),
        slices[:, known],
        metrics=tuple(dict.fromkeys(one.question.metric for one in ones)),
        functionality=None if kinds is None else np.asarray(kinds)[known],
    )


def _column(table: MetricTable, one: Asked, of: int, scored: _Scored) -> np.ndarray | CannotEstimate:
    """Return a question's metric of every fit, or why the first fit that lacks it does."""
    column = table.values[one.question.metric][:, of]
    for run in np.flatnonzero(np.ma.getmaskarray(column)).tolist():
        why = table.reasons[one.question.metric, run, of]
        return CannotEstimate(why.code, f"{why.sentence} ({scored.labels[run]})", **why.counts)
    return np.asarray(column.data)


def _measured(scored: _Scored, values: np.ndarray, parts: CrossedComponents) -> Measured:
    arms = [MeasuredArm(values[scored.parts[k]], values[scored.parts[k + 1]]) for k in (0, 2)]
    return Measured(arms[0], arms[1], parts)


def _by_influence(one: Asked, scored: _Scored, values: np.ndarray, at: float) -> CrossedComponents:
    thresholds, selection = _thresholds(one, scored, at), one.selection
    arms = []
    for fits in scored.snapshots:
        influences = [
            one.metric.influence(scores[selection.rows], selection.references, threshold, selection.groups)
            for scores, threshold in zip(scored.scores[fits], thresholds[fits], strict=True)
        ]
        arms.append(ArmMetrics(values[fits], np.stack(influences)))
    return crossed_components(arms[0], arms[1], selection.clusters, shared_seeds=scored.shared_seeds)


def _require_interval(one: Asked, scored: _Scored, values: np.ndarray) -> None:
    """Raise unless the metric of a question can be given an interval by the bootstrap."""
    if one.metric.weighted is None:
        means = [float(np.mean(values[scored.parts[k]])) for k in (0, 2)]
        raise CannotEstimate(
            WhyNot.no_interval,
            f"{means[0]:.3f} in the control and {means[1]:.3f} in the treatment, means over runs, with no interval: "
            f"{one.metric.no_interval}",
        )
    for part in (scored.parts[0], scored.parts[2]):
        for scores in scored.scores[part]:
            one.metric.interval_conditions.check(scores[one.selection.rows], one.selection.references, "an interval")


def _by_bootstrap(asked: Mapping[Key, tuple[Asked, np.ndarray]], scored: _Scored) -> dict[Key, Measured | CannotEstimate]:
    if not asked:
        return {}
    snapshots = scored.scores[np.concatenate(scored.snapshots)]
    names, unit = np.unique(scored.benchmark.clusters, return_inverse=True)
    blocks: dict[Key, list[np.ndarray]] = {key: [] for key in asked}
    for weights in item_weights(len(names), seed_of(scored.benchmark.digest)):
        by_item = weights if len(names) == len(unit) else weights[unit]
        for key, (one, _) in asked.items():
            rows, weighted = one.selection.rows, one.metric.weighted
            assert weighted is not None  # noqa: S101 -- `_require_interval` refused it
            blocks[key].append(weighted(snapshots[:, rows], one.selection.references, by_item[rows]))
    found: dict[Key, Measured | CannotEstimate] = {}
    for key, (one, values) in asked.items():
        draws, (control, treatment) = np.concatenate(blocks[key], axis=1), scored.snapshots
        arms = BootstrapArm(values[control], draws[: len(control)]), BootstrapArm(values[treatment], draws[len(control) :])
        try:
            parts = bootstrap_components(
                *arms,
                one.selection.n_clusters,
                clustered=one.selection.clusters is not None,
                shared_seeds=scored.shared_seeds,
            )
            found[key] = _measured(scored, values, parts)
        except CannotEstimate as error:
            found[key] = error
    return found
