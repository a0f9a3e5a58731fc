"""A night: the newest labels, a few runs on draws of them, stored once however often it is asked for."""

import datetime as dt

from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.domain.nights import Baseline, DrawId, LabelWindow, Night, Repeat
from smo_pipelines.errors import NightlyError
from smo_pipelines.experiment.replicate import ReplicateJob, rescored_otherwise
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.bless import current_baseline, refuse_changed
from smo_pipelines.nightly.draw import draw
from smo_pipelines.nightly.locks import night_lock
from smo_pipelines.nightly.materials import Materials, gather
from smo_pipelines.nightly.records import find_night, put_night
from smo_pipelines.nightly.runs import Progress, finish, results_of, stored_run
from smo_pipelines.nightly.window import Window, open_window
from smo_pipelines.store import file_lock

__all__ = ["due_nights", "nights_of", "pending_nights", "run_night", "run_nights"]

_DAY = dt.timedelta(days=1)


def due_nights(plan: NightlyPlan, baseline: Baseline, now: dt.datetime) -> tuple[dt.date, ...]:
    """Return the dates after a blessing whose night has begun by now, in order."""
    days = (plan.schedule.newest(now) - baseline.date).days
    return tuple(baseline.date + (k + 1) * _DAY for k in range(days))


def pending_nights(workspace: Workspace, plan: NightlyPlan, now: dt.datetime) -> tuple[dt.date, ...]:
    """Return the nights since the newest blessing that are due and not stored, in order.

    Raises
    ------
    NightlyError
        When nothing was blessed.
    """
    baseline = current_baseline(workspace, plan)
    return tuple(date for date in due_nights(plan, baseline, now) if find_night(workspace.store, baseline, date) is None)


def nights_of(workspace: Workspace, baseline: Baseline, *, until: dt.date | None = None) -> tuple[Night, ...]:
    """Return the stored nights of a baseline, in order of date: from the day after the blessing until the first that is not stored."""
    found: list[Night] = []
    date = baseline.date + _DAY
    while (until is None or date <= until) and (night := find_night(workspace.store, baseline, date)) is not None:
        found.append(night)
        date += _DAY
    return tuple(found)


def run_night(
    workspace: Workspace,
    plan: NightlyPlan,
    date: dt.date,
    *,
    now: dt.datetime,
    materials: Materials | None = None,
    on_progress: Progress | None = None,
) -> Night:
    """Run the night of a date, and before it every earlier night since the blessing that was missed; what is stored is not run again.

    Parameters
    ----------
    now : datetime
        A night that has not begun by then is refused.
    materials : Materials, optional
        What :func:`gather` returned; loaded here when left out.

    Raises
    ------
    NightlyError
        When the date is not after the blessing, or its night has not begun.
    BaselineChanged
        When the baseline is not of the recipe, code, benchmarks and streams of now.
    """
    run_nights(workspace, plan, until=date, now=now, materials=materials, on_progress=on_progress)
    night = find_night(workspace.store, current_baseline(workspace, plan), date)
    if night is None:
        raise NightlyError(f"nightly plan {plan.id!r} was blessed anew while the night of {date.isoformat()} ran; run it again")
    return night


def run_nights(
    workspace: Workspace,
    plan: NightlyPlan,
    *,
    now: dt.datetime,
    until: dt.date | None = None,
    materials: Materials | None = None,
    on_progress: Progress | None = None,
) -> tuple[Night, ...]:
    """Run the nights that are due and not stored, in order, and return them.

    Each is made under the plan's lock, so that of two processes one makes it and the other finds it. One that is killed leaves its
    finished fits, and the next call goes on from them.

    Parameters
    ----------
    until : date, optional
        The last night to run; by default the newest that is due by ``now``.
    """
    baseline = current_baseline(workspace, plan)
    if until is not None:
        _refuse_date(plan, baseline, until, now)
    dates = [date for date in due_nights(plan, baseline, now) if until is None or date <= until]
    waiting = [date for date in dates if find_night(workspace.store, baseline, date) is None]
    if not waiting:
        return ()
    materials = materials or gather(workspace, plan)
    refuse_changed(baseline, materials)
    made = []
    for date in waiting:
        with file_lock(night_lock(workspace, plan.id)):
            if current_baseline(workspace, plan).digest != baseline.digest:
                raise NightlyError(f"nightly plan {plan.id!r} was blessed anew while its nights ran; run them again")
            if find_night(workspace.store, baseline, date) is None:
                made.append(put_night(workspace.store, _make(materials, baseline, date, on_progress)))
    return tuple(made)


def _refuse_date(plan: NightlyPlan, baseline: Baseline, date: dt.date, now: dt.datetime) -> None:
    if date <= baseline.date:
        raise NightlyError(
            f"the night of {date.isoformat()} is not after the blessing of {baseline.date.isoformat()}; the first night is "
            f"{(baseline.date + _DAY).isoformat()}"
        )
    if plan.schedule.moment(date) > now:
        raise NightlyError(f"the night of {date.isoformat()} begins at {plan.schedule.moment(date).isoformat()}; run it then")


def _make(materials: Materials, baseline: Baseline, date: dt.date, on_progress: Progress | None) -> Night:
    plan = materials.plan
    window = open_window(materials, date)
    if isinstance(window, NotEstimable):
        return Night(plan=plan.id, baseline=baseline.digest, date=date, runs=(), labels=window, not_drawn=window)
    before = _source(materials, baseline, date, window.facts)
    if before is not None:
        repeat = _repeat(materials, before, window)
        return Night(plan=plan.id, baseline=baseline.digest, date=date, runs=(), labels=window.facts, repeat=repeat)
    jobs: dict[DrawId, ReplicateJob] = {}
    for index in range(plan.runs):
        run = DrawId.night(plan.id, date, index)
        training = draw(run, window.takeable, items=plan.items, by_label=materials.config.by_label)
        if isinstance(training, NotEstimable):
            return Night(plan=plan.id, baseline=baseline.digest, date=date, runs=(), labels=window.facts, not_drawn=training)
        jobs[run] = materials.job(run, training)
    finish(materials, list(jobs.values()), on_progress)
    results = results_of(materials, jobs)
    runs = tuple(
        stored_run(materials, run, job, results[run], baseline.streams, at=baseline.threshold) for run, job in jobs.items()
    )
    return Night(plan=plan.id, baseline=baseline.digest, date=date, runs=runs, labels=window.facts)


def _source(materials: Materials, baseline: Baseline, date: dt.date, labels: LabelWindow) -> Night | None:
    """Return the night before when its labels were the same, or the one that it repeats."""
    before = find_night(materials.workspace.store, baseline, date - _DAY)
    if before is None or isinstance(before.labels, NotEstimable) or before.labels.digest != labels.digest:
        return None
    if before.repeat is not None:
        return find_night(materials.workspace.store, baseline, before.repeat.of)
    return before if before.runs else None


def _repeat(materials: Materials, before: Night, window: Window) -> Repeat:
    """Draw and score the runs of an earlier night again: nothing is new, so whatever differs is a fault of code or machine."""
    store, plan = materials.workspace.store, materials.plan
    differs: list[str] = []
    for run in before.runs:
        again = draw(run.id, window.takeable, items=plan.items, by_label=materials.config.by_label)
        if isinstance(again, NotEstimable) or again.digest != run.training:
            differs.append(f"{run.id.text}: its draw")
        job = materials.job(run.id, run.training)
        differs += [f"{run.id.text}: its scores on {name}" for name in rescored_otherwise(job, store, materials.benchmarks)]
    return Repeat(of=before.date, differs=tuple(differs))
