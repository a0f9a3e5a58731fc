import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.nightly.figures import label_figures
from smo_pipelines.tracking.items import MAX_NOTE
from smo_pipelines.tracking.night_items import NightItems, night_items
from smo_pipelines.tracking.nightly import NightlyTracker
from smo_pipelines.tracking.views import NIGHTLY_VIEWS
from tests.examples.nightly_records import BLESSED, nightly_record
from tests.examples.ports import free_port

PAGE = "<!doctype html><p>page</p>"
DROP = {2: (8, 20, 0.15)}


def items_of(record: NightlyRecord, page: str = PAGE) -> NightItems:
    return night_items(record, page)


def cut_after(record: NightlyRecord, nights: int) -> NightlyRecord:
    """The record as it was after so many nights."""
    date = record.nights[nights - 1].date
    streams = tuple(replace(one, nights=one.nights[:nights]) for one in record.state.streams)
    episodes = tuple(replace(one, closed=None) for one in record.state.episodes if one.opened <= date)
    state = replace(record.state, newest=date, streams=streams, episodes=episodes)
    figures = label_figures(record.baseline, record.nights[:nights])
    return replace(record, nights=record.nights[:nights], state=state, figures=figures, due=date)


@pytest.fixture
def nights(database: Path) -> NightlyTracker:
    return NightlyTracker(f"sqlite:///{database}")


def runs_of(tracker: NightlyTracker, query: str = "tags.`smo.role` = 'nightly'") -> list[Any]:
    with tracker.session() as client:
        found = client.get_experiment_by_name("smo/hate/nightly")
        return list(client.search_runs([found.experiment_id], query)) if found else []


def curve(tracker: NightlyTracker, run_id: str, name: str) -> list[tuple[int, float]]:
    with tracker.session() as client:
        return [(one.step, one.value) for one in client.get_metric_history(run_id, name)]


def everything(tracker: NightlyTracker) -> str:
    found = []
    for run in runs_of(tracker, ""):
        curves = {name: curve(tracker, run.info.run_id, name) for name in sorted(run.data.metrics)}
        found.append([run.info.run_id, run.info.status, dict(run.data.tags), dict(run.data.params), curves])
    return canonical_json(found)


def test_what_is_logged_of_nights() -> None:
    items = items_of(nightly_record(20, drops=DROP, missed=(3,), repeated=(5,), due=21))
    assert items.experiment_name == "smo/hate/nightly" and items.run_name == "demo since 2026-01-10"
    last = {one.key: one.value for one in items.points[-1].metrics}
    assert last["0 alarm/state"] == 2.0 and last["0 alarm/open episodes"] == 1.0 and last["0 alarm/threshold"] == 29200.0
    assert last["bench/demo-lookalikes/false_positive_rate at the baseline threshold"] == pytest.approx(0.37, abs=0.05)
    assert last["bench/demo-gold gold hate v4/average_precision"] == pytest.approx(0.75, abs=0.05)
    assert last["bench/demo-gold gold hate v4 slice-locale-hi-IN/average_precision"] == pytest.approx(0.71, abs=0.08)
    assert last["4 label/agreement ci low"] < last["4 label/agreement"] and "4 label/gold_accuracy" not in last
    assert last["4 label/pool_drift"] == pytest.approx(0.4, abs=0.01)
    assert {one.key: one.value for one in items.points[1].metrics}["4 label/pool_drift"] == 0.0
    assert last["0 alarm/largest share of threshold"] >= 1.0
    dates = [one.date for one in items.points]
    assert dates[1:3] == ["2026-01-12", "2026-01-14"] and items.points[1].step == dt.date(2026, 1, 12).toordinal()
    assert items.points[0].at_ms == 1768100400000, "the night of 2026-01-11 is due at 03:00 UTC"
    repeat = {one.key: one.value for one in items.points[3].metrics}
    assert repeat["0 alarm/state"] == 1.0 and not [name for name in repeat if name.startswith("bench/")]
    tags = {one.key: one.value for one in items.last_tags}
    assert (tags["state"], tags["newest"], tags["missed"]) == ("ALARM", "2026-01-30", "2 of 21 nights")
    assert tags["episodes"].startswith("1 open: False positive rate on demo-lookalikes")
    note = tags["mlflow.note.content"]
    assert note.startswith("ALARM - 1 of 4 watched numbers is worse") and len(note) < MAX_NOTE
    assert "Cause: pool lenient@1 gave 0% of the ratings" in note and "taken over by nobody yet" in note
    assert {one.path for one in items.artifacts} == {"report/nightly.html", "audit/episodes.json"}
    shown = {
        name.removeprefix("tags.`").rstrip("`") for view in NIGHTLY_VIEWS for name, _ in view.columns if name.startswith("tags.")
    }
    assert shown <= tags.keys()


