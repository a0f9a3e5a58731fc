"""What each kind of classifier gives for its time: quality, seconds, spread between runs, and the effect that it measures.

Two public sets: the tweets of Kern et al. (2023), labelled on one screen (A) or two (B); and MD-Agreement (Leonardelli et al. 2021),
labelled by its busiest raters (A) or by the others (B). Each arm's fits are scored on the held-out items of both arms' labels.

    python -m bench.classifiers [--quick] [--seeds N] [--slow-seeds N] [--only NAME ...] [--sets NAME ...]

``--slow-seeds`` is for the two that take minutes a fit, ``minilm-top4`` and ``minilm-full``; ``--only`` and ``--sets`` leave the other
rows as they are stored. Needs ``SMO_REAL_DATA``. The last line is one JSON object; every form but the quick one also writes the table
of ``docs/classifiers.md``, row by row, so that a killed run keeps what it has measured.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.kern2023 import HeldOut, held_out, import_ratings, training_sets
from bench.md_agreement import busy_and_other, import_md_agreement
from bench.tables import write_table
from bench.trainer_peers import temporary_workspace
from smo_pipelines.classifiers import api
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.crossed import ArmMetrics, crossed_estimate
from smo_pipelines.stats.metrics import get_metric

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "classifiers.md"
RESULTS = Path(__file__).parent / "results" / "classifiers.json"
NAME = "python -m bench.classifiers"
TITLES = {"kern2023": "Kern et al. 2023, offensive.", "md-agreement": "MD-Agreement, offensive."}
CLASSIFIERS = ("tfidf", "tfidf-words", "minilm-frozen", "minilm-top1", "minilm-top2", "minilm-top4", "minilm-full")
SLOW = ("minilm-top4", "minilm-full")
ARMS = ("A", "B")


def configs(workspace: Workspace) -> dict[str, ClassifierConfig]:
    """Return the classifiers of the table: those of the project's files, and two that differ from the default in their depth."""
    known = workspace.catalogue.classifiers
    top2 = known["minilm-top2"]
    depth = {f"minilm-top{n}": dataclasses.replace(top2, name=f"minilm-top{n}", train_layers=n) for n in (1, 4)}
    return {name: (known | depth)[name] for name in CLASSIFIERS}


def fit_once(config: ClassifierConfig, training: TrainingSet, texts: list[str], seed: int, cache: str) -> tuple[float, np.ndarray]:
    """Return the processor seconds of a fit, and its scores of the held-out texts."""
    start = time.process_time()
    fitted = api.fit(config, training, seed=seed, cache_dir=Path(cache))
    seconds = time.process_time() - start
    return seconds, fitted.score(texts)


def summary(scores: dict[tuple[str, int], np.ndarray], test: HeldOut) -> dict[str, Any]:
    """Return means over arms and held-out labels, the spread of one fit, and the effect of B against A with its interval."""
    seeds = sorted({seed for _, seed in scores})
    found: dict[str, Any] = {}
    for name in ("auroc", "average_precision"):
        metric = get_metric(name)
        cells = np.array([[[metric.value(scores[a, s], test.labels[h], 0.5) for h in ARMS] for s in seeds] for a in ARMS])
        influences = np.array([[[metric.influence(scores[a, s], test.labels[h], 0.5) for h in ARMS] for s in seeds] for a in ARMS])
        arms = [ArmMetrics(cells[k].mean(axis=1), influences[k].mean(axis=1)) for k in range(2)]
        low, high = crossed_estimate(arms[0], arms[1], np.arange(len(test.texts))).interval(0.05)
        found[name] = {
            "mean": round(float(cells.mean()), 4),
            "sd_of_runs": round(float(np.sqrt(np.mean([np.var(arm.values, ddof=1) for arm in arms]))), 4),
            "effect": round(arms[1].mean - arms[0].mean, 4),
            "interval": [round(low, 4), round(high, 4)],
        }
    return found


