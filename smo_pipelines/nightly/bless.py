"""Blessing: the production recipe, run many times on draws of the labels of before, becomes what nights are compared with."""

import datetime as dt
from collections.abc import Sequence
from statistics import fmean

from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.nightly import NightlyPlan, Stream
from smo_pipelines.domain.nights import Baseline, BlessedRun, DrawId, StoredRun
from smo_pipelines.errors import BaselineChanged, NightlyError
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.stored import get_training_set
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.draw import draw
from smo_pipelines.nightly.locks import night_lock
from smo_pipelines.nightly.materials import Materials, gather
from smo_pipelines.nightly.records import put_baseline, stored_baselines
from smo_pipelines.nightly.runs import Progress, finish, results_of, stored_run
from smo_pipelines.nightly.streams import expand_streams
from smo_pipelines.nightly.window import Window, open_window
from smo_pipelines.store import file_lock

__all__ = ["bless", "blessed_dates", "current_baseline", "refuse_changed"]


def blessed_dates(plan: NightlyPlan, date: dt.date, runs: int) -> tuple[dt.date, ...]:
    """Return the date of each run of a baseline: spread evenly over the days up to the blessing.

    Nights will see one window after the other; a baseline whose runs all saw the same window would not know how windows differ.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> [day.day for day in blessed_dates(SimpleNamespace(blessed_over_days=4), dt.date(2026, 3, 31), 4)]
    [31, 30, 29, 28]
    """
    return tuple(date - dt.timedelta(days=k * plan.blessed_over_days // runs) for k in range(runs))


def current_baseline(workspace: Workspace, plan: NightlyPlan) -> Baseline:
    """Return the newest baseline of a plan.

    Raises
    ------
    NightlyError
        When none was blessed.
    """
    baselines = stored_baselines(workspace.store, plan.id)
    if not baselines:
        raise NightlyError(f"nightly plan {plan.id!r} has no baseline to compare a night with; `smo bless {plan.id}` makes one")
    return baselines[-1]


def refuse_changed(baseline: Baseline, materials: Materials) -> None:
    """Refuse a baseline of which a part is no longer what it was.

    Raises
    ------
    BaselineChanged
        The message says which parts, what each was and what it is.
    """
    changed = baseline.changed_parts(materials.parts)
    if changed:
        said = "; ".join(f"{name} was {_said(then)} and is {_said(now)}" for name, (then, now) in changed.items())
        raise BaselineChanged(
            f"the baseline {baseline.id} of nightly plan {baseline.plan!r} cannot be compared with a night of today: {said}. Take the "
            f"change back, or bless anew with `smo bless {baseline.plan}`"
        )


def _said(part: str) -> str:
    return repr(part if len(part) <= 60 else f"{part[:57]}...") if part else "not there"


def bless(
    workspace: Workspace,
    plan: NightlyPlan,
    *,
    date: dt.date,
    now: dt.datetime,
    runs: int | None = None,
    known_at_blessing: bool = False,
    on_progress: Progress | None = None,
) -> tuple[Baseline, bool]:
    """Run the production recipe many times on labels of before a date, and store the runs as the plan's newest baseline.

    Earlier baselines and their nights stay. Blessing the same date again with the same parts changes nothing.

    Parameters
    ----------
    date : date
        The windows of the runs end at this date's moment or on a day before it; nights from the day after are compared with them.
    runs : int, optional
        The plan's ``blessed_runs`` by default, and not fewer than 20.
    known_at_blessing : bool
        Draw from all that was imported by ``now``, for a history that was imported in bulk; otherwise each run sees what had been
        imported by its own date, as a night does.

    Returns
    -------
    (Baseline, bool)
        Whether it is new.

    Raises
    ------
    NightlyError
        When the date is not over, a window has too few items, or a stream has no number in some run.
    """
    runs = plan.blessed_runs if runs is None else runs
    if runs < 20:
        raise NightlyError(
            f"a baseline needs at least 20 runs, got {runs}: fewer cannot tell an early drop from chance; 40 are better"
        )
    if plan.schedule.moment(date) > now:
        raise NightlyError(
            f"the labels of {date.isoformat()} are complete at {plan.schedule.moment(date).isoformat()}, which is not over"
        )
    with file_lock(night_lock(workspace, plan.id)):
        materials = gather(workspace, plan)
        earlier = stored_baselines(workspace.store, plan.id)
        same_day = [one for one in earlier if one.date == date]
        if same_day and same_day[-1] == earlier[-1] and _is_the_same(earlier[-1], materials, runs, known_at_blessing):
            return earlier[-1], False
        name = date.isoformat() + (f".{len(same_day) + 1}" if same_day else "")
        baseline = _make(materials, name, date, blessed_dates(plan, date, runs), now if known_at_blessing else None, on_progress)
        put_baseline(workspace.store, baseline)
    return baseline, True


def _is_the_same(baseline: Baseline, materials: Materials, runs: int, known_at_blessing: bool) -> bool:
    asked = (runs, known_at_blessing)
    return (len(baseline.runs), baseline.known_at_blessing) == asked and not baseline.changed_parts(materials.parts)


def _make(
    materials: Materials,
    name: str,
    date: dt.date,
    dates: Sequence[dt.date],
    seen_at: dt.datetime | None,
    on_progress: Progress | None,
) -> Baseline:
    plan = materials.plan
    windows = {day: _window(materials, day, seen_at) for day in dict.fromkeys((date, *dates))}
    jobs: dict[DrawId, ReplicateJob] = {}
    for k, day in enumerate(dates):
        run = DrawId.blessed(plan.id, name, k)
        training = draw(run, windows[day].takeable, items=plan.items, by_label=materials.config.by_label)
        if isinstance(training, NotEstimable):
            raise NightlyError(f"nightly plan {plan.id!r} cannot be blessed on {date.isoformat()}: {training.sentence}")
        jobs[run] = materials.job(run, training)
    _refuse_unreadable(materials, list(jobs.values()))
    finish(materials, list(jobs.values()), on_progress)
    results = results_of(materials, jobs)
    threshold = fmean(result.threshold for result in results.values())
    streams = expand_streams(plan, materials.benchmarks)
    every = [stream for stream, _ in streams]
    stored = {run: stored_run(materials, run, jobs[run], results[run], every, at=threshold) for run in jobs}
    watched, unwatched = _watched(plan, streams, list(stored.values()))
    return Baseline(
        plan=plan.id,
        id=name,
        date=date,
        known_at_blessing=seen_at is not None,
        seen_at=seen_at,
        parts=materials.parts,
        streams=watched,
        unwatched=unwatched,
        runs=tuple(BlessedRun(date=day, run=run) for day, run in zip(dates, stored.values(), strict=True)),
        threshold=threshold,
        labels=windows[date].facts,
    )


def _window(materials: Materials, day: dt.date, seen_at: dt.datetime | None) -> Window:
    window = open_window(materials, day, seen_at=seen_at)
    plan = materials.plan
    if isinstance(window, NotEstimable):
        problem = window.sentence
    elif len(window.takeable) < plan.items:
        problem = f"it holds {len(window.takeable):,} items that may be trained on, and a draw takes {plan.items:,}"
    else:
        return window
    raise NightlyError(
        f"nightly plan {plan.id!r} cannot be blessed: the window of {plan.window_days} days before {day.isoformat()} gives no draw: {problem}. "
        "Bless a later date, take a smaller items or blessed_over_days in the plan, or, where the history was imported after it was rated, "
        "bless with --imported-later"
    )


def _refuse_unreadable(materials: Materials, jobs: Sequence[ReplicateJob]) -> None:
    texts = get_training_set(materials.workspace.store, jobs[0].training_key).texts.tolist()
    cache = materials.workspace.cache_dir
    classifiers.check_readable(materials.config, texts, "the training items", cache)
    for name, benchmark in materials.benchmarks.items():
        classifiers.check_readable(materials.config, benchmark.texts.tolist(), f"benchmark {name!r}", cache)


def _watched(
    plan: NightlyPlan, streams: Sequence[tuple[Stream, bool]], runs: Sequence[StoredRun]
) -> tuple[tuple[Stream, ...], tuple[NotEstimable, ...]]:
    """Return the streams that have a number in every run, and why others of a slice have none."""
    watched, unwatched = [], []
    for stream, optional in streams:
        values = [run.values[stream.name] for run in runs]
        why = next((value for value in values if isinstance(value, NotEstimable)), None)
        if why is None:
            mean = fmean(value for value in values if isinstance(value, float))
            if stream.below_floor(mean):
                raise NightlyError(
                    f"nightly plan {plan.id!r}: the baseline's mean of {stream.name} is {mean:.4g}, on the wrong side of the floor "
                    f"{stream.floor}; every night would alarm"
                )
            watched.append(stream)
        elif optional:
            unwatched.append(why)
        else:
            raise NightlyError(f"nightly plan {plan.id!r}: the stream {stream.name} cannot be watched: {why.sentence}")
    if not watched:
        raise NightlyError(f"nightly plan {plan.id!r}: no stream can be watched; {unwatched[0].sentence}")
    return tuple(watched), tuple(unwatched)
