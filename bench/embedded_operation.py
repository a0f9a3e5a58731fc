"""Four hundred experiments on random changes of the embedded operation, each against what its change truly does to the classifier.

A change is drawn at random from the kinds that operations make: guideline edits and swaps of the raters in some of the markets, another
form for the raters, more or fewer ratings an item, another aggregation, careful raters alone, and nothing at all. Each of 20 changes is
tested 20 times by the functions of ``smo run`` (``bench.in_memory``): ``tfidf``, five runs and ten redraws an arm, a benchmark of 1,000
items, raters random, items a sample.

Estimand, of the interval and of the truth alike. Training items: these (600 of the hate policy; four sets of them serve the 20 changes).
Raters, their assignment and ratings, and the seeds of the fits: fresh in each experiment and in each redraw of the truth. Benchmark: a
fresh draw of 1,000 items in each experiment; the truth is measured on 200,000 items, two hundred such draws, of which each redraw is
scored on a tenth. Gold: hate@4. Effect:
treatment minus control in average precision (primary), and in the false positive rate at each fit's own tuned threshold (guardrail,
margin 5 points); for a guideline edit also average precision on the items whose gold is the same under both versions (margin 5 points).

The truth is a mean over 200 redraws of the whole pipeline; its Monte Carlo error is printed beside half the width of the intervals.

    python -m bench.embedded_operation [--quick] [--changes N] [--experiments N] [--redraws N] [--fresh N]

The last line is one JSON object; the full form also writes its tables into ``docs/real-runs.md``.
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
from functools import cache, lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.in_memory import Design, decided, experiment_of, fitted_arms, snapshot_of
from bench.operation import BENCHMARK, LOCALES, Operation, Rated, fresh_benchmark, fresh_items, golds_of, halves, hate_items, rate
from bench.tables import write_table
from bench.text_population import TextPopulation
from smo_pipelines.benchmarks.leakage import Leakage
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.decisions import Guardrail
from smo_pipelines.domain.effects import EffectEstimate, Question, Role
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.domain.labels import Aggregation, LabelSnapshot, SnapshotRecipe
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.simulate.items import SimulatedItem
from smo_pipelines.simulate.policy import PLANTED_CAUSE
from smo_pipelines.simulate.raters import draw_raters
from smo_pipelines.simulate.streams import stream
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.two_way import wilson

RESULTS = Path(__file__).parent / "results" / "embedded_operation.json"
CLASSIFIER = ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf)
RUNS, REDRAWS = 5, 10
TRAIN_ITEMS, BENCHMARK_ITEMS, TRAINING_SETS = 600, 1_000, 4
TURNS = 10
"""Parts of the fresh items, of which each redraw of the truth is scored on one."""
NO_LEAKAGE = Leakage(exact={}, near={}, n_training=TRAIN_ITEMS)
SMALLEST, MARGIN = 0.02, 0.05
OLD, NEW = PLANTED_CAUSE.before, PLANTED_CAUSE.after
TRUTH_SEED, EXPERIMENT_SEED, FRESH_SEED, ITEM_SEED = 20_000_000, 30_000_000, 40_000_000, 50_000_000
"""Where the seeds of the truth's redraws, of experiments, of the fresh items and of the training items start."""

