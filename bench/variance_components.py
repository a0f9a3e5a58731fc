"""Where a real metric's variance comes from: seeds, items, seeds by items and raters, as the planner's defaults.

Reads the finished experiments of a project that ``bench.real_experiments`` wrote (kern2023, instrument A against B, C, D and E, both
questions), and runs the same ones with ``tfidf`` (ten runs and ten redraws an arm) where they are not there. Two kinds of components:

- ``instrument_change``: two arms with different labels, pooled over the four changes. Arm A is in all four and counts once in the
  degrees of freedom.
- ``none``: one arm's runs beside runs on redraws of its raters, pooled over the five instruments: what other raters alone would do.

    python -m bench.variance_components [--quick] --folder DIR

Needs ``SMO_REAL_DATA``. Writes ``configs/components/<classifier>.yaml`` and a table into ``docs/real-runs.md``; the last line is one JSON
object. ``--quick``: three runs and three redraws of ``tfidf`` on two instruments, in a folder of its own, writing no file.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.real_experiments import SETS, smo, write_project
from bench.tables import write_table
from smo_pipelines.analysis.measure import Asked, control_threshold, expand
from smo_pipelines.analysis.selection import select_items
from smo_pipelines.classifiers import api
from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.config.reading import read_text
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.effects import Question, ThresholdKind
from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.register import find_experiment
from smo_pipelines.experiment.run import arm_runs
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.components import components_of_arms, components_of_control, pooled, with_raters
from smo_pipelines.stats.crossed import crossed_components
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign

CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "variance_components.json"
CLASSIFIERS = ("tfidf", "minilm-top2")
OTHERS = "BCDE"
HELD_OUT = {"hate": "kern2023-heldout-A", "offensive": "kern2023-offensive-heldout-A"}
TUNED, AT_CONTROL = ThresholdKind.tuned, ThresholdKind.control
ASKED = (
    ("average_precision", TUNED),
    ("f1", TUNED),
    ("functional_pass_rate", TUNED),
    ("balanced_accuracy", TUNED),
    ("false_positive_rate", TUNED),
    ("false_positive_rate", AT_CONTROL),
)
TFIDF_RUNS = 10


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished experiment: its arms, and the fits of each."""

    name: str
    arms: Arms
    runs: dict[ArmName, ArmRuns]


def questions(question: str) -> Iterator[Question]:
    """Yield what is asked of the experiments on one question of kern2023; the functional pass rate is the share of items flagged rightly."""
    for on in ("hatecheck", HELD_OUT[question]) if question == "hate" else (HELD_OUT[question],):
        for metric, threshold in ASKED:
            yield Question(metric=metric, on=on, threshold=threshold)


def experiment_name(question: str, other: str, classifier: str) -> str:
    """Return the id of the experiment of A against another instrument."""
    name = f"kern2023-{'' if question == 'hate' else 'offensive-'}a-to-{other.lower()}"
    return name if classifier == "minilm-top2" else f"{name}-{classifier}"


def run_tfidf(folder: Path, workspace: Workspace, question: str, other: str, runs: int) -> None:
    """Run an experiment with ``tfidf`` in place of the transformer, unless it is decided."""
    name, path = experiment_name(question, other, "tfidf"), folder / "experiments"
    source = path / f"{experiment_name(question, other, 'minilm-top2')}.yaml"
    text = read_text(source, source).replace("classifier: minilm-top2", "classifier: tfidf")
    for field in ("replicates", "redraws"):
        text = text.replace(f"{field}: 5\n", f"{field}: {runs}\n")
    text = text.replace(f"id: {source.stem}\n", f"id: {name}\n")
    (path / f"{name}.yaml").write_text(text, encoding="utf-8")
    file = find_experiment(workspace, name)
    if not is_decided(workspace, resolve_experiment(file.raw, workspace.catalogue)):
        smo(folder, "run", name)


def finished(workspace: Workspace, name: str) -> Finished:
    """Return a decided experiment with its fits.

    Raises
    ------
    ValueError
        When it is not decided.
    """
    file = find_experiment(workspace, name)
    experiment = resolve_experiment(file.raw, workspace.catalogue, file.source)
    if not is_decided(workspace, experiment):
        raise ValueError(
            f"{name} is not decided in {workspace.root.path}; run `python -m bench.real_experiments --folder` there first"
        )
    arms = load_arms(workspace, experiment)
    return Finished(name, arms, arm_runs(workspace, arms, jobs_of(workspace, arms)))


