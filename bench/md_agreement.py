"""MD-Agreement (Leonardelli et al. 2021) as the benchmarks use it: labelled by its busiest raters, or by all the others."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.kern2023 import NOW, HeldOut
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.guidelines import Clause, GuidelineVersion
from smo_pipelines.domain.labels import LabelSnapshot, RaterPool, SnapshotRecipe, TrainingSet
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.snapshot import build_snapshot

__all__ = ["busy_and_other", "import_md_agreement"]

PROJECT = "lewidi2023-md-agreement"
GUIDELINE = GuidelineVersion(
    id="md-agreement@1",
    question="offensive",
    labels=("0", "1"),
    positive="1",
    clauses=(Clause(id="1", title="Offensive", text="1: the post offends somebody. 0: anything else."),),
)
TRAINED, HELD_OUT = 2250, 1000
"""So many items are kept for either, by hash: as many to train on as the other set has. The published split is not used: few of its
test items have ratings of both pools."""


def import_md_agreement(workspace: Workspace) -> None:
    """Import the public files from the folder that ``SMO_REAL_DATA`` names."""
    folder = Path(os.environ["SMO_REAL_DATA"]) / PROJECT
    options = {"constants": {"guideline": GUIDELINE.id}}
    workspace.tables.append(read("lewidi", folder, options=options, key=b"a key of the benchmarks alone"), imported_at=NOW)


def busy_and_other(workspace: Workspace) -> tuple[dict[str, TrainingSet], HeldOut]:
    """Return what either arm is trained on and the held-out items: A by the raters who gave half of the ratings, B by the others.

    Items that either pool left untouched or tied are in neither arm.
    """
    everybody = _snapshot(workspace, RaterPool(id="all"))
    counts = Counter(everybody.votes.rater_ids[everybody.votes.rater].tolist()).most_common()
    reached = np.cumsum([count for _, count in counts]) <= len(everybody.votes) / 2
    busy, others = (
        tuple(sorted(name for (name, _), is_busy in zip(counts, reached, strict=True) if bool(is_busy) is half))
        for half in (True, False)
    )
    pools = RaterPool(id="busy@1", raters=busy), RaterPool(id="others@1", raters=others)
    matching = match(*(_snapshot(workspace, pool) for pool in pools))
    whole = {name: matching.training_set(arm) for name, arm in zip("AB", ArmName, strict=True)}
    order = np.argsort(hash_to_unit("some items", matching.item_ids.tolist()))
    train, test = np.sort(order[:TRAINED]), np.sort(order[TRAINED : TRAINED + HELD_OUT])
    labels = {name: of.labels[test] for name, of in whole.items()}
    held_out = HeldOut(item_ids=matching.item_ids[test], texts=matching.texts[test].tolist(), labels=labels)
    return {name: _rows(of, train) for name, of in whole.items()}, held_out


def _snapshot(workspace: Workspace, pool: RaterPool) -> LabelSnapshot:
    recipe = SnapshotRecipe(project=PROJECT, question="offensive", guideline=GUIDELINE.id, pool=pool.id)
    return build_snapshot(workspace.tables, recipe, guideline=GUIDELINE, pool=pool)


def _rows(training: TrainingSet, kept: np.ndarray) -> TrainingSet:
    return replace(training, **{name: getattr(training, name)[kept] for name in ("item_ids", "texts", "labels", "dev")})
