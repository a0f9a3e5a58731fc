"""What is known of an episode: how big it is, what changed in the labels, and which group of ratings is behind it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from smo_pipelines.analysis.kpis import moved
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.episodes import (
    ChangePoint,
    Episode,
    Explanation,
    FigureChange,
    GroupChange,
    LeftOut,
    ShareChange,
)
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.domain.nights import Baseline, DrawId, LabelWindow, Night, StoredRun
from smo_pipelines.errors import NightlyError, UnknownName
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.pools import compare_work, snapshot_work
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.causes import name_cause
from smo_pipelines.nightly.comparing import compare_runs, effect_of_nights, results_of_runs
from smo_pipelines.nightly.draw import draw
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.groups import group_change
from smo_pipelines.nightly.materials import Materials, gather
from smo_pipelines.nightly.night import nights_of
from smo_pipelines.nightly.runs import finish, results_of
from smo_pipelines.nightly.window import Window, open_window

__all__ = ["explain_episode", "leave_out"]

_MOVED_AT_ALL = 0.05
_RUNS_DRAWN_AGAIN = 10


def explain_episode(
    workspace: Workspace,
    plan: NightlyPlan,
    key: str,
    *,
    until: dt.date | None = None,
    leaving_out: bool = True,
    materials: Materials | None = None,
) -> Explanation:
    """Return what is known of an episode after its newest stored night.

    Parameters
    ----------
    key : str
        The episode's.
    until : date, optional
        As it was known after the night of this date.
    leaving_out : bool
        Draw and train the newest nights again without each group of ratings that grew, which costs up to ten fits a group; without
        it a cause is named from shares alone. Fits that are in the store are not trained again.

    Raises
    ------
    UnknownName
        When there is no such episode under the newest baseline.
    """
    state = fold_state(workspace, plan, until=until)
    found = {episode.key: episode for episode in state.episodes}
    if key not in found:
        raise UnknownName("episode", key, found)
    episode, baseline = found[key], current_baseline(workspace, plan)
    nights = nights_of(workspace, baseline, until=until)
    materials = materials or gather(workspace, plan)
    during = [night for night in nights if _is_during(night, episode)]
    newest = during[-1]
    windows = _windows(materials, baseline, newest.date)
    groups = _group_changes(baseline.labels, during, nights)
    left_out: tuple[LeftOut, ...] = ()
    if leaving_out:
        left_out = tuple(
            leave_out(materials, baseline, during, episode, group.grouping, group.grew.value)
            for group in groups
            if group.grew is not None and group.moved > max(_MOVED_AT_ALL, group.ordinary)
        )
    return Explanation(
        episode=episode,
        effect=effect_of_nights(materials, baseline, during, episode.stream),
        nights=tuple(night.date for night in during),
        figures=_figure_changes(baseline.labels, newest),
        groups=groups,
        raters=compare_work(
            snapshot_work(windows[0].takeable, name="the baseline"), snapshot_work(windows[1].takeable, name="the newest night")
        ),
        left_out=left_out,
        cause=name_cause(episode, groups, left_out),
    )


def _is_during(night: Night, episode: Episode) -> bool:
    """Whether a night with runs is one of an episode: from its likeliest first night on."""
    first = episode.since.first if isinstance(episode.since, ChangePoint) else episode.opened
    return bool(night.runs) and first <= night.date and (episode.closed is None or night.date < episode.closed)


def _windows(materials: Materials, baseline: Baseline, date: dt.date) -> tuple[Window, Window]:
    blessed = open_window(materials, baseline.date, seen_at=baseline.seen_at)
    newest = open_window(materials, date)
    if isinstance(blessed, NotEstimable) or isinstance(newest, NotEstimable):
        raise NightlyError("the labels of the baseline or of the newest night are no longer in the label tables")
    return blessed, newest


def _figure_changes(before: LabelWindow, newest: Night) -> tuple[FigureChange, ...]:
    assert isinstance(newest.labels, LabelWindow)  # noqa: S101 -- a night with runs has labels
    after = newest.labels.figures
    return tuple(
        FigureChange(name=name, before=told, after=after[name], moved=moved([after[name], told]))
        for name, told in before.figures.items()
    )


def _group_changes(before: LabelWindow, during: Sequence[Night], nights: Sequence[Night]) -> tuple[GroupChange, ...]:
    newest = during[-1].labels
    assert isinstance(newest, LabelWindow)  # noqa: S101 -- a night with runs has labels
    quiet = [night.labels for night in nights if night.date < during[0].date and isinstance(night.labels, LabelWindow)]
    found = []
    for grouping in newest.by:
        change = group_change(grouping, before, newest)
        ordinary = max((group_change(grouping, before, one).moved for one in quiet if one.ratings), default=0.0)
        began = None if change.grew is None else _began(grouping, change.grew, nights)
        found.append(replace(change, ordinary=ordinary, began=began))
    return tuple(sorted(found, key=lambda group: (-group.moved, group.grouping)))


def _began(grouping: str, grew: ShareChange, nights: Sequence[Night]) -> dt.date | None:
    for night in nights:
        if isinstance(night.labels, LabelWindow) and night.labels.ratings:
            count = night.labels.by[grouping].get(grew.value)
            share = 0.0 if count is None else count.ratings / night.labels.ratings
            if share - grew.before >= 0.1 * grew.change:
                return night.date
    return None


def leave_out(
    materials: Materials, baseline: Baseline, nights: Sequence[Night], episode: Episode, grouping: str, value: str
) -> LeftOut:
    """Draw nights of an episode again without a group's ratings, and compare with them as they were and with the baseline.

    The newest nights that still have enough other ratings; long after a group has replaced all others there are none.
    """
    jobs: dict[DrawId, ReplicateJob] = {}
    chosen: list[StoredRun] = []
    why: NotEstimable | None = None
    for night in _worth_trying(materials, nights, grouping, value):
        again = _drawn_again(materials, night, grouping, value)
        if isinstance(again, NotEstimable):
            why = why or again
            continue
        jobs |= again
        chosen += night.runs
        if len(chosen) >= _RUNS_DRAWN_AGAIN:
            break
    if not chosen:
        assert why is not None  # noqa: S101 -- an episode has nights
        return LeftOut(grouping=grouping, value=value, gain=why, remaining=why)
    finish(materials, list(jobs.values()))
    without = tuple(results_of(materials, jobs).values())
    blessed = results_of_runs(materials, [one.run for one in baseline.runs])
    at = baseline.threshold
    return LeftOut(
        grouping=grouping,
        value=value,
        gain=compare_runs(materials, episode.stream, results_of_runs(materials, chosen), without, at=at),
        remaining=compare_runs(materials, episode.stream, blessed, without, at=at),
    )


def _worth_trying(materials: Materials, nights: Sequence[Night], grouping: str, value: str) -> list[Night]:
    """Return the newest night, and those that by the group's share of the ratings have enough others left, the newest first."""

    def enough(night: Night) -> bool:
        labels = night.labels
        if not isinstance(labels, LabelWindow) or not labels.ratings:
            return False
        count = labels.by[grouping].get(value)
        return labels.items * (1.0 - (0 if count is None else count.ratings) / labels.ratings) >= materials.plan.items

    return [nights[-1], *(night for night in reversed(nights[:-1]) if enough(night))]


def _drawn_again(materials: Materials, night: Night, grouping: str, value: str) -> dict[DrawId, ReplicateJob] | NotEstimable:
    window = open_window(materials, night.date)
    if isinstance(window, NotEstimable):
        return window
    takeable, jobs = window.without(grouping, value), {}
    for run in night.runs:
        training = draw(run.id, takeable, items=materials.plan.items, by_label=materials.config.by_label)
        if isinstance(training, NotEstimable):
            return training
        jobs[run.id] = materials.job(run.id, training)
    return jobs
