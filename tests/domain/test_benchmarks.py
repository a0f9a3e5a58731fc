from dataclasses import replace

import numpy as np

from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark, PredictionSet, changes_between

ONE = Benchmark(
    name="b",
    item_ids=np.array(["a", "b", "c", "d"]),
    texts=np.array(["one", "two", "three", "four"], dtype=object),
    golds={"p@1": np.array([1, 0, UNKNOWN_GOLD, 1]), "p@2": np.array([1, 1, 0, 0])},
    clusters=np.array([0, 0, 1, 2]),
    slices={"locale": np.array(["en", "de", "en", "de"])},
)


def test_what_changed_is_counted_and_said() -> None:
    other = Benchmark(
        name="b",
        item_ids=np.array(["b", "c", "d", "e", "f"]),
        texts=np.array(["two", "drei", "four", "five", "six"], dtype=object),
        golds={"p@1": np.array([1, 0, 1, 1, 0]), "p@3": np.array([1, 1, 0, 0, 0])},
        clusters=np.array([7, 8, 8, 9, 9]),
    )
    change = changes_between(ONE, other)
    assert (change.added, change.removed, change.texts_changed, dict(change.gold_changed)) == (2, 1, 1, {"p@1": 2})
    assert change.regrouped  # c and d were apart
    assert change.sentence == (
        "2 items added, 1 item removed, 1 item with another text, 2 items with another gold under p@1, gold of p@3 added, "
        "gold of p@2 removed, items grouped into other clusters"
    )


def test_other_numbers_for_the_same_clusters_are_no_change() -> None:
    renumbered = replace(ONE, clusters=np.array([5, 5, 3, 1]))
    assert changes_between(ONE, renumbered).sentence == "nothing that is measured"
    assert not changes_between(ONE, renumbered).regrouped


def test_a_subset_is_the_benchmark_of_its_items() -> None:
    kept = ONE.subset(np.array([False, True, True, True]))
    assert kept.item_ids.tolist() == ["b", "c", "d"] and kept.texts.tolist() == ["two", "three", "four"]
    assert kept.golds["p@1"].tolist() == [0, UNKNOWN_GOLD, 1] and kept.slices["locale"].tolist() == ["de", "en", "de"]
    assert kept.n_clusters == 3 and kept.digest != ONE.digest


def test_decisions_and_scores_of_the_same_numbers_are_two_prediction_sets() -> None:
    scores = PredictionSet(
        classifier_key="m", benchmark="b", benchmark_digest=ONE.digest, scores=np.array([0.0, 1, 1, 0]), threshold=0.5
    )
    assert replace(scores, hard=True).digest != scores.digest == replace(scores, classifier_key="n").digest
