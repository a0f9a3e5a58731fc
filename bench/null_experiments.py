"""How often an interval excludes 0 in experiments in which nothing was changed, on classifiers that are really fitted.

Arms are two disjoint random halves of the same raters on the same items, fitted with disjoint seeds; everything else is what ``smo run``
does, in memory (``bench.in_memory``), with a claim about raters like these. Two sources:

- kern2023: the tweets of Kern et al. (2023). One A/A takes the raters of two of the five instruments (six ratings a tweet, about three
  a half) and one of the two questions, 20 cells, and splits the raters at random again in each. Scored on HateCheck. A/As of one cell
  have raters and items in common, so their rejections are not independent of each other: the intervals printed are Wilson's, and the
  range over cells stands beside them.
- operation: the embedded operation with fresh items, raters, ratings and benchmark in each, so that A/As are independent.

``tfidf`` takes all tweets, five runs and ten redraws an arm. ``minilm-top2`` takes 260 tweets an A/A or 220 items of the English-speaking
markets, three runs and three redraws an arm and an eighth of HateCheck's templates, so that twenty A/As fit ten minutes of two cores.

    python -m bench.null_experiments [--quick] [--only SOURCE/CLASSIFIER ...] [--count N] [--first N]

Needs ``SMO_REAL_DATA``. The last line is one JSON object; the full form also writes a table into ``docs/real-runs.md``.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.in_memory import Design, decided, experiment_of, fitted_arms, snapshot_of
from bench.kern2023 import TRAIN, import_ratings
from bench.operation import LOCALES, Operation, fresh_benchmark, halves, hate_items, rate
from bench.tables import write_table
from bench.trainer_peers import temporary_workspace
from smo_pipelines.benchmarks.leakage import Leakage, leaked_items
from smo_pipelines.classifiers import api
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.decisions import Guardrail
from smo_pipelines.domain.effects import EffectEstimate, Question, ThresholdKind
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import LabelSnapshot, RaterPool, SnapshotRecipe
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.simulate.policy import PLANTED_CAUSE
from smo_pipelines.simulate.raters import draw_raters
from smo_pipelines.stats.two_way import wilson

RESULTS = Path(__file__).parent / "results" / "null_experiments.json"
KERN_CELLS = tuple((question, pair) for pair in combinations("ABCDE", 2) for question in ("hate", "offensive"))
ENGLISH = frozenset({"en-GB", "en-SG"})
FIRST_SEED = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One source with one classifier, and how many A/As of it."""

    source: str
    classifier: str
    count: int
    quick: int
    replicates: int
    redraws: int
    items: int

    @property
    def name(self) -> str:
        """``source/classifier``."""
        return f"{self.source}/{self.classifier}"


CELLS = (
    Cell(source="kern2023", classifier="tfidf", count=80, quick=3, replicates=5, redraws=10, items=10_000),
    Cell(source="operation", classifier="tfidf", count=80, quick=6, replicates=5, redraws=10, items=600),
    Cell(source="kern2023", classifier="minilm-top2", count=10, quick=0, replicates=3, redraws=3, items=260),
    Cell(source="operation", classifier="minilm-top2", count=10, quick=0, replicates=3, redraws=3, items=220),
)
BENCHMARK_ITEMS = {"tfidf": 1_000, "minilm-top2": 600}
"""Of the embedded operation; two thirds are of the English-speaking markets."""


def questions(on: str, gold: str) -> tuple[Question, tuple[Guardrail, ...], tuple[Question, ...]]:
    """Return the primary, the guardrails, and what else is asked."""
    asked = {"on": on, "gold": gold}
    rails = tuple(
        Guardrail(question=Question(metric="false_positive_rate", threshold=kind, **asked), margin=0.05)
        for kind in (ThresholdKind.tuned, ThresholdKind.control)
    )
    extra = tuple(Question(metric=name, **asked) for name in ("f1", "balanced_accuracy"))
    return Question(metric="average_precision", **asked), rails, extra


def design(cell: Cell, workspace: Workspace, on: str, gold: str) -> Design:
    primary, guardrails, extra = questions(on, gold)
    return Design(
        classifier=workspace.catalogue.classifiers[cell.classifier],
        replicates=cell.replicates,
        redraws=cell.redraws,
        benchmarks=(on,),
        primary=primary,
        smallest=0.02,
        guardrails=guardrails,
        extra=extra,
    )


@cache
def workspace_of(state: str) -> Workspace:
    return temporary_workspace(state)


@cache
def hatecheck(state: str) -> Benchmark:
    return load_benchmark(workspace_of(state), "hatecheck")


@cache
def few_templates(state: str) -> Benchmark:
    """Return the cases of every eighth template of HateCheck."""
    whole = hatecheck(state)
    return whole.subset(whole.clusters % 8 == 0)


