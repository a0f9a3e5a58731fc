"""What items contribute to the variance of a difference, for a metric that has no influence values: weights instead of formulas.

Every draw gives each independent unit (an item, or a cluster of items) a weight from Exp(1), the same in both arms and in all runs:
the Bayesian bootstrap of Rubin (1981). Unlike a resample it loses no item, so no draw can lack a class or tie scores that were not
tied. From the metrics of all runs under all draws comes their covariance C, and from C what influence values would have given:

    V_I  = c' C c,  c = (-1/K_C ..., +1/K_T ...)                the difference of the means over runs
    V_SI = sum_a (mean diagonal - mean off-diagonal of C_aa) / K_a      the runs' own churn within it

The run part stays that of :mod:`smo_pipelines.stats.crossed`. Normalised Exp(1) weights give the mean of G values the variance
``S / (G (G + 1))`` where the unbiased one is ``S / (G (G - 1))``, S the sum of squares, so both are scaled by (G + 1) / (G - 1).

References
----------
Rubin, D. B. (1981). The Bayesian bootstrap. Ann. Statist. 9, 130-134.
Owen, A. B. and Eckles, D. (2012). Bootstrapping data arrays of arbitrary order. Ann. Appl. Stat. 6, 895-927.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import CrossedComponents, check_sizes, components_of
from smo_pipelines.stats.intervals import VarianceTerm
from smo_pipelines.stats.item_part import ItemVariance, churn
from smo_pipelines.stats.run_part import in_pairs

__all__ = ["DRAWS", "BootstrapArm", "bootstrap_components", "bootstrap_term", "item_weights", "seed_of"]

DRAWS = 1000
"""Draws of item weights: the Monte Carlo error of a standard error is 1 / sqrt(2 DRAWS), 2.2%."""

_CELLS_AT_ONCE = 4_000_000
"""Weights held in memory at a time: 32 MB."""


@dataclass(frozen=True, eq=False)
class BootstrapArm:
    """One arm: the metric of each run, and the metric of each run under each draw of item weights.

    Parameters
    ----------
    values : ndarray of shape (n_runs,)
    draws : ndarray of shape (n_runs, n_draws)
        Under the same draws in both arms.
    """

    values: np.ndarray
    draws: np.ndarray

    def __post_init__(self) -> None:
        if self.draws.ndim != 2 or self.values.shape != self.draws.shape[:1]:
            raise ValueError(f"{self.values.shape} metrics do not go with draws of shape {self.draws.shape}")


def seed_of(digest: str) -> int:
    """Return the seed that a benchmark's version gives its item weights: the same numbers on every machine and in every repeat."""
    return int(digest[:16], 16)


def item_weights(units: int, seed: int, draws: int = DRAWS) -> Iterator[np.ndarray]:
    """Yield Exp(1) weights in blocks of shape (units, draws in the block), whose sizes do not change the numbers."""
    rng = np.random.default_rng(seed)
    block = max(_CELLS_AT_ONCE // units, 1)
    for start in range(0, draws, block):
        yield np.ascontiguousarray(rng.standard_exponential((min(block, draws - start), units)).T)


def bootstrap_components(
    control: BootstrapArm, treatment: BootstrapArm, units: int, *, clustered: bool = False, shared_seeds: bool = False
) -> CrossedComponents:
    """Split the variance of ``mean(treatment) - mean(control)`` as :func:`smo_pipelines.stats.crossed.crossed_components` does.

    Parameters
    ----------
    units : int
        Independent units that were weighted: items, or clusters of items.
    clustered : bool
        Whether a unit holds several items, so that t over the units takes the place of the normal.
    shared_seeds : bool
        Whether run k of both arms had one seed: see :func:`smo_pipelines.stats.crossed.in_pairs`.

    Raises
    ------
    CannotEstimate
        With one run in an arm, fewer than two units, or a single cluster.
    """
    if control.draws.shape[1] != treatment.draws.shape[1]:
        raise ValueError(f"{control.draws.shape[1]} and {treatment.draws.shape[1]} draws are not the same draws")
    if clustered and units == 1:
        raise CannotEstimate(WhyNot.one_cluster, "all items are of one cluster", clusters=1)
    check_sizes((len(control.values), len(treatment.values)), units)
    paired = in_pairs(control.values, treatment.values, shared_seeds=shared_seeds)
    # churn() divides a variance over n items by n, and the variance over draws is wanted as it is
    centred = [(a.draws - a.draws.mean(axis=1, keepdims=True)) * math.sqrt(a.draws.shape[1]) for a in (control, treatment)]
    churns = churn(centred[0]), churn(centred[1])
    items = ItemVariance(
        total=_scale(units) * float(np.var(treatment.draws.mean(axis=0) - control.draws.mean(axis=0), ddof=1)),
        churn=_scale(units) * (churn(centred[1] - centred[0]) if paired else churns[0] + churns[1]),
        arm_churn=(_scale(units) * churns[0], _scale(units) * churns[1]),
        units=units,
        df=float(units - 1) if clustered else math.inf,
    )
    return components_of(control.values, treatment.values, items, paired=paired)


def bootstrap_term(draws: np.ndarray, units: int, *, clustered: bool = False) -> VarianceTerm:
    """Return the items' part of the variance of one number of fitted models, from its draws of shape (n_draws,)."""
    variance = _scale(units) * float(np.var(draws, ddof=1))
    return VarianceTerm(source="items", variance=variance, df=float(units - 1) if clustered else math.inf)


def _scale(units: int) -> float:
    return (units + 1.0) / (units - 1.0)
