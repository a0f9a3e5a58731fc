from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark
from smo_pipelines.domain.labels import TIE, LabelSnapshot, SnapshotRecipe, TrainingSet, Votes
from smo_pipelines.experiment.frames import pack, unpack
from smo_pipelines.experiment.stored import (
    benchmark_key,
    get_benchmark,
    get_snapshot,
    get_training_set,
    put_benchmark,
    put_snapshot,
    put_training_set,
    snapshot_key,
)
from smo_pipelines.store import ResultStore, open_store

TEXTS = np.array(["plain", "", "काला \n\t\"quoted\", 'and'", "\u200b😀"], dtype=object)
IDS = np.array(["1", "10", "2", "a,b"])

SNAPSHOT = LabelSnapshot(
    recipe=SnapshotRecipe(project="demo", question="hate"),
    item_ids=IDS,
    texts=TEXTS,
    labels=np.array([1, 0, TIE, 1]),
    share=np.array([2 / 3, 0.1, 0.5, 1.0]),
    soft=np.array([2 / 3, 0.1, 0.5, 1.0]),
    n_ratings=np.array([3, 1, 2, 1]),
    votes=Votes(
        item=np.array([0, 0, 0, 1, 2, 2, 3]),
        rater=np.array([0, 1, 2, 0, 1, 2, 2]),
        label=np.array([1, 0, 1, 0, 1, 0, 1]),
        rater_ids=np.array(["r0", "r1", "r2"]),
    ),
    attributes={"locale": np.array(["en-GB", "", "hi-IN", ""])},
)
TRAINING = TrainingSet(item_ids=IDS, texts=TEXTS, labels=np.array([1, 0, 0, 1]), dev=np.array([False, True, False, True]))
BENCHMARK = Benchmark(
    name="gold",
    item_ids=IDS,
    texts=TEXTS,
    golds={"hate@3": np.array([1, 0, UNKNOWN_GOLD, 1]), "hate@4": np.array([0, 0, 1, 1])},
    clusters=np.array([0, 1, 1, 2]),
    slices={"locale": np.array(["en-GB", "", "hi-IN", ""])},
    diagnostic=True,
    source="somewhere",
)


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return open_store(tmp_path / "store")


def test_a_snapshot_comes_back_as_it_went(store: ResultStore) -> None:
    key = put_snapshot(store, SNAPSHOT)
    back = get_snapshot(store, key, SNAPSHOT.recipe)
    assert key == snapshot_key(SNAPSHOT) == snapshot_key(back)
    assert (back.digest, back.votes.digest) == (SNAPSHOT.digest, SNAPSHOT.votes.digest)
    assert back.attributes["locale"].tolist() == SNAPSHOT.attributes["locale"].tolist()
    assert back.texts.tolist() == TEXTS.tolist()
    assert back.votes.effective_raters == SNAPSHOT.votes.effective_raters


def test_equal_labels_by_other_raters_are_another_snapshot() -> None:
    others = replace(SNAPSHOT.votes, rater_ids=np.array(["r0", "r1", "r3"]))
    assert snapshot_key(replace(SNAPSHOT, votes=others)) != snapshot_key(SNAPSHOT)


def test_a_training_set_comes_back_as_it_went(store: ResultStore) -> None:
    key = put_training_set(store, TRAINING)
    back = get_training_set(store, key)
    assert back.digest == TRAINING.digest == key
    assert back.dev.dtype == bool and back.dev.tolist() == TRAINING.dev.tolist()


def test_a_benchmark_comes_back_as_it_went(store: ResultStore) -> None:
    key = put_benchmark(store, BENCHMARK)
    back = get_benchmark(store, key)
    assert back.digest == BENCHMARK.digest and benchmark_key(back) == key
    assert (back.diagnostic, back.source, back.name) == (True, "somewhere", "gold")
    assert {name: values.tolist() for name, values in back.slices.items()} == {"locale": ["en-GB", "", "hi-IN", ""]}


@pytest.mark.parametrize(
    "change",
    [{"name": "silver"}, {"diagnostic": False}, {"slices": {}}, {"slices": {"locale": np.array(["en-GB", "", "hi-IN", "x"])}}],
)
def test_a_benchmark_key_covers_all_that_is_stored(change: dict[str, object]) -> None:
    assert benchmark_key(replace(BENCHMARK, **change)) != benchmark_key(BENCHMARK)  # type: ignore[arg-type]


def test_what_is_stored_is_not_packed_again(store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = put_snapshot(store, SNAPSHOT), put_training_set(store, TRAINING), put_benchmark(store, BENCHMARK)
    monkeypatch.setattr("smo_pipelines.experiment.stored.pack", None)
    assert (put_snapshot(store, SNAPSHOT), put_training_set(store, TRAINING), put_benchmark(store, BENCHMARK)) == keys


def test_columns_survive_bit_for_bit() -> None:
    columns = {
        "f": np.array([0.1, np.nextafter(0.1, 1), 5e-324, -0.0]),
        "i": np.array([1, -1, 2**40, 0]),
        "b": np.array([True, False, True, False]),
        "t": TEXTS,
        "u": np.array(["a", "", "é", "long enough"]),
    }
    back = unpack(pack(columns))
    assert back["f"].tobytes() == columns["f"].tobytes()
    assert {name: values.tolist() for name, values in back.items()} == {name: values.tolist() for name, values in columns.items()}
    empty = unpack(pack({"t": np.array([], dtype=object), "f": np.array([])}))
    assert [len(values) for values in empty.values()] == [0, 0]
