"""``smo import`` and ``smo quarantine``: how ratings come in, and what of them could not be read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from smo_pipelines.cli.console import console, now, say
from smo_pipelines.errors import ImportRefused, UnknownName

if TYPE_CHECKING:
    from smo_pipelines.experiment.workspace import Workspace
    from smo_pipelines.labels.batch import LabelBatch, QuarantinedRow
    from smo_pipelines.labels.formats.detect import Detected
    from smo_pipelines.labels.formats.listener import Listener
    from smo_pipelines.labels.preview import ImportPreview

__all__ = ["add_to"]

_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("import")(_import)
    app.command("quarantine")(_quarantine)


def _import(
    context: typer.Context,
    what: Annotated[
        list[str], typer.Argument(metavar="[FORMAT] PATH", help="The file or folder to read; its format is found out.")
    ],
    *,
    form: Annotated[str, typer.Option("--format", help="The format, where what is found out is not right.")] = "",
    mapping: Annotated[Path | None, typer.Option(help="YAML file with the format's options, e.g. project and columns.")] = None,
    project: Annotated[str, typer.Option(help="The project to import into; over what the mapping says.")] = "",
    max_bad_share: Annotated[
        float | None, typer.Option(help="Share of unreadable rows above which nothing is imported; over what the mapping says.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")] = False,
) -> None:
    """Import an export: all of it or nothing; bad rows are kept apart with file, line and reason; the same file twice adds nothing."""
    from smo_pipelines.config.mappings import load_mapping, with_label_set
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.preview import preview

    workspace = open_workspace(context.obj)
    options: dict[str, Any] = load_mapping(mapping) if mapping is not None else {}
    given = {"project": project or None, "max_bad_share": max_bad_share}
    options |= {name: value for name, value in given.items() if value is not None}
    found, path = _format_and_path(what, form)
    say(f"format: {found.form} ({escape(found.why)})")
    batch = _read(workspace, found.form, path, with_label_set(options, workspace.catalogue.guidelines))
    shown = preview(workspace.tables, batch)
    _print_preview(batch, shown)
    _print_quarantined(batch.quarantine)
    if dry_run:
        counts = shown.rows
        found_rows = f"{counts['ratings']:,} ratings of {counts['items']:,} items by {counts['raters']:,} raters"
        say(f"dry run: {found_rows}, {len(batch.quarantine):,} rows quarantined; nothing was written")
        return
    with console.status("writing"):
        receipt = workspace.tables.append(batch, imported_at=now())
    say(
        f"project {escape(batch.project)}: {receipt.ratings:,} ratings of {receipt.items:,} new items by {receipt.raters:,} new raters "
        f"imported, {receipt.duplicates:,} were there already, {receipt.quarantined:,} rows quarantined"
    )


def _format_and_path(what: list[str], form: str) -> "tuple[Detected, Path]":
    from smo_pipelines.labels.formats import FORMATS
    from smo_pipelines.labels.formats.detect import Detected, detect

    if len(what) > 2 or (len(what) == 2 and form):
        raise ImportRefused(f"one file or folder is imported at a time; got {', '.join(what)}")
    path = Path(what[-1])
    named = form or (what[0] if len(what) == 2 else "")
    if not named:
        return detect(path), path
    if named not in FORMATS:
        raise UnknownName("export format", named, FORMATS)
    return Detected(named, "as you said"), path


def _read(workspace: "Workspace", form: str, path: Path, options: dict[str, Any]) -> "LabelBatch":
    from smo_pipelines.labels.formats import read
    from smo_pipelines.labels.pseudonyms import key_from_environment

    key = key_from_environment(os.environ, workspace.root.state / "keys")
    if key.made:
        say(
            f"[yellow]a development key for rater pseudonyms was made in {escape(str(workspace.root.state / 'keys'))}[/]; "
            "set SMO_RATER_KEY to your own before importing real operations",
        )
    notes: list[str] = []
    with _progress(path.name, notes) as listener:
        batch = read(form, path, options=options, key=key.secret, listener=listener)
    for note in notes:
        say(f"[yellow]note[/] {escape(note)}")
    return batch


@contextmanager
def _progress(name: str, notes: list[str]) -> "Iterator[Listener]":
    """Show a bar over the bytes that are read; where output goes to a file or a pipe there is none."""
    from smo_pipelines.labels.formats.listener import Listener

    columns = (TextColumn(f"reading {escape(name)}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield Listener(note=notes.append, progress=lambda share: progress.update(task, total=1.0, completed=share))


def _print_preview(batch: "LabelBatch", shown: "ImportPreview") -> None:
    table = Table("project " + escape(batch.project), "found", "new here", box=None, pad_edge=False)
    for name, count in shown.rows.items():
        table.add_row(name, f"{count:,}", f"{shown.new[name]:,}")
    table.add_row("unreadable rows", f"{len(batch.quarantine):,}", "")
    console.print(table)
    for question, labels in shown.labels.items():
        listed = [f"{escape(label) or 'skipped'} {count:,}" for label, count in list(labels.items())[:_SHOWN]]
        more = f" and {len(labels) - _SHOWN:,} other labels" if len(labels) > _SHOWN else ""
        say(f"question {escape(question)}: {', '.join(listed)}{more}")
    if shown.gold or shown.prelabelled:
        say(f"{shown.gold:,} ratings are gold, {shown.prelabelled:,} began as a model's suggestion")


def _print_quarantined(rows: "tuple[QuarantinedRow, ...]") -> None:
    for row in rows[:_SHOWN]:
        say(f"[yellow]quarantined[/] {escape(_printable(f'{row.file}:{row.line}: {row.reason}'))}")
    if len(rows) > _SHOWN:
        say(f"... and {len(rows) - _SHOWN:,} more quarantined rows; `smo quarantine PROJECT` lists all of them once imported")


def _printable(text: str) -> str:
    """Return text without what a terminal would obey; reasons quote what files hold."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _quarantine(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="The project whose imports are meant.")],
    limit: Annotated[int, typer.Option(help="At most so many rows; 0 for all.", min=0)] = 100,
) -> None:
    """List the rows of a project's imports that could not be read: file, line, reason."""
    from smo_pipelines.experiment.workspace import open_workspace

    tables = open_workspace(context.obj).tables
    known = tables.projects()
    if project not in known:
        raise UnknownName("project", project, known)
    rows = tables.quarantine(project)
    for row in rows[: limit or None]:
        say(escape(_printable(f"{row.file}:{row.line}: {row.reason}")))
    hidden = len(rows) - limit if limit else 0
    say(
        f"{len(rows):,} rows of project {escape(project)} are in quarantine"
        + (f", {hidden:,} not shown (--limit 0)" if hidden > 0 else "")
    )
