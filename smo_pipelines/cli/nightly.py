"""``smo bless`` and ``smo nightly``: the baseline of a plan, its nights, and how they stand."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from smo_pipelines.cli.console import console, now, replicate_progress, say
from smo_pipelines.config.clock import moment_of
from smo_pipelines.domain.alerts import DeliveryState
from smo_pipelines.domain.effects import Interval, NotEstimable
from smo_pipelines.domain.nightly_phrases import FIGURE_TITLES, episode_title, explanation_lines
from smo_pipelines.domain.quality import Measured, NotMeasured, value_in_words
from smo_pipelines.errors import ConfigError, NightlyError

if TYPE_CHECKING:
    from smo_pipelines.domain.episodes import Episode, Explanation, NightlyState
    from smo_pipelines.domain.nightly import NightlyPlan
    from smo_pipelines.domain.nightly_record import NightlyRecord
    from smo_pipelines.domain.nights import Night
    from smo_pipelines.experiment.workspace import Workspace
    from smo_pipelines.nightly.promotion import Registered
    from smo_pipelines.nightly.publish import NightPublished

__all__ = ["Clock", "add_to", "moment", "say_registered"]

_ALARM = 3


class _RunByDefault(TyperGroup):
    """``smo nightly PLAN`` is ``smo nightly run PLAN``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("bless")(_bless)
    nightly = typer.Typer(
        cls=_RunByDefault, help="Run the nights of a plan that are due (`smo nightly PLAN`), or show how it stands."
    )
    nightly.command("run")(_run)
    nightly.command("show")(_show)
    app.add_typer(nightly, name="nightly")


_Plan = Annotated[
    str, typer.Argument(help="A plan: the name of a file under configs/nightly/. May be left out where there is one.")
]
_Date = Annotated[str, typer.Option(help="A date such as 2026-04-01.")]
Clock = Annotated[str, typer.Option(help="The moment to take for now, e.g. 2026-04-01T03:30:00Z.")]


def _bless(
    context: typer.Context,
    plan: _Plan = "",
    date: _Date = "",
    runs: Annotated[
        int | None,
        typer.Option(help="Runs of the baseline; the plan's by default. 40 find a change in the first nights sooner than 20."),
    ] = None,
    imported_later: Annotated[
        bool, typer.Option("--imported-later", help="The history was imported in bulk, after it was rated: draw from all of it.")
    ] = False,
    clock: Clock = "",
) -> None:
    """Train the production recipe many times on the labels of before, as the baseline that every night is compared with."""
    from smo_pipelines.nightly.bless import bless
    from smo_pipelines.nightly.promotion import sync_registry

    workspace, found = _open(context, plan)
    when = moment(clock)
    day = _date(date) or found.schedule.newest(when)
    with replicate_progress() as progress:
        baseline, new = bless(
            workspace, found, date=day, now=when, runs=runs, known_at_blessing=imported_later, on_progress=progress
        )
    table = Table("stream", "mean", "runs from", "runs to", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for stream in baseline.streams:
        values = baseline.values(stream)
        table.add_row(escape(stream.name), f"{baseline.mean(stream):.4g}", f"{min(values):.4g}", f"{max(values):.4g}")
    console.print(table)
    for why in baseline.unwatched:
        say(f"not watched: {escape(why.question.label)}: {escape(why.sentence)}")
    said = f"{len(baseline.runs)} runs" if new else "was blessed already with these parts"
    say_registered(sync_registry(workspace, found.area))
    say(
        f"baseline [bold]{escape(baseline.id)}[/] of plan {escape(found.id)}: {said}; nights from the day after are compared with it"
    )


def _run(
    context: typer.Context,
    plan: _Plan = "",
    date: _Date = "",
    clock: Clock = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 while an episode lasts.")] = False,
) -> None:
    """Run the nights that are due and not stored, in order, up to a date or up to now."""
    from smo_pipelines.nightly.night import run_nights
    from smo_pipelines.nightly.publish import publish_nights

    workspace, found = _open(context, plan)
    with replicate_progress() as progress:
        made = run_nights(workspace, found, now=moment(clock), until=_date(date), on_progress=progress)
    for night in made:
        say(_in_words(night))
    if not made:
        say("no night is due that is not stored")
    published = publish_nights(workspace, found, clock=lambda: moment(clock))
    state = published.record.state
    _print_state(state)
    _print_figures(workspace, found)
    fresh = {night.date for night in made}
    for episode in state.episodes:
        if episode.opened in fresh:
            _print_known(published.record, episode)
    _print_published(published)
    if exit_code and state.open_episodes:
        raise typer.Exit(_ALARM)


def _show(
    context: typer.Context,
    plan: _Plan = "",
    date: _Date = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each episode how big it is and what changed in the labels.")
    ] = False,
) -> None:
    """Print how every watched number stands, and the episodes, from what is stored; nothing is trained unless asked to explain."""
    from smo_pipelines.nightly.fold import fold_state

    workspace, found = _open(context, plan)
    state = fold_state(workspace, found, until=_date(date))
    _print_state(state)
    _print_figures(workspace, found, _date(date))
    if explain:
        for episode in state.episodes:
            _print_explanation(workspace, found, episode.key)


def _open(context: typer.Context, name: str) -> "tuple[Workspace, NightlyPlan]":
    from smo_pipelines.config.nightly import find_nightly_plan
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    if not name:
        known = sorted(path.stem for path in (workspace.root.configs / "nightly").glob("*.yaml"))
        if len(known) != 1:
            there = f"there are {', '.join(known)}" if known else "configs/nightly/ holds none"
            raise ConfigError(f"name a nightly plan; {there}")
        name = known[0]
    return workspace, find_nightly_plan(workspace.catalogue, name)


