import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from smo_pipelines.benchmarks.leakage import leaked_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.errors import BenchmarkError

Make = Callable[..., Benchmark]


def test_copies_are_found_through_case_punctuation_and_markup(make_benchmark: Make) -> None:
    first = make_benchmark({"g": [0, 1]}, ["Fish &amp; chips!", "something else"], name="first")
    second = make_benchmark({"g": [0]}, ["fish chips"], name="second")
    texts = ["FISH & CHIPS", "fish, chips...", "fish or chips", "Something\u200b else"]
    leakage = leaked_items(["t4", "t3", "t2", "t1"], texts, [first, second])
    assert leakage.exact == {"first": ("t1", "t3", "t4"), "second": ("t3", "t4")}
    assert leakage.counts == {"first": 3, "second": 2}
    assert leakage.item_ids == {"t1", "t3", "t4"}
    assert leakage.share == 0.75


def test_near_copies_are_counted_apart_from_copies(make_benchmark: Make) -> None:
    held = "the choir sang in the old harbour church until the lamps went out"
    first = make_benchmark({"g": [0]}, [held], name="first")
    second = make_benchmark({"g": [0]}, [held + " again"], name="second")
    texts = [held + " again", f"RT @a: {held}!", "an engine stood in the meadow below the dusty orchard"]
    for order in ([0, 1, 2], [2, 0, 1]):
        for benchmarks in ([first, second], [second, first]):
            leakage = leaked_items([f"t{i}" for i in order], [texts[i] for i in order], benchmarks)
            assert leakage.exact == {"first": (), "second": ("t0",)}
            assert leakage.near == {"first": ("t0", "t1"), "second": ("t1",)}
            assert (leakage.exact_ids, leakage.near_ids) == ({"t0"}, {"t1"})
            assert (leakage.counts, leakage.share) == ({"first": 2, "second": 2}, 2 / 3)


def test_no_copy_is_none_and_not_an_error(make_benchmark: Make) -> None:
    leakage = leaked_items(["a"], ["unlike"], [make_benchmark({"g": [0]}, ["anything"])])
    assert (leakage.counts, leakage.share, leakage.item_ids) == ({"b": 0}, 0.0, frozenset())


def test_texts_without_words_are_no_copies_of_each_other(make_benchmark: Make) -> None:
    assert leaked_items(["a"], ["???"], [make_benchmark({"g": [0]}, ["!!!"])]).share == 0.0


def test_a_share_of_nothing_is_refused(make_benchmark: Make) -> None:
    with pytest.raises(BenchmarkError, match="no training items"):
        leaked_items([], [], [make_benchmark({"g": [0]})])
    with pytest.raises(BenchmarkError, match="2 item ids with 1 texts"):
        leaked_items(["a", "b"], ["t"], [make_benchmark({"g": [0]})])


@pytest.mark.real_data
@pytest.mark.skipif("SMO_REAL_DATA" not in os.environ, reason="SMO_REAL_DATA does not name a folder of real data")
def test_a_published_split_leaks_only_under_the_normal_form(make_benchmark: Make) -> None:
    # Kern et al. 2023 (EMNLP Findings): its published train and test tweets share no text letter for letter.
    folder = Path(os.environ["SMO_REAL_DATA"]) / "kern2023"
    train, test = (pd.read_csv(folder / f"full_{part}_s.csv")["tweet_hashed"].dropna().unique() for part in ("train", "test"))
    assert not set(train) & set(test)
    leakage = leaked_items(
        [str(i) for i in range(len(train))], train.tolist(), [make_benchmark({"g": [0] * len(test)}, test.tolist())]
    )
    # three normalised texts stand on both sides; no other pair shares 80% of its shingles
    assert (len(leakage.exact_ids), len(leakage.near_ids)) == (3, 0)


@pytest.mark.real_data
def test_a_sample_of_a_data_set_is_found_in_it_although_its_texts_were_cleaned(make_benchmark: Make, real_data: Path) -> None:
    # Roettger et al. 2022 labelled 200 tweets of Davidson et al. 2017 again, after removing links and handles.
    whole = pd.read_csv(real_data / "davidson2017" / "labeled_data.csv")["tweet"].tolist()
    sample = pd.read_csv(real_data / "roettger2022" / "annotations_g1.csv")["text"].tolist()
    benchmark = make_benchmark({"g": [0] * len(whole)}, whole)
    leakage = leaked_items([str(i) for i in range(len(sample))], sample, [benchmark])
    assert (len(leakage.exact_ids), len(leakage.near_ids)) == (164, 35)
