"""``smo predictions``: models that were fitted elsewhere, on the benchmarks of this project."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable
from smo_pipelines.domain.levels import Level
from smo_pipelines.domain.phrases import change_with_interval, level_of, metric_title
from smo_pipelines.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from smo_pipelines.domain.benchmarks import Benchmark

__all__ = ["add_to", "level_cell"]

_On = Annotated[str, typer.Option("--on", help="The benchmark.")]
_Gold = Annotated[str, typer.Option(help="Guideline of the gold; needed where the benchmark has several.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    group = typer.Typer(help="Predictions of models that were fitted elsewhere.", no_args_is_help=True)
    group.command("import")(_import)
    group.command("list")(_list)
    group.command("score")(_score)
    group.command("compare")(_compare)
    app.add_typer(group, name="predictions")


def _import(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines or Parquet: one row an item of the benchmark.")],
    *,
    benchmark: Annotated[str, typer.Option(help="The benchmark that was scored.")],
    model: Annotated[str, typer.Option(help="A name for the model: letters, digits, dots and dashes.")],
    threshold: Annotated[float, typer.Option(help="An item is flagged when its score is at or above it.")] = 0.5,
    labels: Annotated[
        bool, typer.Option("--labels", help="The file holds decisions, not scores: gold's words, or 1 and 0.")
    ] = False,
    item_id: Annotated[str, typer.Option(help="The column of the items' ids.")] = "item_id",
    column: Annotated[str, typer.Option(help="The column of the scores or decisions; default: score, or label.")] = "",
    digest: Annotated[str, typer.Option(help="The version of the benchmark that was scored; another version is refused.")] = "",
) -> None:
    """Import a model's predictions on a benchmark: all of them or none; the same file twice adds nothing."""
    from smo_pipelines.experiment.predictions import PredictionFile, import_predictions
    from smo_pipelines.experiment.workspace import open_workspace

    file = PredictionFile(path=path, labels=labels, threshold=threshold, item_id=item_id, column=column, digest=digest)
    done = import_predictions(open_workspace(context.obj), file, benchmark=benchmark, model=model)
    what = "decisions" if done.predictions.hard else f"scores, threshold {done.predictions.threshold:g}"
    said = "imported" if done.new else "were there already; nothing was written"
    say(
        f"{escape(model)}: {len(done.predictions.scores):,} {what}, on {escape(benchmark)} "
        f"(version {short(done.predictions.benchmark_digest)}) {said}"
    )


def _list(context: typer.Context) -> None:
    """List the imported predictions."""
    from smo_pipelines.experiment.predictions import known_predictions
    from smo_pipelines.experiment.workspace import open_workspace

    known = known_predictions(open_workspace(context.obj))
    for meta in known:
        what = "decisions" if meta["hard"] else f"scores, threshold {meta['threshold']:g}"
        on = f"{escape(str(meta['benchmark']))} (version {short(str(meta['benchmark_digest']))})"
        say(f"{escape(str(meta['model']))}: {meta['items']:,} {what}, on {on}")
    if not known:
        say("no predictions were imported yet; `smo predictions import FILE --benchmark NAME --model NAME`")


