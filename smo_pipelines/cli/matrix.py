"""``smo matrix``: trained on X, tested on Y."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.cli.predictions import level_cell
from smo_pipelines.domain.phrases import metric_title

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("matrix")(_matrix)


def _matrix(
    context: typer.Context,
    experiments: Annotated[list[str], typer.Argument(help="Finished experiments; arms that they share are one row.")],
    metric: Annotated[str, typer.Option(help="The metric.")] = "auroc",
) -> None:
    """Print a metric of every arm on every set of held-out labels, from fits in the store. Diagnostic: it decides nothing."""
    from smo_pipelines.experiment.matrix import held_out_matrix
    from smo_pipelines.experiment.workspace import open_workspace

    matrix = held_out_matrix(open_workspace(context.obj), experiments, metric)
    table = Table(
        "trained on", *(escape(name) for name in matrix.columns), title=f"{metric_title(metric)}, tested on", title_justify="left"
    )
    for row in matrix.rows:
        table.add_row(escape(row.trained_on), *(level_cell(row.levels[name]) for name in matrix.columns))
    console.print(table)
    say("mean over the fits on each arm's labels (95% interval over runs and items, these raters only)")
    say("diagnostic: the raters of the held-out labels are the raters of training, so this explains and cannot decide")
