"""The interval of a difference between two arms of training runs that are all scored on the same benchmark items.

Runs are one random factor and items the other, and they cross: every run scores every item. The variance of the difference of
the arms' mean metrics has a part that more runs shrink and a part that more items shrink. The run part is read from the spread
of the run metrics, which already holds the run-by-item churn; the item part is read from the spread over items of the mean
influence values, from which the churn is subtracted so that it counts once.
"""

import math
from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm

__all__ = ["ArmMetrics", "CrossedComponents", "by_unit", "churn", "crossed_components", "crossed_estimate", "spread"]

WELCH_FROM = 5
"""From so many runs an arm the degrees of freedom are Welch's: too few runs estimate them badly."""


def spread(values: np.ndarray) -> float:
    """Return the sample variance of run metrics, exactly zero where they differ by rounding alone."""
    return 0.0 if float(np.ptp(values)) <= 1e-12 else float(np.var(values, ddof=1))


@dataclass(frozen=True, eq=False)
class ArmMetrics:
    """One arm: the metric of each run, and the influence values of each run over the items.

    Parameters
    ----------
    values : ndarray of shape (n_runs,)
    influences : ndarray of shape (n_runs, n_items)
        Mean zero over items, see :mod:`smo_pipelines.stats.metrics`.
    """

    values: np.ndarray
    influences: np.ndarray

    def __post_init__(self) -> None:
        if self.influences.ndim != 2 or self.values.shape != self.influences.shape[:1]:
            raise ValueError(f"{self.values.shape} metrics do not go with {self.influences.shape} influence values")

    @property
    def mean(self) -> float:
        """The mean metric over runs."""
        return float(np.mean(self.values))


@dataclass(frozen=True, kw_only=True)
class CrossedComponents:
    """Where the variance of the difference comes from.

    Attributes
    ----------
    runs : float
        ``V_S``: spread between runs over the number of runs, churn included.
    run_df : float
        Its degrees of freedom.
    items_total, churn : float
        ``V_I``: variance over items of the difference of mean influence values, over n; ``V_SI``: the churn within it.
    run_variances : tuple of float
        Sample variance of the run metrics: control, treatment.
    units : int
        Independent units: items, or clusters of items.
    item_df : float
        Infinite for independent items, units - 1 for clusters.
    """

    difference: float
    runs: float
    run_df: float
    items_total: float
    churn: float
    run_variances: tuple[float, float]
    units: int
    item_df: float

    @property
    def items(self) -> float:
        """``V_In``: the item part without the churn that the run part already holds."""
        return max(self.items_total - self.churn, 0.0)

    @property
    def item_term(self) -> VarianceTerm:
        """The item part, for an estimate that takes its run part from elsewhere."""
        return VarianceTerm(source="items", variance=self.items, df=self.item_df)


