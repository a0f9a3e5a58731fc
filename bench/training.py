"""Two arms of fine-tuning, end to end: this project beside ``transformers.Trainer`` as it comes and set well, in the same run.

The tweets of Kern et al. (2023): instrument A against instrument B, ten replicates an arm, three epochs, the held-out tweets scored
after each. Ours is a whole experiment: snapshots, leakage, encoder cache from nothing, fits, scores, metrics, effects, decision. A
peer's time is its script's alone: load, tokenise, train, score. All use every core, and the same training items.

    python -m bench.training [--quick] [--replicates N] [--timed N] [--peers FOLDER]

``--timed`` says how many replicates of each peer are timed in this run (the others count as their mean); scores of all of them come
from ``--peers``, where ``python -m bench.trainer_peers`` leaves them. ``--quick`` times some steps of each peer and four fits of ours,
and takes the peers' AUROC from the stored full run. Needs ``SMO_REAL_DATA``. The last line is one JSON object.
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
from bench.trainer_peers import PEERS, fit_with_trainer
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.replicate import find_result
from smo_pipelines.experiment.replicates import ReplicatePool, worker_count
from smo_pipelines.experiment.run import conclude, effects_of, jobs_of, ready_arms, warm_texts
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
    arms = ready_arms(workspace, experiment)
    lap("labels, benchmarks, leakage")
    jobs = jobs_of(workspace, arms)
    lap("training sets stored")
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


def peer_scores(folder: Path, kind: str, replicates: int) -> Scores:
    """Return the stored scores of one peer's replicates, as far as both arms have them."""
    paths = {(arm, seed): folder / f"{kind}-offensive-{arm}-{seed}.npz" for arm in INSTRUMENTS for seed in range(replicates)}
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


def time_peers(sets: dict[str, TrainingSet], test: HeldOut, timed: int, max_steps: int) -> dict[str, dict[str, float]]:
    """Return the seconds of one replicate of each peer, the mean of those timed; from some steps where ``max_steps`` says so."""
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    found = {}
    for kind in PEERS:
        seconds = []
        for number in range(timed):
            training = sets[INSTRUMENTS[number % 2]]
            run = fit_with_trainer(kind, training, test.texts, seed=number, max_steps=max_steps)
            steps = 3 * -(-int((~training.dev).sum()) // (8 if kind == "defaults" else 32))
            outside = run["seconds"] - run["loop_seconds"]
            seconds.append(outside + run["loop_seconds"] * (steps / run["steps"]))
        found[kind] = {"seconds": float(np.mean(seconds)), "processor_seconds": float(run["cpu_seconds"]), "timed": timed}
        print(f"{kind}: {found[kind]['seconds']:.1f} s a replicate ({timed} timed)", flush=True)
    return found


def useful_speed(workspace: Workspace, training: TrainingSet, classifier: str, replicates: int, seconds: float) -> dict[str, float]:
    """Return the useful operations a second of the fits, beside the machine's own matrix product."""
    from smo_pipelines.classifiers.transformer import encoder_cache

    config = workspace.catalogue.classifiers[classifier]
    cache = encoder_cache(config, workspace.cache_dir)
    tokens = np.array([len(rows) for rows in cache.states(training.texts[~training.dev].tolist())])
    each = useful_gflop(tokens, cut=cache.cut, layers=cache.shape.layers, hidden=cache.shape.hidden, epochs=config.epochs)
    cores = len(os.sched_getaffinity(0))
    machine = measured_gflops(cores)
    return {"useful_gflops": round(2 * replicates * each / seconds, 1), "machine_gflops": round(machine, 1)}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about a minute on two cores")
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--timed", type=int, default=2)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--classifier", default="minilm-top2")
    asked = parser.parse_args(arguments)
    if not asked.quick and asked.peers is None:
        parser.error("the full form needs --peers: run python -m bench.trainer_peers defaults FOLDER, and tuned, first")
    replicates = 2 if asked.quick else asked.replicates
    with tempfile.TemporaryDirectory() as folder:
        workspace = project(Path(folder))
        test, sets = held_out(workspace, "offensive"), training_sets(workspace, "offensive")
        ours = run_ours(workspace, asked.classifier, replicates)
        total = sum(ours.stages.values())
        for name, seconds in ours.stages.items():
            print(f"{name:28} {seconds:7.1f} s {seconds / total:6.1%}")
        fits = ours.stages["fits, scores and metrics"]
        speed = useful_speed(workspace, sets["A"], asked.classifier, replicates, fits)
        print(f"useful operations {speed['useful_gflops']} of {speed['machine_gflops']} GFLOP a second that the machine multiplies")
    peers = time_peers(sets, test, 1 if asked.quick else asked.timed, 12 if asked.quick else -1)
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if asked.quick else {}
    # what does not grow with the replicates is counted once, the rest as for all of them
    whole = total if not asked.quick else total - fits + fits * asked.replicates / replicates
    mine = quality(ours.scores, test)
    report = {
        "program": "training",
        "command": " ".join(["python -m bench.training", *arguments]),
        "classifier": asked.classifier,
        "seconds": round(whole, 1),
        "replicates": replicates,
        "stages": {name: round(seconds, 2) for name, seconds in ours.stages.items()},
        **speed,
        "peak_gb": round(ours.peak_gb, 2),
        "items_per_s": round(2 * asked.replicates * 3 * int((~sets["A"].dev).sum()) / whole, 1),
        "peers": {kind: {**{name: round(value, 1) for name, value in found.items()}} for kind, found in peers.items()},
        "ratio_vs_trainer": round(2 * asked.replicates * peers["defaults"]["seconds"] / whole, 2),
        "ratio_vs_tuned_trainer": round(2 * asked.replicates * peers["tuned"]["seconds"] / whole, 2),
        "ours": mine,
    }
    for kind in PEERS:
        if asked.quick:
            theirs = stored["peers"][kind]
            delta, error = mine["auroc"] - theirs["auroc"], stored["auroc_error"][kind]
            low = delta - 1.96 * error
        else:
            scores = peer_scores(asked.peers, kind, asked.replicates)
            theirs = quality(scores, test)
            one, other = over_both_halves(scores, test), over_both_halves(ours.scores, test)
            found = crossed_estimate(one, other, np.arange(len(test.texts)))
            delta, low = other.mean - one.mean, found.interval(0.05)[0]
            report.setdefault("auroc_error", {})[kind] = rounded((delta - low) / 1.96)
        report["peers"][kind] |= theirs | report["peers"][kind]
        name = "auroc_delta" if kind == "defaults" else "auroc_delta_vs_tuned"
        report |= {name: rounded(delta), f"{name}_low": rounded(low)}
    if not asked.quick:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
