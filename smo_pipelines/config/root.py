"""Where a project lives: the folder that holds configs/ and experiments/."""

import os
from dataclasses import dataclass
from pathlib import Path

from smo_pipelines.errors import ConfigError

__all__ = ["ProjectRoot", "find_root"]


@dataclass(frozen=True)
class ProjectRoot:
    """The folders of one project."""

    path: Path

    @property
    def configs(self) -> Path:
        """Classifiers, benchmarks, guidelines, pools and rules."""
        return self.path / "configs"

    @property
    def experiments(self) -> Path:
        """Pre-registered experiments, one YAML file each."""
        return self.path / "experiments"

    @property
    def state(self) -> Path:
        """Label tables, results, caches and the local tracker: everything that commands write (``SMO_STATE`` moves it)."""
        return Path(os.environ.get("SMO_STATE") or self.path / ".smo").absolute()


def find_root(explicit: Path | None = None) -> ProjectRoot:
    """Return the project root: the one given, else ``SMO_ROOT``, else the nearest parent folder that holds ``configs/``.

    Raises
    ------
    ConfigError
        When the folder has no ``configs/``, or no parent has one.
    """
    named = explicit or (Path(os.environ["SMO_ROOT"]) if os.environ.get("SMO_ROOT") else None)
    if named is not None:
        if not (named / "configs").is_dir():
            raise ConfigError(f"{named} is not a project: it holds no configs/ folder; `smo init {named}` writes one")
        return ProjectRoot(named.absolute())
    here = Path.cwd().absolute()
    for folder in (here, *here.parents):
        if (folder / "configs").is_dir():
            return ProjectRoot(folder)
    raise ConfigError(
        f"no project found in {here} or above it (no configs/ folder); `smo init DIR` writes a new one, --root names one"
    )
