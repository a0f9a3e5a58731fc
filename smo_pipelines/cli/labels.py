"""``smo import`` and ``smo simulate``: how ratings come in."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from smo_pipelines.cli.console import console, now, say

if TYPE_CHECKING:
    from smo_pipelines.experiment.workspace import Workspace

__all__ = ["add_to", "simulate_demo"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("import")(_import)
    app.command("simulate")(_simulate)


def _import(
    context: typer.Context,
    form: Annotated[
        str, typer.Argument(metavar="FORMAT", help="mapped (a CSV or Parquet file by a mapping) or kern2023 (a folder).")
    ],
    path: Annotated[Path, typer.Argument(help="The file or folder to read.")],
    mapping: Annotated[Path | None, typer.Option(help="YAML file with the format's options, e.g. project and columns.")] = None,
    project: Annotated[str, typer.Option(help="The project to import into; over what the mapping says.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")] = False,
) -> None:
    """Import an export: all of it or nothing; bad rows are kept apart with file, line and reason; the same file twice adds nothing."""
    from smo_pipelines.config.mappings import load_mapping, with_label_set
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.formats import read
    from smo_pipelines.labels.pseudonyms import key_from_environment

    workspace = open_workspace(context.obj)
    options: dict[str, Any] = load_mapping(mapping) if mapping is not None else {}
    if project:
        options["project"] = project
    options = with_label_set(options, workspace.catalogue.guidelines)
    key = key_from_environment(os.environ, workspace.root.state / "keys")
    if key.made:
        say(
            f"[yellow]a development key for rater pseudonyms was made in {escape(str(workspace.root.state / 'keys'))}[/]; "
            "set SMO_RATER_KEY to your own before importing real operations",
        )
    with console.status(f"reading {path.name}"):
        batch = read(form, path, options=options, key=key.secret)
    for row in batch.quarantine[:10]:
        say(f"[yellow]quarantined[/] {escape(f'{row.file}:{row.line}: {row.reason}')}")
    if len(batch.quarantine) > 10:
        say(f"... and {len(batch.quarantine) - 10:,} more quarantined rows; the quarantine table keeps them all")
    found = f"{len(batch.ratings):,} ratings of {len(batch.items):,} items by {len(batch.raters):,} raters"
    if dry_run:
        say(f"dry run: {found}, {len(batch.quarantine):,} rows quarantined; nothing was written")
        return
    with console.status("writing"):
        receipt = workspace.tables.append(batch, imported_at=now())
    say(
        f"project {escape(batch.project)}: {receipt.ratings:,} ratings of {receipt.items:,} new items by {receipt.raters:,} new raters "
        f"imported, {receipt.duplicates:,} were there already, {receipt.quarantined:,} rows quarantined"
    )


def _simulate(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Same seed, same operation.")] = 0,
    train_items: Annotated[int, typer.Option(help="Items that raters label.", min=100)] = 1900,
    benchmark_items: Annotated[int, typer.Option(help="Items with gold, for benchmarks.", min=100)] = 2000,
) -> None:
    """Write the embedded moderation operation, with known causes, into the label tables as the project ``demo``."""
    from smo_pipelines.experiment.workspace import open_workspace

    simulate_demo(open_workspace(context.obj), seed=seed, train_items=train_items, benchmark_items=benchmark_items)


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
