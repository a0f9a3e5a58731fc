"""One run's scores in every slice, from the highest to the lowest: sums over flat columns instead of a loop over slices."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.stats.metrics.calibration import BINS, bin_of_ties

__all__ = ["Slices", "SortedRun"]


@dataclass(frozen=True, eq=False)
class Slices:
    """Which items are in each slice, and how many of each class.

    Attributes
    ----------
    held : ndarray of shape (S, n), bool
    sizes, positives, negatives : ndarray of shape (S,), int64
    """

    held: np.ndarray
    sizes: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    @classmethod
    def of(cls, held: np.ndarray, references: np.ndarray) -> "Slices":
        """Return the slices of a membership matrix."""
        sizes = np.count_nonzero(held, axis=1)
        positives = np.count_nonzero(held & (references == 1), axis=1)
        return cls(held, sizes, positives, sizes - positives)

    @cached_property
    def items(self) -> np.ndarray:
        """The membership matrix as float64, for matrix products."""
        return self.held.astype(np.float64)

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Slice and item of every membership, slice after slice."""
        of, item = np.nonzero(self.held)
        return of, item


@dataclass(frozen=True, eq=False)
class SortedRun:
    """The memberships of all slices, slice after slice, each from the highest score to the lowest, with equal scores in groups.

    Attributes
    ----------
    slices : Slices
    of : ndarray of shape (G,), int64
        The slice of each group of equal scores in one slice.
    tied_positives, tied_negatives : ndarray of shape (G,), int64
        Positives and negatives of the group.
    positives, negatives : ndarray of shape (G,), int64
        The same of the group and all higher-scored items of its slice.
    gaps : ndarray of shape (G,), float64
        Sum over the group of reference minus score.
    rank : ndarray of shape (G,), int64
        The group's score among the run's distinct scores, 0 for the highest.
    all_positives, all_negatives : ndarray of shape (D,), int64
        Positives and negatives of the whole benchmark at each distinct score.
    """

    slices: Slices
    of: np.ndarray
    tied_positives: np.ndarray
    tied_negatives: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    gaps: np.ndarray
    rank: np.ndarray
    all_positives: np.ndarray
    all_negatives: np.ndarray

    @classmethod
    def of_run(cls, scores: np.ndarray, references: np.ndarray, slices: Slices) -> "SortedRun":
        """Sort one run's scores, shape (n,), once, and lay every slice out in that order."""
        order = np.argsort(-scores)
        sorted_scores, sorted_gold = scores[order], references[order].astype(np.int64)
        rank = np.cumsum(np.diff(sorted_scores, prepend=sorted_scores[:1]) != 0.0)
        of, place = np.nonzero(slices.held[:, order])
        changes = np.flatnonzero((np.diff(rank[place], prepend=-1) != 0) | (np.diff(of, prepend=-1) != 0))
        sizes = np.diff(changes, append=len(of))
        tied_positives = _sums(sorted_gold[place], changes)
        gaps = _sums((sorted_gold - sorted_scores)[place], changes)
        group_slice = of[changes]
        before = np.cumsum(slices.positives) - slices.positives, np.cumsum(slices.negatives) - slices.negatives
        distinct = int(rank[-1]) + 1 if len(rank) else 0
        all_positives = np.bincount(rank, weights=sorted_gold, minlength=distinct).astype(np.int64)
        return cls(
            slices=slices,
            of=group_slice,
            tied_positives=tied_positives,
            tied_negatives=sizes - tied_positives,
            positives=np.cumsum(tied_positives) - before[0][group_slice],
            negatives=np.cumsum(sizes - tied_positives) - before[1][group_slice],
            gaps=gaps,
            rank=rank[place[changes]],
            all_positives=all_positives,
            all_negatives=np.bincount(rank, minlength=distinct) - all_positives,
        )

    def constant(self) -> np.ndarray:
        """Return the slices whose scores are all equal, shape (S,), bool."""
        return np.bincount(self.of, minlength=len(self.slices.sizes)) <= 1

    def _over_groups(self, values: np.ndarray) -> np.ndarray:
        """Sum over the groups of each slice, shape (S,)."""
        return np.bincount(self.of, weights=values, minlength=len(self.slices.sizes))

    def wins(self) -> np.ndarray:
        """Return twice the pairs of a slice's positive above its negative, ties half: whole numbers, exact up to 2^53."""
        below = 2 * (self.slices.negatives[self.of] - self.negatives) + self.tied_negatives
        return self._over_groups(self.tied_positives * below)

    def wins_over_all(self) -> np.ndarray:
        """Return twice the pairs of a slice's positive above any negative of the benchmark, ties half."""
        below = 2 * (self.all_negatives.sum() - np.cumsum(self.all_negatives)) + self.all_negatives
        return self._over_groups(self.tied_positives * below[self.rank])

    def losses_to_all(self) -> np.ndarray:
        """Return twice the pairs of any positive of the benchmark above a slice's negative, ties half."""
        above = 2 * np.cumsum(self.all_positives) - self.all_positives
        return self._over_groups(self.tied_negatives * above[self.rank])

    def average_precision(self) -> np.ndarray:
        """Return ``sum_g (tp_g / P) (TP_g / N_g)`` of each slice."""
        precision = self.positives / (self.positives + self.negatives)
        return np.asarray(self._over_groups(self.tied_positives * precision) / self.slices.positives)

    def recall_at(self, limit: float) -> np.ndarray:
        """Return the largest recall of each slice with a false positive rate of at most ``limit``."""
        allowed = self.negatives / self.slices.negatives[self.of] <= limit
        return np.asarray(self._over_groups(np.where(allowed, self.tied_positives, 0)) / self.slices.positives)

    def calibration_error(self) -> np.ndarray:
        """Return the expected calibration error of each slice."""
        sizes = self.slices.sizes
        below = sizes[self.of] - self.positives - self.negatives
        bins = bin_of_ties(below, self.tied_positives + self.tied_negatives, sizes[self.of])
        gaps = np.bincount(self.of * BINS + bins, weights=self.gaps, minlength=len(sizes) * BINS)
        return np.asarray(np.abs(gaps).reshape(len(sizes), BINS).sum(axis=1) / sizes)


def _sums(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the sum of each stretch of values that begins at ``starts``."""
    return np.add.reduceat(values, starts) if len(starts) else values[:0]