def moment(text: str) -> dt.datetime:
    """Return the moment that ``--clock`` names, or the current one."""
    return moment_of(text, "--clock") if text else now()


def _date(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise NightlyError(f"--date {text!r} is not a date such as 2026-04-01") from error


def _in_words(night: "Night") -> str:
    head = f"[bold]{night.date.isoformat()}[/]"
    if night.not_drawn is not None:
        return f"{head}  no run: {escape(night.not_drawn.sentence)}"
    if night.repeat is not None:
        if night.repeat.differs:
            return f"{head}  [red]the labels are those of {night.repeat.of}, and these differ[/]: {escape('; '.join(night.repeat.differs))}"
        return f"{head}  nothing new since {night.repeat.of}: the same labels, and the same scores again"
    assert not isinstance(night.labels, NotEstimable)  # noqa: S101 -- a night with runs has labels
    return f"{head}  {len(night.runs)} runs on draws from {night.labels.items:,} items ({night.labels.ratings:,} ratings)"


def _print_state(state: "NightlyState") -> None:
    table = Table("status", "baseline", "newest", "evidence", "alarm at", "stream", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in state.streams:
        newest = "-" if one.newest is None or not isinstance(one.newest.value, float) else f"{one.newest.value:.4g}"
        status = f"[{'red' if one.status == 'alarm' else 'green'}]{one.status}[/]"
        table.add_row(
            status, f"{one.baseline_mean:.4g}", newest, f"{one.statistic:.3g}", f"{one.threshold:.3g}", escape(one.stream.name)
        )
    console.print(table)
    newest = "no night yet" if state.newest is None else f"newest night {state.newest.isoformat()}"
    say(f"plan {escape(state.plan)}, baseline {escape(state.baseline)}, {newest}")
    for episode in state.episodes:
        since = (
            episode.since.sentence
            if isinstance(episode.since, NotEstimable)
            else (f"since about {episode.since.first} (95%: {episode.since.earliest} to {episode.since.latest})")
        )
        ends = "lasts" if episode.closed is None else f"ended {episode.closed}"
        say(f"[red]{episode.kind}[/] episode, alarm on {episode.opened}, {escape(since)}, {ends}: {escape(episode.stream.name)}")


def _print_figures(workspace: "Workspace", plan: "NightlyPlan", until: dt.date | None = None) -> None:
    from smo_pipelines.nightly.bless import current_baseline
    from smo_pipelines.nightly.figures import label_figures
    from smo_pipelines.nightly.night import nights_of

    baseline = current_baseline(workspace, plan)
    table = Table("labels", "now", "at the blessing", "against its history", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for figure in label_figures(baseline, nights_of(workspace, baseline, until=until)):
        then = baseline.labels.figures.get(figure.name)
        word = {1: "[yellow]higher[/]", -1: "[yellow]lower[/]", 0: "no clear change", None: "nothing to compare"}[figure.moved]
        title = FIGURE_TITLES.get(figure.name, figure.name)
        table.add_row(title, escape(_told(figure.now)), "" if then is None else escape(_told(then)), word)
    if table.row_count:
        console.print(table)


def _told(told: Measured | NotMeasured) -> str:
    if isinstance(told, NotMeasured):
        return f"not measured: {told.sentence}"
    value = value_in_words(told.value, told.unit)
    if not isinstance(told.interval, Interval):
        return f"{value} ({told.interval.sentence})"
    low, high = (value_in_words(end, told.unit).removesuffix(f" {told.unit}") for end in (told.interval.low, told.interval.high))
    return f"{value} ({low} to {high})"


def _print_explanation(workspace: "Workspace", plan: "NightlyPlan", key: str) -> None:
    from smo_pipelines.nightly.explain import explain_episode

    _print_lines(explain_episode(workspace, plan, key))


def _print_known(record: "NightlyRecord", episode: "Episode") -> None:
    explanation = record.explained(episode)
    if explanation is None:
        say(f"  {escape(episode_title(episode))}\n  [yellow]not explained:[/] {escape(record.unexplained[episode.key])}")
    else:
        _print_lines(explanation)


def _print_lines(explanation: "Explanation") -> None:
    for line in (episode_title(explanation.episode), *explanation_lines(explanation)):
        say(f"  {escape(line)}")


def _print_published(published: "NightPublished") -> None:
    say(f"page:    {escape(published.page)}")
    if published.run is not None:
        say(f"tracker: run {published.run.run_id}; `smo up` shows it")
    if published.waiting:
        say(f"[yellow]tracker:[/] {escape(published.waiting)}")
    for one in published.deliveries:
        if one.fresh or one.state is not DeliveryState.sent:
            say(
                f"alert:   {escape(one.alert)} {one.state} on {escape(one.channel)}{escape(f' ({one.sentence})' if one.sentence else '')}"
            )


def say_registered(registered: "Registered") -> None:
    """Say what the model registry shows, and what somebody had moved by hand."""
    if registered.waiting:
        say(f"[yellow]registry:[/] {escape(registered.waiting)}")
    if registered.synced is not None:
        for sentence in registered.synced.put_back:
            say(f"[yellow]registry:[/] {escape(sentence)}; it was put back")
        aliases = ", ".join(f"{alias} = version {version}" for alias, version in registered.synced.aliases.items())
        say(f"registry: {escape(aliases)}")
