"""Variance components of one metric from fits that are there: what :mod:`smo_pipelines.stats.power` plans with.

Method of moments for the crossed layout of runs by items (Searle, Casella and McCulloch 1992, chapter 4) on influence values: the
residual mean square is the churn, the spread between run metrics is the seed plus churn over n, and the spread over items of the
difference of the arms' means is the item part plus churn over K. A component that comes out negative is 0.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics, by_unit, check_sizes, spread
from smo_pipelines.stats.random_raters import MIN_REDRAWS, RaterArm, RaterDesign, rater_excess

__all__ = ["MIN_PILOT_RUNS", "components_of_arms", "components_of_control", "pooled", "with_raters"]

MIN_PILOT_RUNS = 4
"""Fewest runs of the control from which an experiment is planned."""

_MIN_PAIRS = 10
"""Fewest pairs of runs whose correlation is used: of fewer it may well be high by chance."""


def components_of_arms(
    control: ArmMetrics, treatment: ArmMetrics, clusters: np.ndarray | None = None, *, shared_seeds: bool = False
) -> VarianceComponents:
    """Return the components of the difference of two arms that were both fitted, without a rater part.

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
    check_sizes((len(control.values), len(treatment.values)), control.influences.shape[1])
    units = [by_unit(arm.influences, clusters)[0] for arm in (control, treatment)]
    n, df = units[0].shape[1], sum(len(u) - 1 for u in units)
    churn = math.fsum(_residual(u) for u in units) / (df * (n - 1))
    seed = (spread(control.values) + spread(treatment.values)) / 2.0
    _refuse_constant(seed, len(control.values))
    between = float(np.var(units[1].mean(axis=0) - units[0].mean(axis=0), ddof=1))
    return VarianceComponents(
        sd_seed=math.sqrt(max(seed - churn / n, 0.0)),
        sd_item=math.sqrt(max(between - churn * (1.0 / len(units[0]) + 1.0 / len(units[1])), 0.0)),
        sd_seed_by_item=math.sqrt(churn),
        seed_correlation=_correlation(control.values, treatment.values) if shared_seeds else 0.0,
        run_df=float(df),
        units=n,
    )


def components_of_control(snapshots: ArmMetrics, redraws: ArmMetrics, clusters: np.ndarray | None = None) -> VarianceComponents:
    """Return the components that an experiment will have, from one arm's fits on its labels and on redraws of its raters.

    One arm alone cannot show how far other labels move single items. Its redraws can: each is a fit on other labels of the same
    items, so what its influence values vary by between redraws, beyond churn, is the item part of one arm, and of a difference
    twice that. It stands for a change that moves as many labels as other raters would.

    Parameters
    ----------
    snapshots : ArmMetrics
        At least :data:`MIN_PILOT_RUNS` runs on the arm's labels.
    redraws : ArmMetrics
        At least three runs on redrawn raters, with seeds that no other run used.

    Raises
    ------
    CannotEstimate
        With fewer fits than that, fewer than two items, a single cluster, or runs that do not differ.
    """
    runs, draws = len(snapshots.values), len(redraws.values)
    if runs < MIN_PILOT_RUNS:
        raise CannotEstimate(
            WhyNot.one_run, f"the control has {runs} runs, and {MIN_PILOT_RUNS} are needed to plan from them", runs=runs
        )
    if draws < MIN_REDRAWS:
        raise CannotEstimate(
            WhyNot.few_redraws,
            f"the control has {draws} redraws of its raters, and {MIN_REDRAWS} are needed to plan from them",
            redraws=draws,
        )
    check_sizes((runs, draws), snapshots.influences.shape[1])
    own, other = (by_unit(arm.influences, clusters)[0] for arm in (snapshots, redraws))
    n = own.shape[1]
    churn = _residual(own) / ((runs - 1) * (n - 1))
    between_redraws = _residual(other) / ((draws - 1) * (n - 1))
    _refuse_constant(spread(snapshots.values), runs)
    return VarianceComponents(
        sd_seed=math.sqrt(max(spread(snapshots.values) - churn / n, 0.0)),
        sd_item=math.sqrt(2.0 * max(between_redraws - churn, 0.0)),
        sd_seed_by_item=math.sqrt(churn),
        run_df=float(runs - 1),
        units=n,
    )


def with_raters(
    components: VarianceComponents,
    control: RaterArm,
    treatment: RaterArm | None,
    design: RaterDesign,
    *,
    shared_seeds: bool = False,
) -> VarianceComponents:
    """Return components with their rater part.

    Parameters
    ----------
    treatment : RaterArm or None
        None for a control alone: then both arms count as rated apart, which overstates what same raters leave of the difference.
    design, shared_seeds
        As :func:`smo_pipelines.stats.random_raters.random_raters_estimate` takes them; unused for a control alone.

    Raises
    ------
    CannotEstimate
        With fewer than three redraws.
    """
    arms = [control] if treatment is None else [control, treatment]
    draws = min(len(arm.redraws) for arm in arms)
    if draws < MIN_REDRAWS:
        raise CannotEstimate(
            WhyNot.few_redraws, f"an arm has {draws} redraws of its raters, and {MIN_REDRAWS} are needed", redraws=draws
        )
    raters = min(arm.effective_raters for arm in arms)
    same = treatment is not None and design is RaterDesign.same
    if same:
        assert treatment is not None  # noqa: S101
        runs = min(len(control.values), len(treatment.values))
        redraw = spread(treatment.redraws - control.redraws)
        single = (
            spread(treatment.values[:runs] - control.values[:runs])
            if shared_seeds
            else spread(control.values) + spread(treatment.values)
        )
        one_arm, df = float(rater_excess(redraw, single)) / 2.0, float(draws - 1)
    else:
        redraw = math.fsum(spread(arm.redraws) for arm in arms)
        single = math.fsum(spread(arm.values) for arm in arms)
        one_arm, df = float(rater_excess(redraw, single)) / len(arms), float(sum(len(arm.redraws) - 1 for arm in arms))
    return replace(components, sd_rater=math.sqrt(one_arm), effective_raters=raters, same_raters=same, redraw_df=df)


def _residual(values: np.ndarray) -> float:
    return float(np.sum((values - values.mean(axis=0)) ** 2))


def _refuse_constant(variance: float, runs: int) -> None:
    if variance == 0.0:
        raise CannotEstimate(
            WhyNot.no_run_variance, "all runs have the same metric, so the spread between runs is unknown and not zero", runs=runs
        )


def _correlation(control: np.ndarray, treatment: np.ndarray) -> float:
    pairs = min(len(control), len(treatment))
    one, other = control[:pairs], treatment[:pairs]
    scale = math.sqrt(spread(one) * spread(other))
    if scale == 0.0 or pairs < _MIN_PAIRS:
        return 0.0
    return float(min(max(np.cov(one, other)[0, 1] / scale, 0.0), 0.95))


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
