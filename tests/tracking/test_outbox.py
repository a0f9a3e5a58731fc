from pathlib import Path

import pytest

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.errors import StoreError, TrackingError
from smo_pipelines.tracking import Outbox, TrackedRun, deliver
from smo_pipelines.tracking.items import RunItems
from smo_pipelines.tracking.log_items import final_items
from tests.examples.records import example_experiment, example_record

ARTIFACTS = {"report/effect_report.html": b"<p>\xff report</p>"}


class Listener:
    """A tracker that remembers what it was sent, and refuses the experiments it is told to."""

    def __init__(self, refuses: tuple[str, ...] = ()) -> None:
        self.refuses = refuses
        self.heard: list[RunItems] = []

    def check(self) -> None: ...

    def send(self, items: RunItems) -> TrackedRun:
        if items.spec_hash in self.refuses:
            raise TrackingError("no room")
        self.heard.append(items)
        return TrackedRun(run_id=items.spec_hash, experiment_id="1", url_path="/")


def three() -> list[RunItems]:
    return [final_items(example_record(experiment=example_experiment(identifier=f"e{k}")), ARTIFACTS) for k in range(3)]


def test_records_arrive_unchanged_and_in_order(tmp_path: Path) -> None:
    outbox, listener = Outbox(tmp_path), Listener()
    for items in three():
        outbox.put(items)
    outbox.flush(listener)
    assert listener.heard == three()
    assert outbox.pending() == []


def test_one_result_waits_once_and_another_result_of_its_spec_behind_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    first, second = final_items(example_record()), final_items(example_record(verdict=Verdict.hold))
    assert outbox.put(first) == outbox.put(first)
    assert outbox.put(second) == outbox.pending()[1]


def test_a_refused_record_stays_and_does_not_hold_up_the_others(tmp_path: Path) -> None:
    outbox, (first, *others) = Outbox(tmp_path), three()
    for items in (first, *others):
        outbox.put(items)
    flushed = outbox.flush(Listener(refuses=(first.spec_hash,)))
    assert len(flushed.sent) == len(others)
    assert list(flushed.refused.values()) == ["no room"]
    assert [path.name for path in outbox.pending()] == list(flushed.refused)


def test_delivering_a_refused_record_says_where_it_waits(tmp_path: Path) -> None:
    record = example_record()
    with pytest.raises(TrackingError, match="no room; the record waits in"):
        deliver(Listener(refuses=(record.decision.spec_hash,)), Outbox(tmp_path), record)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    path = outbox.put(three()[0])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StoreError, match=path.name):
        outbox.flush(Listener())
