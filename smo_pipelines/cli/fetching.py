"""``smo fetch``: public data sets, from where they are published."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smo_pipelines.cli.console import say
from smo_pipelines.errors import UnknownName

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("fetch")(_fetch)


def _fetch(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A public data set; without it they are listed.")] = "",
    source: Annotated[
        Path | None, typer.Option("--from", help="A folder that holds the files already; nothing is downloaded.")
    ] = None,
) -> None:
    """Fetch a public data set into .smo/data: from its own repository at a pinned commit, each file checked by its SHA-256."""
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.fetch import fetch_set
    from smo_pipelines.labels.public_sets import PUBLIC_SETS

    if not name:
        for one in PUBLIC_SETS.values():
            say(f"[bold]{one.name}[/]: {one.size / 1e6:.1f} MB; licence: {escape(one.licence)}; {escape(one.citation)}")
        return
    if name not in PUBLIC_SETS:
        raise UnknownName("public data set", name, PUBLIC_SETS)
    public = PUBLIC_SETS[name]
    folder = open_workspace(context.obj).root.state / "data" / name
    say(f"{name}: github.com/{public.repository} at {public.commit[:12]}, {len(public.files)} files, {public.size / 1e6:.1f} MB")
    say(f"licence: {escape(public.licence)}")
    say(f"cite: {escape(public.citation)}")
    if public.warning:
        say(f"[yellow]holds {escape(public.warning)}[/]; this project never prints it")
    fetch_set(public, folder, source=source, said=lambda file, what: say(f"  {what} {escape(file.name)}, {file.size:,} bytes"))
    say(f"{name} is in {escape(str(folder))}; next: {escape(public.then.format(folder=folder))}")
