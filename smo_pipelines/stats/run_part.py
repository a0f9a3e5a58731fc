"""The part of a difference's variance that comes from runs: of arms apart, pooled or by Welch's rule, or of runs that share a seed.

Where run k of both arms has one seed, what the seed does is partly the same in both, and the run part is read from the differences of
the runs that share one. That is right whatever the correlation, where two separate spreads would be too wide or, for a negative one, too
narrow; it costs half of the degrees of freedom (``docs/decisions/010-runs-that-share-seeds.md``).
"""

import math

import numpy as np

__all__ = [
    "PAIRED_FROM",
    "WELCH_FROM",
    "in_pairs",
    "paired_run_part",
    "pooled_run_part",
    "separate_run_part",
    "spread",
    "welch_run_part",
]

WELCH_FROM = 5
"""From so many runs an arm the degrees of freedom are Welch's: too few runs estimate them badly."""

PAIRED_FROM = 3
"""From so many runs an arm those that share seeds are paired: one degree of freedom has a quantile of 12.7."""


def spread(values: np.ndarray) -> float:
    """Return the sample variance of run metrics, exactly zero where they differ by rounding alone."""
    return 0.0 if float(np.ptp(values)) <= 1e-12 else float(np.var(values, ddof=1))


def pooled_run_part(variances: tuple[float, float], n_runs: tuple[int, int]) -> tuple[float, float]:
    """Return ``V_S = s_p^2 (1/K_C + 1/K_T)`` and its K_C + K_T - 2 degrees of freedom, as Student's t test pools them."""
    (s_c, s_t), (n_c, n_t) = variances, n_runs
    df = n_c + n_t - 2
    return ((n_c - 1) * s_c + (n_t - 1) * s_t) / df * (1 / n_c + 1 / n_t), float(df)


def welch_run_part(variances: tuple[float, float], n_runs: tuple[int, int]) -> tuple[float, float]:
    """Return ``V_S = s_C^2 / K_C + s_T^2 / K_T`` and its degrees of freedom by Welch (1947)."""
    v_c, v_t = variances[0] / n_runs[0], variances[1] / n_runs[1]
    total = v_c + v_t
    if total == 0.0:
        return 0.0, float(sum(n_runs) - 2)
    return total, 1.0 / ((v_c / total) ** 2 / (n_runs[0] - 1) + (v_t / total) ** 2 / (n_runs[1] - 1))


def separate_run_part(variances: tuple[float, float], n_runs: tuple[int, int]) -> tuple[float, float]:
    """Return the run part by Welch's rule from :data:`WELCH_FROM` runs an arm, pooled below."""
    return (welch_run_part if min(n_runs) >= WELCH_FROM else pooled_run_part)(variances, n_runs)


def in_pairs(control: np.ndarray, treatment: np.ndarray, *, shared_seeds: bool) -> bool:
    """Return whether runs that share a seed are paired: as many in each arm, :data:`PAIRED_FROM` or more, whose differences differ.

    Few runs on few items can have equal differences by chance; the arms' own spreads are then the wider answer.
    """
    return shared_seeds and len(control) == len(treatment) >= PAIRED_FROM and spread(treatment - control) > 0.0


def paired_run_part(control: np.ndarray, treatment: np.ndarray) -> tuple[float, float]:
    """Return the variance of the difference of means over runs, and of the difference of one run of each, for paired seeds.

    The first min(K_C, K_T) runs pair. With unequal numbers their covariance counts once for each pair,
    ``s_C^2 / K_C + s_T^2 / K_T - 2 cov pairs / (K_C K_T)``: never below zero while cov is at most s_C s_T.
    """
    n_c, n_t = len(control), len(treatment)
    pairs = min(n_c, n_t)
    single = spread(treatment[:pairs] - control[:pairs])
    if n_c == n_t:
        return single / pairs, single
    s_c, s_t = spread(control), spread(treatment)
    most = math.sqrt(s_c * s_t)
    together = 0.5 * (spread(control[:pairs]) + spread(treatment[:pairs]) - single)
    covariance = min(max(together, -most), most)
    return max(s_c / n_c + s_t / n_t - 2.0 * covariance * pairs / (n_c * n_t), 0.0), single
