"""``smo metrics``: what can be measured, and the card of each metric."""

from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from smo_pipelines.cli.console import console, say

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("metrics")(_metrics)


def _metrics(name: Annotated[str, typer.Argument(help="A metric, for its card; none for the list.")] = "") -> None:
    """List the metrics with unit, range, direction and what each needs, or show the card of one."""
    from smo_pipelines.benchmarks.metric_module import EVALUATE_MODULES, card_of
    from smo_pipelines.stats.metrics import METRICS, get_metric

    if name:
        card = card_of(get_metric(name))
        console.print(
            Markdown(card) if console.is_terminal else card, highlight=False, markup=False, soft_wrap=not console.is_terminal
        )
        return
    table = Table("name", "title", "unit", "range", "better", "threshold", "needs", "interval", "reference")
    for metric in METRICS.values():
        table.add_row(
            metric.name,
            metric.title,
            metric.unit,
            f"{metric.low:g} to {metric.high:g}",
            metric.direction.value,
            "yes" if metric.thresholded else "no",
            str(metric.needs),
            "yes" if metric.has_interval else "no",
            metric.reference,
        )
    table.columns[0].no_wrap = True
    console.print(table)
    say(f"each loads with evaluate.load('{EVALUATE_MODULES}/<name>'); its card: smo metrics <name>")
