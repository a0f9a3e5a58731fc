"""One self-contained page a nightly plan: how it stands tonight, why, and since when."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from smo_pipelines.domain.effects import Direction, NotEstimable
from smo_pipelines.domain.episodes import AlarmKind, Episode, LabelFigure, StreamState, StreamStatus
from smo_pipelines.domain.nightly_phrases import (
    FIGURE_TITLES,
    behind_it,
    cause_sentence,
    effect_sentence,
    since_sentence,
    state_sentence,
    state_word,
    what_moved,
)
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.nights import LabelWindow, Night
from smo_pipelines.domain.phrases import amount, level_of, question_phrase, stream_phrase, unit_of
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN, Measured, NotMeasured, value_in_words
from smo_pipelines.report.e_process import e_processes
from smo_pipelines.report.environment import is_web, template_environment

__all__ = ["EpisodeCard", "FigureRow", "StreamRow", "render_nightly"]

_GLOSSARY = {
    "baseline": "Many runs of the production recipe, each on its own draw of labels from before the blessing: what nights are compared with.",
    "blessing": "The day on which somebody declared the models of that day good, and nights began to be compared with them.",
    "episode": "One lasting change of one watched number; it alerts once, however many nights it lasts.",
    "evidence": "An e-value: how much the nights since the blessing speak for a loss beyond the margin. It is near 1 when nothing is wrong.",
    "floor": "A level that a single night must not break, whatever the evidence.",
    "margin": "A loss of up to so much, fixed in the plan, is no alarm.",
    "night": "A run or more of the production recipe on labels of the last weeks; the unit that is tested is their mean.",
    "point": "A percentage point: metrics are shown from 0 to 100, and 1 point is one hundredth of that.",
    "threshold": "The evidence at which the detector alarms: nights of the horizon times watched numbers, over the chance of a false alarm.",
}
_TONES = {"ALARM": "roll_back", "QUIET": "ship", "NO NIGHT YET": "hold"}
_SIGNS = {"ALARM": "!", "QUIET": "✓", "NO NIGHT YET": "="}


@dataclass(frozen=True, kw_only=True)
class StreamRow:
    """One watched number; ``why_not`` says why there is none tonight. ``share`` is the evidence over its threshold, at most 1."""

    name: str
    direction: str
    tonight: str
    why_not: str
    baseline: str
    runs: str
    margin: str
    floor: str
    evidence: str
    share: float
    status: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class EpisodeCard:
    """One episode in words; ``lasts`` is empty while it is open."""

    key: str
    name: str
    kind: str
    opened: str
    lasts: str
    open: bool
    sentences: tuple[str, ...]
    moved: tuple[str, ...]
    taken: str


@dataclass(frozen=True, kw_only=True)
class FigureRow:
    """One key figure of the labels: on the newest night, when the baseline was blessed, and against its own history."""

    name: str
    tonight: str
    interval: str
    blessed: str
    word: str
    tone: str
    history: str


def render_nightly(record: NightlyRecord) -> str:
    """Return the page of a plan's nights as HTML; the same record gives the same page.

    Everything that people wrote is escaped; no text of an item is ever part of it.
    """
    word, labels = state_word(record), _labels(record.newest)
    return (
        template_environment()
        .get_template("nightly.html.j2")
        .render(
            record=record,
            plan=record.plan,
            baseline=record.baseline,
            word=word.capitalize(),
            tone=_TONES[word],
            sign=_SIGNS[word],
            sentence=state_sentence(record),
            claim=_claim(record),
            late=_late(record),
            nights_word=_nights_word(record),
            plot=e_processes(record),
            streams=[_stream_row(record, one) for one in record.state.streams],
            episodes=[_card(record, one) for one in reversed(record.state.episodes)],
            figures=_figures(record),
            hidden=isinstance(labels, LabelWindow) and labels.raters < FEWEST_RATERS_SHOWN,
            labels=labels if isinstance(labels, LabelWindow) else None,
            no_labels=labels.sentence if isinstance(labels, NotEstimable) else "",
            missing=_dates([date.isoformat() for date in record.missing]),
            not_drawn=[
                (night.date.isoformat(), night.not_drawn.sentence) for night in record.nights if night.not_drawn is not None
            ],
            repeats=_repeats(record.nights),
            unwatched=[(question_phrase(one.question), one.sentence) for one in record.baseline.unwatched],
            links=[(name, address, is_web(address)) for name, address in sorted(record.links.items())],
            glossary=_GLOSSARY,
            define=_GLOSSARY.__getitem__,
        )
    )


def _claim(record: NightlyRecord) -> str:
    plan = record.plan
    return (
        f"Alarms are rare by construction: with nothing wrong, the chance of any false alarm within {plan.horizon_nights:,} nights of a "
        f"blessing is at most {plan.alpha:.0%} over all {len(record.state.streams)} numbers together."
    )


def _late(record: NightlyRecord) -> str:
    if record.due not in record.missing:
        return ""
    return f"The night of {record.due.isoformat()} is due and has not run: `smo nightly {record.plan.id}` runs it."


def _nights_word(record: NightlyRecord) -> str:
    ran, missing = len(record.nights), len(record.missing)
    said = f"{ran:,} night{'' if ran == 1 else 's'} since the blessing"
    return said + (f", {missing} missing" if missing else "")


def _stream_row(record: NightlyRecord, state: StreamState) -> StreamRow:
    stream, metric = state.stream, state.stream.question.metric
    unit = unit_of(metric)
    night = state.nights[-1] if state.nights else None
    value = None if night is None else night.value
    blessed = record.baseline.values(stream)
    share = state.statistic / state.threshold
    broken = isinstance(value, float) and stream.below_floor(value)
    status = "alarm" if state.status is StreamStatus.alarm else "beyond its floor" if broken else str(state.status)
    return StreamRow(
        name=stream_phrase(stream),
        direction="higher is better" if stream.direction is Direction.higher_is_better else "lower is better",
        tonight=level_of(metric, value) if isinstance(value, float) else "",
        why_not="no night yet" if value is None else value.sentence if isinstance(value, NotEstimable) else "",
        baseline=level_of(metric, state.baseline_mean),
        runs=f"{level_of(metric, min(blessed))} to {level_of(metric, max(blessed))}, {len(blessed)} runs",
        margin=f"{amount(metric, stream.margin):g} {unit}".rstrip(),
        floor="none" if stream.floor is None else level_of(metric, stream.floor),
        evidence="under 0.01%" if share < 1e-4 else f"{100 * share:.2g}%" if share < 1 else f"{100 * share:,.0f}%",
        share=round(min(share, 1.0), 4),
        status=status,
        tone="worse" if status in ("alarm", "beyond its floor") else "unclear" if value is None else "better",
    )


def _card(record: NightlyRecord, episode: Episode) -> EpisodeCard:
    metric = episode.stream.question.metric
    explained = record.explained(episode)
    why = record.unexplained.get(episode.key, "not tried").rstrip(".")
    known: tuple[str, ...] = (f"Its size and cause could not be computed: {why}.",)
    if explained is not None:
        known = (effect_sentence(explained), cause_sentence(explained), *behind_it(explained))
    margin = f"{amount(metric, episode.stream.margin):g} {unit_of(metric)}".rstrip()
    taken = record.acknowledged.get(episode.key)
    note = f": {taken.note}" if taken is not None and taken.note else ""
    return EpisodeCard(
        key=episode.key,
        name=stream_phrase(episode.stream),
        kind="beyond the floor" if episode.kind is AlarmKind.floor else f"a loss beyond the margin of {margin}",
        opened=episode.opened.isoformat(),
        lasts="" if episode.closed is None else f"over on {episode.closed.isoformat()}",
        open=episode.open,
        sentences=tuple(_minus(text) for text in (since_sentence(episode), *known)),
        moved=() if explained is None else tuple(_minus(text) for text in what_moved(explained)),
        taken="" if taken is None else f"taken over by {taken.by} on {taken.at[:16].replace('T', ' ')} UTC{note}",
    )


def _labels(night: Night | None) -> LabelWindow | NotEstimable | None:
    return None if night is None else night.labels


def _figures(record: NightlyRecord) -> list[FigureRow]:
    newest = _labels(record.newest)
    if not isinstance(newest, LabelWindow) or newest.raters < FEWEST_RATERS_SHOWN:
        return []
    return [_figure(record, figure) for figure in record.figures]


def _figure(record: NightlyRecord, figure: LabelFigure) -> FigureRow:
    before, told = record.baseline.labels, figure.now
    then = before.figures.get(figure.name) if before.raters >= FEWEST_RATERS_SHOWN else None
    word = {1: "higher", -1: "lower", 0: "no clear change", None: "nothing to compare"}[figure.moved]
    return FigureRow(
        name=FIGURE_TITLES.get(figure.name, figure.name.replace("_", " ").capitalize()),
        tonight=_words(told.value, told.unit) if isinstance(told, Measured) else "",
        interval=_interval(told),
        blessed="" if then is None else _words(then.value, then.unit) if isinstance(then, Measured) else "not measured",
        word=word,
        tone="worse" if figure.moved else "unclear",
        history=f"of {len(figure.history)} earlier window{'' if len(figure.history) == 1 else 's'}",
    )


def _interval(told: Measured | NotMeasured) -> str:
    if isinstance(told, NotMeasured):
        return f"not measured: {told.sentence}"
    if isinstance(told.interval, NotMeasured):
        return f"none: {told.interval.sentence}"
    return f"{_words(told.interval.low, told.unit)} to {_words(told.interval.high, told.unit)}"


def _words(value: float, unit: str) -> str:
    if value == int(value) and abs(value) >= 100:
        return f"{int(value):,} {unit}".rstrip()
    return _minus(value_in_words(value, unit))


def _dates(dates: Sequence[str]) -> str:
    shown = ", ".join(dates[-20:])
    return f"{len(dates) - 20} earlier ones, {shown}" if len(dates) > 20 else shown


def _repeats(nights: Sequence[Night]) -> list[tuple[str, str]]:
    found = []
    for night in nights:
        if night.repeat is not None:
            said = "scored again, and equal byte for byte"
            if night.repeat.differs:
                said = f"scored again, and DIFFERENT on {', '.join(night.repeat.differs)}: the same labels and code must give the same bytes"
            found.append((night.date.isoformat(), f"the labels of {night.repeat.of.isoformat()}, {said}"))
    return found[-20:]


def _minus(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)  # noqa: RUF001 -- a minus sign, as wide as the plus