def measure(
    config: ClassifierConfig, sets: dict[str, TrainingSet], test: HeldOut, seeds: int, cache: str, pool: ProcessPoolExecutor
) -> dict[str, Any]:
    start = time.perf_counter()
    api.warm(config, [*sets["A"].texts.tolist(), *test.texts], Path(cache))
    once = time.perf_counter() - start
    jobs = {(arm, seed): pool.submit(fit_once, config, sets[arm], test.texts, seed, cache) for seed in range(seeds) for arm in ARMS}
    done = {key: job.result() for key, job in jobs.items()}
    return {
        "seeds": seeds,
        "seconds_once": round(once, 1),
        "seconds_a_fit": round(float(np.median([seconds for seconds, _ in done.values()])), 2),
        **summary({key: scores for key, (_, scores) in done.items()}, test),
    }


def table(report: dict[str, Any]) -> str:
    """Return the report as a table in Markdown for each set."""
    lines = []
    for of_set in report["sets"].values():
        lines += ["", f"**{of_set['title']}** {of_set['items']}", ""]
        lines += [
            "| Classifier | AUROC | SD of a run | Average precision | SD of a run | Seconds a fit | A to B, AUROC | Runs an arm |"
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for classifier, row in of_set["classifiers"].items():
            auroc, precision = row["auroc"], row["average_precision"]
            effect = f"{auroc['effect']:+.3f} ({auroc['interval'][0]:+.3f} to {auroc['interval'][1]:+.3f})"
            lines.append(
                f"| `{classifier}` | {auroc['mean']:.3f} | {auroc['sd_of_runs']:.4f} | {precision['mean']:.3f} | "
                f"{precision['sd_of_runs']:.4f} | {row['seconds_a_fit']:.2f} | {effect} | {row['seeds']} |"
            )
    return "\n".join([*lines, ""])


def data_of(workspace: Workspace, name: str) -> tuple[dict[str, TrainingSet], HeldOut]:
    """Import a set, and return what each arm is trained on and the held-out items."""
    if name == "kern2023":
        import_ratings(workspace)
        return training_sets(workspace, "offensive"), held_out(workspace, "offensive")
    import_md_agreement(workspace)
    return busy_and_other(workspace)


def write(report: dict[str, Any]) -> None:
    """Store the report and put its table into the documentation."""
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    write_table(NAME, table(report), DOCUMENT)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the classifiers of seconds, two seeds")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--slow-seeds", type=int, default=4)
    parser.add_argument("--only", nargs="*", choices=CLASSIFIERS, default=CLASSIFIERS)
    parser.add_argument("--sets", nargs="*", choices=tuple(TITLES), default=tuple(TITLES))
    asked = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    command = " ".join([NAME, *arguments])  # of a row, since rows of several runs stand side by side
    report: dict[str, Any] = {"program": "classifiers", "sets": {}}
    if RESULTS.exists() and not asked.quick:
        report["sets"] = json.loads(RESULTS.read_text(encoding="utf-8"))["sets"]
    with tempfile.TemporaryDirectory() as state:
        workspace = temporary_workspace(state)
        chosen = {
            name: config
            for name, config in configs(workspace).items()
            if name in asked.only and not (asked.quick and name.startswith("minilm"))
        }
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
            for name in asked.sets:
                sets, test = data_of(workspace, name)
                facts = f"{int((~sets['A'].dev).sum()):,} items to train on, {len(test.texts):,} held out."
                of_set = report["sets"].setdefault(name, {"title": TITLES[name], "items": facts, "classifiers": {}})
                for classifier, config in chosen.items():
                    seeds = 2 if asked.quick else asked.slow_seeds if classifier in SLOW else asked.seeds
                    row = {"command": command, **measure(config, sets, test, seeds, str(Path(state) / "cache"), pool)}
                    rows = of_set["classifiers"] | {classifier: row}
                    of_set["classifiers"] = {one: rows[one] for one in CLASSIFIERS if one in rows}
                    print(f"{name} {classifier}: {json.dumps(row)}", flush=True)
                    if not asked.quick:
                        write(report)
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
