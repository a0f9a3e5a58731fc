"""How often an experiment whose arms label different items finds an effect where there is none.

Hate items of the embedded operation with their true labels are split at random into two arms, five runs of ``tfidf`` each with
shared seeds, on a fresh benchmark: the arms differ by their items alone. The interval is the crossed one, whose runs share their
arm's items, so that 5% of intervals at 95% would exclude zero if it held for other items
(``docs/decisions/015-arms-label-the-same-items.md``).

    python -m bench.different_items [--quick] [--experiments N]

The last line is one JSON object; nothing is stored.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.operation import fresh_benchmark, golds_of, hate_items
from smo_pipelines.classifiers import api
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.labels.matching import development_split
from smo_pipelines.simulate.items import SimulatedItem
from smo_pipelines.simulate.policy import PLANTED_CAUSE
from smo_pipelines.stats.crossed import ArmMetrics, crossed_estimate
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.two_way import wilson

RUNS, ITEMS, BENCHMARK_ITEMS = 5, 600, 1_000
CLASSIFIER = ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf)
BENCHMARK_SEED, ITEM_SEED, RUN_SEEDS_APART = 700_000, 800_000, 1_000_000
GOLD = PLANTED_CAUSE.after


def arm_of(items: Sequence[SimulatedItem], on: Benchmark, first_seed: int) -> ArmMetrics:
    """Fit the runs of an arm on its own items, and score them."""
    texts = np.array([item.text for item in items], dtype=object)
    ids = np.array([item.item_id for item in items])
    training = TrainingSet(item_ids=ids, texts=texts, labels=golds_of(items)[GOLD], dev=development_split(texts))
    metric, gold = get_metric("average_precision"), on.golds[GOLD]
    values, influences = [], []
    for run in range(RUNS):
        fitted = api.fit(CLASSIFIER, training, seed=first_seed + run, cache_dir=Path(tempfile.gettempdir()))
        scores = fitted.score(on.texts.tolist())
        values.append(metric.value(scores, gold, fitted.threshold))
        influences.append(metric.influence(scores, gold, fitted.threshold))
    return ArmMetrics(np.array(values), np.stack(influences))


def experiment(number: int) -> tuple[float, float, float]:
    """Return the difference of the two arms' average precision and the ends of its interval."""
    on = fresh_benchmark(BENCHMARK_SEED + number, BENCHMARK_ITEMS)
    items = hate_items(ITEM_SEED + number, 2 * ITEMS)
    side = np.random.default_rng(number).permutation(len(items)) % 2
    control, treatment = (
        arm_of([item for item, mine in zip(items, side == arm, strict=True) if mine], on, RUN_SEEDS_APART * number)
        for arm in range(2)
    )
    low, high = crossed_estimate(control, treatment, shared_seeds=True).interval(0.05)
    return treatment.mean - control.mean, low, high


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="eight experiments")
    parser.add_argument("--experiments", type=int, default=200)
    asked = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    count = 8 if asked.quick else asked.experiments
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        found = np.array(list(pool.map(experiment, range(count))))
    rejected = int(((found[:, 1] > 0.0) | (found[:, 2] < 0.0)).sum())
    interval = wilson(rejected / count, count)
    report = {
        "program": "different_items",
        "experiments": count,
        "rejected": rejected,
        "rate": round(rejected / count, 4),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "sd_of_differences": round(float(found[:, 0].std(ddof=1)), 5),
        "median_half_width": round(float(np.median(found[:, 2] - found[:, 1]) / 2.0), 5),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
