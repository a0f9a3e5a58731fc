"""``smo raters``: who the raters are to the tables."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smo_pipelines.cli.console import console, now, say
from smo_pipelines.errors import LabelError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    raters = typer.Typer(help="Look after the raters' pseudonyms.", no_args_is_help=True)
    raters.callback()(_raters)
    raters.command("rotate")(_rotate)
    app.add_typer(raters, name="raters")


def _raters() -> None:
    """Look after the raters' pseudonyms."""


def _rotate(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="The project whose raters get new pseudonyms.")],
    ids: Annotated[Path, typer.Option("--ids", help="File of the raters' raw ids as the exports have them, one a line.")],
    keep_unknown: Annotated[
        bool, typer.Option("--keep-unknown", help="Leave raters whose raw id is not in the file under their old pseudonyms.")
    ] = False,
) -> None:
    """Rename raters from the key in SMO_RATER_KEY_OLD (or the development key) to the one in SMO_RATER_KEY: all or nobody."""
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.pseudonyms import rotation_keys
    from smo_pipelines.labels.rotation import rotate_pseudonyms

    workspace = open_workspace(context.obj)
    raw_ids = _raw_ids(ids)
    keys = rotation_keys(os.environ, workspace.root.state / "keys")
    with console.status("renaming"):
        done = rotate_pseudonyms(workspace.tables, project, raw_ids, keys, rotated_at=now(), keep_unknown=keep_unknown)
    say(
        f"project {escape(project)}: {done.renamed:,} raters and reviewers renamed, {done.already:,} were there already, "
        f"{done.unknown:,} keep their old pseudonyms; {done.strangers:,} of the ids are nobody's here"
    )
    if done.joined:
        say(
            f"[yellow]note[/] {done.joined:,} raters had ratings under both keys and are one rater each from now on; before this moment "
            "they stay two, and a rating that was imported under both keys stands twice"
        )
    if done.renamed:
        say(
            "keep SMO_RATER_KEY set for imports from now on; pools may list old pseudonyms or new ones; label snapshots keep their "
            "digests, while redraws of raters are drawn anew, as they go by pseudonym"
        )


def _raw_ids(path: Path) -> list[str]:
    """Read ids, one a line; a message never quotes one."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise LabelError(f"the raw ids in {path} cannot be read: {reason}; give a text file with one id a line") from error
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise LabelError(f"{path} has no raw id; give a text file with one id a line, as the exports have them")
    return found
