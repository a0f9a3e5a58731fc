import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.tracking import MlflowTracker, Outbox, deliver
from tests.examples.ports import free_port
from tests.examples.records import example_experiment, example_record

ARTIFACTS = {"report/effect_report.html": b"<p>report</p>", "figs/forest.png": b"\x89PNG"}


def small_record(*, verdict: Verdict = Verdict.ship, identifier: str = "counter-speech") -> ExperimentRecord:
    """Six replicates are as good as eighteen here, and each costs a few writes to the disk."""
    experiment = replace(example_experiment(identifier=identifier), replicates=2, redraws=1)
    return example_record(verdict=verdict, experiment=experiment)


def client_of(tracker: MlflowTracker) -> Any:
    tracker.check()
    return tracker._client


def runs_where(tracker: MlflowTracker, query: str) -> list[Any]:
    client = client_of(tracker)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(ids, filter_string=query, max_results=1000))


def everything(tracker: MlflowTracker) -> str:
    """All that a reader can see, in one text."""
    client = client_of(tracker)
    experiments = [(e.name, dict(e.tags)) for e in client.search_experiments()]
    runs = [
        (r.info.run_id, r.info.status, r.info.end_time, r.data.to_dictionary(), r.inputs.to_dictionary())
        for r in runs_where(tracker, "")
    ]
    histories = [len(client.get_metric_history(run[0], key)) for run in runs for key in sorted(run[3]["metrics"])[:1]]
    return canonical_json([experiments, sorted(runs, key=lambda run: run[0]), sum(histories)])


def check_whole(tracker: MlflowTracker, record: ExperimentRecord) -> None:
    planned = tracker.plan(record.experiment)
    (before,) = runs_where(tracker, "tags.decision = 'PLANNED'")
    assert (before.info.run_id, before.info.status, before.data.metrics) == (planned.run_id, "SCHEDULED", {})
    assert before.data.params["design.primary_metric"] == "average_precision"

    final = tracker.record(record, ARTIFACTS)
    (effect,) = runs_where(tracker, "tags.`smo.role` = 'effect'")
    assert final.run_id == planned.run_id == effect.info.run_id
    assert effect.info.status == "FINISHED"
    assert effect.info.run_name == "OC-0042 guideline_edit: clause 3.2 exempts quoted hate"
    shown = {key: effect.data.tags[key] for key in ("decision", "effect", "guardrails", "change_kind", "owner", "smo.state")}
    assert shown == {
        "decision": "SHIP",
        "effect": "+4.1 pp [+2.7, +5.5]",
        "guardrails": "2/2 ok",
        "change_kind": "guideline_edit",
        "owner": "team:hate-apac",
        "smo.state": "final",
    }
    assert effect.data.metrics["1 effect/average_precision change pp"] == pytest.approx(4.1)
    assert effect.data.metrics["2 guardrail/false_positive_rate on demo-lookalikes margin left pp"] == pytest.approx(5 - 3.5)

    contexts = {(tag.value, one.dataset.name, one.dataset.digest) for one in effect.inputs.dataset_inputs for tag in one.tags}
    assert ("training control", "labels/hate", "a1" * 16) in contexts
    assert ("benchmark", "bench/demo-gold", "c3" * 16) in contexts
    client = client_of(tracker)
    found = [
        f.path
        for folder in ("report", "figs", "tables", "audit", "plan")
        for f in client.list_artifacts(effect.info.run_id, folder)
    ]
    assert found == [
        "report/effect_report.html",
        "figs/forest.png",
        "tables/effects.json",
        "audit/decision.json",
        "plan/preregistration.json",
    ]
    decision = Path(client.download_artifacts(effect.info.run_id, "audit/decision.json")).read_text()
    assert decision == record.decision.to_json()

    children = runs_where(tracker, f"tags.`mlflow.parentRunId` = '{effect.info.run_id}'")
    assert len(children) == len(record.replicates) == len(record.experiment.replicate_ids())
    assert {(c.info.experiment_id, c.info.status, c.data.tags["smo.role"]) for c in children} == {
        (effect.info.experiment_id, "FINISHED", "replicate")
    }
    assert client.get_experiment(effect.info.experiment_id).name == "smo/hate/changes"
    by_label = {c.data.tags["smo.replicate"]: c for c in children}
    assert by_label["treatment-snapshot-0"].data.metrics["bench/demo-gold gold hate v4/average_precision"] == pytest.approx(0.77)

    once = everything(tracker)
    assert tracker.record(record, ARTIFACTS) == final
    assert tracker.plan(record.experiment) == final
    assert everything(tracker) == once


def test_an_experiment_is_one_row_with_everything_below_it_in_sqlite(tracker: MlflowTracker) -> None:
    check_whole(tracker, small_record())


