"""The items that two snapshots both label, side by side: what every count of changes starts from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.domain.digests import frozen_array
from smo_pipelines.domain.labels import TIE, LabelSnapshot
from smo_pipelines.labels.matching import Matching

__all__ = ["LabelPairs", "pair_labels"]

_RATED_UNDER = ("project", "question", "guideline", "instrument")


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelPairs:
    """Items that both arms label and that are not in a benchmark, in order of item id.

    Attributes
    ----------
    item_ids : ndarray of shape (n_pairs,), str
    control_rows, treatment_rows : ndarray of shape (n_pairs,), int64
        Where the items stand in each arm's snapshot.
    """

    control: LabelSnapshot
    treatment: LabelSnapshot
    item_ids: np.ndarray
    control_rows: np.ndarray
    treatment_rows: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (("item_ids", None), ("control_rows", np.int64), ("treatment_rows", np.int64)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))

    def __len__(self) -> int:
        return len(self.item_ids)

    @cached_property
    def before(self) -> np.ndarray:
        """The control's labels: shape (n_pairs,), int8."""
        return np.asarray(self.control.labels[self.control_rows])

    @cached_property
    def after(self) -> np.ndarray:
        """The treatment's labels: shape (n_pairs,), int8."""
        return np.asarray(self.treatment.labels[self.treatment_rows])

    @cached_property
    def matched(self) -> np.ndarray:
        """Whether an item is tied in neither arm: shape (n_pairs,), bool."""
        return np.asarray((self.before != TIE) & (self.after != TIE))

    @cached_property
    def flipped(self) -> np.ndarray:
        """Whether an item is matched and its label differs: shape (n_pairs,), bool."""
        return np.asarray(self.matched & (self.before != self.after))

    @cached_property
    def same_raters(self) -> np.ndarray:
        """Whether exactly the same raters rated an item in both arms: shape (n_pairs,), bool."""
        control, treatment = self._ratings
        return np.asarray((self._shared[0] == control) & (self._shared[0] == treatment))

    @cached_property
    def same_ratings(self) -> np.ndarray:
        """Whether the arms use the very same ratings of an item: shape (n_pairs,), bool."""
        return np.asarray(self.same_raters & self.nested)

    @cached_property
    def nested(self) -> np.ndarray:
        """Whether one arm's ratings of an item are all among the other's: shape (n_pairs,), bool.

        Then no rater was drawn anew: what the label owes to chance is in both arms. Under one guideline and instrument a rater
        has one rating of an item, so a shared rater is a shared rating, unless a later one has taken its place.
        """
        if any(getattr(self.control.recipe, name) != getattr(self.treatment.recipe, name) for name in _RATED_UNDER):
            return np.zeros(len(self), dtype=bool)
        shared, agreed = self._shared
        control, treatment = self._ratings
        return np.asarray((shared == np.minimum(control, treatment)) & (agreed == shared))

    @cached_property
    def _ratings(self) -> tuple[np.ndarray, np.ndarray]:
        """How many ratings each arm uses of an item."""
        return self.control.n_ratings[self.control_rows], self.treatment.n_ratings[self.treatment_rows]

    @cached_property
    def _shared(self) -> tuple[np.ndarray, np.ndarray]:
        """How many raters of an item are in both arms, and how many of those gave the same answer in both."""
        names = np.union1d(self.control.votes.rater_ids, self.treatment.votes.rater_ids)
        sides = [_keyed(s, rows, names) for s, rows in ((self.control, self.control_rows), (self.treatment, self.treatment_rows))]
        (left, one), (right, two) = sides
        both, i, j = np.intersect1d(left, right, assume_unique=True, return_indices=True)
        item = both // max(1, len(names))
        # another aggregation may count another part of the scale as positive, so answers are then not comparable
        comparable = self.control.recipe.aggregation == self.treatment.recipe.aggregation
        agreed = (one[i] == two[j]) if comparable else np.ones(len(both), dtype=bool)
        return np.bincount(item, minlength=len(self)), np.bincount(item[agreed], minlength=len(self))


def _keyed(snapshot: LabelSnapshot, rows: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one whole number for each (pair, rater) and that rating's value."""
    votes = snapshot.votes
    place = np.full(len(snapshot), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    pair, rater = place[votes.item], np.searchsorted(names, votes.rater_ids)[votes.rater]
    kept = pair >= 0
    return pair[kept] * max(1, len(names)) + rater[kept], votes.value[kept]


def pair_labels(matching: Matching) -> LabelPairs:
    """Return the matched items of two arms together with those that are tied in one of them or both."""
    control, treatment = matching.control, matching.treatment
    both, rows, others = np.intersect1d(control.item_ids, treatment.item_ids, assume_unique=True, return_indices=True)
    tied = (control.labels[rows] == TIE) | (treatment.labels[others] == TIE)
    kept = tied | np.isin(both, matching.item_ids, assume_unique=True)
    return LabelPairs(
        control=control, treatment=treatment, item_ids=both[kept], control_rows=rows[kept], treatment_rows=others[kept]
    )