def _benchmark(one: Finished, name: str) -> Benchmark:
    return next(benchmark for benchmark in one.arms.benchmarks if benchmark.name == name)


def of_change(one: Finished, question: Question) -> VarianceComponents:
    """Return the components of a difference between arms with different labels, their raters apart."""
    benchmark = _benchmark(one, question.on)
    asked = Asked(question, select_items(question, benchmark, one.arms.experiment))
    at = control_threshold(one.runs[ArmName.control])
    control, treatment = (expand(asked, one.runs[arm], benchmark, at) for arm in ArmName)
    facts = [one.arms.rater_facts(arm) for arm in ArmName]
    found = components_of_arms(control.runs, treatment.runs, asked.selection.clusters, shared_seeds=True)
    arms = [
        RaterArm(part.runs.values, part.redraws, fact.effective_raters, fact.max_ratings_an_item)
        for part, fact in zip((control, treatment), facts, strict=True)
    ]
    return with_raters(found, arms[0], arms[1], RaterDesign.disjoint, shared_seeds=True)


def of_arm(one: Finished, arm: ArmName, question: Question) -> VarianceComponents:
    """Return the components that other raters alone would give, from one arm's runs and its runs on redrawn raters."""
    benchmark, runs = _benchmark(one, question.on), one.runs[arm]
    asked = Asked(question, select_items(question, benchmark, one.arms.experiment))
    at = control_threshold(runs)
    as_runs = [
        ArmRuns(results=tuple(replace(result, id=replace(result.id, kind=ReplicateKind.snapshot)) for result in runs.of_kind(kind)))
        for kind in ReplicateKind
    ]
    own, redrawn = (expand(asked, of, benchmark, at).runs for of in as_runs)
    fact = one.arms.rater_facts(arm)
    found = components_of_control(crossed_components(own, redrawn, asked.selection.clusters))
    return with_raters(found, RaterArm(own.values, redrawn.values, fact.effective_raters, fact.max_ratings_an_item))


def measured(experiments: Sequence[Finished], question: Question) -> dict[ChangeKind, VarianceComponents]:
    """Return pooled components of both kinds."""
    arms = [of_arm(experiments[0], ArmName.control, question), *(of_arm(one, ArmName.treatment, question) for one in experiments)]
    change = pooled([of_change(one, question) for one in experiments])
    first = experiments[0].runs[ArmName.control]
    runs, redraws = (len(first.of_kind(kind)) for kind in ReplicateKind)
    # the control's fits are the same in every experiment: each arm counts once
    once = {"run_df": float(len(arms) * (runs - 1)), "redraw_df": float(len(arms) * (redraws - 1))}
    return {ChangeKind.instrument_change: replace(change, **once), ChangeKind.none: pooled(arms)}


def entry(experiments: Sequence[Finished], question: Question, change: ChangeKind, found: VarianceComponents) -> dict[str, Any]:
    """Return one entry of ``configs/components``."""
    first = experiments[0]
    runs, redraws = (len(first.runs[ArmName.control].of_kind(kind)) for kind in ReplicateKind)
    others = ", ".join(one.arms.experiment.treatment.instrument or "" for one in experiments)
    asked = first.arms.experiment.control.question
    facts: dict[str, Any] = {
        "metric": question.metric,
        "on": question.on,
        "threshold": str(question.threshold),
        "change": str(change),
        "project": "kern2023",
        "benchmark": _benchmark(first, question.on).digest[:16],
        "training_items": round(statistics.mean(len(one.arms.matching) for one in experiments)),
    }
    parts = ("sd_seed", "sd_item", "sd_seed_by_item", "seed_correlation", "run_df", "sd_rater", "effective_raters", "redraw_df")
    numbers = {name: float(f"{value:.4g}") for name in parts if (value := getattr(found, name)) is not None}
    source = (
        f"kern2023, {asked}, A against {others}, {runs} runs and {redraws} redraws an arm (python -m bench.variance_components)"
    )
    return {**facts, **numbers, "units": found.units, "source": source}


