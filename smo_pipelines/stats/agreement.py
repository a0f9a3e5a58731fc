"""How far raters agree, from a table of units (rated items) by categories: one row counts the ratings of one unit.

Every coefficient is a function of sums over units, so it is computed at once from the table, and again without any unit, rating or
rater by taking their part from the sums (:mod:`smo_pipelines.stats.agreement_interval`).

References
----------
Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of Pennsylvania.
Fleiss, J. L. (1971). Measuring nominal scale agreement among many raters. Psychol. Bull. 76, 378-382.
Gwet, K. L. (2008). Computing inter-rater reliability and its variance in the presence of high agreement. Br. J. Math. Stat.
Psychol. 61, 29-48.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate

__all__ = [
    "AC1",
    "AGREEMENT",
    "FLEISS",
    "MAJORITY_SHARE",
    "Coefficient",
    "Scale",
    "alpha_of",
    "check_counts",
    "coefficient_value",
    "counts_of",
]


class Scale(StrEnum):
    """How far apart two labels are: equal or not, by rank, by difference, or by difference relative to their sum."""

    nominal = "nominal"
    ordinal = "ordinal"
    interval = "interval"
    ratio = "ratio"


@dataclass(frozen=True, eq=False)
class Coefficient:
    """A coefficient of agreement, as sums over units and a function of their total.

    Parameters
    ----------
    name : str
    sums : callable
        From counts of shape (n_units, n_labels) to each unit's part, shape (n_units, n_sums).
    value : callable
        From totals of shape (..., n_sums) to coefficients of shape (...); NaN where it is not defined.
    needs_variety : bool
        Whether it has no value when every rating is the same.
    """

    name: str
    sums: Callable[[np.ndarray], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    needs_variety: bool = True


def counts_of(unit: np.ndarray, label: np.ndarray, n_labels: int) -> np.ndarray:
    """Count ratings by unit and label.

    Parameters
    ----------
    unit, label : ndarray of shape (n_ratings,), int
        Codes from 0.
    n_labels : int
        Legal labels, used or not.

    Returns
    -------
    ndarray of shape (n_units, n_labels), int64
    """
    n_units = int(unit.max()) + 1 if len(unit) else 0
    flat = np.bincount(unit.astype(np.int64) * n_labels + label, minlength=n_units * n_labels)
    return flat.reshape(n_units, n_labels)


def alpha_of(scale: Scale = Scale.nominal, values: Sequence[float] | None = None) -> Coefficient:
    """Return Krippendorff's alpha: 1 minus observed over expected disagreement, of units with two ratings or more.

    Units may have any number of ratings; those with one tell nothing about agreement and are left out, also of what is expected.

    Parameters
    ----------
    scale : Scale
        For ``ordinal`` the labels stand in rising order.
    values : sequence of float of length n_labels, optional
        The labels' numbers, needed for ``interval`` and ``ratio``.

    Raises
    ------
    ValueError
        When the scale needs values and there are none, or a ratio scale has a value below 0.
    """
    if scale is Scale.ordinal:
        return Coefficient("alpha, ordinal", lambda counts: _coincidences(counts).reshape(len(counts), -1), _ordinal_alpha)
    if scale is Scale.nominal:
        return Coefficient("alpha, nominal", lambda counts: _disagreements(counts, None), lambda sums: _alpha(sums, None))
    if values is None:
        raise ValueError(f"an {scale} scale needs the labels' numbers")
    distance = _distances(np.asarray(values, dtype=np.float64), scale)
    return Coefficient(f"alpha, {scale}", lambda counts: _disagreements(counts, distance), lambda sums: _alpha(sums, distance))


def coefficient_value(coefficient: Coefficient, counts: np.ndarray) -> float:
    """Return a coefficient of a table.

    Parameters
    ----------
    coefficient : Coefficient
        :func:`alpha_of`, :data:`FLEISS`, :data:`AC1` or :data:`AGREEMENT`.
    counts : ndarray of shape (n_units, n_labels)
        How many ratings gave each label to each unit.

    Raises
    ------
    CannotEstimate
        When no unit has two ratings, or every rating is the same and the coefficient then has no value.

    Examples
    --------
    >>> round(coefficient_value(alpha_of(), np.array([[2, 0], [0, 2], [1, 1], [0, 2]])), 4)
    0.5333
    """
    check_counts(coefficient, counts)
    return float(coefficient.value(coefficient.sums(counts).sum(axis=0)))


def check_counts(coefficient: Coefficient, counts: np.ndarray) -> None:
    """Refuse a table that cannot show agreement (see :func:`coefficient_value`)."""
    paired = counts[counts.sum(axis=1) >= 2]
    if len(paired) == 0:
        raise CannotEstimate(
            WhyNot.one_rating_an_item,
            f"none of the {len(counts)} items has two ratings, so nothing shows whether raters agree; add overlapping ratings",
            items=len(counts),
        )
    if coefficient.needs_variety and np.count_nonzero(paired.sum(axis=0)) < 2:
        raise CannotEstimate(
            WhyNot.one_class,
            f"all ratings of the {len(paired)} items with two or more are the same label, and agreement beyond chance has no value "
            "without a second one; percent agreement has",
            items=len(paired),
        )


def _distances(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return squared distances between labels, shape (n_labels, n_labels)."""
    difference = values[:, None] - values[None, :]
    if scale is Scale.interval:
        return np.asarray(difference**2)
    total = values[:, None] + values[None, :]
    if (values < 0).any():
        raise ValueError(f"a ratio scale has no value below 0, got {values.min()}")
    return np.asarray(np.divide(difference, total, out=np.zeros_like(difference), where=total > 0) ** 2)


