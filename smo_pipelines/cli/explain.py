"""``smo explain``: which part of a change moved the model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, now, replicate_progress, say
from smo_pipelines.domain.attribution import Attribution, CauseVerdict, Contrast, Partition, Split
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.phrases import contrast_words, question_phrase

__all__ = ["add_to"]

_COLOURS = {CauseVerdict.cause: "bold", CauseVerdict.interacting: "yellow", CauseVerdict.within_noise: "dim"}


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("explain")(_explain)


def _explain(
    context: typer.Context,
    experiment: Annotated[str, typer.Argument(help="A decided experiment's id.")],
    by: Annotated[
        Partition | None, typer.Option(help="Split by this alone. Default: by all that the change can be split by.")
    ] = None,
) -> None:
    """Split the change of the primary metric and the guardrails over the parts of the change, on a fast head."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.explain import explain, show_in_report
    from smo_pipelines.experiment.register import find_experiment
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    file = find_experiment(workspace, experiment)
    resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
    with _one_bar_a_game() as progress:
        explanation = explain(workspace, resolved, by=(by,) if by else tuple(Partition), on_progress=progress)
    for attribution in explanation.attributions:
        _print(attribution)
    say(f"fits trained now: {explanation.trained}")
    say(f"report:  {escape(show_in_report(workspace, resolved, clock=now))}")


@contextmanager
def _one_bar_a_game() -> Iterator[Callable[[str, float], None]]:
    with ExitStack() as stack:
        moves: list[Callable[[str, float], None]] = []

        def move(label: str, share: float) -> None:
            if label == "total":
                stack.close()
                moves[:] = [stack.enter_context(replicate_progress())]
            moves[0](label, share)

        yield move


def _print(attribution: Attribution) -> None:
    say(f"\n[bold]By {escape(attribution.by)}[/]")
    if attribution.refused is not None:
        say(f"  not estimable: {escape(attribution.refused.sentence)}")
        return
    if attribution.agreement is not None:
        say(escape(attribution.agreement.sentence))
    said = f"{attribution.runs} fits a coalition"
    redraws = f" and {attribution.redraws} redraws of the raters" if attribution.redraws else ", about these raters only"
    say(f"{attribution.items:,} items in every coalition, {attribution.left_out:,} left out; {said}{redraws}")
    for split in attribution.splits:
        _print_split(attribution, split)


def _print_split(attribution: Attribution, split: Split | NotEstimable) -> None:
    if isinstance(split, NotEstimable):
        say(f"  {escape(question_phrase(split.question))}: not estimable: {escape(split.sentence)}")
        return
    metric = split.question.metric

    def words(contrast: Contrast) -> str:
        return contrast_words(metric, contrast)

    fine_tuned = "" if split.fine_tuned is None else f"; the experiment's classifier {words(split.fine_tuned)}"
    table = Table(
        "part", "flips", "share (interval)", "alone", "taken back", "verdict",
        title=f"{escape(question_phrase(split.question))}: {words(split.change)}{fine_tuned}",
        title_justify="left",
    )  # fmt: skip
    for share in split.shares:
        player = attribution.player(share.player)
        colour = _COLOURS[share.verdict]
        table.add_row(
            escape(share.player),
            f"{player.flips:,}",
            words(share.shapley),
            words(Contrast(estimate=share.first_in.estimate)),
            words(Contrast(estimate=share.swap_back.estimate)),
            f"[{colour}]{str(share.verdict).replace('_', ' ')}[/]: {escape(share.sentence)}",
        )
    console.print(table)
