"""Variance components of one metric from fits that are there: what :mod:`smo_pipelines.stats.power` plans with.

Method of moments for the crossed layout of runs by items (Searle, Casella and McCulloch 1992, chapter 4): the residual between runs
on single items is the churn, the spread between run metrics is the seed plus churn over n, and the spread over items of the
difference of the arms' means is the item part plus churn over K. A component that comes out negative is 0.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics, CrossedComponents, crossed_components
from smo_pipelines.stats.random_raters import MIN_REDRAWS, RaterArm, RaterDesign, pairs_by_seed, rater_excess
from smo_pipelines.stats.run_part import spread

__all__ = ["MIN_PILOT_RUNS", "components_of_arms", "components_of_control", "components_of_parts", "pooled", "with_raters"]

MIN_PILOT_RUNS = 4
"""Fewest runs of the control from which an experiment is planned."""

_MIN_PAIRS = 10
"""Fewest pairs of runs whose correlation is used: of fewer it may well be high by chance."""


def components_of_parts(parts: CrossedComponents) -> VarianceComponents:
    """Return the components of the difference of two arms with different labels, from the parts of its variance.

    Raises
    ------
    CannotEstimate
        When no run differs from another in either arm.
    """
    return _components(parts, seed_of=(0, 1), churn_of=(0, 1), item=parts.units * (parts.items_total - parts.churn))


def components_of_arms(
    control: ArmMetrics, treatment: ArmMetrics, clusters: np.ndarray | None = None, *, shared_seeds: bool = False
) -> VarianceComponents:
    """Return the components of the difference of two arms with different labels, without a rater part.

    Parameters
    ----------
    control, treatment : ArmMetrics
        At least two runs each, on the same items.
    clusters : ndarray of shape (n_items,), optional
        Items with one id are not independent of each other.
    shared_seeds : bool
        Whether run k of both arms has one seed: then their correlation is measured where there are ten pairs, and kept within
        [0, 0.95]; with fewer pairs it counts as 0.

    Raises
    ------
    CannotEstimate
        With one run in an arm, fewer than two items, a single cluster, or runs that do not differ.
    """
    found = components_of_parts(crossed_components(control, treatment, clusters))
    return replace(found, seed_correlation=_correlation(control.values, treatment.values)) if shared_seeds else found


def components_of_control(parts: CrossedComponents) -> VarianceComponents:
    """Return the components that an experiment will have, from one arm's fits on its labels and on redraws of its raters.

    One arm alone cannot show how far other labels move single items. Its redraws can: each is a fit on other labels of the same
    items, so what its influence values vary by between redraws, beyond churn, is the item part of one arm, and of a difference
    twice that. It stands for a change that moves as many labels as other raters would.

    Parameters
    ----------
    parts : CrossedComponents
        Of at least :data:`MIN_PILOT_RUNS` runs on the arm's labels in the place of the control, and at least three runs on redrawn
        raters, with seeds that no other run used, in the place of the treatment.

    Raises
    ------
    CannotEstimate
        With fewer fits than that, or runs that do not differ.
    """
    runs, draws = parts.n_runs
    if runs < MIN_PILOT_RUNS:
        raise CannotEstimate(
            WhyNot.one_run, f"the control has {runs} runs, and {MIN_PILOT_RUNS} are needed to plan from them", runs=runs
        )
    _enough_redraws(draws)
    own, redrawn = (parts.units * k * churn for k, churn in zip(parts.n_runs, parts.arm_churn, strict=True))
    return _components(parts, seed_of=(0,), churn_of=(0,), item=2.0 * (redrawn - own))


def _components(
    parts: CrossedComponents, *, seed_of: tuple[int, ...], churn_of: tuple[int, ...], item: float
) -> VarianceComponents:
    """Return components whose seed and churn are those of some arms, and whose item variance is given."""
    dfs = {arm: parts.n_runs[arm] - 1.0 for arm in churn_of}
    churns = {arm: parts.units * parts.n_runs[arm] * parts.arm_churn[arm] for arm in churn_of}
    churn = math.fsum(dfs[arm] * churns[arm] for arm in churn_of) / math.fsum(dfs.values())
    between_runs = math.fsum(parts.run_variances[arm] for arm in seed_of) / len(seed_of)
    if between_runs == 0.0:
        raise CannotEstimate(
            WhyNot.no_run_variance,
            "all runs that were measured have the same metric, so the spread between runs is unknown and not zero",
            runs=sum(parts.n_runs[arm] for arm in seed_of),
        )
    return VarianceComponents(
        sd_seed=math.sqrt(max(between_runs - churn / parts.units, 0.0)),
        sd_item=math.sqrt(max(item, 0.0)),
        sd_seed_by_item=math.sqrt(churn),
        run_df=math.fsum(dfs.values()),
        units=parts.units,
    )


def with_raters(
    components: VarianceComponents,
    control: RaterArm,
    treatment: RaterArm | None = None,
    design: RaterDesign = RaterDesign.disjoint,
    *,
    shared_seeds: bool = False,
) -> VarianceComponents:
    """Return components with their rater part.

    Parameters
    ----------
    treatment : RaterArm, optional
        Left out where one arm's fits are all there is: then both arms count as rated apart, which overstates what the same raters
        leave of a difference.
    design, shared_seeds
        As :func:`smo_pipelines.stats.random_raters.random_raters_estimate` takes them; unused for a control alone.

    Raises
    ------
    CannotEstimate
        With fewer than three redraws.
    """
    arms = [control] if treatment is None else [control, treatment]
    draws = [len(arm.redraws) for arm in arms]
    _enough_redraws(min(draws))
    same = treatment is not None and design is RaterDesign.same
    in_pairs = same or (treatment is not None and pairs_by_seed(control.redraws, treatment.redraws, shared_seeds=shared_seeds))
    if treatment is not None and in_pairs:
        pairs = min(len(control.values), len(treatment.values))
        redraw = spread(treatment.redraws - control.redraws)
        paired = spread(treatment.values[:pairs] - control.values[:pairs])
        single = paired if shared_seeds else spread(control.values) + spread(treatment.values)
    else:
        redraw = math.fsum(spread(arm.redraws) for arm in arms)
        single = math.fsum(spread(arm.values) for arm in arms)
    return replace(
        components,
        sd_rater=math.sqrt(float(rater_excess(redraw, single)) / (2.0 if same else len(arms))),
        effective_raters=min(arm.effective_raters for arm in arms),
        same_raters=same,
        redraw_df=float(draws[0] - 1 if in_pairs else sum(draws) - len(draws)),
    )


def pooled(many: Sequence[VarianceComponents]) -> VarianceComponents:
    """Return the components of like experiments as one: root mean squares weighted by degrees of freedom, which add up.

    Rater parts are brought to the mean effective raters first (a variance over raters falls with their number), and are pooled only
    where every experiment has one, all of the same kind.
    """
    if not many:
        raise ValueError("nothing to pool")
    dfs = [one.run_df for one in many]

    def root_mean(values: Sequence[float], weights: Sequence[float]) -> float:
        return math.sqrt(math.fsum(w * v * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights))

    found = VarianceComponents(
        sd_seed=root_mean([one.sd_seed for one in many], dfs),
        sd_item=root_mean([one.sd_item for one in many], dfs),
        sd_seed_by_item=root_mean([one.sd_seed_by_item for one in many], dfs),
        seed_correlation=math.fsum(w * one.seed_correlation for w, one in zip(dfs, many, strict=True)) / math.fsum(dfs),
        run_df=math.fsum(dfs),
        units=round(sum(one.units for one in many) / len(many)),
    )
    parts = [(one.sd_rater, one.effective_raters, one.redraw_df) for one in many]
    known = [(sd, raters, df) for sd, raters, df in parts if sd is not None and raters is not None and df is not None]
    if len(known) < len(many) or len({one.same_raters for one in many}) > 1:
        return found
    raters = math.fsum(r for _, r, _ in known) / len(known)
    return replace(
        found,
        sd_rater=root_mean([sd * math.sqrt(r / raters) for sd, r, _ in known], [df for _, _, df in known]),
        effective_raters=raters,
        same_raters=many[0].same_raters,
        redraw_df=math.fsum(df for _, _, df in known),
    )


def _enough_redraws(draws: int) -> None:
    if draws < MIN_REDRAWS:
        raise CannotEstimate(
            WhyNot.few_redraws, f"an arm has {draws} redraws of its raters, and {MIN_REDRAWS} are needed to plan", redraws=draws
        )


def _correlation(control: np.ndarray, treatment: np.ndarray) -> float:
    pairs = min(len(control), len(treatment))
    one, other = control[:pairs], treatment[:pairs]
    scale = math.sqrt(spread(one) * spread(other))
    if scale == 0.0 or pairs < _MIN_PAIRS:
        return 0.0
    return float(min(max(np.cov(one, other)[0, 1] / scale, 0.0), 0.95))
