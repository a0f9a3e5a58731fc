"""Two arms of fine-tuning, end to end: this project beside ``transformers.Trainer`` as it comes and set well, in the same run.

The tweets of Kern et al. (2023): instrument A against instrument B, ten replicates an arm, three epochs, the held-out tweets scored
after each. Ours is a whole experiment: snapshots, leakage, encoder cache from nothing, fits, scores, metrics, effects, decision. A
peer's time is its script's alone: load, tokenise, train, score. All use every core, and the same training items.

    python -m bench.training --scores FOLDER [--replicates N] [--timed N]
    python -m bench.training --quick

``--timed`` says how many replicates of each peer are timed in this run; the others count as their mean. Their scores stay in the folder,
where ``python -m bench.trainer_peers`` adds more, and ``--timed 0`` then only reads the scores again. ``--quick`` times some steps of
each peer and four fits of ours, and takes the peers' AUROC from the stored full run. Needs ``SMO_REAL_DATA``. The last line is one JSON
object.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.kern2023 import HeldOut, held_out, import_ratings, training_sets
from bench.matrix_product import measured_gflops, useful_gflop
from bench.trainer_peers import PEERS, fit_with_trainer, keep_scores, kept_scores
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import pin_arms
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.replicate import find_result
from smo_pipelines.experiment.replicates import ReplicatePool, worker_count
from smo_pipelines.experiment.run import conclude, effects_of, ready_arms
from smo_pipelines.experiment.training import warm_texts
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.crossed import ArmMetrics, crossed_estimate
from smo_pipelines.stats.metrics import get_metric

RESULTS = Path(__file__).parent / "results" / "training.json"
ROOT = Path(__file__).resolve().parents[1]
INSTRUMENTS = ("A", "B")
HELD_OUT = """kind: heldout
diagnostic: true
recipe: {{project: kern2023, question: offensive, items: {{split: test}}, guideline: kern2023-offensive@1, instrument: {name}}}
"""
Scores = dict[tuple[str, int], np.ndarray]
"""The held-out scores of each fit, by the instrument it was trained on and its seed."""


@dataclass(frozen=True)
class Ours:
    """One experiment of this project: seconds of each stage, and the held-out scores of its fits."""

    stages: dict[str, float]
    scores: Scores
    peak_gb: float


def project(folder: Path) -> Workspace:
    """Return a workspace with the ratings, whose root holds this project's configs and the two held-out benchmarks."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    for name in INSTRUMENTS:
        (folder / "configs" / "benchmarks" / f"offensive-{name}.yaml").write_text(HELD_OUT.format(name=name), encoding="utf-8")
    os.environ["SMO_STATE"] = str(folder / "state")
    workspace = Workspace(ProjectRoot(folder))
    import_ratings(workspace)
    return workspace


def spec(classifier: str, replicates: int) -> dict[str, Any]:
    """Return the experiment: instrument B against A, with the held-out tweets under either as benchmarks."""
    return {
        "id": f"offensive-{classifier}-{replicates}",
        "change": {"id": "OC-1", "what": "two screens (B) instead of one (A)", "why": "speed", "owner": "team:benchmarks"},
        "control": {
            "project": "kern2023",
            "question": "offensive",
            "items": {"split": "train"},
            "guideline": "kern2023-offensive@1",
            "instrument": "A",
        },
        "treatment": {"instrument": "B"},
        "assignment": "randomised",
        "raters": "fixed",
        "classifier": classifier,
        "replicates": replicates,
        "primary": {"metric": "auroc", "on": "offensive-A", "smallest_effect_of_interest": 0.02},
        "benchmarks": ["offensive-B"],
        "rule": "default",
    }


