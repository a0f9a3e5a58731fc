"""``smo simulate``: the embedded operation as a project."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from smo_pipelines.cli.console import console, now, say

if TYPE_CHECKING:
    from smo_pipelines.experiment.workspace import Workspace

__all__ = ["add_to", "simulate_demo"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("simulate")(_simulate)


def _simulate(  # noqa: PLR0917 -- typer passes by name
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Same seed, same operation.")] = 0,
    train_items: Annotated[int, typer.Option(help="Items that raters label.", min=100)] = 1900,
    benchmark_items: Annotated[int, typer.Option(help="Items with gold, for benchmarks.", min=100)] = 2000,
    ratings: Annotated[
        int, typer.Option(help="Write so many ratings in all, week after week, instead: to try the tables at volume.", min=0)
    ] = 0,
    project: Annotated[
        str | None, typer.Option(help="With --ratings or --days: the project to write to; large and demo unless named.")
    ] = None,
    days: Annotated[
        int, typer.Option(help="Write so many days of labels instead, each imported at its midnight: to try nights.", min=0)
    ] = 0,
    items_a_day: Annotated[int, typer.Option(help="With --days: items that are rated a day.", min=1)] = 60,
    swap_on: Annotated[
        int | None, typer.Option(help="With --days: from this day on, the first being 0, a lenient pool rates.")
    ] = None,
) -> None:
    """Write the embedded moderation operation, with known causes, into the label tables as the project ``demo``."""
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    if days:
        _simulate_days(workspace, seed, days, items_a_day, benchmark_items, swap_on, project or "demo")
    elif ratings:
        _simulate_volume(workspace, seed, ratings, project or "large")
    else:
        simulate_demo(workspace, seed=seed, train_items=train_items, benchmark_items=benchmark_items)


def _writing(what: str) -> Progress:
    columns = (TextColumn(f"writing {what}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _simulate_volume(workspace: "Workspace", seed: int, ratings: int, project: str) -> None:
    from smo_pipelines.simulate.volume import weekly_batches

    with _writing("ratings") as progress:
        task = progress.add_task("ratings", total=ratings)
        written = 0
        for batch in weekly_batches(seed, ratings=ratings, project=project):
            written += workspace.tables.append(batch, imported_at=now()).ratings
            progress.update(task, advance=batch.tables["ratings"].num_rows)
    say(f"project {escape(project)}: {written:,} ratings written, {ratings - written:,} were there already")


def _simulate_days(  # noqa: PLR0917
    workspace: "Workspace", seed: int, days: int, items_a_day: int, benchmark_items: int, swap_on: int | None, project: str
) -> None:
    from smo_pipelines.simulate.nights import label_days

    written = 0
    with _writing("days") as progress:
        task = progress.add_task("days", total=days)
        every = label_days(
            seed, days=days, items_a_day=items_a_day, benchmark_items=benchmark_items, swap_on=swap_on, project=project
        )
        for day in every:
            written += workspace.tables.append(day.batch, imported_at=day.imported_at).ratings
            progress.update(task, advance=1)
    said = f"{written:,} ratings of {days} days to {day.date.isoformat()} written; the last midnight is {day.imported_at:%Y-%m-%d}"
    say(f"project {escape(project)}: {said}")


def simulate_demo(workspace: "Workspace", *, seed: int = 0, train_items: int = 1900, benchmark_items: int = 2000) -> None:
    """Write the embedded operation and say what was written."""
    from smo_pipelines.simulate.operation import simulate_operation
    from smo_pipelines.simulate.write import write_operation

    operation = simulate_operation(seed, train_items=train_items, benchmark_items=benchmark_items)
    receipt = write_operation(workspace.tables, operation, imported_at=now())
    say(
        f"project demo: {receipt.ratings:,} ratings of {receipt.items:,} items by {receipt.raters:,} raters written, "
        f"{receipt.duplicates:,} were there already"
    )
