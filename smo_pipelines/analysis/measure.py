"""The metric of every run on the items of a question."""

from dataclasses import dataclass

import numpy as np

from smo_pipelines.analysis.selection import Selection
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.effects import Question, ThresholdKind
from smo_pipelines.domain.experiments import ReplicateKind
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.errors import BenchmarkError, CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics
from smo_pipelines.stats.metrics import Needs, get_metric, metric_table

__all__ = ["MeasuredArm", "control_threshold", "mean_of_runs", "measure_arm"]


@dataclass(frozen=True, eq=False)
class MeasuredArm:
    """One arm's metrics: snapshot runs with influence values, redraws by value alone."""

    runs: ArmMetrics
    redraws: np.ndarray


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


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What a question's metric is computed from: scores (n_runs, n_items) and thresholds (n_runs,), and whose they are."""

    runs: tuple[ReplicateResult, ...]
    scores: np.ndarray
    thresholds: np.ndarray


def _inputs(
    question: Question, runs: tuple[ReplicateResult, ...], benchmark: Benchmark, selection: Selection, at_control: float | None
) -> _Inputs:
    fixed = question.threshold is ThresholdKind.control and at_control is not None
    thresholds = np.array([at_control if fixed else run.threshold for run in runs], dtype=np.float64)
    scores = np.array([_scores(run, benchmark)[selection.rows] for run in runs]).reshape(len(runs), len(selection.rows))
    return _Inputs(runs, scores, thresholds)


def _values(question: Question, inputs: _Inputs, selection: Selection) -> np.ndarray:
    """Return the metric of each run, shape (n_runs,)."""
    needs = get_metric(question.metric).needs
    table = metric_table(
        inputs.scores,
        selection.references,
        inputs.thresholds,
        selection.groups[np.newaxis] if needs is Needs.members and selection.groups is not None else None,
        metrics=(question.metric,),
        functionality=selection.groups if needs is Needs.functionality else None,
    )
    for (_, run, _), why in table.reasons.items():
        raise CannotEstimate(why.code, f"{why.sentence} ({inputs.runs[run].id.label})", **why.counts) from why
    return np.asarray(table.values[question.metric].data[:, 0])


def mean_of_runs(question: Question, arm: ArmRuns, benchmark: Benchmark, selection: Selection, at_control: float | None) -> float:
    """Return the mean of one arm's metric over its snapshot runs; parameters and errors are those of :func:`measure_arm`."""
    inputs = _inputs(question, arm.of_kind(ReplicateKind.snapshot), benchmark, selection, at_control)
    return float(np.mean(_values(question, inputs, selection)))


def measure_arm(
    question: Question, arm: ArmRuns, benchmark: Benchmark, selection: Selection, at_control: float | None
) -> MeasuredArm:
    """Return one arm's metrics on the selected items.

    Parameters
    ----------
    at_control : float or None
        The control's threshold, used for every run when the question asks for it.

    Raises
    ------
    CannotEstimate
        When the metric, or its influence values, do not exist for one of the runs.
    BenchmarkError
        When a run was not scored on this version of the benchmark.
    """
    metric, k = get_metric(question.metric), len(arm.of_kind(ReplicateKind.snapshot))
    runs = (*arm.of_kind(ReplicateKind.snapshot), *arm.of_kind(ReplicateKind.redraw))
    inputs = _inputs(question, runs, benchmark, selection, at_control)
    values = _values(question, inputs, selection)
    influences = [
        metric.influence(scores, selection.references, threshold, selection.groups)
        for scores, threshold in zip(inputs.scores[:k], inputs.thresholds[:k], strict=True)
    ]
    stacked = np.stack(influences) if influences else np.empty((0, len(selection.rows)))
    return MeasuredArm(ArmMetrics(values[:k], stacked), values[k:])