@cache
def kern_snapshot(state: str, question: str, pair: tuple[str, str]) -> LabelSnapshot:
    """Return the training tweets as the raters of two instruments label them, all raters together."""
    workspace = workspace_of(state)
    guideline = workspace.catalogue.guidelines[f"kern2023-{question}@1"]
    pool = RaterPool(id="of-two-instruments@1", where=(("condition", pair),))
    recipe = SnapshotRecipe(project="kern2023", question=question, items=TRAIN, guideline=guideline.id, pool=pool.id)
    return build_snapshot(workspace.tables, recipe, guideline=guideline, pool=pool)


@cache
def kern_leakage(state: str) -> Leakage:
    """Return which training tweets stand in HateCheck; all tweets are rated by the raters of any two instruments."""
    whole = kern_snapshot(state, *KERN_CELLS[0])
    return leaked_items(whole.item_ids.tolist(), np.asarray(whole.texts).tolist(), [hatecheck(state)])


def kern_arms(cell: Cell, number: int, state: str) -> Arms:
    """Return A/A ``number``: the cells in turn, each time with another split of the raters and, where asked, other tweets."""
    question, pair = KERN_CELLS[number % len(KERN_CELLS)]
    whole, rng = kern_snapshot(state, question, pair), np.random.default_rng([FIRST_SEED, number])
    votes = whole.votes
    half = rng.permutation(len(votes.rater_ids)) % 2
    chosen = np.zeros(len(whole), dtype=bool)
    chosen[rng.permutation(len(whole))[: cell.items]] = True
    snapshots = {}
    for k, arm in enumerate(ArmName):
        keep = (half[votes.rater] == k) & chosen[votes.item]
        part = replace(votes, item=votes.item[keep], rater=votes.rater[keep], label=votes.label[keep])
        snapshots[arm] = snapshot_of(replace(whole.recipe, rater_half=k), whole.item_ids, np.asarray(whole.texts), part)
    benchmark = hatecheck(state) if cell.classifier == "tfidf" else few_templates(state)
    gold = next(iter(benchmark.golds))
    plain = _arms(cell, snapshots, benchmark, gold, state)
    return Arms(plain.experiment, snapshots, plain.benchmarks, (), known_leakage=kern_leakage(state))


def operation_arms(cell: Cell, number: int, state: str) -> Arms:
    """Return A/A ``number`` of the embedded operation under hate@4, everything fresh."""
    seed = FIRST_SEED + number
    locales = LOCALES if cell.classifier == "tfidf" else ENGLISH
    items, raters = hate_items(seed, cell.items, locales), draw_raters(seed)
    core = [rater for rater in raters if rater.pool == "core"]
    assert raters[: len(core)] == core
    rated = rate(seed, items, raters, Operation())
    recipe = SnapshotRecipe(project="demo", question="hate", guideline=PLANTED_CAUSE.after)
    ids, texts = [item.item_id for item in items], [item.text for item in items]
    parts = halves(rated, core, np.random.default_rng([FIRST_SEED, number]))
    snapshots = {
        arm: snapshot_of(replace(recipe, rater_half=k), ids, texts, part.votes(raters))
        for k, (arm, part) in enumerate(zip(ArmName, parts, strict=True))
    }
    return _arms(cell, snapshots, fresh_benchmark(seed, BENCHMARK_ITEMS[cell.classifier], locales), PLANTED_CAUSE.after, state)


def _arms(cell: Cell, snapshots: dict[ArmName, LabelSnapshot], on: Benchmark, gold: str, state: str) -> Arms:
    recipes = [snapshots[arm].recipe for arm in ArmName]
    experiment = experiment_of("null", recipes[0], recipes[1], design(cell, workspace_of(state), on.name, gold), null=True)
    return Arms(experiment=experiment, snapshots=snapshots, benchmarks=(on,), clause_edits=())


def one_null(cell: Cell, number: int, state: str) -> dict[str, Any]:
    """Run one A/A to its decision."""
    arms = (kern_arms if cell.source == "kern2023" else operation_arms)(cell, number, state)
    runs = fitted_arms(arms, number=number, cache_dir=workspace_of(state).cache_dir)
    first, second = (runs[arm].results[0].predictions for arm in ArmName)
    assert all(not np.array_equal(first[name].scores, second[name].scores) for name in first), "the arms are the same files"
    decision = decided(arms, runs)
    found = {}
    for effect in decision.effects:
        asked = effect.question
        name = asked.metric if asked.threshold is ThresholdKind.tuned else f"{asked.metric}, control's threshold"
        if isinstance(effect, EffectEstimate):
            found[name] = {
                "estimate": effect.estimate,
                "half_width": (effect.interval.high - effect.interval.low) / 2,
                "p": effect.p,
                "rejected": 0.0 not in effect.interval,
            }
        else:
            found[name] = {"not_estimable": str(effect.code)}
    return {
        "group": "/".join(map(str, KERN_CELLS[number % len(KERN_CELLS)])) if cell.source == "kern2023" else "operation",
        "items": len(arms.matching),
        "verdict": str(decision.verdict),
        "effects": found,
    }


