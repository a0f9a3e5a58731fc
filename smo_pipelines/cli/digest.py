"""``smo digest``: every decided change, read together."""

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.domain.change_digest import JudgedChange
from smo_pipelines.domain.effects import EffectEstimate
from smo_pipelines.domain.phrases import VERDICT_WORDS, change_with_interval, unit_of

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("digest")(_digest)


def _digest(context: typer.Context) -> None:
    """Write one page of every decided change: effect, decision, cost, how many ships may be false, how often benchmarks were used."""
    from smo_pipelines.experiment.change_digest import change_digest, publish_digest
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.report.change_digest import digest_sentences

    workspace = open_workspace(context.obj)
    digest = change_digest(workspace)
    for sentence in digest_sentences(digest):
        say(escape(sentence))
    table = Table("decision", "effect", "read together", "change", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in digest.changes:
        table.add_row(*(escape(cell) for cell in _cells(one)))
    console.print(table)
    for use in digest.benchmarks:
        many = len(use.experiments)
        say(f"{escape(use.benchmark)} {use.digest[:12]}: used by {many} decided {'experiment' if many == 1 else 'experiments'}")
    published = publish_digest(workspace, digest)
    say(f"page:    {escape(published.page)}")
    for area, run in published.runs.items():
        say(f"tracker: run {run.run_id} in smo/{escape(area)}/changes ({escape(workspace.tracking_uri)})")
    for area, why in published.waiting.items():
        say(f"[yellow]tracker:[/] {escape(area)}: {escape(why)}")


def _cells(one: JudgedChange) -> tuple[str, str, str, str]:
    change, effect = one.change, one.change.effect
    word = VERDICT_WORDS[change.verdict].lower() + (" (superseded)" if change.superseded_by is not None else "")
    if isinstance(effect, EffectEstimate):
        value, low, high = change_with_interval(effect)
        said = f"{value} {unit_of(effect.question.metric)} [{low}, {high}]".replace("  ", " ")
    else:
        said = "not shown" if effect is None else "not estimable"
    together = "A/A" if change.null_test else str(one.after_all)
    return word, said, together, f"{change.change_id} {change.experiment}"
