"""The nightly regression evaluation: for every plan an asset with a partition a night, its job, and the schedule that starts it.

A night is made by ``smo_pipelines.nightly``; Dagster says when, tries again, and shows. The state of the detector is a fold over
stored nights, so neither a retry nor a run of the same partition can touch it.
"""

import datetime as dt
from dataclasses import dataclass

import dagster as dg

from assets.failures import plain_failures
from assets.labels import LABEL_TABLES
from assets.nightly_due import AssetJob, nightly_schedule
from assets.nightly_metadata import check_results, night_metadata, stream_checks
from assets.resources import SmoProject
from assets.runs import word
from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.config.nightly import find_nightly_plan
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.nightly import NightlyPlan, Schedule
from smo_pipelines.errors import ConfigError, UnknownName
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.night import run_night
from smo_pipelines.nightly.publish import publish_nights

__all__ = ["NightlyParts", "build_nightly", "nightly_key"]

_RETRY = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL)


@dataclass(frozen=True)
class NightlyParts:
    """What a plan is in Dagster."""

    plan_id: str
    asset: dg.AssetsDefinition
    job: AssetJob
    schedule: dg.ScheduleDefinition


def nightly_key(plan_id: str) -> dg.AssetKey:
    """Return the asset key of a plan's nights."""
    return dg.AssetKey(["nightly", word(plan_id)])


def build_nightly(root: ProjectRoot) -> list[NightlyParts]:
    """Return the asset, job and schedule of every file under ``configs/nightly``."""
    return [_parts(root, path.stem) for path in sorted((root.configs / "nightly").glob("*.yaml"))]


def _parts(root: ProjectRoot, plan_id: str) -> NightlyParts:
    plan = _readable(root, plan_id)
    when = Schedule() if plan is None else plan.schedule
    first = NightlyPlan.first_night if plan is None else plan.first_night
    nights = dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=when.time_zone, end_offset=1)
    asset = _asset(plan_id, plan, nights)
    job = dg.define_asset_job(
        f"nightly_{word(plan_id)}",
        selection=dg.AssetSelection.assets(asset),
        executor_def=dg.in_process_executor,
        description=f"Run a night of plan {plan_id}, and before it every night that was missed.",
        tags={"smo/job": "nightly", "smo/plan": plan_id},
    )
    return NightlyParts(plan_id=plan_id, asset=asset, job=job, schedule=nightly_schedule(plan_id, job, when))


def _asset(plan_id: str, plan: NightlyPlan | None, nights: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    key = nightly_key(plan_id)

    @dg.asset(
        key=key,
        partitions_def=nights,
        group_name="nightly",
        deps=list(LABEL_TABLES.values()),
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in stream_checks(plan).items()],
        retry_policy=_RETRY,
        pool="torch",
        description=(
            f"Plan {plan_id}: the production recipe trained on the newest labels, scored on every suite, and compared with the blessed "
            "baseline by a detector whose false alarms are bounded over the year."
        ),
        kinds={"pytorch", "mlflow"},
        owners=["team:smo"],
    )
    def night(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
        date = dt.date.fromisoformat(context.partition_key)
        with plain_failures(allow_retries=True):
            workspace = project.open()
            found = find_nightly_plan(workspace.catalogue, plan_id)
            made = run_night(workspace, found, date, now=project.now())
            links = {"dagster": project.run_link(context.run.run_id)}
            published = publish_nights(workspace, found, clock=project.now, links=links)
            state = fold_state(workspace, found, until=date)
        for delivery in published.deliveries:
            context.log.warning(f"alert {delivery.alert} on {delivery.channel}: {delivery.state} {delivery.sentence}".strip())
        if published.waiting:
            context.log.warning(published.waiting)
        metadata = night_metadata(made, state)
        if published.run is not None:
            metadata["mlflow run"] = dg.MetadataValue.url(project.mlflow_link(published.run.url_path))
        metadata["page"] = dg.MetadataValue.path(published.page)
        return dg.MaterializeResult(metadata=metadata, check_results=list(check_results(found, state, made)))

    return night


def _readable(root: ProjectRoot, plan_id: str) -> NightlyPlan | None:
    """Return the plan; a file with a mistake says so when its schedule ticks, and does not keep the others from loading."""
    try:
        return find_nightly_plan(Catalogue(root), plan_id)
    except (ConfigError, UnknownName):
        return None
