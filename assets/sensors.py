"""What Dagster watches: experiments that can be launched, and the versions of what they are made from."""

import json

import dagster as dg

from assets.digest import REPORT
from assets.guidelines import guideline_event
from assets.jobs import ab_experiment, changes_digest, label_quality
from assets.labels import label_table_events, label_tables_version
from assets.partitions import experiments
from assets.quality import quality_key
from assets.resources import SmoProject
from assets.runs import UNDER_WAY
from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import SmoError
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.register import known_experiments, register_experiment
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["experiment_specs", "input_versions", "new_reports"]

_TABLES = "label tables"


@dg.sensor(
    job=ab_experiment,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Every experiment becomes a partition; one whose ratings are there and that has no decision yet is launched.",
)
def experiment_specs(context: dg.SensorEvaluationContext, project: SmoProject) -> dg.SensorResult | dg.SkipReason:
    """Register what is written or came through the launch form, and launch what can run."""
    workspace = project.open()
    requests, reasons, names = [], [], []
    for name, file in known_experiments(workspace).items():
        try:
            experiment = resolve_experiment(file.raw, workspace.catalogue, file.source)
            reason = _not_now(context.instance, workspace, experiment)
            if reason is None:
                # only what is launched is registered: a file whose ratings are still to come may still be written on
                register_experiment(workspace, file.raw, file.source)
                requests.append(_request(workspace, experiment))
        except SmoError as error:
            context.log.warning(f"{name} is not launched: {error}")
            reasons.append(f"{name}: {error}")
            continue
        names.append(name)
        if reason is not None:
            reasons.append(f"{name}: {reason}")
    new = sorted(set(names) - set(context.instance.get_dynamic_partitions(str(experiments.name))))
    if not requests and not new:
        return dg.SkipReason("; ".join(reasons) or "no experiment is written")
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=[experiments.build_add_request(new)] if new else [])


@dg.sensor(
    job=label_quality,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports the label tables and guideline versions when their content changes, and has the labels' quality measured anew.",
)
def input_versions(context: dg.SensorEvaluationContext, project: SmoProject) -> dg.SensorResult | dg.SkipReason:
    """Report what changed since the last time."""
    workspace = project.open()
    guidelines = workspace.catalogue.guidelines
    versions = {_TABLES: label_tables_version(workspace)} | {name: v.digest for name, v in guidelines.items()}
    seen = json.loads(context.cursor) if context.cursor else {}
    changed = [name for name, version in versions.items() if seen.get(name) != version]
    if not changed:
        return dg.SkipReason("no ratings were imported and no guideline changed")
    events: list[dg.AssetMaterialization | dg.AssetObservation] = [
        guideline_event(version, guidelines.get(version.parent or "")) for name, version in guidelines.items() if name in changed
    ]
    requests = []
    if _TABLES in changed:
        events += label_table_events(workspace)
        requests = _quality_requests(context, workspace, versions[_TABLES])
    return dg.SensorResult(asset_events=events, run_requests=requests, cursor=json.dumps(versions, sort_keys=True))


@dg.asset_sensor(
    asset_key=REPORT,
    job=changes_digest,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has the page of every decided change written again when an experiment's report is there.",
)
def new_reports(context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry) -> dg.RunRequest:
    """Ask for a digest once a report, of several that came together once."""
    return dg.RunRequest(run_key=f"digest-{asset_event.run_id}")


def _quality_requests(context: dg.SensorEvaluationContext, workspace: Workspace, version: str) -> list[dg.RunRequest]:
    """Ask for the quality of every project that has ratings, and an asset for it since the code location was loaded."""
    known = context.repository_def.assets_defs_by_key if context.repository_def is not None else {}
    measured = [key for key in map(quality_key, workspace.tables.projects()) if key in known]
    return [dg.RunRequest(run_key=f"label-quality-{version}", asset_selection=measured)] if measured else []


def _not_now(instance: dg.DagsterInstance, workspace: Workspace, experiment: Experiment) -> str | None:
    if is_decided(workspace, experiment):
        return "decided"
    missing = {arm.project for arm in (experiment.control, experiment.treatment) if not workspace.tables.has_ratings(arm.project)}
    if missing:
        return f"no ratings of {', '.join(sorted(missing))} yet"
    mine = dg.RunsFilter(job_name=ab_experiment.name, tags={"dagster/partition": experiment.id}, statuses=UNDER_WAY)
    return "under way" if instance.get_runs_count(mine) else None


def _request(workspace: Workspace, experiment: Experiment) -> dg.RunRequest:
    tags = {
        "smo/experiment": experiment.id,
        "smo/change": experiment.change.id,
        "smo/change_kind": str(experiment.kind),
        "smo/spec_hash": experiment.spec_hash[:12],
    }
    # an attempt that failed or was not valid is repeated when its spec or its ratings change, and not before
    data = "+".join(sorted({workspace.tables.fingerprint(arm.project)[:12] for arm in (experiment.control, experiment.treatment)}))
    return dg.RunRequest(run_key=f"{experiment.id}:{experiment.spec_hash}:{data}", partition_key=experiment.id, tags=tags)
