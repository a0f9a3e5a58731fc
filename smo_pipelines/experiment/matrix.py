"""Trained on X, tested on Y: a metric of every arm on every set of held-out labels, from fits that are in the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark, changes_between
from smo_pipelines.domain.changes import changed_fields
from smo_pipelines.domain.effects import Estimand, Interval, NotEstimable, Question, WhyNot
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.domain.levels import Level, LevelEstimate
from smo_pipelines.domain.runs import ReplicateResult
from smo_pipelines.errors import BenchmarkError, CannotEstimate, ConfigError, StoreError
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import is_pinned, load_arms
from smo_pipelines.experiment.register import find_experiment
from smo_pipelines.experiment.replicate import find_result
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.crossed import ArmMetrics
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.one_arm import arm_estimate

__all__ = ["Matrix", "MatrixRow", "held_out_matrix"]

_ALPHA = 0.05


@dataclass(frozen=True)
class MatrixRow:
    """One arm: what it was trained on, and its metric by benchmark name."""

    trained_on: str
    levels: Mapping[str, Level]


@dataclass(frozen=True)
class Matrix:
    """A metric of arms (rows) on benchmarks (columns).

    It is diagnostic: the raters of the held-out labels are the raters of training, so it shows how labels differ and decides
    nothing.
    """

    metric: str
    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True)
class _Arm:
    name: str
    runs: tuple[ReplicateResult, ...]


def held_out_matrix(workspace: Workspace, experiments: Sequence[str], metric: str) -> Matrix:
    """Return a metric of every arm of finished experiments on every diagnostic benchmark that any of them was scored on.

    Arms of two experiments that hold the same fits are one row. Each number is the mean over the fits on an arm's actual labels,
    each at its own tuned threshold, with an interval over runs and items for these raters.

    Raises
    ------
    UnknownName
        When an experiment or the metric does not exist.
    ConfigError
        When an experiment has not begun, or none was scored on a diagnostic benchmark.
    StoreError
        When a fit is not finished.
    BenchmarkError
        When two experiments were scored on two versions of one benchmark.
    """
    get_metric(metric)
    benchmarks: dict[str, Benchmark] = {}
    arms: dict[frozenset[str], _Arm] = {}
    for name in dict.fromkeys(experiments):
        experiment = _experiment(workspace, name)
        found, of = _arms(workspace, experiment)
        for benchmark in found:
            _refuse_two_versions(benchmarks.setdefault(benchmark.name, benchmark), benchmark)
        for arm in of:
            key = frozenset(run.key for run in arm.runs)
            arms[key] = _merged(arms[key], arm) if key in arms else arm
    if not benchmarks:
        raise ConfigError(
            f"{', '.join(experiments)}: no diagnostic benchmark was scored; list held-out labels under `benchmarks` of the experiment"
        )
    rows = [
        MatrixRow(arm.name, {name: _level(metric, arm, benchmark) for name, benchmark in sorted(benchmarks.items())})
        for arm in arms.values()
    ]
    return Matrix(metric, tuple(sorted(benchmarks)), tuple(rows))


def _experiment(workspace: Workspace, name: str) -> Experiment:
    file = find_experiment(workspace, name)
    experiment = resolve_experiment(file.raw, workspace.catalogue, file.source)
    if not is_pinned(workspace, experiment):
        raise ConfigError(f"experiment {name!r} has not been run; `smo run {name}` fits its arms")
    return experiment


def _arms(workspace: Workspace, experiment: Experiment) -> tuple[list[Benchmark], list[_Arm]]:
    arms = load_arms(workspace, experiment)
    benchmarks = {benchmark.name: benchmark for benchmark in arms.benchmarks}
    runs: dict[ArmName, list[ReplicateResult]] = {arm: [] for arm in ArmName}
    for job in jobs_of(workspace, arms):
        if job.id.kind is ReplicateKind.snapshot:
            result = find_result(job, workspace.store, benchmarks)
            if result is None:
                raise StoreError(f"replicate {job.id.label} of {experiment.id!r} is not finished; run the experiment again")
            runs[job.id.arm].append(result)
    return (
        [benchmark for benchmark in arms.benchmarks if benchmark.diagnostic],
        [_Arm(_name(experiment, arm), tuple(runs[arm])) for arm in ArmName],
    )


def _merged(one: _Arm, other: _Arm) -> _Arm:
    """Return an arm that two experiments share, with the predictions that either made."""
    more = {run.key: run.predictions for run in other.runs}
    return _Arm(one.name, tuple(replace(run, predictions={**run.predictions, **more[run.key]}) for run in one.runs))


def _name(experiment: Experiment, arm: ArmName) -> str:
    recipe = experiment.recipe(arm)
    differs = changed_fields(experiment.control, experiment.treatment)
    said = ", ".join(f"{field} {getattr(recipe, field)}" for field in differs) or "equal recipes"
    return f"{experiment.id} {arm}: {said}"


def _refuse_two_versions(one: Benchmark, other: Benchmark) -> None:
    if one.digest != other.digest:
        raise BenchmarkError(
            f"the experiments were scored on two versions of {one.name!r}: {changes_between(one, other).sentence}; "
            "ask for a matrix of each version by itself"
        )


def _level(metric: str, arm: _Arm, benchmark: Benchmark) -> Level:
    gold, references = next(iter(benchmark.golds.items()))
    question = Question(metric=metric, on=benchmark.name, gold=gold)
    if any(benchmark.name not in run.predictions for run in arm.runs):
        return NotEstimable(
            question=question,
            code=WhyNot.not_recorded,
            sentence=f"this arm was not scored on {benchmark.name}; add it to the experiment",
        )
    rows = references != UNKNOWN_GOLD
    measured = get_metric(metric)
    inputs = [(run.predictions[benchmark.name].scores[rows], references[rows], run.threshold) for run in arm.runs]
    try:
        values = np.array([measured.value(*one) for one in inputs])
    except CannotEstimate as error:
        return _not_estimable(question, error)
    interval: Interval | NotEstimable
    try:
        influences = np.stack([measured.influence(*one) for one in inputs])
        low, high = arm_estimate(ArmMetrics(values, influences), benchmark.clusters[rows]).interval(_ALPHA)
        interval = Interval(low=low, high=high, level=1.0 - _ALPHA)
    except CannotEstimate as error:
        interval = _not_estimable(question, error)
    return LevelEstimate(
        question=question,
        value=float(values.mean()),
        interval=interval,
        estimand=Estimand(
            items=f"items like those of {benchmark.name}",
            raters="these raters only",
            training_items="these training items",
            gold=f"gold of guideline {gold}",
            threshold="each run's own tuned threshold" if measured.thresholded else "no threshold",
        ),
        n_items=int(rows.sum()),
        n_clusters=len(np.unique(benchmark.clusters[rows])),
        n_runs=len(arm.runs),
    )


def _not_estimable(question: Question, error: CannotEstimate) -> NotEstimable:
    return NotEstimable(question=question, code=WhyNot(error.code), sentence=error.sentence, counts=error.counts)
