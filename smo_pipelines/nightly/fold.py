"""From stored nights to how each stream stands: a pure function, so that the state can be made again at any time, bit for bit."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.episodes import AlarmKind, ChangePoint, Episode, NightlyState, NightPoint, StreamState, StreamStatus
from smo_pipelines.domain.nightly import NightlyPlan, Stream
from smo_pipelines.domain.nights import Baseline, Night, StreamValue
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.night import nights_of
from smo_pipelines.nightly.streams import not_estimable
from smo_pipelines.stats.episodes import Episode as Found
from smo_pipelines.stats.episodes import StreamHistory, watch
from smo_pipelines.stats.sequential import Watch

__all__ = ["fold_nights", "fold_state"]


def fold_state(workspace: Workspace, plan: NightlyPlan, *, until: dt.date | None = None) -> NightlyState:
    """Return how a plan stands after its stored nights, under its newest baseline.

    Parameters
    ----------
    until : date, optional
        As it stood after the night of this date.

    Raises
    ------
    NightlyError
        When nothing was blessed.
    """
    baseline = current_baseline(workspace, plan)
    nights = nights_of(workspace, baseline, until=until)
    return fold_nights(baseline, nights, alpha=plan.alpha, horizon=plan.horizon_nights)


def fold_nights(baseline: Baseline, nights: Sequence[Night], *, alpha: float, horizon: int) -> NightlyState:
    """Fold a baseline's nights, in order of date, into the state of each stream and its episodes.

    The unit is a night's mean. A night that was not drawn, has no value or repeats an earlier one does not count: it adds no evidence
    and takes none away.

    Parameters
    ----------
    alpha, horizon : float, int
        The chance of any false alarm, over all streams of the baseline, within so many nights.
    """
    uniforms = hash_to_unit("nightly tie", [f"{baseline.plan}/night/{night.date.isoformat()}" for night in nights])
    states, episodes = [], []
    for stream in baseline.streams:
        rule = Watch(margin=stream.margin, streams=len(baseline.streams), alpha=alpha, horizon=horizon)
        state, own = _fold_stream(baseline, nights, stream, uniforms, rule)
        states.append(state)
        episodes += own
    return NightlyState(
        plan=baseline.plan,
        baseline=baseline.id,
        blessed=baseline.date,
        newest=nights[-1].date if nights else None,
        streams=tuple(states),
        episodes=tuple(sorted(episodes, key=lambda one: (one.opened, one.stream.name, one.kind))),
    )


def _fold_stream(
    baseline: Baseline, nights: Sequence[Night], stream: Stream, uniforms: np.ndarray, rule: Watch
) -> tuple[StreamState, list[Episode]]:
    dates = [night.date for night in nights]
    values: list[StreamValue] = [night.mean(stream) for night in nights]
    sign = stream.direction.sign
    counted = np.array([isinstance(value, float) for value in values], dtype=bool)
    better = np.array([sign * value if isinstance(value, float) else 0.0 for value in values], dtype=np.float64)
    history = watch(sign * np.array(baseline.values(stream)), better, uniforms, rule, counted=counted)
    episodes = [_drift(baseline, stream, dates, history, one) for one in history.episodes]
    below = [isinstance(value, float) and stream.below_floor(value) for value in values]
    episodes += _floor_episodes(baseline, stream, dates, history, counted, below)
    points = tuple(
        NightPoint(
            date=date,
            value=value,
            statistic=told.statistic,
            p=told.p,
            alarms=(*((AlarmKind.drift,) if told.alarm else ()), *((AlarmKind.floor,) if beyond else ())),
        )
        for date, value, told, beyond in zip(dates, values, history.nights, below, strict=True)
    )
    status = StreamStatus.alarm if any(one.open for one in episodes) else StreamStatus.quiet
    state = StreamState(
        stream=stream,
        status=status if counted.any() else StreamStatus.no_night,
        baseline_mean=baseline.mean(stream),
        threshold=history.threshold,
        nights=points,
    )
    return state, episodes


def _drift(baseline: Baseline, stream: Stream, dates: Sequence[dt.date], history: StreamHistory, found: Found) -> Episode:
    since: ChangePoint | NotEstimable
    if isinstance(found.since, CannotEstimate):
        since = not_estimable(stream.question, found.since)
    else:
        since = ChangePoint(
            first=dates[found.since.night],
            earliest=dates[found.since.earliest],
            latest=dates[found.since.latest],
            from_the_start=found.since.from_the_start,
        )
    return Episode(
        plan=baseline.plan,
        baseline=baseline.id,
        stream=stream,
        kind=AlarmKind.drift,
        opened=dates[found.alarm],
        statistic=history.nights[found.alarm].statistic,
        since=since,
        closed=None if found.open else dates[found.last + 1],
    )


def _floor_episodes(
    baseline: Baseline,
    stream: Stream,
    dates: Sequence[dt.date],
    history: StreamHistory,
    counted: np.ndarray,
    below: Sequence[bool],
) -> list[Episode]:
    """Return one episode for each stretch of nights beyond the floor; it ends with the first night that counts and is not."""
    places = np.flatnonzero(counted).tolist()
    episodes: list[Episode] = []
    opened: int | None = None
    for t in [*places, None]:
        if t is not None and below[t]:
            opened = t if opened is None else opened
            continue
        if opened is not None:
            first = dates[opened]
            episodes.append(
                Episode(
                    plan=baseline.plan,
                    baseline=baseline.id,
                    stream=stream,
                    kind=AlarmKind.floor,
                    opened=first,
                    statistic=history.nights[opened].statistic,
                    since=ChangePoint(first=first, earliest=first, latest=first),
                    closed=None if t is None else dates[t],
                )
            )
        opened = None
    return episodes
