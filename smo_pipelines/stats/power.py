"""The power that the interval of a difference will have, from variance components known before anything is trained.

The half-width of an interval is itself random, because few runs and few redraws estimate their variances badly; so power is an
average over the half-widths that may come, each by the formula of :mod:`smo_pipelines.stats.crossed` or, for a claim about raters,
of :mod:`smo_pipelines.stats.random_raters`. With ``Var`` the true variance of the difference and ``hw`` such a half-width, an
interval excludes a value at distance ``d`` from the truth, on the right side, with probability ``mean Phi((d - hw) / sqrt(Var))``.

References
----------
Variance of the difference: a two-way crossed layout (Searle, Casella and McCulloch 1992, chapter 4). Averaging over the estimated
variance, as for the power of Student's t test: Johnson and Welch (1940), Biometrika 31, 362-389; non-inferiority: Julious (2004),
Statistics in Medicine 23, 1921-1986.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.random_raters import MIN_RATERS, MIN_REDRAWS, rater_df, rater_excess, rater_inflation
from smo_pipelines.stats.random_raters import PAIRED_FROM as PAIRED_REDRAWS_FROM
from smo_pipelines.stats.run_part import PAIRED_FROM, WELCH_FROM

__all__ = [
    "PowerDesign",
    "RaterDraw",
    "expected_half_width",
    "needed_distance",
    "power",
    "power_interval",
    "variance_terms",
]

_GRID = 24
"""Points a chi-squared variable is averaged over: doubling them moves no power by 0.001."""


@dataclass(frozen=True, kw_only=True)
class RaterDraw:
    """The rater part of a design: redraws an arm, effective raters of the smaller arm, and whether the arms share them."""

    redraws: int
    effective_raters: float
    same_raters: bool


@dataclass(frozen=True, kw_only=True)
class PowerDesign:
    """How an experiment will be run.

    Attributes
    ----------
    runs : int
        Of each arm, on its actual labels.
    units : int
        Independent units of the benchmark: items, or clusters of items.
    clustered : bool
        Whether some unit holds several items, so that its quantile is Student's.
    raters : RaterDraw, optional
        For a claim about raters like these; None for these raters only.
    shared_seeds : bool
        Whether run k of both arms has one seed.
    """

    runs: int
    units: int
    clustered: bool = False
    raters: RaterDraw | None = None
    shared_seeds: bool = False


def _check(components: VarianceComponents, design: PowerDesign) -> None:
    """Raise unless the design gives an interval at all."""
    if design.runs < 2:
        raise CannotEstimate(
            WhyNot.one_run, f"{design.runs} run an arm says nothing about the spread between runs; plan 2 or more", runs=design.runs
        )
    if design.units < 2:
        raise CannotEstimate(WhyNot.few_items, "an interval needs at least two items", items=design.units)
    if components.sd_seed == 0.0 and components.sd_seed_by_item == 0.0:
        raise CannotEstimate(
            WhyNot.no_run_variance,
            "all runs that were measured have the same metric, so the spread between runs is unknown and not zero",
        )
    draw = design.raters
    if draw is None:
        return
    if draw.effective_raters < MIN_RATERS:
        raise CannotEstimate(
            WhyNot.few_raters,
            f"an arm has {draw.effective_raters:.1f} effective raters: a claim about the pool needs {MIN_RATERS:.0f}; "
            "add raters, or register the claim as one about these raters only (raters: fixed)",
            effective_raters=int(draw.effective_raters),
        )
    if draw.redraws < MIN_REDRAWS:
        raise CannotEstimate(
            WhyNot.few_redraws,
            f"{draw.redraws} redraws of the raters are planned, an arm needs {MIN_REDRAWS}",
            redraws=draw.redraws,
        )
    if components.sd_rater is None:
        raise CannotEstimate(
            WhyNot.few_redraws, "what other raters would change was never measured: no fits on redrawn raters are known", redraws=0
        )
    if components.same_raters and not draw.same_raters:
        raise CannotEstimate(
            WhyNot.few_redraws,
            "what other raters would change was measured where both arms had the same raters, and here they have others",
            redraws=0,
        )


def _quantiles(df: float) -> np.ndarray:
    """Return mid-point quantiles of chi-squared over its degrees of freedom."""
    at = (np.arange(_GRID) + 0.5) / _GRID
    return np.asarray(special.gammaincinv(0.5 * df, at) * 2.0 / df)


def _t(df: float | np.ndarray, alpha: float) -> np.ndarray:
    return np.asarray(-special.stdtrit(df, 0.5 * alpha))


def _run_variance(components: VarianceComponents, design: PowerDesign) -> float:
    """Return the variance of one run of one arm: the seed, and churn over the units."""
    return components.sd_seed**2 + components.sd_seed_by_item**2 / design.units


def _rater_variance(components: VarianceComponents, draw: RaterDraw) -> float:
    """Return the variance of the difference over redraws of the raters; it falls with the number of raters."""
    assert components.sd_rater is not None  # noqa: S101 -- `_check` refused it
    assert components.effective_raters is not None  # noqa: S101
    return 2.0 * components.sd_rater**2 * components.effective_raters / draw.effective_raters


def variance_terms(components: VarianceComponents, design: PowerDesign) -> Mapping[str, float]:
    """Return the true variance of the difference by source, ``runs`` (churn included), ``items`` and ``raters`` where random.

    Raises
    ------
    CannotEstimate
        When the design gives no interval, or a component that it needs was never measured.
    """
    _check(components, design)
    correlation = components.seed_correlation if design.shared_seeds else 0.0
    terms = {
        "runs": 2.0 * _run_variance(components, design) * (1.0 - correlation) / design.runs,
        "items": components.sd_item**2 / design.units,
    }
    return terms if design.raters is None else terms | {"raters": _rater_variance(components, design.raters)}


def _half_widths(components: VarianceComponents, design: PowerDesign, alpha: float) -> np.ndarray:
    """Return half-widths of the interval that may come, all as likely as each other."""
    item = float(_t(design.units - 1.0, alpha)) if design.clustered else float(-special.ndtri(0.5 * alpha))
    square = item**2 * components.sd_item**2 / design.units
    one = _run_variance(components, design)
    if design.raters is not None:
        return np.asarray(np.sqrt(_over_raters(components, design, design.raters, alpha) + square))
    if design.shared_seeds and design.runs >= PAIRED_FROM:
        df = design.runs - 1.0
        single = 2.0 * one * (1.0 - components.seed_correlation)
        return np.asarray(np.sqrt(_t(df, alpha) ** 2 * single / design.runs * _quantiles(df) + square))
    if design.runs < WELCH_FROM:
        df = 2.0 * (design.runs - 1.0)
        known = df / (1.0 + design.shared_seeds * components.seed_correlation**2)  # spreads of runs that share seeds are alike
        return np.asarray(np.sqrt(_t(df, alpha) ** 2 * (2.0 * one / design.runs) * _quantiles(known) + square))
    control = _quantiles(design.runs - 1.0)[:, np.newaxis]
    treatment = control.T
    welch = (design.runs - 1.0) * (control + treatment) ** 2 / (control**2 + treatment**2)
    return np.asarray(np.sqrt(_t(welch, alpha) ** 2 * one / design.runs * (control + treatment) + square).ravel())


def _over_raters(components: VarianceComponents, design: PowerDesign, draw: RaterDraw, alpha: float) -> np.ndarray:
    arms = 1.0 if draw.same_raters else 2.0
    paired = design.shared_seeds and (draw.same_raters or draw.redraws >= PAIRED_REDRAWS_FROM)
    single = 2.0 * _run_variance(components, design) * (1.0 - components.seed_correlation * paired)
    redraw = single + _rater_variance(components, draw)
    runs = single * _quantiles((1.0 if paired else 2.0) * (design.runs - 1.0))[:, np.newaxis]
    spreads = 1.0 if paired else arms  # of redraws that an interval is read from: one of differences, or one an arm
    redraws = redraw * _quantiles(spreads * (draw.redraws - 1.0))[np.newaxis, :]
    raters = rater_inflation(draw.effective_raters) * rater_excess(redraws, runs)
    df = rater_df(spreads * (draw.redraws - 1.0), arms * (draw.effective_raters - 1.0))
    return np.asarray((float(_t(df, alpha)) ** 2 * (runs / design.runs + raters)).ravel())


def power(components: VarianceComponents, design: PowerDesign, distance: float, alpha: float) -> float:
    """Return the probability that the interval excludes, on the right side, a value so far from the truth.

    For superiority the distance is the effect, and the value 0: the chance that the two-sided interval lies wholly above 0. For a
    guardrail it is the margin, and the truth no change: the chance that the interval lies wholly above minus the margin.

    Parameters
    ----------
    distance : float
        Above 0, in the metric's unit.
    alpha : float
        Two-sided error rate of the interval.

    Raises
    ------
    CannotEstimate
        When the design gives no interval, or a component that it needs was never measured.
    """
    if not distance > 0.0:
        raise ValueError(f"power is for a distance above 0, got {distance}")
    sd = math.sqrt(math.fsum(variance_terms(components, design).values()))
    return float(np.mean(special.ndtr((distance - _half_widths(components, design, alpha)) / sd)))


def power_interval(
    components: VarianceComponents, design: PowerDesign, distance: float, alpha: float, level: float = 0.95
) -> Interval:
    """Return between which powers the design's lies, given how few fits its components are known from.

    Each variance that fits were needed for is put at the ends of its chi-squared interval, all at the same end at once, at levels
    that together keep ``level`` (Bonferroni). The item part, which rests on many items, counts as known.

    Raises
    ------
    CannotEstimate
        As :func:`power`.
    """
    about_raters = design.raters is not None
    tail = 0.5 * (1.0 - level) / (2.0 if about_raters else 1.0)

    def at(upper: bool) -> float:
        def factor(df: float) -> float:
            return math.sqrt(df / (2.0 * float(special.gammaincinv(0.5 * df, tail if upper else 1.0 - tail))))

        other = replace(components, sd_seed=components.sd_seed * factor(components.run_df))
        if about_raters and components.sd_rater is not None and components.redraw_df is not None:
            other = replace(other, sd_rater=components.sd_rater * factor(components.redraw_df))
        return power(other, design, distance, alpha)

    # where there is hardly any power, more spread can add some: the power itself is always inside
    ends = sorted((at(upper=True), power(components, design, distance, alpha), at(upper=False)))
    return Interval(low=ends[0], high=ends[-1], level=level)


def expected_half_width(components: VarianceComponents, design: PowerDesign, alpha: float) -> float:
    """Return the median half-width of the interval at level ``1 - alpha``.

    Raises
    ------
    CannotEstimate
        As :func:`power`.
    """
    _check(components, design)
    return float(np.median(_half_widths(components, design, alpha)))


def needed_distance(components: VarianceComponents, design: PowerDesign, alpha: float, target: float = 0.8) -> float:
    """Return the distance at which the power reaches its target: the minimum detectable effect, or the least margin that can pass.

    Raises
    ------
    CannotEstimate
        As :func:`power`.
    """
    if not 0.5 <= target < 1.0:
        raise ValueError(f"a target power lies in [0.5, 1), got {target}")
    sd = math.sqrt(math.fsum(variance_terms(components, design).values()))
    half = _half_widths(components, design, alpha)
    low, high = 0.0, float(half.max()) + 10.0 * sd
    for _ in range(60):
        middle = 0.5 * (low + high)
        reached = float(np.mean(special.ndtr((middle - half) / sd))) >= target
        low, high = (low, middle) if reached else (middle, high)
    return high
