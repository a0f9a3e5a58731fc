"""The part of a difference's variance that comes from the items, independent or in clusters."""

from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate

__all__ = ["ItemVariance", "by_unit", "churn"]


@dataclass(frozen=True, kw_only=True)
class ItemVariance:
    """What the items contribute to the variance of the difference, whether from influence values or from a bootstrap.

    Attributes
    ----------
    total, churn : float
        ``V_I`` and the ``V_SI`` within it, see :class:`CrossedComponents`.
    arm_churn : tuple of float
        That of each arm's own runs: control, treatment. Their sum is ``churn`` where runs are not paired.
    units : int
        Independent units: items, or clusters of items.
    df : float
        Infinite for independent items, units - 1 for clusters.
    """

    total: float
    churn: float
    arm_churn: tuple[float, float]
    units: int
    df: float


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
