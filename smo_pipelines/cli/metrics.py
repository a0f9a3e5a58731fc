"""``smo metrics``: what can be measured, and the card of each metric."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say

if TYPE_CHECKING:
    from smo_pipelines.stats.metrics import Metric

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
    # two columns, so that every line is whole on a terminal of 80 columns
    table = Table("metric", "what it is", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    for metric in METRICS.values():
        table.add_row(f"[bold]{metric.name}[/]", f"{escape(_facts(metric))}\n[dim]{escape(metric.reference)}[/]")
    console.print(table, highlight=False)
    say(f"each loads with evaluate.load('{EVALUATE_MODULES}/<name>'); its card: smo metrics <name>")


def _facts(metric: "Metric") -> str:
    """Return a line that says what a metric is."""
    facts = [f"{metric.title}: {metric.unit}, {metric.low:g} to {metric.high:g}, {metric.direction.value} is better"]
    facts += ["at a threshold"] if metric.thresholded else []
    facts += [f"needs {metric.needs}"] if metric.needs.value != "nothing" else []
    facts += [] if metric.has_interval else ["no interval"]
    return "; ".join(facts)
