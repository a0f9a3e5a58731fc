"""``smo promote`` and ``smo registry``: which model each area uses, and why it may."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.cli.nightly import Clock, moment, say_registered
from smo_pipelines.domain.digests import short
from smo_pipelines.errors import GateRefused

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("promote")(_promote)
    app.command("registry")(_registry)


def _promote(
    context: typer.Context,
    experiment: Annotated[str, typer.Argument(help="An experiment's id.")],
    by: Annotated[str, typer.Option(help="Who promotes it; kept with the move.")] = "smo promote",
    clock: Clock = "",
) -> None:
    """Make the model of a shipped experiment its area's champion, if every nightly guardrail holds; say why not otherwise."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.register import find_experiment
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.nightly.promotion import promote

    workspace = open_workspace(context.obj)
    file = find_experiment(workspace, experiment)
    resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
    done = promote(workspace, resolved, by=" ".join(by.split()) or "smo promote", now=moment(clock))
    for check in done.outcome.checks:
        say(f"[{'green]ok ' if check.passed else 'red]NOT'}[/] {escape(check.name)}: {escape(check.sentence)}")
    say_registered(done.registered)
    if not done.outcome.passed:
        raise GateRefused(f"{experiment} does not become champion: {'; '.join(done.outcome.failures)}")
    champion = "is champion already" if done.move is None else "is champion now"
    say(f"the model of [bold]{escape(experiment)}[/] {champion} of {escape(resolved.area)}")


def _registry(context: typer.Context) -> None:
    """List each area's champion and every move of the gate, and bring the model registry up to date."""
    from smo_pipelines.domain.promotion import aliases_after, registered_name
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.nightly.moves import areas_with_moves, moves_of
    from smo_pipelines.nightly.promotion import sync_registry

    workspace = open_workspace(context.obj)
    areas = areas_with_moves(workspace.store)
    if not areas:
        say("nothing was promoted yet; `smo promote EXPERIMENT` asks the gate")
    for area in areas:
        moves = moves_of(workspace.store, area)
        say(f"[bold]{escape(registered_name(area))}[/]")
        for alias, candidate in aliases_after(moves).items():
            say(f"  {alias}: {escape(candidate.experiment)}, fit {short(candidate.fit)}, labels {short(candidate.snapshot)}")
        table = Table("move", "at", "to", "experiment", "by", box=None, pad_edge=False, padding=(0, 2, 0, 2))
        for move in moves:
            table.add_row(str(move.number), move.at[:16], str(move.to), escape(move.candidate.experiment), escape(move.by))
        console.print(table)
        say_registered(sync_registry(workspace, area))
