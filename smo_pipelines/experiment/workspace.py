"""One project, opened: its catalogue, label tables, results and tracker address."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.config.root import ProjectRoot, find_root
from smo_pipelines.store import ResultStore, open_store

if TYPE_CHECKING:
    from smo_pipelines.labels.tables import LabelTables

__all__ = ["Workspace", "open_workspace"]


@dataclass(frozen=True)
class Workspace:
    """A project and where its state is kept.

    The label tables, the results and the tracker each live under the project's ``.smo`` folder unless ``SMO_TABLES``, ``SMO_STORE``
    or ``MLFLOW_TRACKING_URI`` name another place (a folder or an address such as ``s3://bucket/prefix``).
    """

    root: ProjectRoot

    @cached_property
    def catalogue(self) -> Catalogue:
        """Everything under ``configs/``."""
        return Catalogue(self.root)

    @cached_property
    def tables(self) -> "LabelTables":
        """The label tables."""
        from smo_pipelines.labels.tables import LabelTables  # pandas, DuckDB and Delta: not for commands that read no ratings

        return LabelTables(os.environ.get("SMO_TABLES") or str(self.root.state / "tables"))

    @property
    def store_location(self) -> str:
        """Where results are kept."""
        return os.environ.get("SMO_STORE") or str(self.root.state / "results")

    @cached_property
    def store(self) -> ResultStore:
        """The results."""
        return open_store(self.store_location)

    @property
    def cache_dir(self) -> Path:
        """Local, rebuildable files: encoder activations and checked weights."""
        return self.root.state / "cache"

    @property
    def tracking_uri(self) -> str:
        """The tracker's address; a SQLite file of this project by default."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.root.state / 'mlflow.db'}"

    @property
    def artifact_root(self) -> Path:
        """Where a tracker without a server keeps its artifacts."""
        return self.root.state / "mlartifacts"

    @property
    def outbox(self) -> Path:
        """Records that the tracker has not taken yet."""
        return self.root.state / "outbox"

    def lock(self, name: str) -> Path:
        """Return the path of a lock between this machine's processes."""
        return self.root.state / "locks" / f"{name}.lock"


def open_workspace(root: Path | None = None) -> Workspace:
    """Open the project at ``root``, or the one this folder is in."""
    return Workspace(find_root(root))
