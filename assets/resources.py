"""The project that the assets work on, and the addresses of both user interfaces."""

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from pydantic import Field

from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import SmoError
from smo_pipelines.experiment.prepare import Arms, load_arms, pin_arms
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.workspace import Workspace, open_workspace

__all__ = ["SmoProject"]


class SmoProject(dg.ConfigurableResource):
    """One project; everything an asset does goes through here."""

    root: str = Field(default="", description="The project's folder; blank: SMO_ROOT, else the folder Dagster was started in.")

    def open(self) -> Workspace:
        """Open the project."""
        return open_workspace(Path(self.root) if self.root else None)

    def experiment(self, workspace: Workspace, name: str) -> Experiment:
        """Return a registered experiment; the error of one that cannot be read is the run's error."""
        try:
            file = find_experiment(workspace, name)
            return register_experiment(workspace, file.raw, file.source).experiment
        except SmoError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error

    def pinned(self, workspace: Workspace, name: str) -> Arms:
        """Return an experiment's arms, pinned if they are valid."""
        experiment = self.experiment(workspace, name)
        try:
            return pin_arms(workspace, experiment)
        except SmoError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error

    def arms(self, workspace: Workspace, name: str) -> Arms:
        """Return the arms that were pinned earlier in the run (or would be, where they are not valid)."""
        experiment = self.experiment(workspace, name)
        pinned = workspace.store.find("prepared", experiment.spec_hash) is not None
        return load_arms(workspace, experiment) if pinned else self.pinned(workspace, name)

    def run_link(self, run_id: str) -> str:
        """Return the address of a Dagster run."""
        return f"{os.environ.get('SMO_DAGSTER_URL', 'http://127.0.0.1:3000')}/runs/{run_id}"

    def mlflow_link(self, url_path: str) -> str:
        """Return the address of an MLflow page."""
        return f"{os.environ.get('SMO_MLFLOW_URL', 'http://127.0.0.1:5000')}/{url_path.lstrip('/')}"

    def now(self) -> datetime:
        """Return the current moment: Dagster is an edge where time comes in."""
        return datetime.now(UTC)
