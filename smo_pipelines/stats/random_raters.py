"""The interval of a difference between arms when the claim is about a rater pool, not about these raters.

Runs on an arm's actual labels share those labels, so no number of them shows what other raters would have changed. Redraws do:
fits on labels in which every rater carries a random weight: Exp(1), the Bayesian bootstrap of Rubin (1981) over raters, or less spread
where raters mostly agree (:mod:`smo_pipelines.stats.panel_flips`). The point estimate comes from the runs on the actual labels,
the redraws give variance only.

The spread between redraws is rater variance plus run variance, so the rater part is their difference. It is inflated by
``h = 1.25 (R + 4) / (R - 1)`` for R effective raters, because few raters under-state the pool and a redraw of three ratings
under-states ambiguous items; and it is never taken below a quarter of the redraw variance, because a difference of two noisy
variances is often negative. The constants were chosen, and the interval calibrated, by simulation with linear heads (see
``tests/stats/test_calibration.py`` for the project's own check).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm
from smo_pipelines.stats.run_part import paired_run_part, spread

__all__ = [
    "MIN_RATERS",
    "MIN_REDRAWS",
    "RaterArm",
    "RaterDesign",
    "random_raters_estimate",
    "rater_df",
    "rater_excess",
    "rater_inflation",
]

MIN_RATERS = 8.0
"""Fewest effective raters for which the interval was calibrated."""

MIN_REDRAWS = 3
"""Fewest redraws an arm that give a variance worth using."""

PAIRED_FROM = 8
"""From so many redraws an arm, disjoint raters whose fits share seeds are paired by seed (``docs/decisions/012-disjoint-raters-in-pairs.md``):
of fewer, half of the degrees of freedom cost more width (20% of five) than what the seed does to both arms."""


class RaterDesign(StrEnum):
    """Whether the arms share raters: ``same`` redraws them together, with one weight a rater."""

    disjoint = "disjoint"
    same = "same"


@dataclass(frozen=True, eq=False)
class RaterArm:
    """One arm of a claim about raters.

    Parameters
    ----------
    values : ndarray of shape (n_runs,)
        Metric of each run on the arm's actual labels.
    redraws : ndarray of shape (n_redraws,)
        Metric of each fit on redrawn raters, with seeds that no other run used.
    effective_raters : float
        ``(sum n_r)^2 / sum n_r^2`` with n_r the training ratings by rater r.
    max_ratings_an_item : int
        With one, a weight on raters changes no label.
    """

    values: np.ndarray
    redraws: np.ndarray
    effective_raters: float
    max_ratings_an_item: int


def _check(control: RaterArm, treatment: RaterArm) -> None:
    arms = (control, treatment)
    runs, redraws = min(len(a.values) for a in arms), min(len(a.redraws) for a in arms)
    raters, ratings = min(a.effective_raters for a in arms), min(a.max_ratings_an_item for a in arms)
    if runs < 2:
        raise CannotEstimate(WhyNot.one_run, f"an arm has {runs} run on its actual labels, each needs 2", runs=runs)
    if raters < MIN_RATERS:
        raise CannotEstimate(
            WhyNot.few_raters,
            f"an arm has {raters:.1f} effective raters: a claim about the pool needs {MIN_RATERS:.0f}; "
            "add raters, or register the claim as one about these raters only (raters: fixed)",
            effective_raters=int(raters),
        )
    if ratings < 2:
        raise CannotEstimate(
            WhyNot.one_rating_an_item,
            "an arm has one rating an item at most, so redrawing raters changes no label; add overlapping ratings",
            max_ratings_an_item=ratings,
        )
    if redraws < MIN_REDRAWS:
        raise CannotEstimate(
            WhyNot.few_redraws, f"an arm has {redraws} redraws of its raters, each needs {MIN_REDRAWS}", redraws=redraws
        )


def rater_inflation(effective_raters: float) -> float:
    """Return h, what the variance over redraws of the raters is multiplied with."""
    return 1.25 * (effective_raters + 4.0) / (effective_raters - 1.0)


def rater_excess(redraws: float | np.ndarray, runs: float | np.ndarray) -> np.ndarray:
    """Return by how much redraws of raters vary more than runs, of two variances: never below a quarter of the redraws'."""
    return np.asarray(np.maximum(redraws - runs, redraws / 4.0))