def test_what_people_named_cannot_become_markup_in_a_note() -> None:
    tags = {one.key: one.value for one in items_of(nightly_record(20, drops=DROP, pool="<b>*x*|[y](z)")).last_tags}
    assert not set("<>[]|*`") & set(tags["mlflow.note.content"])


def check_nights(tracker: NightlyTracker) -> None:
    whole = nightly_record(20, drops=DROP, due=20)
    first = tracker.send_nights(items_of(cut_after(whole, 6)))
    (run,) = runs_of(tracker, NIGHTLY_VIEWS[0].filter)
    assert run.info.status == "RUNNING" and run.data.tags["state"] == "QUIET" and run.data.tags["smo.state"] == "watching"
    assert tracker.send_nights(items_of(whole)) == first, "a baseline is one run"
    (run,) = runs_of(tracker)
    assert run.data.tags["state"] == "ALARM" and run.data.params["nightly.alpha"] == "0.05"
    assert run.data.params["stream.01"] == "Average precision on demo-gold, gold hate@4: baseline 74.9, margin 3 pp, floor 50.0"
    steps = [step for step, _ in curve(tracker, run.info.run_id, "0 alarm/state")]
    assert steps == [(BLESSED + dt.timedelta(days=k + 1)).toordinal() for k in range(20)]
    with tracker.session() as client:
        page = Path(client.download_artifacts(run.info.run_id, "report/nightly.html")).read_text()
    assert page == PAGE
    once = everything(tracker)
    assert tracker.send_nights(items_of(whole)) == first
    assert everything(tracker) == once, "the same again changes nothing"


def test_a_plan_and_baseline_is_one_run_with_a_step_a_night_in_sqlite(nights: NightlyTracker) -> None:
    check_nights(nights)


def test_a_plan_and_baseline_is_one_run_with_a_step_a_night_on_a_server(server: str) -> None:
    check_nights(NightlyTracker(server))


def test_a_tracker_that_was_down_has_missed_nothing(nights: NightlyTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    whole = nightly_record(20, drops=DROP)
    nights.send_nights(items_of(cut_after(whole, 3)))
    down = NightlyTracker(f"http://127.0.0.1:{free_port()}")
    for k in (4, 5, 6):
        with pytest.raises(TrackingError):
            down.send_nights(items_of(cut_after(whole, k)))
    nights.send_nights(items_of(whole))
    (run,) = runs_of(nights)
    assert len(curve(nights, run.info.run_id, "0 alarm/state")) == 20


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_sender_that_dies_is_completed_and_no_night_is_there_twice(
    nights: NightlyTracker, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    class Killed(BaseException):
        pass

    left, original = calls, NightlyTracker._batch

    def dying(self: NightlyTracker, *args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        original(self, *args, **kwargs)

    whole = nightly_record(20, drops=DROP)
    nights.send_nights(items_of(cut_after(whole, 3))) if calls == 0 else None
    monkeypatch.setattr(NightlyTracker, "_batch", dying)
    try:
        nights.send_nights(items_of(whole))
    except Killed:
        for run in runs_of(nights):
            assert run.data.tags["state"] != "ALARM", "the words for people come last"
    monkeypatch.undo()
    nights.send_nights(items_of(whole))
    (run,) = runs_of(nights)
    assert run.data.tags["state"] == "ALARM"
    assert len(curve(nights, run.info.run_id, "0 alarm/state")) == 20


def test_nights_that_say_something_else_begin_a_new_run(nights: NightlyTracker) -> None:
    first = nights.send_nights(items_of(nightly_record(10, seed=1)))
    other = nightly_record(10, seed=1, drops={0: (2, 4, 0.05)})
    assert other.baseline.digest == nightly_record(10, seed=1).baseline.digest
    second = nights.send_nights(items_of(other))
    assert first.run_id != second.run_id
    assert [run.info.run_id for run in runs_of(nights)] == [second.run_id]
    (kept,) = runs_of(nights, "tags.`smo.role` = 'superseded_nightly'")
    assert kept.info.run_id == first.run_id and kept.info.status == "FINISHED"


def test_a_new_blessing_ends_the_run_before(nights: NightlyTracker) -> None:
    old = nightly_record(5)
    nights.send_nights(items_of(old))
    later = dt.date(2026, 2, 1)
    baseline = replace(old.baseline, id=later.isoformat(), date=later)
    state = replace(old.state, newest=None, blessed=later, streams=tuple(replace(one, nights=()) for one in old.state.streams))
    new = replace(old, baseline=baseline, nights=(), state=state, due=later)
    nights.send_nights(items_of(new))
    assert {run.data.tags["baseline"]: run.data.tags["state"] for run in runs_of(nights)} == {
        "2026-01-10": "ENDED",
        "2026-02-01": "NO NIGHT YET",
    }
    assert len(runs_of(nights)) == 2
