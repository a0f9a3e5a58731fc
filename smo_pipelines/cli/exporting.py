"""``smo export``: ratings as a file for other tools."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smo_pipelines.cli.console import console, say

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("export")(_export)


def _export(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="The project whose ratings are written.")],
    out: Annotated[Path, typer.Option("--out", help="A new file that ends in .csv or .parquet.")],
    with_text: Annotated[bool, typer.Option("--with-text", help="Write the items' texts along, in the clear.")] = False,
) -> None:
    """Write a project's ratings, with raters as pseudonyms; `smo import FILE` reads them back."""
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.export import export_ratings

    tables = open_workspace(context.obj).tables
    with console.status("writing"):
        count = export_ratings(tables, project, out, with_text=with_text)
    texts = "with their items' texts, which may be abuse" if with_text else "without texts (--with-text writes them)"
    say(f"{count:,} ratings of project {escape(project)} written to {escape(str(out))}, {texts}")
    if out.suffix.lower() == ".csv":
        say(
            "a text that begins like a formula has an apostrophe in front, so that no spreadsheet runs it; `smo import` takes it off"
        )
