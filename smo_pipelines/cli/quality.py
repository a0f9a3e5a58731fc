"""``smo quality`` and ``smo kpis``: how good, fast and dear a project's ratings are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.domain.effects import Interval
from smo_pipelines.domain.kpis import KpiOutcome, KpiStatus, kpi_counts
from smo_pipelines.domain.quality import MEASURES, Measure, Measured, NotMeasured, QualityGroup, value_in_words
from smo_pipelines.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from smo_pipelines.labels.group_cohesion import CohesionOfRaters

__all__ = ["add_to"]

_OF_A_RATER = (Measure.vitality, Measure.gold_accuracy, Measure.throughput)
_COLOURS = {
    KpiStatus.met: "green",
    KpiStatus.missed_target: "yellow",
    KpiStatus.beyond_limit: "red",
    KpiStatus.not_known: "cyan",
}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("quality")(_quality)
    app.command("kpis")(_kpis)


_AsOf = Annotated[str, typer.Option(help="Only what was imported by this moment, e.g. 2026-01-31T00:00:00Z.")]


def _quality(  # noqa: PLR0917 -- typer passes by name
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="The project whose ratings are measured.")],
    by: Annotated[
        list[str] | None,
        typer.Option(help="Group by guideline, instrument, pool, locale or rater, besides question; repeat it for combinations."),
    ] = None,
    where: Annotated[list[str] | None, typer.Option(help="Only some ratings, e.g. pool=core; repeat it for more.")] = None,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure, in one table; repeat it for more.")] = None,
    scale: Annotated[str, typer.Option(help="Of the labels, for alpha: nominal, ordinal, interval or ratio.")] = "nominal",
    between: Annotated[
        str, typer.Option(help="Instead: does each pool (or kind) of raters agree inside itself more than with the others?")
    ] = "",
    as_of: _AsOf = "",
) -> None:
    """Measure agreement, gold accuracy, review, speed and cost of ratings, each with its 95% interval or why there is none."""
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.quality import label_quality
    from smo_pipelines.stats.agreement import Scale

    if between:
        if measure or scale != Scale.nominal:
            raise ConfigError("--between compares nominal agreement inside groups and across them; leave out --measure and --scale")
        _between(context, project, between, ["question", *(by or ["guideline"])], _predicate(where or []), _moment(as_of))
        return
    if scale not in tuple(Scale):
        raise UnknownName("scale of labels", scale, [str(one) for one in Scale])
    groupings = ["question", *(by or ["guideline"])]
    chosen = _measures(measure or [])
    if not chosen and "rater" in groupings:
        chosen = _OF_A_RATER
    workspace = open_workspace(context.obj)
    groups = label_quality(
        workspace.tables,
        project,
        guidelines=workspace.catalogue.guidelines,
        by=groupings,
        where=_predicate(where or []),
        measures=chosen or tuple(Measure),
        as_of=_moment(as_of),
        scale=Scale(scale),
    )
    if chosen:
        _print_table(groups, chosen)
    else:
        for group in groups:
            _print_group(group)
    if not all(group.shareable for group in groups):
        say("* fewer than 5 raters: for those who run the operation, not for pages that others read")


def _between(
    context: typer.Context,
    project: str,
    between: str,
    by: Sequence[str],
    where: tuple[tuple[str, tuple[str, ...]], ...],
    as_of: datetime | None,
) -> None:
    from smo_pipelines.experiment.workspace import open_workspace
    from smo_pipelines.labels.group_cohesion import cohesion_of_raters

    workspace = open_workspace(context.obj)
    rows = cohesion_of_raters(
        workspace.tables,
        project,
        guidelines=workspace.catalogue.guidelines,
        between=between,
        by=by,
        where=where,
        as_of=as_of,
    )
    for keys in dict.fromkeys(row.keys for row in rows):
        named = ", ".join(f"{name} {value or '(none)'}" for name, value in keys)
        say(f"\n[bold]{escape(named)}[/]")
        names = ("raters", "items", "inside", "across", "ratio", "excess", "by chance", "p")
        table = Table(between, *names, box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for row in (one for one in rows if one.keys == keys):
            _add_cohesion(table, row)
        if table.row_count:
            console.print(table)
    say(
        "inside: alpha of the group; across: cross-replication reliability with the others, on items that both rated; "
        "ratio: above 1 the group agrees with itself more; excess: inside minus across, and what it is by chance in 95% of random "
        "groups of as many raters; p is of one group at a time"
    )


def _add_cohesion(table: Table, row: "CohesionOfRaters") -> None:
    name, told = escape(row.group or "(none)"), row.cohesion
    if isinstance(told, NotMeasured):
        say(f"{name}: not measured ({escape(told.sentence)})")
        return
    ratio = "-" if isinstance(row.association, NotMeasured) else f"{row.association:.2f}"
    table.add_row(
        name,
        f"{told.n_group:,}",
        f"{told.n_units:,}",
        f"{told.in_group:.3f}",
        f"{told.cross_group:.3f}",
        ratio,
        f"{told.in_group - told.cross_group:+.3f}",
        f"{told.chance_low:+.3f} to {told.chance_high:+.3f}",
        f"{told.p:.3f}",
    )


def _measures(names: Sequence[str]) -> tuple[Measure, ...]:
    for name in names:
        if name not in tuple(Measure):
            raise UnknownName("measure", name, [str(one) for one in Measure])
    return tuple(Measure(name) for name in names)


def _predicate(pairs: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, set[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--where {pair!r} is not a grouping and its value; write e.g. --where pool=core")
        found.setdefault(name.strip(), set()).add(value.strip())
    return tuple(sorted((name, tuple(sorted(values))) for name, values in found.items()))


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--as-of {text!r} is not a moment such as 2026-01-31T00:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mark(group: QualityGroup) -> str:
    return "" if group.shareable else " *"


def _cells(told: Measured | NotMeasured) -> tuple[str, str]:
    if isinstance(told, NotMeasured):
        return "-", told.sentence
    value = value_in_words(told.value, told.unit)
    if not isinstance(told.interval, Interval):
        return value, told.interval.sentence
    low, high = (value_in_words(end, told.unit).removesuffix(f" {told.unit}") for end in (told.interval.low, told.interval.high))
    return value, f"{low} to {high}"


def _print_group(group: QualityGroup) -> None:
    say(
        f"\n[bold]{escape(group.name)}[/]{_mark(group)}: {group.ratings:,} ratings of {group.items:,} items by "
        f"{group.raters:,} raters"
    )
    table = Table("measure", "value", "95% interval", "n", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    absent: dict[str, list[str]] = {}
    for measure, told in group.measures.items():
        if isinstance(told, NotMeasured):
            absent.setdefault(told.sentence, []).append(MEASURES[measure].title)
        else:
            table.add_row(MEASURES[measure].title, *map(escape, _cells(told)), f"{told.n:,}")
    console.print(table)
    for reason, titles in absent.items():
        say(f"not measured: {escape(', '.join(titles))} ({escape(reason)})")


def _print_table(groups: Sequence[QualityGroup], measures: Sequence[Measure]) -> None:
    for measure in measures:
        shown = [(group, group.measures[measure]) for group in groups if measure in group.measures]
        say(f"\n[bold]{MEASURES[measure].title}[/]: {MEASURES[measure].definition}")
        if not shown:
            say("not a measure of one rater" if measure is not Measure.vitality else "a measure of one rater: ask --by rater")
            continue
        table = Table("value", "95% interval", "n", "group", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for group, told in shown:
            n = f"{told.n:,}" if isinstance(told, Measured) else ""
            table.add_row(*map(escape, _cells(told)), n, escape(group.name) + _mark(group))
        console.print(table)


def _kpis(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="A project with a file under configs/kpis/.")],
    as_of: _AsOf = "",
) -> None:
    """Print how the key figures of a project stand against their targets and limits, and how they move."""
    from smo_pipelines.experiment.kpis import kpi_outcomes
    from smo_pipelines.experiment.workspace import open_workspace

    outcomes = kpi_outcomes(open_workspace(context.obj), project, as_of=_moment(as_of))
    table = Table("status", "trend", "key figure", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for outcome in outcomes:
        status = f"[{_COLOURS[outcome.status]}]{outcome.status}[/]"
        table.add_row(status, str(outcome.trend), f"[bold]{escape(_title(outcome))}[/]\n{escape(outcome.sentence)}")
    console.print(table)
    say(", ".join(f"{count} {status}" for status, count in kpi_counts(outcomes).items() if count))


def _title(outcome: KpiOutcome) -> str:
    group = ", ".join(value or "(none)" for _, value in outcome.keys)
    return f"{outcome.kpi.name}{f', {group}' if group else ''} ({outcome.kpi.owner})"
