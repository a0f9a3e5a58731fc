"""The interval of a coefficient of agreement when both the items and the raters are a sample of more like them.

An interval from resampling items alone is about these very raters; it does not narrow or widen with how many raters there are.
Here every rating lies in one item and at one rater, and the jackknife is taken three times: without each item, without each rater
and without each single rating. As for two-way clusters, the variance is items + raters - ratings: what a rating adds by itself is in
all three and counts once. Few raters under-state their spread, and a difference of two noisy variances can be too small, so the raters'
part is ``(R+2)/(R-1) max(raters - ratings, raters/4)`` for R raters; these constants were chosen by simulation. Deleting one by one
costs little, because coefficients are functions of sums over items, and items with the same counts are the same.

The jackknife over items is better calibrated than the customary bootstrap (Hughes 2022). On the scale ``log(1 - coefficient)``, on
which a coefficient is the log of a ratio of two disagreements, its distribution is closer to normal and an interval never passes 1.
Coverage is shown in ``tests/stats/test_agreement_interval.py``.

References
----------
Hughes, J. (2022). Toward improved inference for Krippendorff's alpha agreement coefficient. arXiv 2210.13265.
Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011). Robust inference with multiway clustering. J. Bus. Econ. Stat. 29, 238-249.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.domain.digests import frozen_array
from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.agreement import Coefficient, check_counts, coefficient_value, counts_of
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm

__all__ = ["MIN_RATERS", "MIN_UNITS", "RatingCodes", "agreement_interval", "vitality"]

MIN_RATERS = 5
"""Fewest raters from which the spread between raters is computed."""

MIN_UNITS = 10
"""Fewest items with two ratings from which an interval is computed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RatingCodes:
    """Ratings as codes from 0, one row a rating; a rater rates a unit once.

    Attributes
    ----------
    unit, rater, label : ndarray of shape (n_ratings,), int
    n_labels : int
        Legal labels, used or not.
    """

    unit: np.ndarray
    rater: np.ndarray
    label: np.ndarray
    n_labels: int

    def __post_init__(self) -> None:
        for name in ("unit", "rater", "label"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), np.int64))
        if len(self.unit) and len(np.unique(self.unit * (int(self.rater.max()) + 1) + self.rater)) < len(self.unit):
            raise ValueError("a rater rates a unit twice; keep the latest rating")

    @cached_property
    def counts(self) -> np.ndarray:
        """Ratings by unit and label, shape (n_units, n_labels)."""
        return counts_of(self.unit, self.label, self.n_labels)

    @property
    def n_raters(self) -> int:
        """How many different raters there are."""
        return len(np.unique(self.rater))


def agreement_interval(
    ratings: RatingCodes, coefficient: Coefficient, *, level: float = 0.95, random_raters: bool = True
) -> Interval:
    """Return the interval of a coefficient over items and raters like these.

    Parameters
    ----------
    ratings : RatingCodes
    coefficient : Coefficient
    level : float in (0, 1)
    random_raters : bool
        False gives the interval over items alone: about these raters only.

    Raises
    ------
    CannotEstimate
        With fewer than 5 raters or 10 items that have two ratings, where every pair of ratings agrees (nothing varies), or where the
        coefficient has no value or loses it without one rater.
    """
    check_counts(coefficient, ratings.counts)
    _check_size(ratings, random_raters=random_raters)
    value = coefficient_value(coefficient, ratings.counts)
    if value >= 1.0:
        raise CannotEstimate(
            WhyNot.no_disagreement,
            f"no two ratings of the {len(ratings.counts)} items disagree, so nothing shows how far the next ones would",
            items=len(ratings.counts),
        )
    deleted = _Deleted(ratings, coefficient)
    terms = [VarianceTerm(source="items", variance=deleted.items, df=deleted.n_items - 1)]
    if random_raters:
        terms.append(VarianceTerm(source="raters", variance=deleted.raters_alone, df=deleted.n_raters - 1))
    low, high = CombinedEstimate(estimate=math.log(1.0 - value), terms=tuple(terms)).interval(1.0 - level)
    return Interval(low=1.0 - math.exp(high), high=1.0 - math.exp(low), level=level)


def _check_size(ratings: RatingCodes, *, random_raters: bool) -> None:
    units = int((ratings.counts.sum(axis=1) >= 2).sum())
    if random_raters and ratings.n_raters < MIN_RATERS:
        raise CannotEstimate(
            WhyNot.few_raters,
            f"{ratings.n_raters} raters cannot show how far other raters would differ; {MIN_RATERS} are needed",
            raters=ratings.n_raters,
        )
    if units < MIN_UNITS:
        raise CannotEstimate(
            WhyNot.few_items, f"{units} items have two ratings or more; an interval needs {MIN_UNITS}", items=units
        )


