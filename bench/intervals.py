"""How long intervals take: one metric of twenty runs, and every metric on every slice through ``analysis.compare``.

The runs' scores are drawn; their number and the items are those of a large experiment. Twenty readings are asked on each of thirty
slices: the seventeen metrics, and F1, recall and false positive rate at the control's threshold too. Three of the metrics take
1,000 bootstrap weightings of the items. Timed is the processor's clock of one thread.

    python -m bench.intervals [--quick] [--items N] [--runs R]

The last line is one JSON object: ``ms_one_metric``, ``s_table``, and how many of the questions got a number.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from smo_pipelines.analysis.compare import compare
from smo_pipelines.analysis.measure import Asked, measure
from smo_pipelines.analysis.selection import select_items
from smo_pipelines.domain.benchmarks import FUNCTIONALITY, Benchmark, PredictionSet
from smo_pipelines.domain.changes import OpsChange
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.decisions import DecisionRule, Primary, RulePolicy
from smo_pipelines.domain.effects import EffectEstimate, Question, ThresholdKind
from smo_pipelines.domain.experiments import ArmName, Assignment, Experiment, RaterClaim
from smo_pipelines.domain.labels import SnapshotRecipe
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.stats.metrics import METRICS

AGAIN = ("f1", "recall", "false_positive_rate")
"""Metrics that are read at the control's threshold too."""


def world(items: int, seed: int = 1) -> Benchmark:
    """Return a benchmark with three slices of ten values each, and functionalities."""
    rng = np.random.default_rng(seed)
    slices = {name: rng.integers(0, 10, items).astype(str) for name in ("area", "language", "target")}
    return Benchmark(
        name="large",
        item_ids=np.arange(items).astype(str),
        texts=np.full(items, "made up", dtype=object),
        golds={"policy@1": (rng.random(items) < 0.3).astype(np.int8)},
        clusters=np.arange(items),
        slices={**slices, FUNCTIONALITY: rng.integers(0, 10, items).astype(str)},
    )


def experiment(runs: int, questions: tuple[Question, ...]) -> Experiment:
    recipe = SnapshotRecipe(project="bench", question="policy", guideline="policy@1")
    primary = Primary(question=Question(metric="average_precision", on="large"), smallest_effect_of_interest=0.01)
    return Experiment(
        id="bench",
        change=OpsChange(id="bench", what="another pool"),
        control=recipe,
        treatment=replace(recipe, pool="other"),
        assignment=Assignment.randomised,
        raters=RaterClaim.fixed,
        replicates=runs // 2,
        redraws=0,
        classifier=ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf),
        rule=DecisionRule(policy=RulePolicy(name="default"), primary=primary, guardrails=(), slices=()),
        benchmarks=("large",),
        extra=questions,
    )


def scored(of: Experiment, benchmark: Benchmark) -> tuple[ArmRuns, ArmRuns]:
    """Draw scores of every fit: items share their difficulty, fits differ in level and churn."""
    rng, gold = np.random.default_rng(2), benchmark.golds["policy@1"]
    shared = rng.normal(size=len(benchmark))
    arms = {arm: [] for arm in ArmName}
    for one in of.replicate_ids():
        latent = 2.0 * gold - 1.1 + 0.1 * rng.normal() + shared + 0.4 * rng.normal(size=len(benchmark))
        predictions = PredictionSet(
            classifier_key=one.label,
            benchmark=benchmark.name,
            benchmark_digest=benchmark.digest,
            scores=1.0 / (1.0 + np.exp(-latent)),
            threshold=0.5,
        )
        result = ReplicateResult(id=one, key=one.label, threshold=0.5, predictions={benchmark.name: predictions})
        arms[one.arm].append(result)
    return ArmRuns(results=tuple(arms[ArmName.control])), ArmRuns(results=tuple(arms[ArmName.treatment]))


def questions_on(benchmark: Benchmark) -> tuple[Question, ...]:
    readings = [(name, ThresholdKind.tuned) for name in METRICS] + [(name, ThresholdKind.control) for name in AGAIN]
    slices = [f"slice:{name}={value}" for name in ("area", "language", "target") for value in range(10)]
    return tuple(
        Question(metric=metric, on=benchmark.name, items=items, threshold=threshold)
        for metric, threshold in readings
        for items in slices
    )


def timed(work: Callable[[], object], times: int) -> tuple[float, object]:
    """Return the least processor seconds of some repetitions, and the last result."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        found = work()
        taken.append(time.process_time() - started)
    return min(taken), found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the runs and half of the items")
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=20, help="of both arms together")
    chosen = parser.parse_args(arguments)
    items, runs = (chosen.items // 2, max(chosen.runs // 5, 4)) if chosen.quick else (chosen.items, chosen.runs)
    benchmark = world(items)
    asked = experiment(runs, questions_on(benchmark))
    arms = scored(asked, benchmark)

    def one_metric() -> tuple[float, float, float]:
        question = asked.rule.primary.question
        key = {"one": Asked(question, select_items(question, benchmark, asked))}
        measured = measure(key, benchmark, *arms)["one"]
        difference = measured.parts.estimate()  # type: ignore[union-attr] -- it can be estimated
        return (*difference.interval(0.05), difference.p_two_sided())

    seconds, _ = timed(one_metric, 5)
    of_table, effects = timed(lambda: compare(*arms, on=(benchmark,), experiment=asked), 1 if chosen.quick else 2)
    numbers = sum(isinstance(effect, EffectEstimate) for effect in effects)
    result = {
        "items": items,
        "runs": runs,
        "questions": len(effects),
        "with_a_number": numbers,
        "ms_one_metric": round(1000.0 * seconds, 1),
        "s_table": round(of_table, 2),
    }
    print(f"one metric's interval, {runs} runs of {items} items: {1000.0 * seconds:.1f} ms")
    print(f"{len(effects)} questions, 20 readings on 30 slices among them, {numbers} with a number: {of_table:.2f} s")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
