"""The interval of a metric itself, not of a difference: of one fitted model, or of the mean over the runs of one arm."""

import math

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm
from smo_pipelines.stats.item_part import by_unit, churn
from smo_pipelines.stats.run_part import spread

__all__ = ["arm_estimate", "fitted_estimate"]


def fitted_estimate(value: float, influence: np.ndarray, clusters: np.ndarray | None = None) -> CombinedEstimate:
    """Return a number computed from fitted models with its interval over items like these.

    The models are what they are, so the only variance is that of the items: ``Var(psi) / n`` over independent units (the
    infinitesimal jackknife; Efron 1982, chapter 6), normal for independent items and t with G - 1 degrees of freedom for G clusters.

    Parameters
    ----------
    value : float
        A metric of one model, or the difference of a metric between two models.
    influence : ndarray of shape (n_items,)
        Its influence values: for a difference, the difference of the models' influence values, which pairs them item by item.
    clusters : ndarray of shape (n_items,), optional
        Items with one id are not independent of each other.

    Raises
    ------
    CannotEstimate
        With fewer than two items, a single cluster, or no variance between the units.
    """
    if len(influence) < 2:
        raise CannotEstimate(WhyNot.few_items, "an interval needs at least two items", items=len(influence))
    by, clustered = by_unit(influence[np.newaxis, :], clusters)
    return CombinedEstimate(estimate=value, terms=(_item_term(by.mean(axis=0), clustered, 0.0, required=True),))


def arm_estimate(arm: ArmMetrics, clusters: np.ndarray | None = None) -> CombinedEstimate:
    """Return an arm's mean metric with its interval over runs and items: one arm of :mod:`smo_pipelines.stats.crossed`.

    ``s^2 / K`` with K - 1 degrees of freedom for the runs, and the variance of the mean influence values for the items without
    the runs' own churn.

    Raises
    ------
    CannotEstimate
        With one run, runs that do not differ, fewer than two items, or a single cluster.
    """
    runs = len(arm.values)
    if runs < 2:
        raise CannotEstimate(WhyNot.one_run, f"{runs} run says nothing about the spread between runs, 2 are needed", runs=runs)
    if arm.influences.shape[1] < 2:
        raise CannotEstimate(WhyNot.few_items, "an interval needs at least two items", items=arm.influences.shape[1])
    between = spread(arm.values)
    if between == 0.0:
        raise CannotEstimate(
            WhyNot.no_run_variance, "all runs have the same metric, so the spread between runs is unknown and not zero", runs=runs
        )
    by, clustered = by_unit(arm.influences, clusters)
    items = _item_term(by.mean(axis=0), clustered, churn(by), required=False)
    return CombinedEstimate(
        estimate=arm.mean, terms=(VarianceTerm(source="runs", variance=between / runs, df=float(runs - 1)), items)
    )


def _item_term(values: np.ndarray, clustered: bool, churned: float, *, required: bool) -> VarianceTerm:
    units = len(values)
    total = float(np.var(values, ddof=1)) / units
    if required and float(np.ptp(values)) <= 1e-12:
        raise CannotEstimate(
            WhyNot.no_item_variance, "no item differs from another here, so how items vary is unknown and not zero", units=units
        )
    return VarianceTerm(source="items", variance=max(total - churned, 0.0), df=float(units - 1) if clustered else math.inf)
