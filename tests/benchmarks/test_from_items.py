from typing import Any

import numpy as np
import pytest

from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD
from smo_pipelines.errors import BenchmarkError

ITEMS: dict[str, Any] = {
    "item_ids": ["b", "a", "c"],
    "texts": ["Go home!", "go HOME", "nice day"],
    "golds": {"hate@3": ["hate", "hate", "ok"], "hate@4": ["ok", None, ""]},
    "positive": {"hate@3": "hate", "hate@4": "hate"},
}


def test_each_gold_becomes_codes_in_order_of_item_ids() -> None:
    benchmark = benchmark_from_items("demo", **ITEMS, slices={"locale": ["en", "id", "es"]})
    assert benchmark.item_ids.tolist() == ["a", "b", "c"]
    assert benchmark.texts.tolist() == ["go HOME", "Go home!", "nice day"]
    assert benchmark.golds["hate@3"].tolist() == [1, 1, 0]
    assert benchmark.golds["hate@4"].tolist() == [UNKNOWN_GOLD, 0, UNKNOWN_GOLD]
    assert benchmark.slices["locale"].tolist() == ["id", "en", "es"]


def test_the_order_in_which_items_arrive_does_not_change_the_benchmark() -> None:
    turned = {key: ITEMS[key][::-1] for key in ("item_ids", "texts")}
    golds = {guideline: words[::-1] for guideline, words in ITEMS["golds"].items()}
    forward = benchmark_from_items("demo", **ITEMS, clusters=["x", "y", "x"])
    backward = benchmark_from_items("demo", **turned, golds=golds, positive=ITEMS["positive"], clusters=["x", "y", "x"])
    assert forward.digest == backward.digest


def test_items_without_a_cluster_are_grouped_with_their_copies() -> None:
    copies = benchmark_from_items("demo", **ITEMS).clusters
    assert copies[0] == copies[1] != copies[2]
    named = benchmark_from_items("demo", **ITEMS, clusters=["t1", "", "t1"]).clusters  # b, a, c
    assert named[1] == named[2] != named[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"item_ids": [], "texts": [], "golds": {"hate@3": []}}, "selects no item"),
        ({"item_ids": ["a", "a", "c"]}, r"more than once \(first: 'a'\)"),
        ({"texts": ["one"]}, "3 item ids but 1 values in its column 'texts'"),
        ({"golds": {"hate@3": ["hate"]}}, "column 'gold hate@3'"),
        ({"slices": {"locale": ["en"]}}, "column 'slice locale'"),
        ({"golds": {}}, "has no gold"),
        ({"positive": {"hate@3": "hate"}}, "'hate@4', but nothing says which of its words is positive; did you mean 'hate@3'"),
        ({"golds": {"hate@3": [None, "", None]}}, "no item with gold of 'hate@3'"),
        ({"golds": {"hate@3": ["hate", "ok", np.nan]}}, "1 golds of type float"),
        ({"labels": {"hate@3": ("hate", "okay")}}, "gold 'ok' under 'hate@3'; did you mean 'okay'"),
    ],
)
def test_what_makes_no_benchmark_is_refused_with_what_to_do(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BenchmarkError, match=sentence):
        benchmark_from_items("demo", **{**ITEMS, **change})


def test_columns_may_be_arrays() -> None:
    arrays = {
        "item_ids": np.asarray(ITEMS["item_ids"]),
        "texts": np.asarray(ITEMS["texts"], dtype=object),
        "golds": {guideline: np.asarray(words, dtype=object) for guideline, words in ITEMS["golds"].items()},
    }
    clusters = ["t1", "", "t1"]
    from_lists = benchmark_from_items("demo", **ITEMS, clusters=clusters)
    from_arrays = benchmark_from_items("demo", **arrays, positive=ITEMS["positive"], clusters=np.asarray(clusters))
    assert from_arrays.digest == from_lists.digest


def test_a_benchmark_of_harmless_items_only_is_legal() -> None:
    quiet = benchmark_from_items("lookalikes", ["a"], ["nice"], {"hate@4": ["ok"]}, {"hate@4": "hate"}, diagnostic=True)
    assert quiet.golds["hate@4"].tolist() == [0]
    assert quiet.diagnostic
