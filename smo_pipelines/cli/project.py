"""``smo init`` and ``smo doctor``: a new project, and whether this machine has what a project needs."""

import shutil
import sys
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.errors import ConfigError, SmoError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("init")(_init)
    app.command("doctor")(_doctor)


def _init(directory: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Write a new project: configs/ and experiments/ to start from."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(f"{directory} is not an empty folder; name a new or empty folder, so that nothing is overwritten")
    source = _template()
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("configs", "experiments"):
        shutil.copytree(source / name, directory / name)
    (directory / ".gitignore").write_text(".smo/\n", encoding="utf-8")
    say(f"project written to {escape(str(directory))}; `cd` there and run `smo demo`")


def _template() -> Path:
    packaged = Path(str(resources.files("smo_pipelines"))) / "project_template"
    checkout = Path(str(resources.files("smo_pipelines"))).parent
    for place in (packaged, checkout):
        if (place / "configs").is_dir() and (place / "experiments").is_dir():
            return place
    raise ConfigError("this installation carries no project template; clone the repository and copy its configs/ and experiments/")


def _doctor(context: typer.Context) -> None:
    """Check what a project needs on this machine; exit code 2 when something is missing."""
    from smo_pipelines.experiment.record import tracker_of
    from smo_pipelines.experiment.register import known_experiments
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)

    def weights() -> str:
        from smo_pipelines.classifiers import api

        names = [api.identity(c, workspace.cache_dir)[:12] for c in workspace.catalogue.classifiers.values()]
        return f"{len(names)} classifiers can be fitted"

    def configs() -> str:
        catalogue = workspace.catalogue
        sizes = {
            "guidelines": len(catalogue.guidelines),
            "pools": len(catalogue.pools),
            "classifiers": len(catalogue.classifiers),
            "rules": len(catalogue.rules),
            "benchmarks": len(catalogue.benchmarks),
        }
        return ", ".join(f"{size} {what}" for what, size in sizes.items())

    def tracker() -> str:
        tracker_of(workspace).check()
        return workspace.tracking_uri

    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", lambda: sys.version.split()[0]),
        ("smo-pipelines", lambda: metadata.version("smo-pipelines")),
        ("project", lambda: str(workspace.root.path)),
        ("configs", configs),
        ("experiments", lambda: f"{len(known_experiments(workspace))} known"),
        ("label tables", lambda: ", ".join(workspace.tables.projects()) or "no project imported yet"),
        ("classifier weights", weights),
        ("tracker", tracker),
    ]
    table = Table("what", "", "found")
    failed = 0
    for name, check in checks:
        try:
            table.add_row(name, "[green]ok[/]", escape(check()))
        except SmoError as error:
            failed += 1
            table.add_row(name, "[red]missing[/]", escape(str(error)))
    console.print(table)
    if failed:
        raise ConfigError(f"{failed} of {len(checks)} checks failed; each says above what to do")
