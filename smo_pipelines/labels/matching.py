"""The items that two arms both label, and the split of them that both arms share."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.domain.digests import frozen_array, hash_to_unit
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TrainingSet
from smo_pipelines.domain.targets import Targets
from smo_pipelines.domain.texts import text_digest
from smo_pipelines.labels.targets import LEARNED_SOFT

__all__ = ["Matching", "development_split", "match"]

_DEV_SHARE = 0.15


@dataclass(frozen=True, kw_only=True, eq=False)
class Matching:
    """Two arms' items for training: labelled by both, tied in neither (soft labels keep ties), not in any benchmark.

    Attributes
    ----------
    item_ids : ndarray of shape (n_matched,), str
    control_rows, treatment_rows : ndarray of shape (n_matched,), int64
        Where those items stand in each arm's snapshot.
    dev : ndarray of shape (n_matched,), bool
        The development split, the same in both arms.
    only_control, only_treatment : int
        Items that one arm alone labels.
    tied, leaked : int
        Items that both arms label but that are tied in one of them; of the others, those that leaked into a benchmark.
    """

    control: LabelSnapshot
    treatment: LabelSnapshot
    item_ids: np.ndarray
    control_rows: np.ndarray
    treatment_rows: np.ndarray
    dev: np.ndarray
    only_control: int
    only_treatment: int
    tied: int
    leaked: int

    def __post_init__(self) -> None:
        for name, dtype in (("item_ids", None), ("control_rows", np.int64), ("treatment_rows", np.int64), ("dev", bool)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))

    def __len__(self) -> int:
        return len(self.item_ids)

    @property
    def texts(self) -> np.ndarray:
        """The texts of the matched items: shape (n_matched,), object."""
        return self._texts_of[ArmName.control]

    @cached_property
    def _texts_of(self) -> dict[ArmName, np.ndarray]:
        """Each arm's texts of the matched items, unpacked once for all of its replicates."""
        return {arm: np.asarray(self.snapshot(arm).texts[self.rows(arm)]) for arm in ArmName}

    def snapshot(self, arm: ArmName) -> LabelSnapshot:
        """Return an arm's snapshot."""
        return self.control if arm is ArmName.control else self.treatment

    def rows(self, arm: ArmName) -> np.ndarray:
        """Return where the matched items stand in an arm's snapshot."""
        return self.control_rows if arm is ArmName.control else self.treatment_rows

    def training_set(self, arm: ArmName, labels: np.ndarray | None = None, targets: Targets | None = None) -> TrainingSet:
        """Return what a classifier of one arm is fitted on.

        Parameters
        ----------
        arm : ArmName
        labels : ndarray of shape (n_items,), optional
            Labels for the arm's whole snapshot in place of its own, e.g. redrawn ones; the matched items stay the same.
        targets : Targets, optional
            What is learned in place of the labels, for the arm's whole snapshot.

        Raises
        ------
        ValueError
            When the labels are not one for each item of the snapshot, or one without a target is neither 0 nor 1.
        """
        snapshot, rows = self.snapshot(arm), self.rows(arm)
        whole = snapshot.labels if labels is None else np.asarray(labels)
        if whole.shape != snapshot.labels.shape:
            raise ValueError(f"the {arm} snapshot has {len(snapshot)} items; got labels of shape {whole.shape}")
        return TrainingSet(
            item_ids=self.item_ids,
            texts=self._texts_of[arm],
            labels=whole[rows],
            dev=self.dev,
            targets=None if targets is None else targets.rows(rows),
        )


def match(control: LabelSnapshot, treatment: LabelSnapshot, *, leaked: frozenset[str] = frozenset()) -> Matching:
    """Match the items of two arms and count what is lost.

    Parameters
    ----------
    control, treatment : LabelSnapshot
        The arms' actual snapshots, not redraws.
    leaked : frozenset of str
        Ids of items that a benchmark holds too; they leave training in both arms.
    """
    both, control_rows, treatment_rows = np.intersect1d(
        control.item_ids, treatment.item_ids, assume_unique=True, return_indices=True
    )
    tied = _lost_to_a_tie(control)[control_rows] | _lost_to_a_tie(treatment)[treatment_rows]
    out = np.fromiter((item in leaked for item in both.tolist()), dtype=bool, count=len(both)) & ~tied
    keep = ~tied & ~out
    texts = control.texts[control_rows[keep]]
    return Matching(
        control=control,
        treatment=treatment,
        item_ids=both[keep],
        control_rows=control_rows[keep],
        treatment_rows=treatment_rows[keep],
        dev=development_split(texts),
        only_control=len(control) - len(both),
        only_treatment=len(treatment) - len(both),
        tied=int(tied.sum()),
        leaked=int(out.sum()),
    )


def development_split(texts: np.ndarray) -> np.ndarray:
    """Return which items are for development alone, chosen by a hash of their text: shape (n_items,), bool."""
    return hash_to_unit("dev", map(text_digest, texts.tolist())) < _DEV_SHARE


def _lost_to_a_tie(snapshot: LabelSnapshot) -> np.ndarray:
    """Return which items teach nothing because their raters are evenly divided: shape (n_items,), bool."""
    if snapshot.recipe.aggregation in LEARNED_SOFT:
        return np.zeros(len(snapshot), dtype=bool)
    return np.asarray(snapshot.labels == TIE)