class _Patterns:
    """Units with equal counts taken together: their parts of the sums, and the parts without one of their ratings."""

    def __init__(self, ratings: RatingCodes, coefficient: Coefficient) -> None:
        rows, inverse = np.unique(ratings.counts, axis=0, return_inverse=True)
        of_unit = inverse.reshape(-1)
        q = rows.shape[1]
        self.sums = coefficient.sums(rows)
        self.size = np.bincount(of_unit, minlength=len(rows))
        self.paired = rows.sum(axis=1) >= 2
        self.cell, self.of_rating = np.unique(of_unit[ratings.unit] * q + ratings.label, return_inverse=True)
        reduced = rows[self.cell // q].copy()
        reduced[np.arange(len(reduced)), self.cell % q] -= 1
        self.reduced = coefficient.sums(reduced)
        self.change = self.reduced - self.sums[self.cell // q]
        self.of_cell = self.cell // q
        self.total = self.size @ self.sums


class _Deleted:
    """Jackknife variances of ``log(1 - coefficient)``: without each item, each rater and each rating."""

    def __init__(self, ratings: RatingCodes, coefficient: Coefficient) -> None:
        parts = _Patterns(ratings, coefficient)

        def logs(totals: np.ndarray) -> np.ndarray:
            values = coefficient.value(totals)
            if not bool((values < 1.0).all()):  # NaN is not below 1 either
                raise CannotEstimate(
                    WhyNot.no_disagreement,
                    "without one item or rater nothing disagrees any more: the coefficient rests on that one alone",
                )
            return np.asarray(np.log1p(-values))

        self.n_items = int(parts.size[parts.paired].sum())
        self.items = _jackknife(logs(parts.total - parts.sums[parts.paired]), parts.size[parts.paired])
        per_cell = np.bincount(parts.of_rating)
        counted = parts.paired[parts.of_cell]
        self.ratings = _jackknife(logs(parts.total + parts.change[counted]), per_cell[counted])
        changes = rater_changes(ratings, parts.of_rating, parts.change)
        self.n_raters = len(changes)
        self.raters = _jackknife(logs(parts.total + changes), np.ones(len(changes)))

    @property
    def raters_alone(self) -> float:
        """What raters add to the spread between items."""
        few = (self.n_raters + 2) / (self.n_raters - 1)
        return few * max(self.raters - self.ratings, 0.25 * self.raters)


def rater_changes(ratings: RatingCodes, of_rating: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return what the sums lose without each rater, shape (n_raters, n_sums)."""
    names, rater = np.unique(ratings.rater, return_inverse=True)
    columns = [np.bincount(rater, weights=column[of_rating], minlength=len(names)) for column in change.T]
    return np.stack(columns, axis=1)


def vitality(ratings: RatingCodes, coefficient: Coefficient) -> dict[int, CombinedEstimate | CannotEstimate]:
    """Return, by rater, the coefficient of all raters minus that without this rater: below 0 where agreement is better without.

    The variance is the jackknife over items; the raters are these.

    Raises
    ------
    CannotEstimate
        When the coefficient of all raters cannot be computed, or fewer than 10 items have two ratings.
    """
    check_counts(coefficient, ratings.counts)
    _check_size(ratings, random_raters=False)
    parts = _Patterns(ratings, coefficient)
    changes = rater_changes(ratings, parts.of_rating, parts.change)
    value = coefficient.value(parts.total)
    without = coefficient.value(parts.total + changes)
    all_deleted = coefficient.value(parts.total - parts.sums)
    order = np.argsort(ratings.rater, kind="stable")
    names, starts = np.unique(ratings.rater[order], return_index=True)
    found: dict[int, CombinedEstimate | CannotEstimate] = {}
    for k, cells in enumerate(np.split(parts.of_rating[order], starts[1:])):
        totals = parts.total + changes[k]
        rated = np.bincount(cells, minlength=len(parts.cell))
        times = np.concatenate([parts.size - np.bincount(parts.of_cell, weights=rated, minlength=len(parts.size)), rated])
        counted = (times > 0) & np.concatenate([parts.paired, parts.paired[parts.of_cell]])
        one_less = np.concatenate([coefficient.value(totals - parts.sums), coefficient.value(totals - parts.reduced)])
        difference = (np.concatenate([all_deleted, all_deleted[parts.of_cell]]) - one_less)[counted]
        if not (np.isfinite(without[k]) and bool(np.isfinite(difference).all())):
            found[int(names[k])] = CannotEstimate(
                WhyNot.few_raters, "without this rater too few ratings overlap to compute the agreement of the others"
            )
            continue
        variance = _jackknife(difference, times[counted])
        term = VarianceTerm(source="items", variance=variance, df=float(times[counted].sum()) - 1.0)
        found[int(names[k])] = CombinedEstimate(estimate=float(value - without[k]), terms=(term,))
    return found


def _jackknife(deleted: np.ndarray, times: np.ndarray) -> float:
    """Return ``(n-1)/n sum (deleted - mean)^2`` of n values given with how many times each comes."""
    n = float(times.sum())
    mean = float(times @ deleted) / n
    return (n - 1.0) / n * float(times @ (deleted - mean) ** 2)
