"""``smo run``, ``smo show``, ``smo experiments`` and ``smo demo``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, now, replicate_progress, say
from smo_pipelines.cli.decisions import print_decision, print_price
from smo_pipelines.domain.phrases import shown_effect
from smo_pipelines.errors import ConfigError

__all__ = ["add_to"]

DEMO_EXPERIMENTS = ("counter-speech-exempt", "aa-rater-halves")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("run")(_run)
    app.command("show")(_show)
    app.command("experiments")(_list)
    app.command("demo")(_demo)


def _run(
    context: typer.Context, experiment: Annotated[str, typer.Argument(help="An id: the name of a file under experiments/.")]
) -> None:
    """Run an experiment to its decision; what is already computed is not computed again."""
    _run_one(context.obj, experiment)


def _run_one(root: Path | None, name: str) -> None:
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.record import publish, track_plan
    from smo_pipelines.experiment.register import find_experiment, register_experiment
    from smo_pipelines.experiment.run import ready_arms, run_experiment
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(root)
    file = find_experiment(workspace, name)
    # what cannot be trained is refused before it is registered, so that it leaves no trace
    arms = ready_arms(workspace, resolve_experiment(file.raw, workspace.catalogue, file.source))
    experiment = register_experiment(workspace, file.raw, file.source).experiment
    say(f"[bold]{escape(experiment.id)}[/]  {escape(experiment.change.what)}")
    if (problem := track_plan(workspace, experiment)) is not None:
        say(f"[yellow]tracker:[/] {escape(problem)}")
    with replicate_progress() as progress:
        conclusion = run_experiment(workspace, experiment, clock=now, launched_by="smo run", arms=arms, on_progress=progress)
    print_decision(conclusion.record.decision)
    if conclusion.record.price is not None:
        print_price(conclusion.record.price)
    say(f"fits trained now: {conclusion.trained}")
    published = publish(workspace, conclusion.record)
    say(f"report:  {escape(published.report)}")
    if published.run is not None:
        say(f"tracker: run {published.run.run_id} ({escape(workspace.tracking_uri)}); `smo up` shows it")
    if published.waiting:
        say(f"[yellow]tracker:[/] {escape(published.waiting)}")


def _show(context: typer.Context, experiment: Annotated[str, typer.Argument(help="An experiment's id.")]) -> None:
    """Print the decision of a finished experiment, with its intervals, as it was made."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.price import stored_price
    from smo_pipelines.experiment.record import decided_entry, stored_decision
    from smo_pipelines.experiment.register import find_experiment
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    file = find_experiment(workspace, experiment)
    resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
    entry = decided_entry(workspace, resolved)
    if entry is None:
        raise ConfigError(f"experiment {experiment!r} has no decision yet; `smo run {experiment}` gives one")
    decision = stored_decision(entry)
    print_decision(decision)
    price = stored_price(workspace, entry, shown_effect(decision))
    if price is not None:
        print_price(price)
    say(f"report:  {escape(str(workspace.root.state / 'reports' / f'{experiment}.html'))}")


def _list(context: typer.Context) -> None:
    """List the experiments of the project: what changes, and the decision where there is one."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.record import decided_verdict
    from smo_pipelines.experiment.register import known_experiments
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    # two columns, so that an id of any length is whole on a terminal of 80 columns
    table = Table("decision", "experiment", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    unreadable = 0
    for name, file in known_experiments(workspace).items():
        try:
            resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
        except ConfigError as error:
            unreadable += 1
            table.add_row("[red]unreadable[/]", f"[bold]{escape(name)}[/]\n{escape(str(error))}")
            continue
        kind = f"A/A, {resolved.null_test}" if resolved.null_test else str(resolved.kind)
        what = f"{kind.replace('_', ' ')}: {resolved.change.id} {resolved.change.what}"
        verdict = (decided_verdict(workspace, resolved) or "-").replace("_", " ")
        table.add_row(verdict, f"[bold]{escape(name)}[/]\n{escape(what)}")
    console.print(table)
    if unreadable:
        raise ConfigError(f"{unreadable} of the experiment files cannot be read; each says above what to do")


def _demo(context: typer.Context) -> None:
    """Make the embedded operation and run two pre-registered experiments on it: a guideline edit, and an A/A that could fail."""
    from smo_pipelines.cli.labels import simulate_demo
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    if not workspace.tables.has_ratings("demo"):
        simulate_demo(workspace)
    for name in DEMO_EXPERIMENTS:
        _run_one(context.obj, name)
    say("\n[bold]Where to look[/]: `make up` (or `smo up`) serves Dagster and MLflow on this machine and prints their addresses.")
