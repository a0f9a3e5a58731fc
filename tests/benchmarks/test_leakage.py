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
    assert leakage.by_benchmark == {"first": ("t1", "t3", "t4"), "second": ("t3", "t4")}
    assert leakage.counts == {"first": 3, "second": 2}
    assert leakage.item_ids == {"t1", "t3", "t4"}
    assert leakage.share == 0.75


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
    assert len(leakage.item_ids) > 0
    assert leakage.share < 0.01
