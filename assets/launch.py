"""The second door: a form in the Dagster UI, filled with legal values, that registers an experiment."""

from enum import Enum
from typing import Any, cast

import dagster as dg

from assets.failures import plain_failures
from assets.launch_form import launch_form, spec_of_form
from assets.partitions import experiments
from assets.resources import SmoProject
from assets.sensors import experiment_specs
from smo_pipelines.config.experiments import Catalogue, resolve_experiment
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import NoRatings, ServiceError
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["build_launch_job"]

_DAEMONS = {"SENSOR", "QUEUED_RUN_COORDINATOR"}
_SOURCE = "the launch form"


def build_launch_job(catalogue: Catalogue) -> dg.JobDefinition:
    """Return the job ``launch_ab_experiment``, whose form offers what ``configs/`` holds."""
    form = launch_form(catalogue)

    @dg.op(name="register_experiment", description="Check the form, register the experiment and add its partition.")
    def register(context: dg.OpExecutionContext, config: form, project: SmoProject) -> str:  # type: ignore[valid-type]
        with plain_failures():
            _require_launcher(context.instance)
            workspace = project.open()
            experiment = _register(workspace, {name: _plain(value) for name, value in dict(cast(Any, config)).items()})
        context.instance.add_dynamic_partitions(str(experiments.name), [experiment.id])
        decided = is_decided(workspace, experiment)
        what_follows = (
            "decided already, so nothing is launched" if decided else f"{experiment_specs.name} launches it within seconds"
        )
        context.log.info(f"registered {experiment.id}: {what_follows}")
        metadata = {"experiment": experiment.id, "what follows": what_follows, "spec": experiment.spec_hash}
        context.add_output_metadata(metadata | {"decision": dg.MetadataValue.url(project.decision_link(experiment.id))})
        return experiment.id

    @dg.job(
        name="launch_ab_experiment",
        executor_def=dg.in_process_executor,
        description="Launch an A/B experiment: fill the form in the Launchpad; every field has a default and says what is legal.",
    )
    def launch_ab_experiment() -> None:
        register()

    return launch_ab_experiment


def _register(workspace: Workspace, values: dict[str, Any]) -> Experiment:
    raw = spec_of_form(values)
    project = resolve_experiment(raw, workspace.catalogue, _SOURCE).control.project
    if not workspace.tables.has_ratings(project):
        known = ", ".join(workspace.tables.projects()) or "none yet"
        raise NoRatings(f"project {project!r} has no ratings (projects: {known}); import them first (smo import, smo simulate)")
    return register_experiment(workspace, raw, _SOURCE).experiment


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _require_launcher(instance: dg.DagsterInstance) -> None:
    """Refuse when nothing would start the experiment; a temporary instance has no daemon to ask for."""
    if instance.is_ephemeral:
        return
    statuses = instance.get_daemon_statuses()
    dead = sorted(name for name in _DAEMONS if name not in statuses or not statuses[name].healthy)
    if dead:
        raise ServiceError(
            f"the Dagster daemon is not running ({', '.join(dead)}), so nothing would start the experiment; "
            "run `make up`, which starts it, or `dagster-daemon run` beside your web server"
        )
    switched = [state for state in instance.all_instigator_state() if state.name == experiment_specs.name]
    if any(not state.is_running for state in switched):
        raise ServiceError(
            f"the sensor {experiment_specs.name} is switched off, so nothing would start the experiment; switch it on under Automation"
        )
