"""``smo raters``: who the raters are to the tables, and how two pools, or one pool at two times, compare."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, now, say
from smo_pipelines.errors import ConfigError, LabelError, UnknownName

if TYPE_CHECKING:
    from smo_pipelines.domain.pools import Period

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    raters = typer.Typer(help="Compare rater pools; look after the raters' pseudonyms.", no_args_is_help=True)
    raters.callback()(_raters)
    raters.command("compare")(_compare)
    raters.command("rotate")(_rotate)
    app.add_typer(raters, name="raters")


def _raters() -> None:
    """Compare rater pools; look after the raters' pseudonyms."""


_PeriodText = Annotated[
    str, typer.Option(metavar="START..BEFORE", help="Count its work of this time only; either end may be left out.")
]


def _compare(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="The project whose ratings are the work.")],
    before: Annotated[str, typer.Argument(help="A pool of configs/pools, e.g. core@1, or all.")],
    after: Annotated[str, typer.Argument(help="Another, another version of it, or the same at another time.")] = "",
    *,
    before_in: _PeriodText = "",
    after_in: _PeriodText = "",
) -> None:
    """Compare two pools or versions of one (overlap), or one pool in two times (drift): who is in both, and who does the work."""
    from smo_pipelines.domain.pools import PoolComparison
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.pools import compare_work, pool_work

    workspace = open_workspace(context.obj)
    pools = workspace.catalogue.pools
    sides = [(before, _period(before_in, "--before-in")), (after or before, _period(after_in, "--after-in"))]
    if sides[0] == sides[1]:
        raise ConfigError(f"{before} is compared with itself; name a second pool, or two times with --before-in and --after-in")
    for name, _ in sides:
        if name not in pools:
            raise UnknownName("pool", name, pools)
    known = workspace.tables.projects()
    if project not in known:
        raise UnknownName("project", project, known)
    with workspace.tables.views(project) as views:
        found = compare_work(*(pool_work(pools[name], views, period=period) for name, period in sides))
    if not isinstance(found, PoolComparison):
        raise LabelError(f"{found.sentence}; choose another time or pool")
    table = Table("", escape(found.before), escape(found.after), box=None, pad_edge=False)
    table.add_row("raters", f"{found.raters_before:,}", f"{found.raters_after:,}")
    table.add_row("of them in both", f"{found.shared:,}", f"{found.shared:,}")
    table.add_row("in this one alone", f"{found.left:,}", f"{found.joined:,}")
    table.add_row("ratings", f"{found.ratings_before:,}", f"{found.ratings_after:,}")
    table.add_row("by raters in both", f"{found.shared_ratings_before:.1%}", f"{found.shared_ratings_after:.1%}")
    console.print(table)
    say(
        f"overlap {found.jaccard:.2f} (raters in both over raters in either); {found.moved_ratings:.1%} of the work moved to other "
        "raters (0% is the same work by the same raters, 100% is no rater in common)"
    )


def _period(text: str, option: str) -> "Period | None":
    from smo_pipelines.domain.pools import Period

    if not text:
        return None
    start, dots, before = text.partition("..")
    if not dots or not (start or before):
        raise ConfigError(f"{option} {text!r} is not a time such as 2026-01-01..2026-02-01, 2026-02-01.. or ..2026-02-01")
    return Period(start=start or None, before=before or None)


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