def run_ours(workspace: Workspace, classifier: str, replicates: int) -> Ours:
    """Run a whole experiment from an empty cache and store, stage by stage."""
    stages: dict[str, float] = {}
    start = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal start
        now = time.perf_counter()
        stages[name] = now - start
        start = now

    experiment = register_experiment(workspace, spec(classifier, replicates), "bench.training").experiment
    arms = pin_arms(workspace, experiment, ready_arms(workspace, experiment))
    jobs = jobs_of(workspace, arms)
    lap("labels, benchmarks, leakage")
    warm_texts(workspace, arms)
    lap("encoder cache")
    with ReplicatePool(threads=experiment.classifier.threads) as pool:
        pool.run(jobs)
    lap("fits, scores and metrics")
    now = datetime.now(UTC)
    effects = effects_of(workspace, arms, jobs)
    conclude(workspace, arms, effects=effects, started_at=now, finished_at=now, launched_by="bench", jobs=jobs)
    lap("effects, decision, record")
    benchmarks = {benchmark.name: benchmark for benchmark in arms.benchmarks}
    scores: Scores = {}
    for job in jobs:
        result = find_result(job, workspace.store, benchmarks)
        if result is not None and job.id.kind is ReplicateKind.snapshot:
            instrument = "A" if job.id.arm is ArmName.control else "B"
            scores[instrument, job.id.index] = result.predictions["offensive-A"].scores
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Ours(stages, scores, (own + worker_count(experiment.classifier.threads) * child) / 1024**2)


def scores_in(folder: Path, kind: str, replicates: int) -> Scores:
    """Return the kept scores of one kind of fits, as far as both arms have them."""
    paths = {(arm, seed): kept_scores(folder, kind, arm, seed) for arm in INSTRUMENTS for seed in range(replicates)}
    whole = [seed for seed in range(replicates) if all(paths[arm, seed].exists() for arm in INSTRUMENTS)]
    found: Scores = {}
    for arm in INSTRUMENTS:
        for seed in whole:
            with np.load(paths[arm, seed]) as kept:
                found[arm, seed] = kept["scores"]
    return found


def over_both_halves(scores: Scores, test: HeldOut) -> ArmMetrics:
    """Return, for each seed, the AUROC averaged over the two instruments of training and the two of the held-out labels."""
    auroc = get_metric("auroc")
    seeds = sorted({seed for _, seed in scores})
    cells = [(arm, test.labels[half]) for arm in INSTRUMENTS for half in INSTRUMENTS]
    values = [[auroc.value(scores[arm, seed], labels, 0.5) for arm, labels in cells] for seed in seeds]
    influences = [[auroc.influence(scores[arm, seed], labels, 0.5) for arm, labels in cells] for seed in seeds]
    return ArmMetrics(np.mean(values, axis=1), np.mean(influences, axis=1))


def effect(scores: Scores, test: HeldOut) -> dict[str, Any]:
    """Return the effect of B against A on the AUROC of either held-out half, with its 95% interval over runs and items."""
    auroc = get_metric("auroc")
    seeds = sorted({seed for _, seed in scores})
    out = {}
    for half in INSTRUMENTS:
        labels = test.labels[half]
        arms = [
            ArmMetrics(
                np.array([auroc.value(scores[arm, seed], labels, 0.5) for seed in seeds]),
                np.array([auroc.influence(scores[arm, seed], labels, 0.5) for seed in seeds]),
            )
            for arm in INSTRUMENTS
        ]
        found = crossed_estimate(arms[0], arms[1], np.arange(len(labels)))
        out[half] = {"effect": rounded(arms[1].mean - arms[0].mean), "interval": [rounded(x) for x in found.interval(0.05)]}
    return out


def pairing(scores: Scores, test: HeldOut) -> dict[str, Any]:
    """Return how much of the variance between runs the shared seed takes out of the arms' difference, on either held-out half.

    ``removed`` is ``1 - var(B - A) / (var(A) + var(B))``, with one run of either arm a seed; the correlation's 95% interval is Fisher's.
    """
    auroc = get_metric("auroc")
    seeds = sorted({seed for _, seed in scores})
    out = {}
    for half in INSTRUMENTS:
        one, other = (np.array([auroc.value(scores[arm, seed], test.labels[half], 0.5) for seed in seeds]) for arm in INSTRUMENTS)
        correlation = float(np.corrcoef(one, other)[0, 1])
        reach = 1.96 / np.sqrt(len(seeds) - 3)
        low, high = np.tanh(np.arctanh(correlation) + np.array([-reach, reach]))
        removed = 1 - np.var(other - one, ddof=1) / (np.var(one, ddof=1) + np.var(other, ddof=1))
        out[half] = {
            "removed": rounded(float(removed)),
            "correlation": rounded(correlation),
            "interval": [rounded(float(low)), rounded(float(high))],
            "seeds": len(seeds),
        }
    return out