def summary(cell: Cell, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how often each metric was rejected, with Wilson's interval."""
    metrics: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in found for name in one["effects"]):
        answers = [(one["group"], one["effects"][name]) for one in found if name in one["effects"]]
        known = [(group, answer) for group, answer in answers if "p" in answer]
        if not known:
            continue
        rejected = np.array([answer["rejected"] for _, answer in known])
        interval = wilson(float(rejected.mean()), len(rejected))
        of_group: dict[str, list[bool]] = {}
        for group, answer in known:
            of_group.setdefault(group, []).append(answer["rejected"])
        shares = [float(np.mean(values)) for values in of_group.values()]
        metrics[name] = {
            "tests": len(known),
            "not_estimable": len(answers) - len(known),
            "rejected": int(rejected.sum()),
            "rate": round(float(rejected.mean()), 4),
            "interval": [round(interval.low, 4), round(interval.high, 4)],
            "range_over_groups": [min(shares), max(shares)] if len(shares) > 1 else None,
            "sd_of_estimates": round(float(np.std([a["estimate"] for _, a in known], ddof=1)), 5),
            "median_half_width": round(float(np.median([a["half_width"] for _, a in known])), 5),
        }
    verdicts = [one["verdict"] for one in found]
    return {
        "experiments": len(found),
        "replicates": cell.replicates,
        "redraws": cell.redraws,
        "median_items": float(np.median([one["items"] for one in found])),
        "verdicts": {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
        "metrics": metrics,
    }


SHOWN = {
    "average_precision": "average precision (primary)",
    "false_positive_rate": "false positive rate, tuned threshold (guardrail)",
    "false_positive_rate, control's threshold": "false positive rate, control's threshold (guardrail)",
    "f1": "F1",
    "functional_pass_rate": "functional pass rate",
    "balanced_accuracy": "balanced accuracy",
}


def table(cells: dict[str, Any]) -> str:
    """Return the summaries as a table in Markdown."""
    lines = [
        "| A/As | Metric | Rejected | Rate (95% interval) | Median half width, points | SD of estimates, points |",
        "|---|---|---|---|---|---|",
    ]
    for name, cell in cells.items():
        source, classifier = name.split("/")
        what = f"{cell['experiments']} of `{classifier}` on {source}"
        for metric, title in SHOWN.items():
            if (row := cell["metrics"].get(metric)) is None:
                continue
            low, high = row["interval"]
            lines.append(
                f"| {what} | {title} | {row['rejected']} of {row['tests']} | {row['rate']:.3f} ({low:.3f} to {high:.3f}) | "
                f"{100 * row['median_half_width']:.1f} | {100 * row['sd_of_estimates']:.1f} |"
            )
    return "\n".join(lines)


def run_cell(cell: Cell, numbers: range, state: str, workers: int) -> dict[str, Any]:
    """Run A/As of one cell, and return their summary."""
    started = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(one_null, cell, number, state) for number in numbers]
        found = [job.result() for job in jobs]
    return {**summary(cell, found), "seconds": round(time.perf_counter() - started, 1)}


def warm(cell: Cell, workspace: Workspace, state: str) -> None:
    """Compute once what is kept of the texts that all A/As of a cell share."""
    config = workspace.catalogue.classifiers[cell.classifier]
    texts = hatecheck(state).texts.tolist() + np.asarray(kern_snapshot(state, *KERN_CELLS[0]).texts).tolist()
    if cell.source == "kern2023":
        api.warm(config, texts, workspace.cache_dir)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a dozen of tfidf; under a minute")
    parser.add_argument(
        "--only", nargs="*", default=[cell.name for cell in CELLS], help="e.g. kern2023/tfidf; keeps the others' results"
    )
    parser.add_argument("--count", type=int, help="A/As of each cell")
    parser.add_argument("--first", type=int, default=0, help="number of the first A/A: another number, other splits")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    report: dict[str, Any] = {"program": "null_experiments", "cells": {}}
    if RESULTS.exists() and not asked.quick:
        report["cells"] = json.loads(RESULTS.read_text(encoding="utf-8"))["cells"]
    with tempfile.TemporaryDirectory() as state:
        workspace = workspace_of(state)
        import_ratings(workspace)
        for cell in CELLS:
            count = asked.count or (cell.quick if asked.quick else cell.count)
            if cell.name not in asked.only or not count:
                continue
            warm(cell, workspace, state)
            numbers = range(asked.first, asked.first + count)
            report["cells"][cell.name] = {
                "command": " ".join(["python -m bench.null_experiments", *arguments]),
                **run_cell(cell, numbers, state, asked.workers),
            }
            print(f"{cell.name}: {json.dumps(report['cells'][cell.name])}", flush=True)
            if not asked.quick:
                report["cells"] = {c.name: report["cells"][c.name] for c in CELLS if c.name in report["cells"]}
                RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
                write_table("python -m bench.null_experiments", table(report["cells"]))
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
