"""``smo plan``: what an experiment can be expected to show, before it is run."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, errors, replicate_progress, say
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.phrases import question_phrase
from smo_pipelines.domain.plans import Plan, PlannedQuestion

if TYPE_CHECKING:
    from smo_pipelines.domain.experiments import Experiment
    from smo_pipelines.experiment.workspace import Workspace

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("plan")(_plan)


def _plan(
    context: typer.Context,
    experiment: Annotated[str, typer.Argument(help="An id: the name of a file under experiments/.")],
    measured: Annotated[
        bool,
        typer.Option(
            "--measured", help="Print what a decided experiment measured, as configs/components/<classifier>.yaml holds it."
        ),
    ] = False,
) -> None:
    """Say how likely an experiment is to show what it is for, and what the cheapest design with enough power costs.

    Nothing is registered. Where nothing was measured of this classifier before, the control is fitted a few times; the experiment
    needs those fits too, and finds them.
    """
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.plan import why_not_planned
    from smo_pipelines.experiment.register import find_experiment
    from smo_pipelines.experiment.run import plan_of, ready_arms
    from smo_pipelines.experiment.training import Training
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    file = find_experiment(workspace, experiment)
    if measured:
        _print_measured(workspace, resolve_experiment(file.raw, workspace.catalogue, file.source))
        return
    arms = ready_arms(workspace, resolve_experiment(file.raw, workspace.catalogue, file.source))
    if (why := why_not_planned(arms)) is not None:
        say(f"[red]invalid as it stands:[/] {escape(why)}")
        raise typer.Exit(1)
    with replicate_progress() as progress, Training(workspace, arms, later=(), on_progress=progress) as training:
        plan = plan_of(workspace, arms, training.run)
    print_plan(plan)
    if training.trained:
        say(f"fits trained now: {training.trained}")


def _print_measured(workspace: "Workspace", experiment: "Experiment") -> None:
    from smo_pipelines.config.components import components_text
    from smo_pipelines.experiment.components import measured_components

    found, missing = measured_components(workspace, experiment)
    typer.echo(components_text(found), nl=False)
    for sentence in missing:
        errors.print(f"no components of {escape(sentence)}", soft_wrap=True, highlight=False)


def print_plan(plan: Plan) -> None:
    """Print a plan: its sentence, then a table of the questions that decide."""
    from smo_pipelines.analysis.plan_words import cheapest_in_words, plan_sentence

    say(f"[bold]{escape(plan.experiment)}[/]  {escape(plan_sentence(plan))}")
    table = Table("question", "to show", "power", f"shown with {plan.target:.0%}", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for planned in plan.questions:
        phrase = f"{planned.question.role}: {question_phrase(planned.question)}"
        if isinstance(planned, NotEstimable):
            table.add_row(escape(phrase), "", "[yellow]not known[/]", escape(planned.sentence))
            continue
        table.add_row(escape(phrase), *_numbers(planned))
    console.print(table)
    for planned in plan.questions:
        if isinstance(planned, PlannedQuestion):
            say(f"[bold]{escape(question_phrase(planned.question))}[/]")
            say(f"  cheapest with {plan.target:.0%}: {escape(cheapest_in_words(planned))}")
            say(f"  components: {escape(planned.source)}")


def _numbers(planned: PlannedQuestion) -> tuple[str, str, str]:
    from smo_pipelines.analysis.wording import amount

    metric = planned.question.metric
    colour = "green" if planned.enough else "yellow"
    power = f"[{colour}]{planned.power:.0%}[/] ({planned.interval.low:.0%} to {planned.interval.high:.0%})"
    sign = "" if planned.question.role.value == "primary" else "at most "
    return f"{sign}{amount(planned.distance, metric)}", power, amount(planned.needed, metric)