def pairs_by_seed(control: np.ndarray, treatment: np.ndarray, *, shared_seeds: bool) -> bool:
    """Return whether the fits of disjoint raters are paired by seed: as many redraws in each arm, :data:`PAIRED_FROM` or more."""
    return shared_seeds and len(control) == len(treatment) >= PAIRED_FROM


def rater_df(redraw_df: float, raters_df: float) -> float:
    """Return the degrees of freedom that the redraws and the raters leave together."""
    return 1.0 / (1.0 / redraw_df + 1.0 / raters_df)


def _disjoint(control: RaterArm, treatment: RaterArm, *, shared_seeds: bool) -> tuple[float, float, float]:
    """Return run variance, rater variance and degrees of freedom with independent redraws in each arm."""
    arms = (control, treatment)
    if pairs_by_seed(control.redraws, treatment.redraws, shared_seeds=shared_seeds):
        runs, single = paired_run_part(control.values, treatment.values)
        inflation = rater_inflation(min(a.effective_raters for a in arms))
        excess_of_pairs = float(rater_excess(spread(treatment.redraws - control.redraws), single))
        df = rater_df(len(control.redraws) - 1.0, sum(a.effective_raters - 1.0 for a in arms))
        return runs, inflation * excess_of_pairs, df
    runs = sum(spread(a.values) / len(a.values) for a in arms)
    excess = sum(rater_inflation(a.effective_raters) * (spread(a.redraws) - spread(a.values)) for a in arms)
    floor = sum(rater_inflation(a.effective_raters) * spread(a.redraws) for a in arms) / 4.0
    df = rater_df(sum(len(a.redraws) - 1.0 for a in arms), sum(a.effective_raters - 1.0 for a in arms))
    return runs, max(excess, floor), df


def _same(control: RaterArm, treatment: RaterArm, *, shared_seeds: bool) -> tuple[float, float, float]:
    """Return run variance, rater variance and degrees of freedom with one redraw of the raters for both arms."""
    if len(control.redraws) != len(treatment.redraws):
        raise ValueError(f"{len(control.redraws)} and {len(treatment.redraws)} redraws do not pair")
    redraw = spread(treatment.redraws - control.redraws)
    if shared_seeds:
        runs, single = paired_run_part(control.values, treatment.values)
    else:
        single = spread(control.values) + spread(treatment.values)
        runs = spread(control.values) / len(control.values) + spread(treatment.values) / len(treatment.values)
    raters = min(control.effective_raters, treatment.effective_raters)
    df = rater_df(len(control.redraws) - 1.0, raters - 1.0)
    return runs, rater_inflation(raters) * float(rater_excess(redraw, single)), df


def random_raters_estimate(
    control: RaterArm,
    treatment: RaterArm,
    design: RaterDesign,
    *,
    shared_seeds: bool,
    items: VarianceTerm | None = None,
) -> CombinedEstimate:
    """Return the difference treatment - control with an interval over runs and raters, and over items when given.

    Parameters
    ----------
    design : RaterDesign
        ``disjoint`` when no rater is in both arms; ``same`` redraws shared raters with one weight.
    shared_seeds : bool
        Whether run k of both arms (and redraw b of both arms) used one seed. With unequal numbers of runs the first of the longer
        arm pair with all of the shorter; disjoint raters pair as :func:`pairs_by_seed` says.
    items : VarianceTerm, optional
        The item part of :class:`smo_pipelines.stats.crossed.CrossedComponents`, for a claim about items like these.

    Raises
    ------
    CannotEstimate
        With one run, fewer than 8 effective raters, one rating an item, fewer than 3 redraws, or no spread at all.
    """
    _check(control, treatment)
    if design is RaterDesign.disjoint:
        runs, raters, df = _disjoint(control, treatment, shared_seeds=shared_seeds)
    else:
        runs, raters, df = _same(control, treatment, shared_seeds=shared_seeds)
    if runs + raters == 0.0:
        raise CannotEstimate(
            WhyNot.no_run_variance,
            "neither runs nor redraws of raters move the difference, so its spread is unknown and not zero",
            redraws=len(control.redraws),
        )
    terms = [VarianceTerm(source="runs", variance=runs, df=df), VarianceTerm(source="raters", variance=raters, df=df)]
    difference = float(np.mean(treatment.values)) - float(np.mean(control.values))
    return CombinedEstimate(estimate=difference, terms=(*terms, items) if items is not None else tuple(terms))
