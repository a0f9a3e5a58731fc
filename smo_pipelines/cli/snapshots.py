"""``smo snapshot``: make label snapshots, trace where one comes from, compare two."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.domain.digests import short

if TYPE_CHECKING:
    from smo_pipelines.domain.label_changes import FlipCount
    from smo_pipelines.experiment.snapshots import SnapshotLineage

__all__ = ["add_to"]

_SHOWN = 20
_Name = Annotated[str, typer.Argument(metavar="DIGEST", help="The first characters of a snapshot's digest, at least six.")]

snapshots = typer.Typer(help="Label snapshots: make one, trace where it comes from, compare two.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(snapshots, name="snapshot")


@snapshots.command("build")
def _build(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(help="A YAML file that says what an experiment's `control` would: project, question, ...")
    ],
    as_of: Annotated[str, typer.Option(help="A moment, e.g. 2026-01-31T00:00:00Z: only what was imported by then.")] = "",
) -> None:
    """Make a snapshot by a recipe and store it under its content."""
    from smo_pipelines.config.recipes import load_recipe
    from smo_pipelines.experiment.snapshots import snapshot_lineage, take_snapshot
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    asked = load_recipe(recipe)
    with console.status("reading ratings"):
        entry = take_snapshot(workspace, replace(asked, as_of=as_of) if as_of else asked)
    _print_lineage(snapshot_lineage(workspace, entry))


@snapshots.command("list")
def _list(context: typer.Context) -> None:
    """List the snapshots that are stored."""
    from smo_pipelines.experiment.snapshots import stored_snapshots
    from smo_pipelines.experiment.stored import stored_recipe
    from smo_pipelines.experiment.workspace import open_workspace

    table = Table("digest", "project", "question", "guideline", "items", box=None, pad_edge=False)
    for entry in stored_snapshots(open_workspace(context.obj)):
        recipe = stored_recipe(entry)
        names = (recipe.project, recipe.question, recipe.guideline or "-")
        table.add_row(short(str(entry.meta["digest"])), *map(escape, names), f"{entry.meta['items']:,}")
    console.print(table)


@snapshots.command("show")
def _show(context: typer.Context, digest: _Name) -> None:
    """Trace a snapshot back: its recipe, the imports and files it drew from, the experiments that use it."""
    from smo_pipelines.experiment.snapshots import find_snapshot, snapshot_lineage
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    _print_lineage(snapshot_lineage(workspace, find_snapshot(workspace, digest)))


@snapshots.command("diff")
def _diff(context: typer.Context, before: _Name, after: _Name) -> None:
    """Compare two snapshots: their recipes field by field, and the labels of the items that both have."""
    from smo_pipelines.experiment.snapshots import compare_snapshots, find_snapshot
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    difference = compare_snapshots(workspace, find_snapshot(workspace, before), find_snapshot(workspace, after))
    for name, (old, new) in difference.recipe.items():
        say(f"recipe {name}: {escape(old)} -> {escape(new)}")
    if not difference.recipe:
        say("the recipes are the same")
    labels = difference.labels
    say(
        f"items: {labels.matched_items:,} untied in both, {labels.only_control:,} only in the first, {labels.only_treatment:,} only in the second"
    )
    table = Table("by", "group", "items", "to positive", "to negative", "flips", "by chance", box=None, pad_edge=False)
    for by, counts in (("", (labels.total,)), *labels.by.items()):
        for count in sorted(counts, key=lambda one: -one.flips)[:_SHOWN]:
            table.add_row(escape(by), escape(count.group), *_cells(count))
    console.print(table)


def _cells(count: "FlipCount") -> tuple[str, ...]:
    chance = "not known"
    if count.expected is not None and count.expected_low is not None and count.expected_high is not None:
        chance = f"{count.expected:.0f} ({count.expected_low:.0f} to {count.expected_high:.0f})"
    numbers = (count.items, count.to_positive, count.to_negative, count.flips)
    return (*(f"{number:,}" for number in numbers), chance)


def _print_lineage(lineage: "SnapshotLineage") -> None:
    say(f"[bold]snapshot {short(lineage.digest)}[/]  {lineage.digest}")
    say(f"stored under {lineage.key}")
    say(f"{lineage.items:,} items, {lineage.ratings:,} ratings by {lineage.raters:,} raters")
    for field in fields(lineage.recipe):
        value = getattr(lineage.recipe, field.name)
        if value not in (None, ()):
            said = ", ".join(f"{name} in {'|'.join(values)}" for name, values in value) if field.name == "items" else str(value)
            say(f"  {field.name}: {escape(said)}")
    for share in lineage.imports:
        facts = share.facts
        when = f"{facts.imported_at:%Y-%m-%d %H:%M:%S} UTC"
        say(f"from import {short(facts.import_id)}  {when}  {escape(facts.source)}: {share.selected:,} ratings selected")
        for file in facts.files:
            say(f"    {escape(file.name)}  {file.bytes:,} bytes  sha256 {file.sha256}")
    if lineage.unseen:
        say(f"{lineage.unseen:,} other imports were there, and the recipe selects nothing of them")
    for experiment, version, arm in lineage.arms:
        say(f"used by experiment {escape(experiment)} version {version} as {arm}")