def rounded(value: float) -> float:
    return float(round(value, 5))


def quality(scores: Scores, test: HeldOut) -> dict[str, Any]:
    """Return what is kept of a classifier's fits: no item's score or label among it."""
    found = over_both_halves(scores, test)
    spread = float(np.std(found.values, ddof=1)) if len(found.values) > 1 else None
    return {
        "auroc": rounded(found.mean),
        "auroc_of_runs": [rounded(value) for value in found.values],
        "sd_of_runs": None if spread is None else rounded(spread),
        "effect_on_auroc_of_half": effect(scores, test) if len(found.values) > 1 else None,
    }


def time_peers(sets: dict[str, TrainingSet], test: HeldOut, timed: int, folder: Path | None) -> dict[str, dict[str, float]]:
    """Return the seconds of one replicate of each peer, the mean of those timed.

    Parameters
    ----------
    folder : Path or None
        Where the scores of the replicates are kept, those that it lacks being the ones to time; None times twelve steps of one.
    """
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    found = {}
    for kind in PEERS:
        waiting = (
            [("A", 0)]
            if folder is None
            else [(arm, seed) for seed in range(100) for arm in INSTRUMENTS if not kept_scores(folder, kind, arm, seed).exists()]
        )
        runs = []
        for arm, seed in waiting[:timed]:
            runs.append(fit_with_trainer(kind, sets[arm], test.texts, seed=seed, max_steps=12 if folder is None else -1))
            if folder is not None:
                keep_scores(kept_scores(folder, kind, arm, seed), runs[-1])
        steps = 3 * -(-int((~sets["A"].dev).sum()) // (8 if kind == "defaults" else 32))
        seconds = [run["seconds"] - run["loop_seconds"] + run["loop_seconds"] * steps / run["steps"] for run in runs]
        found[kind] = {"seconds": round(float(np.mean(seconds)), 1), "timed": len(runs)}
        print(f"{kind}: {found[kind]['seconds']} s a replicate ({len(runs)} timed)", flush=True)
    return found


def useful_speed(workspace: Workspace, training: TrainingSet, classifier: str, replicates: int, seconds: float) -> dict[str, float]:
    """Return the useful operations a second of the fits, beside the machine's own matrix product."""
    from smo_pipelines.classifiers.transformer import encoder_cache

    config = workspace.catalogue.classifiers[classifier]
    cache = encoder_cache(config, workspace.cache_dir)
    tokens = np.array([len(rows) for rows in cache.states(training.texts[~training.dev].tolist())])
    each = useful_gflop(
        tokens,
        cut=cache.cut,
        lowest=config.lowest_layer,
        layers=cache.shape.layers,
        hidden=cache.shape.hidden,
        epochs=config.epochs,
    )
    cores = len(os.sched_getaffinity(0))
    machine = measured_gflops(cores)
    return {"useful_gflops": round(2 * replicates * each / seconds, 1), "machine_gflops": round(machine, 1)}


def compare_quality(report: dict[str, Any], scores: dict[str, Scores], test: HeldOut) -> None:
    """Put into the report how the fits of each kind rank the held-out tweets, and how ours differ from the peers'."""
    report["ours"] = quality(scores["ours"], test)
    report["pairing"] = pairing(scores["ours"], test)
    for kind in PEERS:
        report["peers"].setdefault(kind, {})
        report["peers"][kind] |= {"replicates_scored": len(scores[kind]) // 2}
        if len(scores[kind]) < 4:
            print(f"{kind}: fewer than two replicates an arm were scored, so that their AUROC is not compared")
            continue
        report["peers"][kind] |= quality(scores[kind], test)
        one, other = over_both_halves(scores[kind], test), over_both_halves(scores["ours"], test)
        delta, low = other.mean - one.mean, crossed_estimate(one, other, np.arange(len(test.texts))).interval(0.05)[0]
        report.setdefault("auroc_error", {})[kind] = rounded((delta - low) / 1.96)
        name = "auroc_delta" if kind == "defaults" else "auroc_delta_vs_tuned"
        report |= {name: rounded(delta), f"{name}_low": rounded(low)}


def take_stored_quality(report: dict[str, Any], scores: Scores, test: HeldOut) -> None:
    """Put into the report how the few fits of a quick run differ from the peers of the stored full one."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8"))
    report["ours"] = quality(scores, test)
    for kind in stored["auroc_error"]:
        delta = report["ours"]["auroc"] - stored["peers"][kind]["auroc"]
        name = "auroc_delta" if kind == "defaults" else "auroc_delta_vs_tuned"
        report |= {name: rounded(delta), f"{name}_low": rounded(delta - 1.96 * stored["auroc_error"][kind])}


def timed_report(ours: Ours, sets: dict[str, TrainingSet], replicates: int, wanted: int) -> dict[str, Any]:
    """Return the seconds of ``wanted`` replicates an arm: what does not grow with them counted once, the fits as for all of them."""
    fits, total = ours.stages["fits, scores and metrics"], sum(ours.stages.values())
    whole = total - fits + fits * wanted / replicates
    for name, seconds in ours.stages.items():
        print(f"{name:28} {seconds:7.1f} s {seconds / total:6.1%}")
    return {
        "seconds": round(whole, 1),
        "replicates": wanted,
        "replicates_timed": replicates,
        "stages": {name: round(seconds, 2) for name, seconds in ours.stages.items()},
        "share_of_time": {name: round(seconds / total, 3) for name, seconds in ours.stages.items()},
        "peak_gb": round(ours.peak_gb, 2),
        "items_per_s": round(2 * wanted * 3 * int((~sets["A"].dev).sum()) / whole, 1),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about a minute on two cores")
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--timed", type=int, default=2)
    parser.add_argument("--scores", type=Path, metavar="FOLDER")
    parser.add_argument("--classifier", default="minilm-top2")
    asked = parser.parse_args(arguments)
    if not asked.quick and asked.scores is None:
        parser.error("the full form needs --scores FOLDER, where the scores of all fits are kept")
    replicates = 2 if asked.quick else asked.replicates
    folder = None if asked.quick else asked.scores
    with tempfile.TemporaryDirectory() as temporary:
        workspace = project(Path(temporary))
        test, sets = held_out(workspace, "offensive"), training_sets(workspace, "offensive")
        if asked.timed == 0:
            report = json.loads(RESULTS.read_text(encoding="utf-8"))
        else:
            ours = run_ours(workspace, asked.classifier, replicates)
            report = {
                "program": "training",
                "command": " ".join(["python -m bench.training", *("FOLDER" if Path(one) == folder else one for one in arguments)]),
                "classifier": asked.classifier,
            }
            report |= timed_report(ours, sets, replicates, asked.replicates)
            fits = ours.stages["fits, scores and metrics"]
            report |= useful_speed(workspace, sets["A"], asked.classifier, replicates, fits)
            print(f"useful operations: {report['useful_gflops']} of {report['machine_gflops']} GFLOP a second")
            report["peers"] = time_peers(sets, test, 1 if asked.quick else asked.timed, folder)
            for kind, name in zip(PEERS, ("ratio_vs_trainer", "ratio_vs_tuned_trainer"), strict=True):
                report[name] = round(2 * asked.replicates * report["peers"][kind]["seconds"] / report["seconds"], 2)
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                for (arm, seed), scores in ours.scores.items():
                    keep_scores(kept_scores(folder, "ours", arm, seed), {"scores": scores})
    if folder is None:
        take_stored_quality(report, ours.scores, test)
    else:
        compare_quality(report, {kind: scores_in(folder, kind, asked.replicates) for kind in ("ours", *PEERS)}, test)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