def test_an_experiment_is_one_row_with_everything_below_it_on_a_server(server: str, capfd: pytest.CaptureFixture[str]) -> None:
    check_whole(MlflowTracker(server), small_record())
    assert capfd.readouterr().out == "", "a tracker says nothing on the user's console"


def test_another_launch_of_the_same_result_changes_nothing(tracker: MlflowTracker) -> None:
    record = small_record()
    tracker.record(record)
    once = everything(tracker)
    tracker.record(replace(record, provenance=replace(record.provenance, started_at="2026-04-01T00:00:00+00:00")))
    assert everything(tracker) == once


def test_another_result_of_the_same_spec_takes_the_place_of_the_first(tracker: MlflowTracker) -> None:
    first = tracker.record(small_record())
    second = tracker.record(small_record(verdict=Verdict.invalid))
    (effect,) = runs_where(tracker, "tags.`smo.role` = 'effect'")
    assert effect.info.run_id == second.run_id != first.run_id
    assert effect.data.tags["effect"] == "not shown: invalid"
    assert not [key for key in effect.data.metrics if key.startswith(("1 ", "2 ", "3 ", "5 "))]
    assert len(runs_where(tracker, "tags.`smo.role` = 'replicate'")) == 6


@pytest.mark.parametrize("calls", [0, 1, 4, 8, 9])
def test_a_writer_that_dies_is_never_read_as_final_and_is_completed(
    tracker: MlflowTracker, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    class Killed(Exception):
        pass

    left = calls
    original = MlflowTracker._batch

    def dying(self: MlflowTracker, *args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        original(self, *args, **kwargs)

    monkeypatch.setattr(MlflowTracker, "_batch", dying)
    try:
        tracker.record(small_record())
    except Killed:
        assert not runs_where(tracker, "tags.`smo.role` = 'effect' AND tags.`smo.state` = 'final'")
        for run in runs_where(tracker, "tags.`smo.role` = 'effect'"):
            assert run.data.tags["decision"] == "PLANNED"
    monkeypatch.undo()
    tracker.record(small_record())
    assert len(runs_where(tracker, "tags.`smo.role` = 'effect' AND tags.`smo.state` = 'final'")) == 1
    children = runs_where(tracker, "tags.`smo.role` = 'replicate'")
    assert len(children) == 6
    for run in [*children, *runs_where(tracker, "tags.`smo.role` = 'effect'")]:
        names = [(one.dataset.name, tag.value) for one in run.inputs.dataset_inputs for tag in one.tags]
        assert len(names) == len(set(names))


def test_a_deleted_experiment_comes_back_and_a_failed_run_is_completed(tracker: MlflowTracker) -> None:
    planned = tracker.plan(small_record().experiment)
    client = client_of(tracker)
    client.set_terminated(planned.run_id, "FAILED")
    client.delete_experiment(planned.experiment_id)
    client.restore_experiment(planned.experiment_id)
    assert tracker.record(small_record()).run_id == planned.run_id
    assert client.get_run(planned.run_id).info.status == "FINISHED"

    client.delete_experiment(planned.experiment_id)
    again = tracker.record(small_record())
    assert client.get_experiment(again.experiment_id).lifecycle_stage == "active"
    assert len(runs_where(tracker, "tags.`smo.role` = 'effect'")) == 1


def _record_in(uri: str) -> str:
    return MlflowTracker(uri).record(small_record()).run_id


def test_processes_that_meet_in_a_database_that_does_not_exist_make_one_run(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert len(set(pool.map(_record_in, [uri, uri]))) == 1
    assert len(runs_where(MlflowTracker(uri), "tags.`smo.role` = 'effect'")) == 1


def test_a_tracker_that_is_down_loses_nothing(tmp_path: Path, tracker: MlflowTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    outbox = Outbox(tmp_path / "outbox")
    down = MlflowTracker(f"http://127.0.0.1:{free_port()}")
    records = [small_record(identifier=name) for name in ("first", "second")]
    for record in records:
        with pytest.raises(TrackingError, match="the record waits in"):
            deliver(down, outbox, record, ARTIFACTS)
    with pytest.raises(TrackingError):
        deliver(down, outbox, records[0], ARTIFACTS)
    assert len(outbox.pending()) == 2

    flushed = outbox.flush(tracker)
    assert (len(flushed.sent), flushed.refused, outbox.pending()) == (2, {}, [])
    effects = runs_where(tracker, "tags.`smo.role` = 'effect'")
    assert {run.data.tags["smo.experiment"] for run in effects} == {"first", "second"}
    direct = tracker.record(records[0], ARTIFACTS)
    assert direct.run_id in {run.run_id for run in flushed.sent.values()}


def test_a_tracker_elsewhere_is_refused_by_name() -> None:
    with pytest.raises(TrackingError, match="legal are"):
        MlflowTracker("postgres://x")
