"""The project that the assets work on, the addresses of both user interfaces, and how steps hand on their small outputs."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
from pydantic import Field
from upath import UPath

from smo_pipelines.config import clock
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.prepare import is_pinned, load_arms, pin_arms
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.workspace import Workspace, open_workspace

__all__ = ["SmoProject", "json_outputs"]


class SmoProject(dg.ConfigurableResource):
    """One project; everything an asset does goes through here."""

    root: str = Field(default="", description="The project's folder; blank: SMO_ROOT, else the folder Dagster was started in.")

    def open(self) -> Workspace:
        """Open the project."""
        return open_workspace(Path(self.root) if self.root else None)

    def experiment(self, workspace: Workspace, name: str) -> Experiment:
        """Return an experiment, registered."""
        file = find_experiment(workspace, name)
        return register_experiment(workspace, file.raw, file.source).experiment

    def arms(self, workspace: Workspace, name: str) -> Arms:
        """Return an experiment's arms: those that are pinned, else as they would be now."""
        experiment = self.experiment(workspace, name)
        return load_arms(workspace, experiment) if is_pinned(workspace, experiment) else pin_arms(workspace, experiment)

    def run_link(self, run_id: str) -> str:
        """Return the address of a Dagster run."""
        return f"{_dagster()}/runs/{run_id}"

    def decision_link(self, experiment: str) -> str:
        """Return the address of an experiment's decision in Dagster."""
        return f"{_dagster()}/assets/comparison/decision?view=partitions&partition={quote(experiment)}"

    def mlflow_link(self, url_path: str) -> str:
        """Return the address of an MLflow page."""
        return f"{os.environ.get('SMO_MLFLOW_URL', 'http://127.0.0.1:5000')}/{url_path.lstrip('/')}"

    def now(self) -> datetime:
        """Return the current moment: Dagster is an edge where time comes in."""
        return clock.now()


def _dagster() -> str:
    return os.environ.get("SMO_DAGSTER_URL", "http://127.0.0.1:3000")


class _JsonOutputs(dg.UPathIOManager):
    extension = ".json"

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        path.write_text(json.dumps(obj), encoding="utf-8")

    def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:
        return json.loads(path.read_text(encoding="utf-8"))


@dg.io_manager(description="The small outputs of steps (names of replicates) as JSON files of the instance, never as pickles.")
def json_outputs(context: dg.InitResourceContext) -> dg.IOManager:
    """Return the I/O manager of every step."""
    if context.instance is None:
        raise dg.DagsterInvariantViolationError("step outputs are kept by a Dagster instance, and there is none")
    return _JsonOutputs(base_path=UPath(context.instance.storage_directory()))
