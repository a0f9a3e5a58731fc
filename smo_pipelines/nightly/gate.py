"""The gate: what is asked before a candidate becomes champion, and every answer."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from smo_pipelines.analysis.gate import judge_candidate, judge_decision, judge_nights
from smo_pipelines.benchmarks.leakage import leaked_items
from smo_pipelines.config.nightly import load_nightly_plans
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.domain.nightly import NightlyPlan, Stream
from smo_pipelines.domain.nights import Baseline, StreamValue, mean_value
from smo_pipelines.domain.promotion import Candidate, GateCheck, GateOutcome
from smo_pipelines.errors import StoreError
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.fits import find_fit
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.record import decided_verdict, decision_digest
from smo_pipelines.experiment.replicate import ReplicateJob, find_result, run_replicate
from smo_pipelines.experiment.stored import get_training_set
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.materials import Materials, gather
from smo_pipelines.nightly.records import stored_baselines
from smo_pipelines.nightly.streams import values_of

__all__ = ["Judged", "judge", "plans_of"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the gate said; ``candidate`` is None where the decision alone keeps the experiment out."""

    outcome: GateOutcome
    candidate: Candidate | None
    baselines: tuple[tuple[str, str], ...]


def plans_of(workspace: Workspace, area: str) -> tuple[NightlyPlan, ...]:
    """Return the nightly plans that watch an area, in order of id."""
    return tuple(plan for plan in load_nightly_plans(workspace.catalogue).values() if plan.area == area)


def judge(workspace: Workspace, experiment: Experiment, *, now: dt.datetime) -> Judged:
    """Ask everything of an experiment's treatment; nothing is moved and nothing is registered.

    The decision must be ship; then, for every nightly plan of the area, nights must have run, no episode may be open, no floor may be
    broken, and the candidate itself must keep the floors. Its fits are scored on the plans' benchmarks where they are not yet.
    """
    verdict = decided_verdict(workspace, experiment)
    decision = judge_decision(
        None if verdict is None else Verdict(verdict), experiment=experiment.id, null_test=experiment.null_test is not None
    )
    if not decision.passed:
        return Judged(outcome=GateOutcome(checks=(decision,)), candidate=None, baselines=())
    arms = load_arms(workspace, experiment)
    jobs = [job for job in jobs_of(workspace, arms) if job.id.arm is ArmName.treatment and job.id.kind is ReplicateKind.snapshot]
    plans = plans_of(workspace, experiment.area)
    checks, baselines = [decision], []
    if not plans:
        said = (
            f"no nightly plan watches the area {experiment.area!r}: write one under configs/nightly/, bless it and let nights run"
        )
        checks.append(GateCheck(name="plan", passed=False, sentence=said))
    for plan in plans:
        blessed = stored_baselines(workspace.store, plan.id)
        if not blessed:
            said = f"nightly plan {plan.id} has no baseline: `smo bless {plan.id}` makes one"
            checks.append(GateCheck(name="baseline", passed=False, sentence=said))
            continue
        baselines.append((plan.id, blessed[-1].digest))
        checks += _of_plan(workspace, plan, blessed[-1], jobs, now)
    return Judged(outcome=GateOutcome(checks=tuple(checks)), candidate=_candidate(workspace, arms), baselines=tuple(baselines))


def _of_plan(
    workspace: Workspace, plan: NightlyPlan, baseline: Baseline, jobs: Sequence[ReplicateJob], now: dt.datetime
) -> list[GateCheck]:
    materials = gather(workspace, plan)
    changed = baseline.changed_parts(materials.parts)
    if changed:
        said = f"the baseline of plan {plan.id} is of another {', '.join(changed)}: `smo bless {plan.id}` makes a new one"
        return [GateCheck(name="baseline", passed=False, sentence=said)]
    state = fold_state(workspace, plan)
    values = _candidate_values(materials, baseline, jobs)
    return [*judge_nights(state, due=plan.schedule.newest(now)), judge_candidate(state, values)]


def _candidate_values(materials: Materials, baseline: Baseline, jobs: Sequence[ReplicateJob]) -> dict[str, StreamValue]:
    """Return each floored stream's mean over the candidate's replicates; none on a benchmark that its training items stand in."""
    streams = [stream for stream in baseline.streams if stream.floor is not None]
    leaked = _leaked(materials, jobs[0])
    clean = [stream for stream in streams if stream.question.on not in leaked]
    by_run: list[dict[str, StreamValue]] = []
    for job in jobs:
        asked = replace(job, benchmarks=materials.benchmark_keys)
        run_replicate(asked)
        result = find_result(asked, materials.workspace.store, materials.benchmarks)
        if result is None:
            raise StoreError(f"the scores of {job.id.label} are not in the store although they were just made; try again")
        by_run.append(values_of(result, clean, materials.benchmarks, at=baseline.threshold))
    values = {stream.name: mean_value([run[stream.name] for run in by_run]) for stream in clean}
    return values | {stream.name: _why_leaked(stream, leaked) for stream in streams if stream.question.on in leaked}


def _leaked(materials: Materials, job: ReplicateJob) -> dict[str, int]:
    """Return how many training items stand in each benchmark that the experiment itself was not scored on."""
    others = {
        name: one for name, one in materials.benchmarks.items() if materials.benchmark_keys[name] not in job.benchmarks.values()
    }
    if not others:
        return {}
    training = get_training_set(materials.workspace.store, job.training_key)
    ids, texts = training.item_ids.tolist(), training.texts.tolist()
    counts = {name: len(leaked_items(ids, texts, [one]).item_ids) for name, one in others.items()}
    return {name: count for name, count in counts.items() if count}


def _why_leaked(stream: Stream, leaked: dict[str, int]) -> NotEstimable:
    on = stream.question.on
    sentence = f"{leaked[on]} of its training items stand in {on}, which its experiment was not scored on"
    return NotEstimable(question=stream.question, code=WhyNot.leaked, sentence=sentence, counts={"items": leaked[on]})


def _candidate(workspace: Workspace, arms: Arms) -> Candidate:
    experiment = arms.experiment
    # the first replicate, not the best one: a choice by benchmark would make its numbers on that benchmark untrue
    named = find_fit(workspace, experiment, ArmName.treatment, 0)
    return Candidate(
        area=experiment.area,
        experiment=experiment.id,
        version=experiment.version,
        spec_hash=experiment.spec_hash,
        decision_digest=decision_digest(workspace, experiment),
        change=experiment.change.id,
        fit=named.entry.key,
        config=named.config,
        labels=named.labels,
        snapshot=arms.snapshots[ArmName.treatment].digest,
        guideline=named.guideline,
    )