PRIMARY = Question(metric="average_precision", on=BENCHMARK, gold=NEW)
FLAGGED = Question(metric="false_positive_rate", on=BENCHMARK, gold=NEW)
UNCHANGED = replace(PRIMARY, items="gold_unchanged")
KINDS = (
    *("guideline edit",) * 5,
    *("pool swap",) * 5,
    *("form",) * 4,
    *("overlap",) * 2,
    "aggregation",
    "careful raters",
    "nothing, same raters again",
    "nothing, halves of the raters",
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One operational change: how raters work and how their ratings become labels, before and after."""

    number: int
    kind: str
    what: str
    before: Operation
    after: Operation
    control: SnapshotRecipe
    treatment: SnapshotRecipe

    @property
    def guardrails(self) -> tuple[Guardrail, ...]:
        """The questions that must not get worse; a guideline edit needs the items whose gold is unchanged."""
        asked = (FLAGGED, UNCHANGED) if self.kind == "guideline edit" else (FLAGGED,)
        return tuple(Guardrail(question=question, margin=MARGIN) for question in asked)

    @property
    def null(self) -> bool:
        """Whether it is registered as an A/A test."""
        return self.kind == "nothing, halves of the raters"


def draw_change(number: int) -> Change:
    """Draw a change: its kind by turns, its size and place at random."""
    kind, rng = KINDS[number % len(KINDS)], stream(number, "change")
    recipe = SnapshotRecipe(project="demo", question="hate", guideline=NEW, pool="core@1")
    before, after, control, treatment = Operation(), Operation(), recipe, recipe
    some = _some_locales(rng)
    where = "all markets" if some == LOCALES else ", ".join(sorted(some))
    if kind == "guideline edit":
        before, after = Operation(known=frozenset()), Operation(known=frozenset(), again=some)
        control, what = replace(recipe, guideline=OLD), f"hate@4 in {where}"
    elif kind == "pool swap":
        after, treatment, what = Operation(vendor=some), replace(recipe, pool="vendor-lenient@1"), f"the vendor in {where}"
        if rng.random() < 0.3:
            before, after, control, treatment = after, before, treatment, control
            what = f"core raters for the vendor in {where}"
    elif kind == "form":
        stricter, careless = round(rng.uniform(-1.2, 1.2), 2), round(max(rng.uniform(-0.15, 0.3), 0.0), 2)
        after = Operation(again=LOCALES, strictness=stricter, lapse=careless)
        treatment, what = replace(recipe, instrument="form-2"), f"strictness {stricter:+.2f}, careless answers {careless:+.2f}"
    elif kind == "overlap":
        sizes = (6, int(rng.integers(2, 5)))
        one, other = sizes if rng.random() < 0.5 else sizes[::-1]
        before, after = Operation(panel=one), Operation(panel=other)
        control, treatment, what = (
            replace(recipe, overlap=one),
            replace(recipe, overlap=other),
            f"{other} ratings an item for {one}",
        )
    elif kind == "aggregation":
        treatment, what = replace(recipe, aggregation=Aggregation.dawid_skene), "Dawid and Skene for the majority"
    elif kind == "careful raters":
        after, treatment, what = Operation(careful=True), replace(recipe, pool="careful@1"), "only raters careful above the median"
    elif kind == "nothing, same raters again":
        after, treatment, what = Operation(again=LOCALES), replace(recipe, instrument="form-2"), "a second round, nothing new"
    else:
        control, treatment, what = replace(recipe, rater_half=0), replace(recipe, rater_half=1), "two halves of the raters"
    return Change(number=number, kind=kind, what=what, before=before, after=after, control=control, treatment=treatment)


def _some_locales(rng: np.random.Generator) -> frozenset[str]:
    names = sorted(LOCALES)
    if rng.random() < 0.3:
        return LOCALES
    chosen = rng.random(len(names)) < 0.5
    chosen[rng.integers(len(names))] = True
    return frozenset(name for name, taken in zip(names, chosen, strict=True) if taken)


def experiment(change: Change) -> Experiment:
    """Return the change as it would be registered."""
    design = Design(
        classifier=CLASSIFIER,
        replicates=RUNS,
        redraws=REDRAWS,
        benchmarks=(BENCHMARK,),
        primary=PRIMARY,
        smallest=SMALLEST,
        guardrails=change.guardrails,
    )
    return experiment_of(f"change-{change.number}", change.control, change.treatment, design, null=change.null, randomised=False)


@cache
def training_items(number: int) -> tuple[SimulatedItem, ...]:
    """Return the training items of a change."""
    return tuple(hate_items(ITEM_SEED + number % TRAINING_SETS, TRAIN_ITEMS))


def snapshots(change: Change, seed: int) -> dict[ArmName, LabelSnapshot]:
    """Return both arms' labels by freshly drawn raters."""
    items, raters = training_items(change.number), draw_raters(seed)
    arms: tuple[Rated, ...] = tuple(rate(seed, items, raters, way) for way in (change.before, change.after))
    if change.null:
        arms = halves(arms[0], [rater for rater in raters if rater.pool == "core"], stream(seed, "halves"))
    ids, texts = [item.item_id for item in items], [item.text for item in items]
    recipes = (change.control, change.treatment)
    return {
        arm: snapshot_of(recipe, ids, texts, rated.votes(raters)) for arm, recipe, rated in zip(ArmName, recipes, arms, strict=True)
    }


def one_experiment(change: Change, number: int) -> dict[str, Any]:
    """Run one experiment to its decision."""
    seed = EXPERIMENT_SEED + number
    on = fresh_benchmark(seed, BENCHMARK_ITEMS)
    # only the first experiment of a change holds its texts against the benchmark's: no template gives both splits a text
    known = NO_LEAKAGE if number % 1_000 else None
    arms = Arms(experiment(change), snapshots(change, seed), (on,), (), known_leakage=known)
    decision = decided(arms, fitted_arms(arms, number=number, cache_dir=Path(tempfile.gettempdir())))
    found = {}
    for effect in decision.effects:
        if effect.question.role in (Role.primary, Role.guardrail):
            name = _named(effect.question)
            found[name] = (
                {
                    "estimate": effect.estimate,
                    "low": effect.interval.low,
                    "high": effect.interval.high,
                    "components": dict(effect.components),
                }
                if isinstance(effect, EffectEstimate)
                else {"not_estimable": str(effect.code)}
            )
    return {"change": change.number, "verdict": str(decision.verdict), "leaked": arms.matching.leaked, "effects": found}


def _named(question: Question) -> str:
    return f"{question.metric} ({question.items})" if question.items != "all" else question.metric


@cache
def fresh_texts(items: int) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the texts of so many fresh items, drawn as the benchmarks of experiments are, and their gold."""
    drawn = [fresh_items(FRESH_SEED + k, BENCHMARK_ITEMS) for k in range(items // BENCHMARK_ITEMS)]
    flat = [item for part in drawn for item in part]
    return [item.text for item in flat], golds_of(flat)


@lru_cache(maxsize=1)
def population(training: int, items: int) -> TextPopulation:
    """Return the fresh texts over the n-grams of a set of training items."""
    return TextPopulation(CLASSIFIER, [item.text for item in training_items(training)], fresh_texts(items)[0])


def truth_of(change: Change, redraws: range, fresh: int) -> dict[str, list[float]]:
    """Return the effect in each redraw of the whole pipeline, by question; each on a tenth of the fresh items, by turns."""
    golds, everybody = fresh_texts(fresh)[1], population(change.number % TRAINING_SETS, fresh)
    asked = (PRIMARY, *(guardrail.question for guardrail in change.guardrails))
    found: dict[str, list[float]] = {_named(question): [] for question in asked}
    size = fresh // TURNS
    for redraw in redraws:
        # a redraw is its own experiment: raters, ratings and the seed of the fits are nobody else's
        seed, part = TRUTH_SEED + 1_000 * change.number + redraw, slice(redraw % TURNS * size, (redraw % TURNS + 1) * size)
        arms = Arms(experiment(change), snapshots(change, seed), (), (), known_leakage=NO_LEAKAGE)
        fits = [everybody.fit(arms.training_set(arm, ReplicateKind.snapshot, 0), seed=seed) for arm in ArmName]
        scores, old, new = everybody.scores(fits, part), golds[OLD][part], golds[NEW][part]
        for question in asked:
            items = old == new if question.items == "gold_unchanged" else np.ones(len(new), dtype=bool)
            metric = get_metric(question.metric)
            before, after = (metric.value(s[items], new[items], fit.threshold) for s, fit in zip(scores, fits, strict=True))
            found[_named(question)].append(after - before)
    return found


def classify(change: Change, truth: dict[str, dict[str, float]]) -> str:
    """Return what a change truly is: harmful, a gain, or too small to matter either way."""
    primary = truth[_named(PRIMARY)]
    losses = {
        _named(rail.question): -get_metric(rail.question.metric).direction.sign * truth[_named(rail.question)]["mean"]
        for rail in change.guardrails
    }
    if primary["mean"] < -2 * primary["mc_error"] or max(losses.values()) > MARGIN:
        return "harmful"
    return "a gain" if primary["mean"] >= SMALLEST else "too small to matter"


def _mean(values: Sequence[float]) -> dict[str, float]:
    spread = float(np.std(values, ddof=1))
    return {"mean": round(float(np.mean(values)), 5), "mc_error": round(spread / len(values) ** 0.5, 5), "sd": round(spread, 5)}


def report_of(
    changes: Sequence[Change], truths: dict[int, dict[str, list[float]]], found: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return coverage by question and change, and verdicts against truth."""
    rows, covered, verdicts = [], {}, {}
    for change in changes:
        truth = {name: _mean(values) for name, values in truths[change.number].items()}
        mine = [one for one in found if one["change"] == change.number]
        row: dict[str, Any] = {"change": change.number, "kind": change.kind, "what": change.what, "is": classify(change, truth)}
        for name, value in truth.items():
            known = [one["effects"][name] for one in mine if "low" in one["effects"].get(name, {})]
            inside = [effect["low"] <= value["mean"] <= effect["high"] for effect in known]
            estimates = np.array([effect["estimate"] for effect in known])
            row[name] = {
                "truth": value,
                "experiments": len(known),
                "covered": int(sum(inside)),
                "mean_estimate": round(float(estimates.mean()), 5) if known else None,
                "sd_of_estimates": round(float(estimates.std(ddof=1)), 5) if len(known) > 1 else None,
                "median_half_width": round(float(np.median([(e["high"] - e["low"]) / 2 for e in known])), 5) if known else None,
                "mean_variances": {
                    source: float(f"{np.mean([e['components'].get(source, 0.0) for e in known]):.3g}")
                    for source in ("runs", "runs_by_items", "items", "raters")
                },
            }
            covered.setdefault(name, []).extend(inside)
        row["verdicts"] = {v: n for v in VERDICTS if (n := sum(one["verdict"] == v for one in mine))}
        for verdict, count in row["verdicts"].items():
            cell = verdicts.setdefault(row["is"], {})
            cell[verdict] = cell.get(verdict, 0) + count
        rows.append(row)
    coverage = {}
    for name, inside in covered.items():
        interval = wilson(float(np.mean(inside)), len(inside))
        coverage[name] = {
            "intervals": len(inside),
            "covered": int(sum(inside)),
            "coverage": round(float(np.mean(inside)), 4),
            "interval": [round(interval.low, 4), round(interval.high, 4)],
        }
    return {"coverage": coverage, "verdicts": verdicts, "changes": rows, "leaked": sum(one["leaked"] for one in found)}


VERDICTS = ("ship", "hold", "roll_back", "inconclusive", "invalid")


def coverage_table(report: dict[str, Any]) -> str:
    lines = [
        "| Change | Truth, points | MC error | Covered: average precision | SD of estimates | Half width | Truth, false positive rate | Covered |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in report["changes"]:
        primary, flagged = row["average_precision"], row["false_positive_rate"]
        lines.append(
            f"| {row['kind']}: {row['what']} | {100 * primary['truth']['mean']:+.1f} | {100 * primary['truth']['mc_error']:.2f} | "
            f"{primary['covered']} of {primary['experiments']} | {100 * primary['sd_of_estimates']:.1f} | {100 * primary['median_half_width']:.1f} | "
            f"{100 * flagged['truth']['mean']:+.1f} | {flagged['covered']} of {flagged['experiments']} |"
        )
    for name, all_of in report["coverage"].items():
        low, high = all_of["interval"]
        lines += ["", f"All of {name.replace('_', ' ')}: {all_of['covered']} of {all_of['intervals']} intervals hold the truth, "]
        lines[-1] += f"{all_of['coverage']:.3f} ({low:.3f} to {high:.3f})."
    return "\n".join(lines)


def verdict_table(report: dict[str, Any]) -> str:
    shown = [verdict for verdict in VERDICTS if any(verdict in row for row in report["verdicts"].values())]
    lines = ["| The change truly is | " + " | ".join(v.replace("_", " ") for v in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(str(report["verdicts"][name].get(v, 0)) for v in shown) + " |"
        for name in ("a gain", "too small to matter", "harmful")
        if name in report["verdicts"]
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="five changes, two experiments each; under a minute")
    parser.add_argument("--changes", type=int)
    parser.add_argument("--experiments", type=int, help="of each change")
    parser.add_argument("--redraws", type=int, help="of the truth of each change")
    parser.add_argument("--fresh", type=int, help="items that the truth is measured on")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    sizes = {
        "changes": asked.changes or (5 if asked.quick else len(KINDS)),
        "experiments": asked.experiments or (2 if asked.quick else 20),
        "redraws": asked.redraws or (5 if asked.quick else 200),
        "fresh": asked.fresh or (4_000 if asked.quick else 200_000),
    }
    step = len(KINDS) // sizes["changes"] if asked.quick else 1
    changes = [draw_change(number) for number in range(0, len(KINDS), step)][: sizes["changes"]]
    started = time.perf_counter()
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        # those that share their training items come one after the other: what is made of the fresh items for them is kept once
        by_items = sorted(changes, key=lambda change: change.number % TRAINING_SETS)
        truths = {change.number: pool.submit(truth_of, change, range(sizes["redraws"]), sizes["fresh"]) for change in by_items}
        runs = [
            pool.submit(one_experiment, change, 1_000 * change.number + k)
            for change in changes
            for k in range(sizes["experiments"])
        ]
        found = [run.result() for run in runs]
        whole = {number: truth.result() for number, truth in truths.items()}
    head = {"program": "embedded_operation", "command": " ".join(["python -m bench.embedded_operation", *arguments]), **sizes}
    report = {**head, "seconds": round(time.perf_counter() - started, 1), **report_of(changes, whole, found)}
    print(coverage_table(report), verdict_table(report), sep="\n\n")
    if not asked.quick:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        write_table("python -m bench.embedded_operation", coverage_table(report))
        write_table("python -m bench.embedded_operation, verdicts", verdict_table(report))
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
