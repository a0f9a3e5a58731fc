"""The interval of a difference between two arms of training runs that are all scored on the same benchmark items.

Runs are one random factor and items the other, and they cross: every run scores every item. The variance of the difference of
the arms' mean metrics has a part that more runs shrink and a part that more items shrink. The run part is read from the spread
of the run metrics, which already holds the run-by-item churn; the item part is read from the spread over items of the mean
influence values, from which the churn is subtracted so that it counts once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm
from smo_pipelines.stats.item_part import ItemVariance, by_unit, churn
from smo_pipelines.stats.run_part import (
    WELCH_FROM,
    in_pairs,
    paired_run_part,
    pooled_run_part,
    separate_run_part,
    spread,
    welch_run_part,
)

__all__ = [
    "ArmMetrics",
    "CrossedComponents",
    "check_sizes",
    "components_of",
    "crossed_components",
    "crossed_estimate",
]


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
    arm_churn : tuple of float
        That of each arm's own runs: control, treatment. Their sum is ``churn`` where runs are not paired.
    run_variances : tuple of float
        Sample variance of the run metrics: control, treatment.
    n_runs : tuple of int
        Runs of the control and the treatment; they may differ.
    units : int
        Independent units: items, or clusters of items.
    item_df : float
        Infinite for independent items, units - 1 for clusters.
    paired : bool
        Whether ``runs`` and ``churn`` are those of the differences of runs that share a seed.
    """

    difference: float
    runs: float
    run_df: float
    items_total: float
    churn: float
    arm_churn: tuple[float, float]
    run_variances: tuple[float, float]
    n_runs: tuple[int, int]
    units: int
    item_df: float
    paired: bool = False

    @property
    def items(self) -> float:
        """``V_In``: the item part without the churn that the run part already holds."""
        return max(self.items_total - self.churn, 0.0)

    @property
    def item_term(self) -> VarianceTerm:
        """The item part, for an estimate that takes its run part from elsewhere."""
        return VarianceTerm(source="items", variance=self.items, df=self.item_df)

    @property
    def welch(self) -> bool:
        """Whether the degrees of freedom of an unpaired run part are Welch's: both arms have :data:`WELCH_FROM` runs."""
        return min(self.n_runs) >= WELCH_FROM

    @property
    def rule(self) -> str:
        """How the run part was found, in words."""
        if self.paired:
            return "runs paired by seed"
        return "Welch degrees of freedom" if self.welch else "pooled degrees of freedom"

    def estimate(self, *, fixed_items: bool = False) -> CombinedEstimate:
        """Return the difference with its crossed interval.

        Parameters
        ----------
        fixed_items : bool
            True for a claim about exactly these items: the item part is left out.

        Raises
        ------
        CannotEstimate
            When no run differs from another in either arm.
        """
        if self.runs == 0.0:
            raise CannotEstimate(
                WhyNot.no_run_variance,
                "all runs of each arm have the same metric, so the spread between runs is unknown and not zero",
                control_runs=self.n_runs[0],
                treatment_runs=self.n_runs[1],
            )
        return self._with_runs(self.runs, self.run_df, fixed_items=fixed_items)

    def checks(self) -> Mapping[str, CombinedEstimate]:
        """Return the same difference by other rules, to be read beside the interval and never in its place.

        Of runs that pair: as if they did not, and with one quantile for the whole variance by Satterthwaite. Else with the degrees of
        freedom of the run part that :meth:`estimate` does not use (Welch's below :data:`WELCH_FROM` runs an arm, pooled from there),
        and by Satterthwaite from the pooled run part.
        """
        if self.runs == 0.0:
            return {}
        if self.paired:
            apart = self._with_runs(*separate_run_part(self.run_variances, self.n_runs))
            return {"unpaired": apart, "Satterthwaite": self.estimate().satterthwaite(self.units)}
        pooled = self._with_runs(*pooled_run_part(self.run_variances, self.n_runs))
        welch = self._with_runs(*welch_run_part(self.run_variances, self.n_runs))
        other = {"pooled": pooled} if self.welch else {"Welch": welch}
        return {**other, "Satterthwaite": pooled.satterthwaite(self.units)}

    def _with_runs(self, variance: float, df: float, *, fixed_items: bool = False) -> CombinedEstimate:
        runs = VarianceTerm(source="runs", variance=variance, df=df)
        return CombinedEstimate(estimate=self.difference, terms=(runs,) if fixed_items else (runs, self.item_term))


