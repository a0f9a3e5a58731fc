"""``smo run``, ``smo show``, ``smo experiments`` and ``smo demo``."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from smo_pipelines.cli.console import console, now, replicate_progress
from smo_pipelines.errors import ConfigError

__all__ = ["add_to"]

_COLOURS = {"ship": "green", "hold": "yellow", "roll_back": "red", "inconclusive": "cyan", "invalid": "magenta"}
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
    from smo_pipelines.experiment.record import publish, track_plan
    from smo_pipelines.experiment.register import find_experiment, register_experiment
    from smo_pipelines.experiment.run import run_experiment
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(root)
    file = find_experiment(workspace, name)
    experiment = register_experiment(workspace, file.raw, file.source).experiment
    console.print(f"[bold]{escape(experiment.id)}[/]  {escape(experiment.change.what)}")
    if (problem := track_plan(workspace, experiment)) is not None:
        console.print(f"[yellow]tracker:[/] {escape(problem)}")
    with replicate_progress("training") as progress:
        conclusion = run_experiment(workspace, experiment, clock=now, launched_by="smo run", on_progress=progress)
    published = publish(workspace, conclusion.record)
    _print_decision(conclusion.record)
    console.print(f"fits trained now: {conclusion.trained}; decision digest {conclusion.record.decision.digest[:12]}")
    console.print(f"report:  {escape(published.report)}", soft_wrap=True)
    if published.run is not None:
        console.print(f"tracker: run {published.run.run_id} ({escape(workspace.tracking_uri)}); `smo up` shows it", soft_wrap=True)
    if published.waiting:
        console.print(f"[yellow]tracker:[/] {escape(published.waiting)}; the record waits in {escape(str(workspace.outbox))}")


def _show(context: typer.Context, experiment: Annotated[str, typer.Argument(help="An experiment's id.")]) -> None:
    """Print the decision of a finished experiment, with its intervals, without training anything."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.prepare import load_arms
    from smo_pipelines.experiment.record import is_decided
    from smo_pipelines.experiment.register import find_experiment
    from smo_pipelines.experiment.run import conclude, effects_of
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    file = find_experiment(workspace, experiment)
    resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
    if not is_decided(workspace, resolved):
        raise ConfigError(f"experiment {experiment!r} has no decision yet; `smo run {experiment}` gives one")
    arms = load_arms(workspace, resolved)
    moment = now()
    record = conclude(
        workspace, arms, effects=effects_of(workspace, arms), started_at=moment, finished_at=moment, launched_by="smo show"
    )
    _print_decision(record)
    console.print(f"report:  {escape(str(workspace.root.state / 'reports' / f'{experiment}.html'))}", soft_wrap=True)


def _list(context: typer.Context) -> None:
    """List the experiments of the project: what changes, and the decision where there is one."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.record import is_decided
    from smo_pipelines.experiment.register import known_experiments
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    table = Table("experiment", "change", "kind", "decision", "where it is written")
    for name, file in known_experiments(workspace).items():
        resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
        decided = is_decided(workspace, resolved)
        verdict = str(workspace.store.get("decisions", resolved.spec_hash).meta["verdict"]) if decided else "-"
        kind = f"null test: {resolved.null_test}" if resolved.null_test else str(resolved.kind)
        table.add_row(escape(name), escape(f"{resolved.change.id} {resolved.change.what}"), kind, verdict, escape(file.source))
    console.print(table)


def _demo(context: typer.Context) -> None:
    """Make the embedded operation and run two pre-registered experiments on it: a guideline edit, and an A/A that could fail."""
    from smo_pipelines.cli.labels import simulate_demo
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    if not workspace.tables.has_ratings("demo"):
        simulate_demo(workspace)
    for name in DEMO_EXPERIMENTS:
        _run_one(context.obj, name)
    console.print(
        "\n[bold]Where to look[/]: `make up` (or `smo up`) serves Dagster and MLflow on this machine and prints their addresses."
    )


def _print_decision(record: Any) -> None:
    from smo_pipelines.domain.effects import NotEstimable, Role
    from smo_pipelines.domain.phrases import change_with_interval, question_phrase, unit_of

    decision = record.decision
    colour = _COLOURS[str(decision.verdict)]
    reasons = "\n".join(f"- {reason}" for reason in decision.reasons)
    console.print(
        Panel(escape(f"{decision.sentence}\n{reasons}"), title=f"[bold {colour}]{decision.verdict.upper()}[/]", border_style=colour)
    )
    shown = [e for e in decision.effects if e.question.role in (Role.primary, Role.guardrail, Role.gold_cell)]
    if not shown:
        return
    table = Table("role", "metric", "change", "95% interval", "margin")
    for effect in shown:
        margin = "" if effect.margin is None else f"{100 * effect.margin:g} pp"
        if isinstance(effect, NotEstimable):
            table.add_row(
                str(effect.question.role),
                escape(question_phrase(effect.question)),
                "not estimable",
                escape(effect.sentence),
                margin,
            )
            continue
        change, low, high = change_with_interval(effect)
        unit = unit_of(effect.question.metric)
        table.add_row(
            str(effect.question.role), escape(question_phrase(effect.question)), f"{change} {unit}", f"{low} to {high}", margin
        )
    console.print(table)
    primary = shown[0]
    if not isinstance(primary, NotEstimable):
        console.print(f"estimand: {escape(primary.estimand.sentence)}", soft_wrap=True)
