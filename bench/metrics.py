"""Every metric on every slice: the table beside the pure functions called one by one, and beside scikit-learn.

Each side computes, for every run, the metrics that both know on slices that split the items by two attributes and on overlapping
ones. What is timed is the processor's clock of one thread; the largest difference between the sides is part of the answer.

    python -m bench.metrics [--quick] [--items N] [--runs R] [--slices S] [--seed S]

The last line is one JSON object: seconds of each side, ``ratio_vs_pure`` on all metrics, ``ratio_vs_sklearn`` on those that
scikit-learn has, and the largest absolute differences.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn import metrics as sk

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.metrics import METRICS, Needs, metric_table

PEER: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "average_precision": lambda gold, scores, _: sk.average_precision_score(gold, scores),
    "auroc": lambda gold, scores, _: sk.roc_auc_score(gold, scores),
    "f1": lambda gold, _, flagged: sk.f1_score(gold, flagged),
    "recall": lambda gold, _, flagged: sk.recall_score(gold, flagged),
    "precision": lambda gold, _, flagged: sk.precision_score(gold, flagged),
    "false_positive_rate": lambda gold, _, flagged: 1.0 - sk.recall_score(gold, flagged, pos_label=0),
    "balanced_accuracy": lambda gold, _, flagged: sk.balanced_accuracy_score(gold, flagged),
    "brier_score": lambda gold, scores, _: sk.brier_score_loss(gold, scores),
    "functional_pass_rate": lambda gold, _, flagged: sk.accuracy_score(gold, flagged),
}


def world(items: int, runs: int, slices: int, seed: int) -> dict[str, np.ndarray]:
    """Draw scores of runs, gold, and slices: two partitions of a third of the slices each, the rest overlapping at random."""
    rng = np.random.default_rng(seed)
    references = (rng.random(items) < 0.3).astype(np.int8)
    scores = np.clip(0.3 + 0.3 * references + 0.25 * rng.normal(size=(runs, items)), 0.0, 1.0)
    third = slices // 3
    parts = [rng.integers(0, third, items) == np.arange(third)[:, None] for _ in range(2)]
    loose = rng.random((slices - 2 * third, items)) < 0.2
    return {
        "scores": scores,
        "references": references,
        "thresholds": rng.uniform(0.3, 0.6, runs),
        "slices": np.concatenate([*parts, loose]),
        "functionality": rng.integers(0, 29, items),
    }


def pure(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Call each metric's own function for every run and slice; what it refuses stays NaN here."""
    found = {name: np.full((len(data["scores"]), len(data["slices"])), np.nan) for name in METRICS}
    for name, metric in METRICS.items():
        for run, (scores, threshold) in enumerate(zip(data["scores"], data["thresholds"], strict=True)):
            for of, inside in enumerate(data["slices"]):
                try:
                    if metric.needs is Needs.members:
                        value = metric.value(scores, data["references"], threshold, inside)
                    else:
                        value = metric.value(scores[inside], data["references"][inside], threshold, data["functionality"][inside])
                except CannotEstimate:
                    continue
                found[name][run, of] = value
    return found


def peer(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Call scikit-learn for every metric that it has, run and slice."""
    found = {name: np.full((len(data["scores"]), len(data["slices"])), np.nan) for name in PEER}
    for run, (scores, threshold) in enumerate(zip(data["scores"], data["thresholds"], strict=True)):
        for of, inside in enumerate(data["slices"]):
            gold, some = data["references"][inside], scores[inside]
            for name, function in PEER.items():
                found[name][run, of] = function(gold, some, some >= threshold)
    return found


def timed(work: Callable[[], dict[str, np.ndarray]], times: int = 1) -> tuple[float, dict[str, np.ndarray]]:
    """Return the least processor time of some repetitions, and the last result."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        found = work()
        taken.append(time.process_time() - started)
    return min(taken), found


def table(data: Mapping[str, np.ndarray], metrics: tuple[str, ...]) -> dict[str, np.ndarray]:
    found = metric_table(**data, metrics=metrics)
    return {name: column.filled(np.nan) for name, column in found.values.items()}


def difference(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> float:
    """Return the largest absolute difference; both sides must refuse the same cells."""
    for name in one:
        assert (np.isnan(one[name]) == np.isnan(other[name])).all(), name
    return max(float(np.nanmax(np.abs(one[name] - other[name]), initial=0.0)) for name in one)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the cells")
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    runs = max(chosen.runs // 10, 1) if chosen.quick else chosen.runs
    data = world(chosen.items, runs, chosen.slices, chosen.seed)
    metric_table(**data)  # first call: imports and caches
    of_all, ours = timed(lambda: table(data, tuple(METRICS)), 3)
    of_some, fewer = timed(lambda: table(data, tuple(PEER)), 3)
    of_pure, theirs = timed(lambda: pure(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of slices where nothing is flagged
        of_peer, peers = timed(lambda: peer(data))
    result = {
        "items": chosen.items,
        "runs": runs,
        "slices": chosen.slices,
        "metrics": len(METRICS),
        "seconds": round(of_all, 3),
        "pure_seconds": round(of_pure, 3),
        "ratio_vs_pure": round(of_pure / of_all, 1),
        "sklearn_metrics": len(PEER),
        "seconds_of_these": round(of_some, 3),
        "sklearn_seconds": round(of_peer, 3),
        "ratio_vs_sklearn": round(of_peer / of_some, 1),
        "max_abs_diff_pure": difference(ours, theirs),
        "max_abs_diff_sklearn": difference(fewer, peers),
    }
    print(f"{len(METRICS)} metrics, {runs} runs, {chosen.slices} slices: {of_all:.2f} s; one by one {of_pure:.2f} s")
    print(f"{len(PEER)} metrics that scikit-learn has: {of_some:.2f} s; scikit-learn {of_peer:.2f} s")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
