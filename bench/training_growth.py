"""How the cost of fine-tuning grows: with items, text length, replicates and arms.

Items and text length: processor seconds of one fit of ``minilm-top2`` on the tweets of Kern et al. (2023). Replicates and arms: wall
seconds of whole experiments, each from an empty cache and store.

    python -m bench.training_growth [--quick]

Needs ``SMO_REAL_DATA``. The full form draws ``docs/images/training-growth.svg``. The last line is one JSON object.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.kern2023 import training_sets
from bench.training import project, run_ours
from smo_pipelines.classifiers import api
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.experiment.workspace import Workspace

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "training-growth.svg"
RESULTS = Path(__file__).parent / "results" / "training_growth.json"


def some(training: TrainingSet, rows: np.ndarray) -> TrainingSet:
    return dataclasses.replace(training, **{name: getattr(training, name)[rows] for name in ("item_ids", "texts", "labels", "dev")})


def seconds_of_a_fit(config: ClassifierConfig, training: TrainingSet, cache: Path) -> float:
    start = time.process_time()
    api.fit(config, training, seed=0, cache_dir=cache)
    return round(time.process_time() - start, 2)


def by_items(workspace: Workspace, training: TrainingSet, sizes: Sequence[int]) -> dict[str, float]:
    """Return the processor seconds of a fit on so many items, chosen by their place in the list of ids."""
    config, cache = workspace.catalogue.classifiers["minilm-top2"], workspace.cache_dir
    return {str(n): seconds_of_a_fit(config, some(training, np.arange(n)), cache) for n in sizes}


def by_length(workspace: Workspace, training: TrainingSet, parts: int) -> dict[str, float]:
    """Return the processor seconds of a fit on equally many items of each range of lengths, by their mean tokens."""
    from smo_pipelines.classifiers.transformer import encoder_cache

    config, cache = workspace.catalogue.classifiers["minilm-top2"], workspace.cache_dir
    tokens = np.array([len(rows) for rows in encoder_cache(config, cache).states(training.texts.tolist())])
    ranges = np.array_split(np.argsort(tokens, kind="stable"), parts)
    return {f"{tokens[rows].mean():.1f}": seconds_of_a_fit(config, some(training, np.sort(rows)), cache) for rows in ranges}


def by_replicates(folder: Path, replicates: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return the wall seconds of whole experiments, and what a replicate of both arms adds to them."""
    found = {}
    for k in replicates:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            ours = run_ours(project(Path(own)), "minilm-top2", k)
            found[str(k)] = {name: round(seconds, 1) for name, seconds in ours.stages.items()}
    return found


def draw(report: dict[str, Any]) -> None:
    """Draw the three relations side by side."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "training growth"
    from matplotlib import pyplot as plt

    figure, (items, length, replicates) = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    for axis, name, label in ((items, "items", "items"), (length, "tokens", "mean tokens a text")):
        axis.plot([float(x) for x in report[name]], list(report[name].values()), marker="o")
        axis.set(xlabel=label, ylabel="processor seconds a fit", xlim=(0, None), ylim=(0, None))
    stages = report["replicates"]
    totals = [sum(of.values()) for of in stages.values()]
    replicates.plot([float(k) for k in stages], totals, marker="o", label="whole experiment")
    replicates.plot([float(k) for k in stages], [of["encoder cache"] for of in stages.values()], marker="o", label="encoder cache")
    replicates.set(xlabel="replicates an arm, two arms", ylabel="wall seconds", xlim=(0, None), ylim=(0, None))
    replicates.legend(frameon=False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two points of each, small")
    asked = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        workspace = project(Path(folder) / "project")
        training = training_sets(workspace, "offensive")["A"]
        if asked.quick:
            training = some(training, np.arange(400))
        api.warm(workspace.catalogue.classifiers["minilm-top2"], training.texts.tolist(), workspace.cache_dir)
        report: dict[str, Any] = {
            "program": "training_growth",
            "command": " ".join(["python -m bench.training_growth", *arguments]),
            "items": by_items(workspace, training, (200, 400) if asked.quick else (280, 560, 1125, 2250)),
            "tokens": by_length(workspace, training, 2 if asked.quick else 5),
        }
        if not asked.quick:
            report["replicates"] = by_replicates(Path(folder), (1, 2, 4))
            draw(report)
            RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
