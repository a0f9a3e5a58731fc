"""The fold: what stored nights say, a pure function of them."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest

from smo_pipelines.domain.effects import Direction, NotEstimable, Question, ThresholdKind, WhyNot
from smo_pipelines.domain.episodes import AlarmKind, ChangePoint, NightlyState, StreamStatus
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.nights import Baseline, BlessedRun, DrawId, LabelWindow, Night, Repeat, StoredRun, StreamValue
from smo_pipelines.nightly.fold import fold_nights

BLESSED = dt.date(2026, 3, 1)
UP = Stream(
    question=Question(metric="average_precision", on="gold", gold="hate@4"),
    direction=Direction.higher_is_better,
    margin=0.03,
    floor=0.5,
)
DOWN = Stream(
    question=Question(metric="false_positive_rate", on="gold", gold="hate@4", threshold=ThresholdKind.control),
    direction=Direction.lower_is_better,
    margin=0.03,
    floor=0.5,
)
WHY = NotEstimable(question=UP.question, code=WhyNot.few_items, sentence="too few items")
RNG = np.random.default_rng(5)
MOMENT = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)
LABELS = LabelWindow(start=MOMENT, end=MOMENT, digest="", items=0, leaked=0, ratings=0, raters=0, by={}, figures={})


def run(name: DrawId, **values: StreamValue) -> StoredRun:
    named = {UP.name: values["up"], DOWN.name: values.get("down", 0.2)}
    return StoredRun(id=name, fit="f", training="t", threshold=0.5, values=named)


def baseline(streams: Sequence[Stream] = (UP, DOWN)) -> Baseline:
    names = [DrawId.blessed("plan", "b", k) for k in range(20)]
    runs = [run(name, up=0.8 + 0.01 * RNG.standard_normal(), down=0.2 + 0.01 * RNG.standard_normal()) for name in names]
    return Baseline(
        plan="plan",
        id="b",
        date=BLESSED,
        known_at_blessing=False,
        parts={},
        streams=tuple(streams),
        unwatched=(),
        runs=tuple(BlessedRun(date=BLESSED, run=one) for one in runs),
        threshold=0.5,
        labels=LABELS,
    )


def night(number: int, **values: StreamValue) -> Night:
    date = BLESSED + dt.timedelta(days=number)
    runs = tuple(run(DrawId.night("plan", date, k), **values) for k in range(2))
    return Night(plan="plan", baseline="d", date=date, runs=runs, labels=LABELS)


def quiet(numbers: Sequence[int], up: float = 0.8, down: float = 0.2) -> list[Night]:
    return [night(n, up=up + 0.007 * RNG.standard_normal(), down=down + 0.007 * RNG.standard_normal()) for n in numbers]


def fold(nights: Sequence[Night], streams: Sequence[Stream] = (UP, DOWN)) -> NightlyState:
    return fold_nights(baseline(streams), nights, alpha=0.05, horizon=365)


def test_quiet_nights_are_quiet() -> None:
    state = fold(quiet(range(1, 61)))
    assert [stream.status for stream in state.streams] == [StreamStatus.quiet] * 2
    assert not state.episodes
    assert state.newest == BLESSED + dt.timedelta(days=60)
    assert {stream.threshold for stream in state.streams} == {365 * 2 / 0.05}
    assert state.streams[0].baseline_mean == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("worse", ["up", "down"])
def test_a_drop_beyond_the_margin_is_one_episode_with_its_start(worse: str) -> None:
    """In either direction: what is better when low is worse when it rises."""
    changed = {"up": 0.74} if worse == "up" else {"down": 0.26}
    state = fold([*quiet(range(1, 41)), *quiet(range(41, 61), **changed)])
    (episode,) = state.episodes
    assert episode.stream == (UP if worse == "up" else DOWN) and episode.kind is AlarmKind.drift and episode.open
    began = BLESSED + dt.timedelta(days=41)
    assert isinstance(episode.since, ChangePoint) and abs((episode.since.first - began).days) <= 2
    assert episode.since.earliest <= began <= episode.since.latest
    assert began < episode.opened <= began + dt.timedelta(days=10)
    assert {s.stream.name: s.status for s in state.streams}[episode.stream.name] is StreamStatus.alarm
    (point,) = [p for s in state.streams for p in s.nights if AlarmKind.drift in p.alarms]
    assert point.date == episode.opened and point.statistic >= 365 * 2 / 0.05


def test_a_gain_and_a_loss_within_the_margin_are_no_alarm() -> None:
    assert not fold([*quiet(range(1, 41)), *quiet(range(41, 101), up=0.78, down=0.14)]).episodes


def test_one_night_beyond_the_floor_is_an_alarm_at_once() -> None:
    nights = [*quiet([1, 2, 3]), night(4, up=0.45), night(5, up=0.44), night(6, up=WHY), *quiet([7, 8])]
    state = fold(nights)
    (episode,) = [one for one in state.episodes if one.kind is AlarmKind.floor]
    assert episode.opened == BLESSED + dt.timedelta(days=4)
    assert episode.closed == BLESSED + dt.timedelta(days=7), "a night without a value ends nothing"
    again = fold([*nights, night(9, up=0.4)])
    assert [one.opened.day for one in again.episodes if one.kind is AlarmKind.floor] == [5, 10], "a new stretch is a new episode"
    assert len({one.key for one in again.episodes}) == len(again.episodes)


def test_nights_without_a_value_add_no_evidence() -> None:
    nights = quiet(range(1, 21))
    missing = dataclasses.replace(nights[9], runs=(), not_drawn=WHY)
    repeated = dataclasses.replace(nights[9], runs=(), repeat=Repeat(of=nights[8].date))
    without = [*nights[:9], *nights[10:]]
    for odd in (missing, repeated):
        state = fold([*nights[:9], odd, *nights[10:]])
        point = state.streams[0].nights[9]
        assert isinstance(point.value, NotEstimable) and point.p is None
        assert point.statistic == state.streams[0].nights[8].statistic
    bare = fold_nights(base := baseline(), without, alpha=0.05, horizon=365)
    full = fold_nights(base, [*nights[:9], missing, *nights[10:]], alpha=0.05, horizon=365)
    assert bare.streams[0].statistic == full.streams[0].statistic


def test_the_fold_is_pure_and_reads_no_further_than_it_is_given() -> None:
    base, nights = baseline(), [*quiet(range(1, 31)), *quiet(range(31, 51), up=0.7)]
    once, again = (fold_nights(base, nights, alpha=0.05, horizon=365) for _ in range(2))
    assert once == again
    part = fold_nights(base, nights[:25], alpha=0.05, horizon=365)
    assert part.streams[0].nights == once.streams[0].nights[:25]


def test_before_the_first_night() -> None:
    state = fold([])
    assert state.newest is None and not state.episodes
    assert {stream.status for stream in state.streams} == {StreamStatus.no_night}
    assert state.streams[0].statistic == 0.0 and state.streams[0].newest is None


def test_keys_can_name_alerts() -> None:
    state = fold([night(1, up=0.4)])
    base = dataclasses.replace(state.episodes[0], plan="p" * 63)
    assert len(base.key) <= 63 and base.key != state.episodes[0].key