def _score(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model whose predictions were imported.")],
    *,
    on: _On,
    by: Annotated[str, typer.Option("--by", help="A slice of the benchmark: one row for each of its values.")] = "",
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this metric; repeat it for more. With --by one, default functional_pass_rate.")
    ] = None,
    gold: _Gold = "",
) -> None:
    """Print the metrics of one model on a benchmark, each with its 95% interval over items like these."""
    from smo_pipelines.analysis.models import measure_by_slice, measure_model
    from smo_pipelines.experiment.benchmarks import load_benchmark
    from smo_pipelines.experiment.predictions import find_predictions
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    benchmark = load_benchmark(workspace, on)
    predictions = find_predictions(workspace, model, benchmark)
    under = _gold_of(benchmark, gold)
    names = _metrics(metric or (["functional_pass_rate"] if by else []))
    levels: dict[tuple[str, str], Level] = {}
    for name in names:
        if by:
            sliced = measure_by_slice(predictions, benchmark, metric=name, gold=under, by=by)
            levels |= {(value, name): level for value, level in sliced.items()}
        else:
            levels[benchmark.name, name] = measure_model(predictions, benchmark, metric=name, gold=under)
    table = Table(by or "benchmark", "metric", f"{escape(model)} (95% interval)", "items", "groups", box=None, pad_edge=False)
    for (value, name), level in levels.items():
        counts = ("", "") if isinstance(level, NotEstimable) else (f"{level.n_items:,}", f"{level.n_clusters:,}")
        table.add_row(escape(value), metric_title(name), level_cell(level), *counts)
    console.print(table)
    _print_estimand(list(levels.values()))


def _compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="MODEL_A", help="A model whose predictions were imported.")],
    second: Annotated[str, typer.Argument(metavar="MODEL_B", help="Another one.")],
    *,
    on: _On,
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric; repeat it for more.")] = None,
    gold: _Gold = "",
) -> None:
    """Compare two models on one benchmark, paired item by item: every metric of each, and what B changes over A."""
    from smo_pipelines.analysis.models import compare_models, measure_model
    from smo_pipelines.experiment.benchmarks import load_benchmark
    from smo_pipelines.experiment.predictions import find_predictions
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    benchmark = load_benchmark(workspace, on)
    under = _gold_of(benchmark, gold)
    pair = [find_predictions(workspace, model, benchmark) for model in (first, second)]
    table = Table(
        "metric", f"A: {escape(first)}", f"B: {escape(second)}", "B - A, points (95% interval)", "p", box=None, pad_edge=False
    )
    shown: list[Level] = []
    for name in _metrics(metric or []):
        levels = [measure_model(one, benchmark, metric=name, gold=under) for one in pair]
        effect = compare_models(pair[0], pair[1], benchmark, metric=name, gold=under)
        shown += levels
        if isinstance(effect, EffectEstimate):
            change, low, high = change_with_interval(effect)
            said, p = f"{change} ({low} to {high})", "< 0.001" if effect.p < 0.001 else f"{effect.p:.3f}"
        else:
            said, p = f"not estimable: {escape(effect.sentence)}", ""
        table.add_row(metric_title(name), *(level_cell(level) for level in levels), said, p)
    console.print(table)
    _print_estimand(shown)


def level_cell(level: Level) -> str:
    """Return a level with its interval in one cell, or why there is none."""
    if isinstance(level, NotEstimable):
        return f"not estimable: {escape(level.sentence)}"
    metric = level.question.metric
    if isinstance(level.interval, NotEstimable):
        return f"{level_of(metric, level.value)} (no interval: {escape(level.interval.sentence)})"
    return f"{level_of(metric, level.value)} ({level_of(metric, level.interval.low)} to {level_of(metric, level.interval.high)})"


def _print_estimand(levels: Sequence[Level]) -> None:
    estimand = next((level.estimand for level in levels if not isinstance(level, NotEstimable)), None)
    if estimand is not None:
        say(f"about: {escape(estimand.items)}; {estimand.training_items}; {escape(estimand.gold)}; each model's own threshold")


def _gold_of(benchmark: "Benchmark", gold: str) -> str:
    if gold and gold not in benchmark.golds:
        raise UnknownName(f"gold of benchmark {benchmark.name!r}", gold, benchmark.golds)
    if not gold and len(benchmark.golds) > 1:
        raise ConfigError(f"{benchmark.name} has several golds; say --gold and one of {', '.join(benchmark.golds)}")
    return gold or next(iter(benchmark.golds))


def _metrics(names: Sequence[str]) -> tuple[str, ...]:
    from smo_pipelines.stats.metrics import METRICS, get_metric

    return tuple(get_metric(name).name for name in dict.fromkeys(names)) or tuple(METRICS)