def by_unit(influences: np.ndarray, clusters: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """Return influence values by independent unit, rescaled so that their mean over units moves the metric as before.

    A cluster's weight moves all its items: M(w) = M + (1/n) sum_g (w_g - 1) sum_{i in g} psi_i, so with G clusters the value of
    cluster g is (G/n) sum_{i in g} psi_i.

    Returns
    -------
    ndarray of shape (n_runs, n_units), bool
        The second says whether some unit holds several items.

    Raises
    ------
    CannotEstimate
        When all items are of one cluster.
    """
    n_items = influences.shape[1]
    if clusters is None:
        return influences, False
    if len(clusters) != n_items:
        raise ValueError(f"{len(clusters)} cluster ids do not go with {n_items} items")
    names, unit = np.unique(clusters, return_inverse=True)
    if len(names) == n_items:
        return influences, False
    if len(names) == 1:
        raise CannotEstimate(WhyNot.one_cluster, f"all {n_items} items are of one cluster", items=n_items, clusters=1)
    sums = np.stack([np.bincount(unit, weights=row, minlength=len(names)) for row in influences])
    return sums * (len(names) / n_items), True


def churn(values: np.ndarray) -> float:
    """Return one arm's part of ``V_SI``: the run-by-item residual variance of values of shape (n_runs, n_units)."""
    runs, units = values.shape
    residual = float(np.sum((values - values.mean(axis=0)) ** 2))
    return float(residual / ((runs - 1) * (units - 1) * units * runs))


def _run_part(control: np.ndarray, treatment: np.ndarray) -> tuple[float, float]:
    """Return ``V_S`` and its degrees of freedom: pooled below :data:`WELCH_FROM` runs, else Welch (1947)."""
    n_c, n_t = len(control), len(treatment)
    s_c, s_t = spread(control), spread(treatment)
    if min(n_c, n_t) < WELCH_FROM:
        df = n_c + n_t - 2
        pooled = ((n_c - 1) * s_c + (n_t - 1) * s_t) / df
        return pooled * (1 / n_c + 1 / n_t), float(df)
    v_c, v_t = s_c / n_c, s_t / n_t
    total = v_c + v_t
    if total == 0.0:
        return 0.0, float(n_c + n_t - 2)
    return total, 1.0 / ((v_c / total) ** 2 / (n_c - 1) + (v_t / total) ** 2 / (n_t - 1))


def _check_arms(control: ArmMetrics, treatment: ArmMetrics) -> None:
    """Raise unless both arms have two runs on the same two items or more."""
    n_c, n_t = len(control.values), len(treatment.values)
    if min(n_c, n_t) < 2:
        raise CannotEstimate(
            WhyNot.one_run,
            f"one run says nothing about the spread between runs: control has {n_c}, treatment {n_t}, each needs 2",
            control_runs=n_c,
            treatment_runs=n_t,
        )
    if control.influences.shape[1] != treatment.influences.shape[1]:
        raise ValueError("the arms were measured on different items")
    if control.influences.shape[1] < 2:
        raise CannotEstimate(WhyNot.few_items, "an interval needs at least two items", items=control.influences.shape[1])


def crossed_components(control: ArmMetrics, treatment: ArmMetrics, clusters: np.ndarray | None = None) -> CrossedComponents:
    """Split the variance of ``mean(treatment) - mean(control)`` into runs, items and their interaction.

    The method of moments for a two-way layout with one observation a cell (Searle, Casella and McCulloch 1992, chapter 4),
    on influence values, so that it holds for any smooth metric.

    Parameters
    ----------
    control, treatment : ArmMetrics
        At least two runs each, on the same items; the numbers of runs may differ.
    clusters : ndarray of shape (n_items,), optional
        Items with one id are not independent of each other.

    Raises
    ------
    CannotEstimate
        With one run in an arm, fewer than two items, or a single cluster.
    """
    _check_arms(control, treatment)
    unit_c, clustered = by_unit(control.influences, clusters)
    unit_t, _ = by_unit(treatment.influences, clusters)
    units = unit_c.shape[1]
    runs, df = _run_part(control.values, treatment.values)
    return CrossedComponents(
        difference=treatment.mean - control.mean,
        runs=runs,
        run_df=df,
        items_total=float(np.var(unit_t.mean(axis=0) - unit_c.mean(axis=0), ddof=1)) / units,
        churn=churn(unit_c) + churn(unit_t),
        run_variances=(spread(control.values), spread(treatment.values)),
        units=units,
        item_df=float(units - 1) if clustered else math.inf,
    )


def crossed_estimate(
    control: ArmMetrics, treatment: ArmMetrics, clusters: np.ndarray | None = None, *, fixed_items: bool = False
) -> CombinedEstimate:
    """Return the difference treatment - control with its crossed interval.

    Parameters
    ----------
    fixed_items : bool
        True for a claim about exactly these items: the item part is left out.

    Raises
    ------
    CannotEstimate
        As :func:`crossed_components`; and when no run differs from another in either arm.
    """
    parts = crossed_components(control, treatment, clusters)
    if parts.runs == 0.0:
        raise CannotEstimate(
            WhyNot.no_run_variance,
            "all runs of each arm have the same metric, so the spread between runs is unknown and not zero",
            control_runs=len(control.values),
            treatment_runs=len(treatment.values),
        )
    runs = VarianceTerm(source="runs", variance=parts.runs, df=parts.run_df)
    return CombinedEstimate(estimate=parts.difference, terms=(runs,) if fixed_items else (runs, parts.item_term))
