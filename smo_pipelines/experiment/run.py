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
from smo_pipelines.config.costs import load_compute_price
from smo_pipelines.domain.decisions import may_train
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.experiments import ArmName, Effect, Experiment
from smo_pipelines.domain.phrases import shown_effect
from smo_pipelines.domain.plans import Plan
from smo_pipelines.domain.records import BenchmarkFacts, ExperimentRecord, Provenance, ReplicateFacts
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import StoreError
from smo_pipelines.experiment.arms import Arms, refuse_one_class
from smo_pipelines.experiment.attributions import known_attributions
from smo_pipelines.experiment.benchmark_uses import uses_by_others
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.kpis import quality_of_arms
from smo_pipelines.experiment.plan import findings_of, make_plan, pilot_ids
from smo_pipelines.experiment.plans import find_plan, keep_plan
from smo_pipelines.experiment.prepare import build_arms, is_pinned, pin_arms
from smo_pipelines.experiment.price import experiment_price
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.replicate import ReplicateJob, find_result, stored_metrics
from smo_pipelines.experiment.stored import put_benchmark
from smo_pipelines.experiment.training import Training, check_texts
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.store import file_lock

__all__ = [
    "Conclusion",
    "arm_runs",
    "conclude",
    "effects_of",
    "plan_of",
    "ready_arms",
    "run_experiment",
]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "transformers", "duckdb", "deltalake", "evaluate")


@dataclass(frozen=True)
class Conclusion:
    """A finished experiment, and how many fits were trained to finish it this time."""

    record: ExperimentRecord
    trained: int


def ready_arms(workspace: Workspace, experiment: Experiment) -> Arms:
    """Return an experiment's arms once everything that can refuse it has been asked; writes no result and no registration.

    An experiment that is merely not valid passes: its decision says so.

    Raises
    ------
    NoRatings, OneClass
        When an arm has nothing to learn from.
    BenchmarkError
        When a benchmark cannot be made.
    ConfigError
        When ``configs/costs.yaml`` cannot be read.
    WeightsMissing, WeightsMismatch, UnknownTokens
        When the classifier's backbone is not there, not the expected one, or cannot read the texts.
    """
    load_compute_price(workspace.root)
    arms = build_arms(workspace, experiment)
    refuse_one_class(arms)
    if arms.valid:
        classifiers.identity(experiment.classifier, workspace.cache_dir)
        if not is_decided(workspace, experiment):
            check_texts(workspace, arms)
    return arms


def plan_of(workspace: Workspace, arms: Arms, fit: Callable[[Sequence[ReplicateJob]], None]) -> Plan:
    """Return the plan of valid arms: the stored one, else a new one, which is stored once the arms are pinned.

    Parameters
    ----------
    fit : callable
        Runs jobs to their end; called where the control has to be fitted to plan from.
    """
    with file_lock(workspace.lock(f"plan-{short(arms.experiment.spec_hash)}")):
        plan = find_plan(workspace.store, arms.experiment)
        if plan is None:
            for benchmark in arms.benchmarks:
                put_benchmark(workspace.store, benchmark)  # what fits are scored on
            plan = make_plan(workspace, arms, pilot=jobs_of(workspace, arms, pilot_ids(arms.experiment)), fit=fit)
            if is_pinned(workspace, arms.experiment):
                keep_plan(workspace.store, plan)
    return plan


def arm_runs(workspace: Workspace, arms: Arms, jobs: Sequence[ReplicateJob]) -> dict[ArmName, ArmRuns]:
    """Return what each arm's fits said on the benchmarks.

    Raises
    ------
    StoreError
        When a replicate is not finished.
    """
    benchmarks = {benchmark.name: benchmark for benchmark in arms.benchmarks}
    results = {}
    for job in jobs:
        result = find_result(job, workspace.store, benchmarks)
        if result is None:
            raise StoreError(f"replicate {job.id.label} of {arms.experiment.id!r} is not finished; run the experiment again")
        results[job.id] = result
    return {
        arm: ArmRuns(results=tuple(r for i, r in results.items() if i.arm is arm), raters=arms.rater_facts(arm)) for arm in ArmName
    }


def effects_of(workspace: Workspace, arms: Arms, jobs: Sequence[ReplicateJob] | None = None) -> tuple[Effect, ...]:
    """Compare the two arms' finished replicates.

    Parameters
    ----------
    jobs : sequence of ReplicateJob, optional
        All of the experiment's, where the caller has them.

    Raises
    ------
    StoreError
        When a replicate is not finished.
    """
    runs = arm_runs(workspace, arms, jobs_of(workspace, arms) if jobs is None else jobs)
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
    jobs: Sequence[ReplicateJob] | None = None,
) -> ExperimentRecord:
    """Decide, and gather everything the experiment is remembered by."""
    experiment, findings = arms.experiment, findings_of(workspace, arms)
    if jobs is None:
        jobs = jobs_of(workspace, arms) if may_train(findings) else ()
    decision = decide(effects, experiment=experiment, findings=findings)
    return ExperimentRecord(
        experiment=experiment,
        decision=decision,
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
                n_clusters=benchmark.n_clusters,
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
        quality=quality_of_arms(workspace, arms),
        price=experiment_price(workspace, arms, jobs, shown_effect(decision)),
        earlier_uses=uses_by_others(workspace, arms.benchmarks, experiment.spec_hash),
        attributions=known_attributions(workspace.store, experiment),
        plan=find_plan(workspace.store, experiment),
    )


def run_experiment(
    workspace: Workspace,
    experiment: Experiment,
    *,
    clock: Callable[[], datetime],
    launched_by: str,
    arms: Arms | None = None,
    on_progress: Callable[[str, float], None] | None = None,
) -> Conclusion:
    """Run a registered experiment to its decision; what is in the store is not computed again.

    Parameters
    ----------
    arms : Arms, optional
        What :func:`ready_arms` returned; built here when left out.
    """
    started = clock()
    arms = pin_arms(workspace, experiment, arms or ready_arms(workspace, experiment))
    jobs: tuple[ReplicateJob, ...] = jobs_of(workspace, arms) if arms.valid else ()
    with Training(workspace, arms, later=jobs, on_progress=on_progress) as training:
        if arms.valid:
            plan_of(workspace, arms, training.run)
        if not may_train(findings_of(workspace, arms)):
            jobs = ()
        training.run(jobs)
    effects = effects_of(workspace, arms, jobs) if jobs else ()
    record = conclude(workspace, arms, effects=effects, started_at=started, finished_at=clock(), launched_by=launched_by, jobs=jobs)
    return Conclusion(record=record, trained=training.trained)
