"""The first door: experiments written as files, and those the launch form registered."""

import dagster as dg

from assets.jobs import ab_experiment
from assets.partitions import experiments
from assets.resources import SmoProject
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import SmoError
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.register import known_experiments, register_experiment
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["experiment_specs"]


@dg.sensor(
    job=ab_experiment,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Every experiment becomes a partition; one whose ratings are there and that has no decision yet is launched.",
)
def experiment_specs(context: dg.SensorEvaluationContext, project: SmoProject) -> dg.SensorResult | dg.SkipReason:
    """Register what is written and launch what can run."""
    workspace = project.open()
    existing = set(context.instance.get_dynamic_partitions(str(experiments.name)))
    requests, reasons, names = [], [], []
    for name, file in known_experiments(workspace).items():
        try:
            experiment = register_experiment(workspace, file.raw, file.source).experiment
        except SmoError as error:
            reasons.append(f"{name}: {error}")
            continue
        names.append(name)
        reason = _not_now(workspace, experiment)
        if reason is None:
            requests.append(_request(experiment))
        else:
            reasons.append(f"{name}: {reason}")
    new = sorted(set(names) - existing)
    if not requests and not new:
        return dg.SkipReason("; ".join(reasons) or "no experiment is written")
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=[experiments.build_add_request(new)] if new else [])


def _not_now(workspace: Workspace, experiment: Experiment) -> str | None:
    if is_decided(workspace, experiment):
        return "decided"
    missing = {arm.project for arm in (experiment.control, experiment.treatment) if not workspace.tables.has_ratings(arm.project)}
    return f"no ratings of {', '.join(sorted(missing))} yet" if missing else None


def _request(experiment: Experiment) -> dg.RunRequest:
    tags = {
        "smo/experiment": experiment.id,
        "smo/change": experiment.change.id,
        "smo/change_kind": str(experiment.kind),
        "smo/spec_hash": experiment.spec_hash[:12],
    }
    return dg.RunRequest(run_key=f"{experiment.id}:{experiment.spec_hash}", partition_key=experiment.id, tags=tags)
