"""``smo benchmark``: the benchmarks of the project, their versions, and how often each has been used."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, changes_between
from smo_pipelines.domain.digests import short
from smo_pipelines.errors import ConfigError, SmoError

if TYPE_CHECKING:
    from smo_pipelines.domain.benchmarks import Benchmark

__all__ = ["add_to"]

_SHOWN = 40


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(
        help="Benchmarks: what is in them, their versions, and how often they have been used.", no_args_is_help=True
    )
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("items")(_items)
    app.add_typer(group, name="benchmark")


def _list(context: typer.Context) -> None:
    """List the benchmarks: items, independent groups, gold, version, and how many decided experiments were scored on it."""
    from smo_pipelines.experiment.benchmark_uses import benchmark_uses
    from smo_pipelines.experiment.benchmarks import load_benchmark
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    uses = benchmark_uses(workspace)
    table = Table("items", "groups", "used", "benchmark", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in workspace.catalogue.benchmarks:
        try:
            benchmark = load_benchmark(workspace, name)
        except SmoError as error:
            table.add_row("-", "-", "-", f"[bold]{escape(name)}[/]\nnot here: {escape(str(error))}")
            continue
        about = f"{short(benchmark.digest)}, gold of {', '.join(benchmark.golds)}{_diagnostic(benchmark)}"
        used = len(uses.get(benchmark.digest, ()))
        table.add_row(f"{len(benchmark):,}", f"{benchmark.n_clusters:,}", f"{used:,}", f"[bold]{escape(name)}[/]\n{escape(about)}")
    console.print(table)
    say(
        "used: decided experiments that were scored on this version; the more there are, the more luck with these items is in the best"
    )


def _show(context: typer.Context, name: Annotated[str, typer.Argument(help="A file under configs/benchmarks.")]) -> None:
    """Show one benchmark: its gold, slices, version, uses, and what changed since its other versions. Never its texts."""
    from smo_pipelines.experiment.benchmark_uses import benchmark_uses, earlier_versions
    from smo_pipelines.experiment.benchmarks import load_benchmark
    from smo_pipelines.experiment.stored import get_benchmark
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    benchmark = load_benchmark(workspace, name)
    uses = benchmark_uses(workspace)
    say(f"[bold]{escape(name)}[/]  version {short(benchmark.digest)}{_diagnostic(benchmark)}")
    say(
        f"{len(benchmark):,} items in {benchmark.n_clusters:,} independent groups, from {escape(benchmark.source or 'the label tables')}"
    )
    for gold, codes in benchmark.golds.items():
        known = int((codes != UNKNOWN_GOLD).sum())
        positive = int((codes == 1).sum())
        say(f"gold of {escape(gold)}: {positive:,} positive, {known - positive:,} negative, {len(codes) - known:,} unknown")
    for column, values in benchmark.slices.items():
        names = sorted(set(values.tolist()))
        listed = ", ".join(f"{escape(value) or '(none)'} {int((values == value).sum()):,}" for value in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        say(f"slice {escape(column)}: {listed}{more}")
    of_this = uses.get(benchmark.digest, ())
    say(f"decided experiments that were scored on it: {escape(', '.join(of_this)) or 'none'} ({len(of_this)})")
    for digest, key in earlier_versions(workspace, benchmark).items():
        change = changes_between(get_benchmark(workspace.store, key), benchmark)
        say(f"version {short(digest)}, scored by {len(uses.get(digest, ()))} decided; from it to this: {change.sentence}")


def _items(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A file under configs/benchmarks.")],
    out: Annotated[Path, typer.Option("--out", help="A new CSV file.")],
) -> None:
    """Write the ids and texts of a benchmark, without gold, for a model elsewhere to score. The texts may be abuse."""
    from smo_pipelines.experiment.benchmarks import load_benchmark
    from smo_pipelines.experiment.workspace import open_workspace

    benchmark = load_benchmark(open_workspace(context.obj), name)
    if out.suffix.lower() != ".csv" or out.exists():
        raise ConfigError(f"{out} must be a new file that ends in .csv")
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "text"])
        writer.writerows(zip(benchmark.item_ids.tolist(), benchmark.texts.tolist(), strict=True))
    say(
        f"{len(benchmark):,} items of {escape(name)} written to {escape(str(out))}; score them, then "
        f"`smo predictions import FILE --benchmark {escape(name)} --model NAME --digest {short(benchmark.digest)}`"
    )


def _diagnostic(benchmark: "Benchmark") -> str:
    return ", diagnostic: explains, cannot decide" if benchmark.diagnostic else ""
