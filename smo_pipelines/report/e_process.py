"""The evidence against each watched number, night by night, on a log scale: laid out here, drawn by the page."""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from smo_pipelines.domain.episodes import Episode, NightPoint, StreamState, StreamStatus
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.phrases import stream_phrase

__all__ = ["EProcess", "EProcessPlot", "e_processes"]

_LOWEST = 0.1
"""Evidence below it says the same: nothing. A log scale needs an end."""

_ROOM = 3.0
"""How far above the threshold, or the highest night, the axis reaches, as a factor."""

_MOST_TICKS = 5
_LAST_TICK = 95.0
"""Per cent of the width: a date further right would not fit on the page."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class EProcess:
    """One stream, in per cent of the plot's width and height, from the left and the top.

    Attributes
    ----------
    path : str
        The d of an SVG path in a box of 100 by 100; it is broken where a night is missing.
    episodes : tuple of (float, float, str)
        Left edge, width, and what it is in words.
    alarms : tuple of (float, float, str)
        Marks: where, and what they are in words.
    """

    name: str
    tone: str
    now: str
    path: str
    episodes: tuple[tuple[float, float, str], ...]
    alarms: tuple[tuple[float, float, str], ...]
    y_threshold: float
    description: str


@dataclass(frozen=True, kw_only=True)
class EProcessPlot:
    """All streams on the same two axes; ticks are (place in per cent, text)."""

    streams: tuple[EProcess, ...]
    dates: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]


def e_processes(record: NightlyRecord) -> EProcessPlot | None:
    """Return the plot, the strongest evidence first; None before the first night."""
    if record.state.newest is None:
        return None
    first, last = record.baseline.date, max(record.due, record.state.newest)
    days = max((last - first).days, 1)
    top = _ROOM * max(max([one.threshold, *(night.statistic for night in one.nights)]) for one in record.state.streams)
    height = math.log10(top / _LOWEST)

    def x(date: dt.date) -> float:
        return round(100.0 * (date - first).days / days, 3)

    def y(value: float) -> float:
        return round(100.0 * (1.0 - math.log10(max(value, _LOWEST) / _LOWEST) / height), 3)

    scale = _Scale(first=first, last=last, x=x, y=y)
    ordered = sorted(record.state.streams, key=lambda one: (one.status is not StreamStatus.alarm, -one.statistic / one.threshold))
    return EProcessPlot(
        streams=tuple(_stream(scale, one, _episodes_of(record, one)) for one in ordered),
        dates=tuple((x(date), text) for date, text in _date_ticks(first, last) if x(date) <= _LAST_TICK),
        levels=tuple((y(level), _level(level)) for level in _levels(top)),
    )


@dataclass(frozen=True)
class _Scale:
    first: dt.date
    last: dt.date
    x: Callable[[dt.date], float]
    y: Callable[[float], float]


def _stream(scale: _Scale, state: StreamState, episodes: Sequence[Episode]) -> EProcess:
    share = state.statistic / state.threshold
    alarms = [night for night in state.nights if night.alarms]
    name = stream_phrase(state.stream)
    highest = max((night.statistic for night in state.nights), default=0.0)
    return EProcess(
        name=name,
        tone="worse" if state.status is StreamStatus.alarm else "unclear",
        now=f"{_level(state.statistic)} of {_level(state.threshold)}" if state.nights else "no night yet",
        path=" ".join(_path(scale, state.nights)),
        episodes=tuple(_band(scale, one) for one in episodes),
        alarms=tuple(
            (scale.x(night.date), scale.y(night.statistic), f"{night.date.isoformat()}: alarm ({', '.join(night.alarms)})")
            for night in alarms
        ),
        y_threshold=scale.y(state.threshold),
        description=f"{name}: {len(state.nights)} nights, evidence now {share:.1%} of its threshold, highest {_level(highest)}, "
        f"{len(alarms)} alarm{'' if len(alarms) == 1 else 's'}",
    )


def _path(scale: _Scale, nights: Sequence[NightPoint]) -> Iterator[str]:
    before: dt.date | None = None
    for night in nights:
        joined = before is not None and (night.date - before).days == 1
        point = f"{scale.x(night.date):g} {scale.y(night.statistic):g}"
        # a line of no length is drawn as a dot: a night between two missing ones is seen
        yield f"L{point}" if joined else f"M{point} l0 0"
        before = night.date


def _band(scale: _Scale, episode: Episode) -> tuple[float, float, str]:
    end = scale.last if episode.closed is None else episode.closed
    text = f"episode from {episode.opened.isoformat()}" + ("" if episode.closed is None else f" to {episode.closed.isoformat()}")
    left = scale.x(episode.opened)
    return left, round(max(scale.x(end) - left, 0.6), 3), text


def _episodes_of(record: NightlyRecord, state: StreamState) -> list[Episode]:
    return [one for one in record.state.episodes if one.stream == state.stream]


def _date_ticks(first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, str]]:
    days = (last - first).days
    if days <= 60:
        step = 7 if days > 10 else 1
        for k in range(0, days + 1, max(step, -(-days // 6))):
            date = first + dt.timedelta(days=k)
            yield date, f"{date.day} {_MONTHS[date.month - 1]}"
        return
    months = (last.year - first.year) * 12 + last.month - first.month
    every = max(1, -(-months // 7))
    for k in range(1, months + 1, every):
        number = first.month - 1 + k
        date = dt.date(first.year + number // 12, number % 12 + 1, 1)
        yield date, _MONTHS[date.month - 1] + (f" {date.year}" if date.month == 1 else "")


def _levels(top: float) -> Iterator[float]:
    decades = math.floor(math.log10(top))
    for power in range(0, decades + 1, max(1, -(-decades // (_MOST_TICKS - 1)))):
        yield 10.0**power


def _level(value: float) -> str:
    """Return evidence as people read it: no more digits than it has.

    Examples
    --------
    >>> _level(0.2397), _level(29200.0), _level(1.2e7), _level(0.0)
    ('0.24', '29,200', '1.2e+07', '0')
    """
    if value >= 1e6:
        return f"{value:.2g}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
