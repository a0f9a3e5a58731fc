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
from smo_pipelines.stats.metrics import Metric, get_metric

__all__ = ["MeasuredArm", "control_threshold", "measure_arm"]


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


def _value(metric: Metric, scores: np.ndarray, references: np.ndarray, threshold: float, run: ReplicateResult) -> float:
    try:
        return metric.value(scores, references, threshold)
    except CannotEstimate as error:
        raise CannotEstimate(error.code, f"{error.sentence} ({run.id.label})", **error.counts) from error


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
    metric = get_metric(question.metric)

    def inputs(run: ReplicateResult) -> tuple[np.ndarray, np.ndarray, float]:
        fixed = question.threshold is ThresholdKind.control and at_control is not None
        threshold = at_control if fixed and at_control is not None else run.threshold
        return _scores(run, benchmark)[selection.rows], selection.references, threshold

    snapshots, redraws = arm.of_kind(ReplicateKind.snapshot), arm.of_kind(ReplicateKind.redraw)
    values = np.array([_value(metric, *inputs(run), run) for run in snapshots], dtype=np.float64)
    influences = [metric.influence(*inputs(run)) for run in snapshots]
    redrawn = np.array([_value(metric, *inputs(run), run) for run in redraws], dtype=np.float64)
    stacked = np.stack(influences) if influences else np.empty((0, len(selection.rows)))
    return MeasuredArm(ArmMetrics(values, stacked), redrawn)
