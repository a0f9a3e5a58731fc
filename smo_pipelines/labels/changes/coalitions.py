"""The labels of every coalition of parts of a change, made from the ratings themselves.

A coalition takes some parts of the change from the treatment and the rest from the control. Its ratings are put together and
aggregated anew; labels are never patched, because an aggregation that weighs raters by all their work gives other labels then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from smo_pipelines.domain.attribution import Partition, Player
from smo_pipelines.domain.digests import frozen_array, hash_to_unit
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TrainingSet
from smo_pipelines.domain.targets import Targets
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.labels.matching import Matching
from smo_pipelines.labels.redraw import redrawn
from smo_pipelines.labels.targets import LEARNED_SOFT, targets_of

__all__ = ["Game", "Part", "label_coalitions"]

_MOST_UNRATED = 0.01
_MOST_LEFT_OUT = 0.2
_NULL_DRAWS_FROM = 10_000
_NULL_REDRAWS = 5


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a change before its labels are made; the fields are those of :class:`~smo_pipelines.domain.attribution.Player`."""

    name: str
    items: int
    raters: int
    members: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True, eq=False)
class Game:
    """Every coalition of a change's parts, labelled.

    Attributes
    ----------
    snapshots : tuple of LabelSnapshot
        By bit mask: bit i says whether player i is as in the treatment.
    item_ids : ndarray of shape (n_items,), str
        The matched items that every coalition labels: what each is fitted on.
    dev : ndarray of shape (n_items,), bool
    left_out : int
    """

    partition: Partition
    by: str
    players: tuple[Player, ...]
    snapshots: tuple[LabelSnapshot, ...]
    item_ids: np.ndarray
    dev: np.ndarray
    left_out: int

    def __len__(self) -> int:
        return len(self.players)

    def training_set(self, coalition: int, *, redraw: int | None = None) -> TrainingSet:
        """Return what one coalition's classifier is fitted on: its labels, or those of one redraw of its raters."""
        snapshot, rows = self.snapshots[coalition], self._rows[coalition]
        again = None if redraw is None else redrawn(snapshot, redraw=redraw)
        labels = (snapshot.labels if again is None else again.labels)[rows]
        targets = targets_of(snapshot, redrawn=again)
        return self._set(labels, None if targets is None else targets.rows(rows))

    def null_set(self, player: int, draw: int) -> TrainingSet | None:
        """Return the control's labels with as many of them flipped as a player flips, none of them by the change.

        The flips are those that redraws of the control's raters make, as many redraws as it takes and five at most; which of them, a
        hash says. None where no redraw flips a label.
        """
        control, rows = self.snapshots[0], self._rows[0]
        labels, soft = control.labels[rows].copy(), control.soft[rows].copy()
        flipped = np.zeros(len(rows), dtype=bool)
        for redraw in range(_NULL_REDRAWS):
            again = redrawn(control, redraw=_NULL_DRAWS_FROM + draw * _NULL_REDRAWS + redraw)
            fresh = (again.labels[rows] != control.labels[rows]) & ~flipped
            candidates = np.flatnonzero(fresh)
            wanted = self.players[player].flips - int(flipped.sum())
            chosen = candidates[np.argsort(hash_to_unit(f"null {draw}", self.item_ids[candidates].tolist()))[: max(wanted, 0)]]
            labels[chosen], soft[chosen], flipped[chosen] = again.labels[rows][chosen], again.soft[rows][chosen], True
        if not flipped.any():
            return None
        targets = targets_of(control)
        if targets is None:
            return self._set(labels, None)
        return self._set(labels, replace(targets.rows(rows), shares=np.stack([1.0 - soft, soft], axis=1)))

    def _set(self, labels: np.ndarray, targets: Targets | None) -> TrainingSet:
        return TrainingSet(item_ids=self.item_ids, texts=self._texts, labels=labels, dev=self.dev, targets=targets)

    @cached_property
    def _texts(self) -> np.ndarray:
        return frozen_array(self.snapshots[0].texts[self._rows[0]], object)  # read only, so that all training sets share it

    @cached_property
    def _rows(self) -> tuple[np.ndarray, ...]:
        return tuple(np.searchsorted(snapshot.item_ids, self.item_ids) for snapshot in self.snapshots)

    @property
    def effective_raters(self) -> float:
        """Of the arm that has fewer."""
        return min(self.snapshots[0].votes.effective_raters, self.snapshots[-1].votes.effective_raters)

    @property
    def max_ratings_an_item(self) -> int:
        """In the arm where it is smaller."""
        return min(int(snapshot.n_ratings.max(initial=0)) for snapshot in (self.snapshots[0], self.snapshots[-1]))


def label_coalitions(
    matching: Matching, partition: Partition, by: str, parts: Sequence[Part], snapshot: Callable[[int], LabelSnapshot]
) -> Game:
    """Return the game of some parts, with the labels of every coalition.

    Items that some coalition leaves tied are in none, so that all are fitted on the same items.

    Parameters
    ----------
    snapshot : callable
        From a coalition's bit mask to its snapshot.

    Raises
    ------
    CannotEstimate
        When a coalition lacks ratings of more than 1% of the matched items, or more than 20% are left out.
    """
    snapshots = tuple(snapshot(coalition) for coalition in range(1 << len(parts)))
    rated, labelled = (np.ones(len(matching), dtype=bool) for _ in range(2))
    for one in snapshots:
        _, rows, at = np.intersect1d(matching.item_ids, one.item_ids, assume_unique=True, return_indices=True)
        there, tied = (np.zeros(len(matching), dtype=bool) for _ in range(2))
        there[rows], tied[rows] = True, one.labels[at] == TIE
        rated &= there
        if one.recipe.aggregation not in LEARNED_SOFT:
            labelled &= ~tied
    unrated, kept = int((~rated).sum()), rated & labelled
    if unrated > _MOST_UNRATED * len(matching):
        raise CannotEstimate(
            WhyNot.few_ratings,
            f"a split by {by} needs ratings that nobody gave, of {unrated:,} of the {len(matching):,} items",
            unrated=unrated,
        )
    left_out = len(matching) - int(kept.sum())
    if left_out > _MOST_LEFT_OUT * len(matching):
        raise CannotEstimate(
            WhyNot.few_items,
            f"{left_out:,} of the {len(matching):,} items are tied when the change comes in parts by {by}: too few are left to split it",
            tied=left_out,
        )
    ids = matching.item_ids[kept]
    labels = [one.labels[np.searchsorted(one.item_ids, ids)] for one in snapshots]
    players = tuple(
        Player(
            name=part.name,
            members=part.members,
            items=part.items,
            flips=int((labels[1 << k] != labels[0]).sum()),
            raters=part.raters,
        )
        for k, part in enumerate(parts)
    )
    return Game(
        partition=partition, by=by, players=players, snapshots=snapshots, item_ids=ids, dev=matching.dev[kept], left_out=left_out
    )
