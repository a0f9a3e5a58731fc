"""When nights start: at their hour by a schedule, and later by a sensor where the daemon or a run was not there to make them."""

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.resources import SmoProject
from assets.runs import UNDER_WAY, word
from smo_pipelines.config.nightly import find_nightly_plan
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.nightly import NightlyPlan, Schedule
from smo_pipelines.errors import SmoError
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.locks import is_under_way
from smo_pipelines.nightly.night import pending_nights
from smo_pipelines.nightly.records import stored_baselines

__all__ = ["AssetJob", "nightly_catch_up", "nightly_schedule"]

AssetJob = Any
"""What ``define_asset_job`` returns: Dagster gives its type no public name."""

_OVERDUE = dt.timedelta(minutes=30)
_ATTEMPTS = 3
"""Runs of one night by the sensor; one that fails so often waits for the next night's tick, and a person sees it in the meantime."""
_LONGEST_START = 120.0
"""Seconds from a run's start within which it takes the lock of its plan."""


def nightly_schedule(plan_id: str, job: AssetJob, when: Schedule) -> dg.ScheduleDefinition:
    """Return the schedule of a plan: every night at its hour, in its time zone."""

    @dg.schedule(
        name=f"nightly_{word(plan_id)}",
        job=job,
        cron_schedule=f"{when.minute} {when.hour} * * *",
        execution_timezone=when.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every night that plan {plan_id} is due, in order, those that were missed too. Does nothing before `smo bless {plan_id}`.",
    )
    def due(context: dg.ScheduleEvaluationContext, project: dg.ResourceParam[SmoProject]) -> list[dg.RunRequest] | dg.SkipReason:
        workspace, now = project.open(), project.now()
        plan = find_nightly_plan(workspace.catalogue, plan_id)
        if not stored_baselines(workspace.store, plan_id):
            return dg.SkipReason(f"nothing was blessed; `smo bless {plan_id}` makes the baseline that nights are compared with")
        dates = [date for date in pending_nights(workspace, plan, now) if not _runs(context.instance, job.name, date, UNDER_WAY)]
        if not dates:
            return dg.SkipReason("every night that is due is stored or under way")
        at, baseline = context.scheduled_execution_time.isoformat(), _baseline(workspace, plan)
        return [_request(plan, baseline, date, run_key=f"{date} at {at}") for date in dates]

    return due


def nightly_catch_up(jobs: Sequence[tuple[str, AssetJob]]) -> dg.SensorDefinition:
    """Return the sensor that starts overdue nights of all plans: after a daemon that was down, or a run that was killed.

    Parameters
    ----------
    jobs : sequence of (str, job)
        Of each plan, by its id.
    """

    @dg.sensor(
        name="nightly_catch_up",
        jobs=[job for _, job in jobs],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts nights that are half an hour overdue and not under way: nothing is missed when a daemon or a run was killed.",
    )
    def catch_up(context: dg.SensorEvaluationContext, project: dg.ResourceParam[SmoProject]) -> list[dg.RunRequest] | dg.SkipReason:
        workspace, now = project.open(), project.now()
        requests, problems = [], []
        for plan_id, job in jobs:
            try:
                requests += _overdue(context, workspace, plan_id, job.name, now)
            except SmoError as error:  # one plan's mistake must not keep the nights of the others from being made
                context.log.error(f"nightly plan {plan_id}: {error}")
                problems.append(f"{plan_id}: {error}")
        return requests or dg.SkipReason("; ".join(problems) or "no night is overdue")

    return catch_up


def _overdue(
    context: dg.SensorEvaluationContext, workspace: Workspace, plan_id: str, job: str, now: dt.datetime
) -> list[dg.RunRequest]:
    if not stored_baselines(workspace.store, plan_id):
        return []
    plan = find_nightly_plan(workspace.catalogue, plan_id)
    _fail_what_is_gone(context, workspace, plan, job)
    baseline = _baseline(workspace, plan)
    return [
        _request(plan, baseline, date, job=job)
        for date in pending_nights(workspace, plan, now - _OVERDUE)
        if _runs(context.instance, job, date, None, {"smo/baseline": baseline}) < _ATTEMPTS
        and not _runs(context.instance, job, date, UNDER_WAY)
    ]


def _fail_what_is_gone(context: dg.SensorEvaluationContext, workspace: Workspace, plan: NightlyPlan, job: str) -> None:
    """Mark the runs as failed whose process is gone, which Dagster cannot see of processes that it starts on its own machine.

    Such a run would count as under way for ever and keep a place in the queue. One that is alive holds a lock of its plan from soon
    after its start until shortly before its end.
    """
    if not isinstance(context.instance.run_launcher, dg.DefaultRunLauncher) or is_under_way(workspace, plan.id):
        return
    alive = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    for record in context.instance.get_run_records(alive):
        if record.start_time is not None and time.time() - record.start_time > _LONGEST_START:
            context.log.warning(f"run {record.dagster_run.run_id} is gone")
            context.instance.report_run_failed(
                record.dagster_run, "its process is gone: no process of this machine works on the plan"
            )


def _request(
    plan: NightlyPlan, baseline: str, date: dt.date, *, job: str | None = None, run_key: str | None = None
) -> dg.RunRequest:
    tags = {"smo/plan": plan.id, "smo/night": date.isoformat(), "smo/baseline": baseline}
    return dg.RunRequest(run_key=run_key, partition_key=date.isoformat(), tags=tags, job_name=job)


def _baseline(workspace: Workspace, plan: NightlyPlan) -> str:
    return short(stored_baselines(workspace.store, plan.id)[-1].digest)


def _runs(
    instance: dg.DagsterInstance,
    job: str,
    date: dt.date,
    statuses: list[dg.DagsterRunStatus] | None,
    tags: dict[str, str] | None = None,
) -> int:
    mine = dg.RunsFilter(job_name=job, tags={"dagster/partition": date.isoformat(), **(tags or {})}, statuses=statuses)
    return instance.get_runs_count(mine)
