"""The ``smo`` command: its options, and how a mistake is said."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from smo_pipelines.cli import experiments, labels, project, serve
from smo_pipelines.cli.console import console, errors
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


project.add_to(app)
labels.add_to(app)
experiments.add_to(app)
serve.add_to(app)


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
