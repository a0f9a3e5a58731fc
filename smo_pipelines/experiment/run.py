"""An experiment from its registration to its decision; every stage looks in the store first."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata

import smo_pipelines
from smo_pipelines.analysis.compare import compare
from smo_pipelines.analysis.decide import decide
from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.experiments import ArmName, Effect, Experiment, ReplicateId
from smo_pipelines.domain.records import BenchmarkFacts, ExperimentRecord, Provenance, ReplicateFacts
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import StoreError
from smo_pipelines.experiment.prepare import Arms, pin_arms
from smo_pipelines.experiment.replicate import ReplicateJob, find_result, stored_metrics
from smo_pipelines.experiment.replicates import ReplicatePool
from smo_pipelines.experiment.stored import put_training_set
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["Conclusion", "conclude", "effects_of", "jobs_of", "read_texts", "run_experiment", "train", "waiting_jobs"]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "transformers", "duckdb", "deltalake", "evaluate")


@dataclass(frozen=True)
class Conclusion:
    """A finished experiment, and how many fits were trained to finish it this time."""

    record: ExperimentRecord
    trained: int


def jobs_of(workspace: Workspace, arms: Arms, ids: Sequence[ReplicateId] | None = None) -> tuple[ReplicateJob, ...]:
    """Return the experiment's replicates as jobs, with their training sets stored."""
    experiment = arms.experiment
    backbone = classifiers.identity(experiment.classifier, workspace.cache_dir)
    return tuple(
        ReplicateJob(
            id=one,
            classifier=experiment.classifier,
            backbone=backbone,
            training_key=put_training_set(workspace.store, arms.training_set(one.arm, one.kind, one.index)),
            benchmarks=arms.benchmark_keys,
            store=workspace.store_location,
            cache_dir=str(workspace.cache_dir),
        )
        for one in (ids or experiment.replicate_ids())
    )


def waiting_jobs(workspace: Workspace, arms: Arms, jobs: Sequence[ReplicateJob]) -> tuple[ReplicateJob, ...]:
    """Return the jobs whose fit or scores are not in the store yet."""
    benchmarks = {benchmark.name: benchmark for benchmark in arms.benchmarks}
    return tuple(job for job in jobs if find_result(job, workspace.store, benchmarks) is None)


def read_texts(workspace: Workspace, arms: Arms, on_progress: Callable[[str, float], None] | None = None) -> None:
    """Read every text once, on every core, before many processes fit and score with what that gives.

    Raises
    ------
    UnknownTokens
        When more than 5% of the word pieces of the training items or of a benchmark are unknown to the classifier's backbone.
    """
    config = arms.experiment.classifier
    named = {"the training items": arms.matching.training_set(ArmName.control).texts.tolist()}
    named |= {f"benchmark {benchmark.name!r}": benchmark.texts.tolist() for benchmark in arms.benchmarks}
    for what, texts in named.items():
        classifiers.check_readable(config, texts, what, workspace.cache_dir)
    every_text = list(dict.fromkeys(text for texts in named.values() for text in texts))
    classifiers.warm(config, every_text, workspace.cache_dir, (lambda share: on_progress("texts", share)) if on_progress else None)


def train(workspace: Workspace, arms: Arms, *, on_progress: Callable[[str, float], None] | None = None) -> int:
    """Run every replicate that is not in the store, and return how many those were."""
    waiting = waiting_jobs(workspace, arms, jobs_of(workspace, arms))
    if waiting:
        if on_progress is not None:
            on_progress("total", float(len(waiting)))
        read_texts(workspace, arms, on_progress)
        with ReplicatePool(threads=arms.experiment.classifier.threads, on_progress=on_progress) as pool:
            pool.run(waiting)
    return len(waiting)


def effects_of(workspace: Workspace, arms: Arms) -> tuple[Effect, ...]:
    """Compare the two arms' finished replicates.

    Raises
    ------
    StoreError
        When a replicate is not finished.
    """
    benchmarks = {benchmark.name: benchmark for benchmark in arms.benchmarks}
    results = {}
    for job in jobs_of(workspace, arms):
        result = find_result(job, workspace.store, benchmarks)
        if result is None:
            raise StoreError(f"replicate {job.id.label} of {arms.experiment.id!r} is not finished; run the experiment again")
        results[job.id] = result
    runs = {
        arm: ArmRuns(results=tuple(r for i, r in results.items() if i.arm is arm), raters=arms.rater_facts(arm)) for arm in ArmName
    }
    return compare(runs[ArmName.control], runs[ArmName.treatment], on=arms.benchmarks, experiment=arms.experiment)


def conclude(
    workspace: Workspace,
    arms: Arms,
    *,
    effects: tuple[Effect, ...],
    started_at: datetime,
    finished_at: datetime,
    launched_by: str,
    links: Mapping[str, str] | None = None,
) -> ExperimentRecord:
    """Decide, and gather everything the experiment is remembered by."""
    experiment = arms.experiment
    jobs = jobs_of(workspace, arms) if arms.valid else ()
    return ExperimentRecord(
        experiment=experiment,
        decision=decide(effects, experiment=experiment, findings=arms.findings),
        arms=tuple(arms.facts(arm) for arm in ArmName),
        labels=arms.label_shift,
        clause_edits=arms.clause_edits,
        replicates=tuple(
            ReplicateFacts(
                id=job.id,
                key=job.key,
                threshold=float(workspace.store.get("fits", job.key).meta["threshold"]),
                metrics=stored_metrics(job, workspace.store),
            )
            for job in jobs
        ),
        benchmarks=tuple(
            BenchmarkFacts(
                name=benchmark.name,
                digest=benchmark.digest,
                n_items=len(benchmark),
                n_clusters=len(set(benchmark.clusters.tolist())),
                golds=tuple(benchmark.golds),
                diagnostic=benchmark.diagnostic,
            )
            for benchmark in arms.benchmarks
        ),
        provenance=Provenance(
            package_version=smo_pipelines.__version__,
            python_version=platform.python_version(),
            libraries={name: metadata.version(name) for name in _LIBRARIES},
            started_at=started_at.isoformat(timespec="seconds"),
            finished_at=finished_at.isoformat(timespec="seconds"),
            launched_by=launched_by,
            links=dict(links or {}),
        ),
    )


def run_experiment(
    workspace: Workspace,
    experiment: Experiment,
    *,
    clock: Callable[[], datetime],
    launched_by: str,
    on_progress: Callable[[str, float], None] | None = None,
) -> Conclusion:
    """Run a registered experiment to its decision; what is in the store is not computed again."""
    started = clock()
    arms = pin_arms(workspace, experiment)
    trained = 0
    effects: tuple[Effect, ...] = ()
    if arms.valid:
        trained = train(workspace, arms, on_progress=on_progress)
        effects = effects_of(workspace, arms)
    record = conclude(workspace, arms, effects=effects, started_at=started, finished_at=clock(), launched_by=launched_by)
    return Conclusion(record=record, trained=trained)
