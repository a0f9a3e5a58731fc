"""``smo cache``: what is kept of the texts that a transformer has read, and how to let go of it."""

from datetime import UTC, datetime

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say

__all__ = ["add_to"]

cache = typer.Typer(
    help="Hidden states of texts, kept so that no text is computed twice; they can be made again at any time.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(cache, name="cache")


@cache.command("show")
def _show(context: typer.Context) -> None:
    """Say what the cache takes, folder by folder, and its limit."""
    from smo_pipelines.classifiers.cache_room import cache_limit, cache_usage
    from smo_pipelines.experiment.workspace import open_workspace

    root = open_workspace(context.obj).cache_dir / "encoder"
    limit, usage = cache_limit(), cache_usage(root)
    total = sum(one.size for one in usage)
    say(f"{_size(total)} of at most {_size(limit)} (SMO_CACHE_BYTES) in {escape(str(root))}")
    if not usage:
        return
    table = Table("folder", "of", "shards", "size", "last used", box=None, pad_edge=False)
    for one in usage:
        used = datetime.fromtimestamp(one.used_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(one.folder.name, escape(one.about), f"{one.shards:,}", _size(one.size), used)
    console.print(table)


@cache.command("clear")
def _clear(context: typer.Context) -> None:
    """Remove all of it; runs that are going on keep what they have read."""
    from smo_pipelines.classifiers.cache_room import clear_cache
    from smo_pipelines.experiment.workspace import open_workspace

    freed = clear_cache(open_workspace(context.obj).cache_dir / "encoder")
    say(f"{_size(freed)} removed; the next run computes its texts again")


def _size(count: int) -> str:
    """Return bytes in words.

    Examples
    --------
    >>> _size(999), _size(14_200_000), _size(8 * 2**30)
    ('999 bytes', '13.5 MiB', '8.0 GiB')
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
