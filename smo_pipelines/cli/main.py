"""The ``smo`` command: its options, and how a mistake is said."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from typer.exceptions import TyperException

from smo_pipelines.cli.benchmarks import add_to as add_benchmarks
from smo_pipelines.cli.cache import add_to as add_cache
from smo_pipelines.cli.classifiers import add_to as add_classifiers
from smo_pipelines.cli.console import errors
from smo_pipelines.cli.experiments import add_to as add_experiments
from smo_pipelines.cli.explain import add_to as add_explain
from smo_pipelines.cli.exporting import add_to as add_exporting
from smo_pipelines.cli.fetching import add_to as add_fetching
from smo_pipelines.cli.imports import add_to as add_imports
from smo_pipelines.cli.labels import add_to as add_labels
from smo_pipelines.cli.matrix import add_to as add_matrix
from smo_pipelines.cli.metrics import add_to as add_metrics
from smo_pipelines.cli.plan import add_to as add_plan
from smo_pipelines.cli.predictions import add_to as add_predictions
from smo_pipelines.cli.project import add_to as add_project
from smo_pipelines.cli.quality import add_to as add_quality
from smo_pipelines.cli.raters import add_to as add_raters
from smo_pipelines.cli.serve import add_to as add_serve
from smo_pipelines.cli.snapshots import add_to as add_snapshots
from smo_pipelines.errors import SmoError

__all__ = ["app", "main"]

_INTERRUPTED = 130

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


for add_commands in (
    add_project,
    add_fetching,
    add_imports,
    add_exporting,
    add_labels,
    add_snapshots,
    add_benchmarks,
    add_predictions,
    add_experiments,
    add_plan,
    add_explain,
    add_matrix,
    add_quality,
    add_metrics,
    add_raters,
    add_classifiers,
    add_cache,
    add_serve,
):
    add_commands(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 2 for a mistake the user can act on, said in one sentence on stderr; 130 for Ctrl-C.

    Any other exception is a fault of this program, and shows as one.
    """
    try:
        code = app(arguments, prog_name="smo", standalone_mode=False)
    except SmoError as error:
        _say(str(error))
        code = 2
    except TyperException as error:
        _say(f"{error.format_message().rstrip('.')}; `{_command_of(error)} --help` says what is legal")
        code = 2
    if code == _INTERRUPTED:
        errors.print("stopped; what was finished is kept, and the same command goes on from there")
    sys.exit(code)


def _say(sentence: str) -> None:
    errors.print(f"[bold red]error:[/] {escape(' '.join(sentence.split()))}", soft_wrap=True, highlight=False)


def _command_of(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context is not None else "smo"