def check_sizes(n_runs: tuple[int, int], units: int) -> None:
    """Raise :class:`CannotEstimate` unless both arms, control and treatment, have two runs on two units or more."""
    if min(n_runs) < 2:
        raise CannotEstimate(
            WhyNot.one_run,
            f"one run says nothing about the spread between runs: control has {n_runs[0]}, treatment {n_runs[1]}, each needs 2",
            control_runs=n_runs[0],
            treatment_runs=n_runs[1],
        )
    if units < 2:
        raise CannotEstimate(WhyNot.few_items, "an interval needs at least two items", items=units)


def components_of(control: np.ndarray, treatment: np.ndarray, items: ItemVariance, *, paired: bool = False) -> CrossedComponents:
    """Return the components of the difference of the mean of run metrics, given what the items contribute.

    Parameters
    ----------
    control, treatment : ndarray of shape (n_runs,)
        The metric of each run; the numbers of runs may differ.
    paired : bool
        What :func:`in_pairs` says: the churn of ``items`` is then that of the differences.

    Raises
    ------
    CannotEstimate
        With one run in an arm, or fewer than two items or clusters.
    """
    n_runs = len(control), len(treatment)
    check_sizes(n_runs, items.units)
    variances = spread(control), spread(treatment)
    if paired:
        runs, df = paired_run_part(control, treatment)[0], float(n_runs[0] - 1)
    else:
        runs, df = separate_run_part(variances, n_runs)
    return CrossedComponents(
        difference=float(np.mean(treatment)) - float(np.mean(control)),
        runs=runs,
        run_df=df,
        items_total=items.total,
        churn=items.churn,
        arm_churn=items.arm_churn,
        run_variances=variances,
        n_runs=n_runs,
        units=items.units,
        item_df=items.df,
        paired=paired,
    )


def crossed_components(
    control: ArmMetrics, treatment: ArmMetrics, clusters: np.ndarray | None = None, *, shared_seeds: bool = False
) -> CrossedComponents:
    """Split the variance of ``mean(treatment) - mean(control)`` into runs, items and their interaction.

    The method of moments for a two-way layout with one observation a cell (Searle, Casella and McCulloch 1992, chapter 4),
    on influence values, so that it holds for any smooth metric.

    Parameters
    ----------
    control, treatment : ArmMetrics
        At least two runs each, on the same items; the numbers of runs may differ.
    clusters : ndarray of shape (n_items,), optional
        Items with one id are not independent of each other.
    shared_seeds : bool
        Whether run k of both arms had one seed: see :func:`in_pairs`.

    Raises
    ------
    CannotEstimate
        With one run in an arm, fewer than two items, or a single cluster.
    """
    if control.influences.shape[1] != treatment.influences.shape[1]:
        raise ValueError("the arms were measured on different items")
    check_sizes((len(control.values), len(treatment.values)), control.influences.shape[1])
    unit_c, clustered = by_unit(control.influences, clusters)
    unit_t, _ = by_unit(treatment.influences, clusters)
    units = unit_c.shape[1]
    churns = churn(unit_c), churn(unit_t)
    paired = in_pairs(control.values, treatment.values, shared_seeds=shared_seeds)
    items = ItemVariance(
        total=float(np.var(unit_t.mean(axis=0) - unit_c.mean(axis=0), ddof=1)) / units,
        churn=churn(unit_t - unit_c) if paired else churns[0] + churns[1],
        arm_churn=churns,
        units=units,
        df=float(units - 1) if clustered else math.inf,
    )
    return components_of(control.values, treatment.values, items, paired=paired)


def crossed_estimate(
    control: ArmMetrics,
    treatment: ArmMetrics,
    clusters: np.ndarray | None = None,
    *,
    shared_seeds: bool = False,
    fixed_items: bool = False,
) -> CombinedEstimate:
    """Return the difference treatment - control with its crossed interval.

    Parameters
    ----------
    shared_seeds : bool
        Whether run k of both arms had one seed: see :func:`in_pairs`.
    fixed_items : bool
        True for a claim about exactly these items: the item part is left out.

    Raises
    ------
    CannotEstimate
        As :func:`crossed_components`; and when no run differs from another in either arm.
    """
    return crossed_components(control, treatment, clusters, shared_seeds=shared_seeds).estimate(fixed_items=fixed_items)
