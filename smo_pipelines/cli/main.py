"""The ``smo`` command: its options, and how a mistake is said."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from smo_pipelines.cli.console import console, errors
from smo_pipelines.cli.experiments import add_to as add_experiments
from smo_pipelines.cli.labels import add_to as add_labels
from smo_pipelines.cli.project import add_to as add_project
from smo_pipelines.cli.serve import add_to as add_serve
from smo_pipelines.errors import SmoError

__all__ = ["app", "main"]

app = typer.Typer(
    help="What did an operational change do to the safety model, how sure are we, why, at what price, and do we keep it?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Option(envvar="SMO_ROOT", help="The project: a folder that holds configs/. Default: here or above.")
    ] = None,
) -> None:
    context.obj = root


for add_commands in (add_project, add_labels, add_experiments, add_serve):
    add_commands(app)


def main() -> None:
    """Run the command; a mistake the user can act on is one sentence on stderr and exit code 2."""
    try:
        app()
    except SmoError as error:
        errors.print(f"[bold red]error:[/] {_escape(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        console.print("stopped; what was finished is kept, the same command goes on from there")
        sys.exit(130)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