def _coincidences(counts: np.ndarray) -> np.ndarray:
    """Return each unit's matrix of coincidences ``(n_c n_k - [c=k] n_c) / (m - 1)``; zero where m < 2."""
    n = counts.astype(np.float64)
    m = n.sum(axis=1)
    pairs = n[:, :, None] * n[:, None, :] - n[:, :, None] * np.eye(n.shape[1])
    return np.asarray(np.where(m[:, None, None] >= 2, pairs, 0.0) / np.maximum(m - 1.0, 1.0)[:, None, None])


def _disagreements(counts: np.ndarray, distance: np.ndarray | None) -> np.ndarray:
    """Return each unit's observed disagreement and its pairable ratings by label: shape (n_units, 1 + n_labels)."""
    n = np.where(counts.sum(axis=1, keepdims=True) >= 2, counts, 0).astype(np.float64)
    m = n.sum(axis=1)
    weighted = m[:, None] - n if distance is None else n @ distance
    observed = np.einsum("uc,uc->u", n, weighted) / np.maximum(m - 1.0, 1.0)
    return np.column_stack([observed, n])


def _alpha(sums: np.ndarray, distance: np.ndarray | None) -> np.ndarray:
    observed, n_c = sums[..., 0], sums[..., 1:]
    n = n_c.sum(axis=-1)
    weighted = n[..., None] - n_c if distance is None else n_c @ distance
    return _ratio_from_one((n - 1.0) * observed, (n_c * weighted).sum(axis=-1))


def _ordinal_alpha(sums: np.ndarray) -> np.ndarray:
    q = round(np.sqrt(sums.shape[-1]))
    o = sums.reshape(*sums.shape[:-1], q, q)
    n_c = o.sum(axis=-1)
    middle_rank = np.cumsum(n_c, axis=-1) - 0.5 * n_c  # the sum of the n_g between two labels less half of their own
    distance = (middle_rank[..., :, None] - middle_rank[..., None, :]) ** 2
    expected = (n_c[..., :, None] * n_c[..., None, :] * distance).sum(axis=(-2, -1))
    return _ratio_from_one((n_c.sum(axis=-1) - 1.0) * (o * distance).sum(axis=(-2, -1)), expected)


def _ratio_from_one(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(denominator > 0, 1.0 - numerator / denominator, np.nan))


def _unit_agreement(counts: np.ndarray) -> np.ndarray:
    """Return, by unit: share of agreeing pairs, 1 where there is a pair, 1 where there is a rating, share of each label."""
    n = counts.astype(np.float64)
    m = n.sum(axis=1)
    paired = m >= 2
    pairs = np.where(paired, m * (m - 1.0), 1.0)
    agreement = np.where(paired, (n * (n - 1.0)).sum(axis=1) / pairs, 0.0)
    return np.column_stack([agreement, paired, m > 0, n / np.maximum(m, 1.0)[:, None]])


def _majority_share(counts: np.ndarray) -> np.ndarray:
    m = counts.sum(axis=1)
    paired = m >= 2
    return np.column_stack([np.where(paired, counts.max(axis=1, initial=0) / np.maximum(m, 1), 0.0), paired])


def _observed(sums: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _label_shares(sums: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 3:] / sums[..., 2, None])


def _fleiss(sums: np.ndarray) -> np.ndarray:
    return _ratio_from_one(1.0 - _observed(sums), 1.0 - (_label_shares(sums) ** 2).sum(axis=-1))


def _ac1(sums: np.ndarray) -> np.ndarray:
    share = _label_shares(sums)
    chance = (share * (1.0 - share)).sum(axis=-1) / max(share.shape[-1] - 1, 1)
    return _ratio_from_one(1.0 - _observed(sums), 1.0 - chance)


FLEISS = Coefficient("Fleiss' kappa", _unit_agreement, _fleiss)
"""Fleiss' kappa. With as many ratings on every unit it is Fleiss' own; with unequal counts it is Gwet's (2014) generalisation:
each unit weighs the same, units with one rating count for the shares of the labels only."""

AC1 = Coefficient("Gwet's AC1", _unit_agreement, _ac1, needs_variety=False)
"""Gwet's AC1: chance agreement from the labels' variety, so that it does not collapse when one label is rare. It depends on the
number of legal labels (columns), used or not."""

AGREEMENT = Coefficient("percent agreement", _unit_agreement, _observed, needs_variety=False)
"""The share of pairs of ratings of a unit that agree, averaged over units with two ratings or more; not corrected for chance."""

MAJORITY_SHARE = Coefficient("share with the majority", _majority_share, _observed, needs_variety=False)
"""The share of an item's ratings that give its commonest label, averaged as :data:`AGREEMENT`. Some papers call this percent
agreement; it is larger, and never below one over the number of labels."""
