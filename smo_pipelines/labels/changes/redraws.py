"""The labels of both arms under redraws of their raters, and the flips that such redraws make."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.redraw import redraw_labels

__all__ = ["FEWEST_RATINGS", "ChanceFlips", "Redraws", "chance_flips", "draw_raters_again"]

FEWEST_RATINGS = 3
"""With fewer ratings an untied item is unanimous, and no redraw of its raters can flip it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Redraws:
    """Both arms' labels under the same redraws of the raters: a rater who works in both has one weight.

    Attributes
    ----------
    control, treatment : ndarray of shape (redraws, n_items of that arm's snapshot), int8
    """

    pairs: LabelPairs
    control: np.ndarray
    treatment: np.ndarray

    @cached_property
    def shared_raters(self) -> bool:
        """Whether any rater works in both arms."""
        names = (self.pairs.control.votes.rater_ids, self.pairs.treatment.votes.rater_ids)
        return bool(np.isin(*names).any())

    @cached_property
    def effective_raters(self) -> float:
        """Of the arm that has fewer."""
        return min(self.pairs.control.votes.effective_raters, self.pairs.treatment.votes.effective_raters)


def draw_raters_again(pairs: LabelPairs, *, redraws: int) -> Redraws:
    """Redraw the raters of both arms so many times."""

    def drawn(snapshot: LabelSnapshot) -> np.ndarray:
        labels = [redraw_labels(snapshot, redraw=redraw) for redraw in range(redraws)]
        return np.array(labels, dtype=np.int8).reshape(redraws, len(snapshot))

    return Redraws(pairs=pairs, control=drawn(pairs.control), treatment=drawn(pairs.treatment))


@dataclass(frozen=True, kw_only=True, eq=False)
class ChanceFlips:
    """What drawing the raters again flips.

    Attributes
    ----------
    flips : ndarray of shape (redraws, n_pairs), int8
        1 to positive, -1 to negative; 0 for tied items, and where no rater is drawn anew.
    known : ndarray of shape (n_pairs,), bool
        False where an item has too few ratings for a redraw to say anything.
    """

    flips: np.ndarray
    known: np.ndarray

    def by_group(self, codes: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
        """Return each redraw's flips, and its flips to positive less those to negative, in each group: shape (redraws, n_groups)."""
        redraw, pair, sign = self._events
        size, cell = len(self.flips) * n_groups, redraw * n_groups + codes[pair]
        shape = (len(self.flips), n_groups)
        return np.bincount(cell, minlength=size).reshape(shape), np.bincount(cell, weights=sign, minlength=size).reshape(shape)

    @cached_property
    def _events(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        redraw, pair = np.nonzero(self.flips)
        return redraw, pair, self.flips[redraw, pair]

    @property
    def probability(self) -> np.ndarray:
        """Share of redraws that flip an item: shape (n_pairs,)."""
        return np.asarray((self.flips != 0).mean(axis=0)) if len(self.flips) else np.zeros(self.flips.shape[1])


def chance_flips(redraws: Redraws) -> ChanceFlips:
    """Compare every redraw of the control's raters with the one before it (the first with the last).

    The flips are those between two independent redraws of the control's own raters (see
    :func:`smo_pipelines.labels.redraw.redraw_labels`): what two samples of raters like these disagree on when nothing changed. A
    redraw can flip only items whose raters disagreed, so it flips fewer ambiguous items than fresh raters would, and more of the
    clear ones; the same raters, asked again, flip fewer. With one or two ratings an item is not ``known``: no redraw can flip it,
    which says nothing about other raters. Where one arm's ratings of an item are all among the other's (another aggregation, a
    smaller overlap, a filter), no rater was drawn anew, and chance flips nothing.
    """
    pairs = redraws.pairs
    drawn = redraws.control[:, pairs.control_rows]
    flips = (drawn - np.roll(drawn, 1, axis=0)) * (pairs.matched & ~pairs.nested)
    enough = pairs.control.n_ratings[pairs.control_rows] >= FEWEST_RATINGS
    return ChanceFlips(flips=flips.astype(np.int8), known=enough | pairs.nested)
