"""A night is run once, in order, on what its date shows; what is there already is not made again."""

import datetime as dt

import numpy as np
import pytest

from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.nights import LabelWindow
from smo_pipelines.errors import NightlyError
from smo_pipelines.experiment.frames import pack
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly.bless import bless, current_baseline
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.night import nights_of, pending_nights, run_night, run_nights
from tests.examples.nights import BLESSED, FAR, day, plan_of, write_plan


def test_missed_nights_are_caught_up_in_order_and_stored_once(quiet: Workspace) -> None:
    plan = plan_of(quiet)
    now = plan.schedule.moment(day(BLESSED + 3)) + dt.timedelta(minutes=5)
    assert pending_nights(quiet, plan, now) == tuple(day(BLESSED + k) for k in (1, 2, 3))
    last = run_night(quiet, plan, day(BLESSED + 2), now=now)
    assert last.date == day(BLESSED + 2)
    assert [night.date for night in nights_of(quiet, current_baseline(quiet, plan))] == [day(BLESSED + 1), day(BLESSED + 2)]
    fits = set(quiet.store.keys("fits"))
    assert run_night(quiet, plan, day(BLESSED + 2), now=now) == last
    assert set(quiet.store.keys("fits")) == fits, "nothing was trained again"
    assert [night.date for night in run_nights(quiet, plan, now=now)] == [day(BLESSED + 3)]
    assert run_nights(quiet, plan, now=now) == () and not pending_nights(quiet, plan, now)


def test_a_night_is_its_runs_and_the_mean_of_them(quiet: Workspace) -> None:
    plan = plan_of(quiet)
    night = run_night(quiet, plan, day(BLESSED + 1), now=FAR)
    assert [one.id.text for one in night.runs] == [f"small/night/{day(BLESSED + 1).isoformat()}/{k}" for k in range(2)]
    assert night.runs[0].training != night.runs[1].training, "each run has a draw of its own"
    for stream in current_baseline(quiet, plan).streams:
        values = [one.values[stream.name] for one in night.runs]
        assert all(isinstance(value, float) for value in values)
        assert night.mean(stream) == pytest.approx(np.mean(values), abs=1e-15)  # type: ignore[arg-type]
    assert isinstance(night.labels, LabelWindow)
    assert night.labels.end == plan.schedule.moment(night.date)
    volume = night.labels.figures["volume"]
    assert volume.value == night.labels.ratings / plan.window_days  # type: ignore[union-attr]


def test_nights_that_cannot_be_asked_for(quiet: Workspace) -> None:
    plan = plan_of(quiet)
    with pytest.raises(NightlyError, match="is not after the blessing"):
        run_night(quiet, plan, day(BLESSED), now=FAR)
    with pytest.raises(NightlyError, match="begins at"):
        run_night(quiet, plan, day(BLESSED + 1), now=plan.schedule.moment(day(BLESSED + 1)) - dt.timedelta(seconds=1))


def test_a_night_without_enough_labels_says_so_and_the_next_goes_on(quiet: Workspace) -> None:
    """Labels end on day 60: the windows of later nights empty, and those nights are no test."""
    plan = plan_of(quiet)
    bless(quiet, plan, date=day(60), now=FAR)
    nights = run_nights(quiet, plan, now=FAR, until=day(75))
    short = [night for night in nights if night.not_drawn is not None]
    assert short and not short[-1].runs
    assert {night.not_drawn.code for night in short if night.not_drawn} == {WhyNot.few_items, WhyNot.no_items}
    assert all(isinstance(night.mean(current_baseline(quiet, plan).streams[0]), NotEstimable) for night in short)
    state = fold_state(quiet, plan)
    assert state.newest == day(75) and len(state.streams[0].nights) == 15


def test_unchanged_labels_are_an_equality_check_and_no_test(quiet: Workspace) -> None:
    """A window of a year holds all labels there are: once they stop, every night has the same."""
    write_plan(quiet.root.path, window_days=366, blessed_over_days=0, items=900)
    workspace = open_workspace(quiet.root.path)
    plan = plan_of(workspace)
    bless(workspace, plan, date=day(61), now=FAR)
    nights = run_nights(workspace, plan, now=FAR, until=day(64))
    assert nights[0].repeat is None and nights[0].runs
    for night in nights[1:]:
        assert night.repeat is not None and night.repeat.of == day(62) and night.repeat.differs == () and not night.runs
    state = fold_state(workspace, plan)
    assert [point.p is None for point in state.streams[0].nights] == [False, True, True]
    run = nights[0].runs[0]
    kept = next(entry for entry in workspace.store.entries("predictions") if entry.meta["fit"] == run.fit)
    scores = {"score": np.linspace(0.0, 1.0, 300)}
    workspace.store.put("predictions", kept.key, meta=kept.meta, files={"scores.parquet": pack(scores)}, replace=True)
    (odd,) = run_nights(workspace, plan, now=FAR, until=day(65))
    assert odd.repeat is not None and odd.repeat.differs == (f"{run.id.text}: its scores on gold",)