def seconds_a_fit(one: Finished, cache_dir: Path) -> float:
    """Return processor seconds of one fit with its scoring, all texts read once before: the middle of three."""
    training = one.arms.training_set(ArmName.control, ReplicateKind.snapshot, 0)
    texts = list(dict.fromkeys(text for benchmark in one.arms.benchmarks for text in benchmark.texts.tolist()))
    taken = []
    for seed in range(3):
        start = time.process_time()
        api.fit(one.arms.experiment.classifier, training, seed=seed, cache_dir=cache_dir).score(texts)
        taken.append(time.process_time() - start)
    return round(statistics.median(taken), 2)


def write_components(classifier: str, digest: str, seconds: float, entries: Sequence[dict[str, Any]]) -> None:
    """Write the file that experiments of this classifier are planned with."""
    lines = [
        "# Written by python -m bench.variance_components; how each number is made: docs/real-runs.md.",
        "description: the tweets of Kern et al. (2023) under five instruments",
        f"classifier: {digest}",
        f"seconds_a_fit: {seconds}",
        "measured:",
    ]
    for one in entries:
        lines.append(
            "  - " + "\n    ".join(f"{name}: {json.dumps(value) if name == 'source' else value}" for name, value in one.items())
        )
    path = CHECKOUT / "configs" / "components" / f"{classifier}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(report: dict[str, Any]) -> str:
    """Return the components as a table in Markdown, in points."""
    lines = [
        "| Classifier | Metric | Arms differ by | Seed | Item | Seed by item | Raters (effective) | df: runs, redraws |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for classifier, found in report["classifiers"].items():
        for one in found["measured"]:
            at = ", control's threshold" if one["threshold"] == "control" else ""
            what = "the raters" if one["change"] == "none" else "the instrument"
            raters = f"{100 * one['sd_rater']:.1f} ({one['effective_raters']:.0f})" if "sd_rater" in one else "not known"
            lines.append(
                f"| `{classifier}` | {one['metric'].replace('_', ' ')} on {one['on']}{at} | {what} | {100 * one['sd_seed']:.2f} | "
                f"{100 * one['sd_item']:.1f} | {100 * one['sd_seed_by_item']:.1f} | {raters} | {one['run_df']:.0f}, {one.get('redraw_df', 0):.0f} |"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="a project of bench.real_experiments; needed without --quick")
    asked = parser.parse_args(arguments)
    if asked.folder is None and not asked.quick:
        parser.error("--folder is needed: the project that bench.real_experiments wrote")
    started = time.perf_counter()
    report: dict[str, Any] = {"program": "variance_components", "classifiers": {}}
    report["command"] = " ".join(["python -m bench.variance_components", *(["--quick"] if asked.quick else ["--folder DIR"])])
    os.environ.pop("SMO_STATE", None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if asked.quick else asked.folder.absolute()
        write_project(folder)
        workspace = Workspace(ProjectRoot(folder))
        if not workspace.tables.has_ratings("kern2023"):
            smo(folder, "import", str(Path(os.environ["SMO_REAL_DATA"]) / SETS["kern2023"][0]))
        asked_of = {"offensive": "B"} if asked.quick else {"hate": OTHERS, "offensive": OTHERS}
        for classifier in CLASSIFIERS[:1] if asked.quick else CLASSIFIERS:
            entries: list[dict[str, Any]] = []
            for question, others in asked_of.items():
                if classifier == "tfidf":
                    for other in others:
                        run_tfidf(folder, workspace, question, other, 4 if asked.quick else TFIDF_RUNS)
                experiments = [finished(workspace, experiment_name(question, other, classifier)) for other in others]
                for one in questions(question):
                    entries += [entry(experiments, one, change, found) for change, found in measured(experiments, one).items()]
            config = experiments[0].arms.experiment.classifier
            seconds = seconds_a_fit(experiments[0], workspace.cache_dir)
            report["classifiers"][classifier] = {"digest": config.digest, "seconds_a_fit": seconds, "measured": entries}
            if not asked.quick:
                write_components(classifier, config.digest, seconds, entries)
    report["seconds"] = round(time.perf_counter() - started, 1)
    print(table(report))
    if not asked.quick:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        write_table("python -m bench.variance_components", table(report))
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
