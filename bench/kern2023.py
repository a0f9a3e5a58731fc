"""The tweets of Kern et al. (2023) as the benchmarks use them: two arms to train on, and the held-out tweets under either instrument."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import TIE, ItemPredicate, LabelSnapshot, SnapshotRecipe, TrainingSet
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.snapshot import build_snapshot

__all__ = ["HeldOut", "arm_snapshots", "held_out", "import_ratings", "training_sets"]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRAIN: ItemPredicate = (("split", ("train",)),)
TEST: ItemPredicate = (("split", ("test",)),)


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """The held-out tweets with both instruments' majority labels.

    Attributes
    ----------
    texts : list of str, length n_items
    labels : mapping of instrument to ndarray of shape (n_items,), int8
        The tweets that are tied under either instrument are left out.
    """

    item_ids: np.ndarray
    texts: list[str]
    labels: dict[str, np.ndarray]


def import_ratings(workspace: Workspace) -> None:
    """Import the public files from the folder that ``SMO_REAL_DATA`` names."""
    folder = Path(os.environ["SMO_REAL_DATA"]) / "kern2023"
    workspace.tables.append(read("kern2023", folder, key=b"a key of the benchmarks alone"), imported_at=NOW)


def arm_snapshots(workspace: Workspace, question: str, items: ItemPredicate = TRAIN) -> tuple[LabelSnapshot, LabelSnapshot]:
    """Return the majority labels under instruments A and B."""
    guideline = workspace.catalogue.guidelines[f"kern2023-{question}@1"]
    one, other = (
        build_snapshot(
            workspace.tables,
            SnapshotRecipe(project="kern2023", question=question, items=items, guideline=guideline.id, instrument=instrument),
            guideline=guideline,
            pool=workspace.catalogue.pools["all"],
        )
        for instrument in ("A", "B")
    )
    return one, other


def training_sets(workspace: Workspace, question: str) -> dict[str, TrainingSet]:
    """Return what either arm is trained on, by instrument."""
    matching = match(*arm_snapshots(workspace, question))
    return {name: matching.training_set(arm) for name, arm in zip("AB", ArmName, strict=True)}


def held_out(workspace: Workspace, question: str) -> HeldOut:
    """Return the held-out tweets."""
    one, other = arm_snapshots(workspace, question, TEST)
    kept = (one.labels != TIE) & (other.labels != TIE)
    labels = {"A": one.labels[kept], "B": other.labels[kept]}
    return HeldOut(item_ids=one.item_ids[kept], texts=list(one.texts[kept]), labels=labels)
