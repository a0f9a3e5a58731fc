import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from bench.latent_scores import LatentScores
from bench.rater_panel import RaterPanel
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.components import components_of_arms, with_raters
from smo_pipelines.stats.crossed import ArmMetrics, crossed_estimate
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.power import (
    PowerDesign,
    RaterDraw,
    expected_half_width,
    needed_distance,
    power,
    power_interval,
    variance_terms,
)
from smo_pipelines.stats.random_raters import RaterDesign, random_raters_estimate

KNOWN = VarianceComponents(sd_seed=0.0115, sd_item=0.257, sd_seed_by_item=0.286, run_df=8.0, units=1000)
POOL = replace(KNOWN, sd_rater=0.02, effective_raters=40.0, redraw_df=18.0)


def drawn(draws, rng, components, design, truth, alpha=0.05):
    """Draw estimates and half-widths by the formula of the interval, from normal estimates and chi-squared variances."""
    terms, df = variance_terms(components, design), design.runs - 1
    single = terms["runs"] * design.runs
    arms = [single / 2 * rng.chisquare(df, draws) / df for _ in range(2)]
    estimates = truth + math.sqrt(sum(terms.values())) * rng.normal(size=draws)
    if design.raters is None:
        welch = sum(arms) ** 2 / sum(a**2 for a in arms) * df if design.runs >= 5 else np.full(draws, 2.0 * df)
        square = stats.t.isf(alpha / 2, welch) ** 2 * sum(arms) / design.runs
    else:
        m, raters = (1 if design.raters.same_raters else 2), design.raters.effective_raters
        redraw_df = m * (design.raters.redraws - 1)
        redraws = (single + terms["raters"]) * rng.chisquare(redraw_df, draws) / redraw_df
        excess = 1.25 * (raters + 4) / (raters - 1) * np.maximum(redraws - sum(arms), redraws / 4)
        nu = 1 / (1 / redraw_df + 1 / (m * (raters - 1)))
        square = stats.t.isf(alpha / 2, nu) ** 2 * (sum(arms) / design.runs + excess)
    return estimates, np.sqrt(square + stats.norm.isf(alpha / 2) ** 2 * terms["items"])


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize(("runs", "redraws"), [(2, 0), (3, 0), (5, 0), (10, 0), (3, 3), (5, 10)])
def test_power_is_the_share_of_intervals_that_exclude_zero(runs, redraws, same):
    components = POOL if redraws else KNOWN
    draw = RaterDraw(redraws=redraws, effective_raters=25.0, same_raters=same) if redraws else None
    design, rng = PowerDesign(runs=runs, units=1000, raters=draw), np.random.default_rng(5)
    for effect in (0.02, 0.05, 0.08):
        estimates, half = drawn(40_000, rng, components, design, effect)
        assert power(components, design, effect, 0.05) == pytest.approx(np.mean(estimates - half > 0), abs=0.01)
    assert expected_half_width(components, design, 0.05) == pytest.approx(np.median(half), rel=0.02)


def test_many_runs_and_items_give_the_textbook_power_of_a_z_test():
    sure = replace(KNOWN, sd_seed_by_item=0.0)
    design = PowerDesign(runs=4000, units=4000)
    sd = math.sqrt(2 * 0.0115**2 / 4000 + 0.257**2 / 4000)
    assert power(sure, design, 0.01, 0.05) == pytest.approx(special.ndtr(0.01 / sd - 1.959964), abs=2e-3)
    # (z_.975 + z_.8) sd, the sample size formula of every textbook
    assert needed_distance(sure, design, 0.05) == pytest.approx((1.959964 + 0.841621) * sd, rel=2e-3)


def test_the_minimum_detectable_effect_has_the_power_that_was_asked_for():
    for design in (
        PowerDesign(runs=3, units=500),
        PowerDesign(runs=5, units=500, raters=RaterDraw(redraws=5, effective_raters=30, same_raters=True)),
    ):
        for target in (0.5, 0.8, 0.95):
            assert power(POOL, design, needed_distance(POOL, design, 0.05, target), 0.05) == pytest.approx(target, abs=1e-9)


def test_more_of_anything_gains_power_where_there_is_some():
    base = PowerDesign(runs=4, units=600, raters=RaterDraw(redraws=6, effective_raters=20, same_raters=False))
    before = power(POOL, base, 0.12, 0.05)
    more = [
        replace(base, runs=8),
        replace(base, units=1200),
        replace(base, raters=replace(base.raters, redraws=12)),
        replace(base, raters=replace(base.raters, effective_raters=40)),
    ]
    assert all(power(POOL, design, 0.12, 0.05) > before for design in more)
    assert power(POOL, base, 0.13, 0.05) > before > power(POOL, base, 0.12, 0.025)
    assert power(POOL, replace(base, clustered=True, units=12), 0.12, 0.05) < power(POOL, replace(base, units=12), 0.12, 0.05)


def test_shared_seeds_take_out_what_the_runs_have_in_common():
    paired = replace(POOL, seed_correlation=0.6)
    same = PowerDesign(runs=4, units=600, raters=RaterDraw(redraws=6, effective_raters=20, same_raters=True), shared_seeds=True)
    apart = replace(same, shared_seeds=False)
    assert variance_terms(paired, same)["runs"] == pytest.approx(0.4 * variance_terms(paired, apart)["runs"])
    assert expected_half_width(paired, same, 0.05) < expected_half_width(paired, apart, 0.05)
    fixed = PowerDesign(runs=4, units=600, shared_seeds=True)
    unpaired = expected_half_width(paired, replace(fixed, shared_seeds=False), 0.05)
    assert (
        expected_half_width(replace(paired, seed_correlation=0.0), fixed, 0.05)
        > unpaired
        > expected_half_width(paired, fixed, 0.05)
    )


@pytest.mark.parametrize("correlation", [0.0, 0.6])
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
def test_power_of_runs_that_share_seeds(runs, correlation):
    components, rng = replace(KNOWN, seed_correlation=correlation), np.random.default_rng(8)
    design = PowerDesign(runs=runs, units=1000, shared_seeds=True)
    seeds = rng.multivariate_normal([0.0, 0.0], [[1.0, correlation], [correlation, 1.0]], (20_000, runs))
    one = math.hypot(KNOWN.sd_seed, KNOWN.sd_seed_by_item / math.sqrt(1000))
    arms, item = one * seeds, KNOWN.sd_item / math.sqrt(1000)
    pairs = arms[:, :, 1] - arms[:, :, 0]
    estimates = 0.05 + pairs.mean(axis=1) + item * rng.normal(size=20_000)
    df, spread = (runs - 1, pairs.var(axis=1, ddof=1)) if runs > 2 else (2, arms.var(axis=1, ddof=1).sum(axis=1))
    half = np.sqrt(stats.t.isf(0.025, df) ** 2 * spread / runs + (1.959964 * item) ** 2)
    assert power(components, design, 0.05, 0.05) == pytest.approx(np.mean(estimates > half), abs=0.012)


def test_fewer_fits_to_plan_from_leave_the_power_less_known():
    design = PowerDesign(runs=5, units=1000, raters=RaterDraw(redraws=10, effective_raters=40, same_raters=False))
    spans = []
    for df in (3.0, 30.0):
        known = replace(POOL, run_df=df, redraw_df=df)
        span = power_interval(known, design, 0.09, 0.05)
        assert power(known, design, 0.09, 0.05) in span
        spans.append(span.high - span.low)
    assert spans[1] < 0.6 * spans[0]


@pytest.mark.parametrize(
    ("components", "design", "code"),
    [
        (KNOWN, PowerDesign(runs=1, units=1000), WhyNot.one_run),
        (KNOWN, PowerDesign(runs=3, units=1), WhyNot.few_items),
        (replace(KNOWN, sd_seed=0.0, sd_seed_by_item=0.0), PowerDesign(runs=3, units=100), WhyNot.no_run_variance),
        (
            POOL,
            PowerDesign(runs=3, units=100, raters=RaterDraw(redraws=5, effective_raters=7.9, same_raters=False)),
            WhyNot.few_raters,
        ),
        (
            POOL,
            PowerDesign(runs=3, units=100, raters=RaterDraw(redraws=2, effective_raters=30, same_raters=False)),
            WhyNot.few_redraws,
        ),
        (
            KNOWN,
            PowerDesign(runs=3, units=100, raters=RaterDraw(redraws=5, effective_raters=30, same_raters=False)),
            WhyNot.few_redraws,
        ),
        (
            replace(POOL, same_raters=True),
            PowerDesign(runs=3, units=100, raters=RaterDraw(redraws=5, effective_raters=30, same_raters=False)),
            WhyNot.few_redraws,
        ),
    ],
)
def test_a_design_without_an_interval_has_no_power(components, design, code):
    for ask in (power, needed_distance, expected_half_width, power_interval):
        with pytest.raises(CannotEstimate) as refused:
            ask(components, design, 0.05, 0.05) if ask in (power, power_interval) else ask(components, design, 0.05)
        assert refused.value.code == code


def arms_of(metric, trial):
    return [
        ArmMetrics(
            np.array([metric.value(s, trial.references, 0.0) for s in runs]),
            np.stack([metric.influence(s, trial.references, 0.0) for s in runs]),
        )
        for runs in trial.scores
    ]


@pytest.mark.parametrize("name", ["functional_pass_rate", "average_precision"])
@pytest.mark.parametrize("runs", [3, 5])
def test_planned_power_is_the_power_that_experiments_have(name, runs):
    """Against whole experiments of the interval itself; the 36 cells are in bench/calibration."""
    world, metric, rng = LatentScores(effect=0.12, heterogeneity=0.05), get_metric(name), np.random.default_rng(3)
    pilots = [components_of_arms(*arms_of(metric, world.draw(rng, n_runs=10, n_items=1000))) for _ in range(8)]
    mean = {part: math.sqrt(np.mean([getattr(p, part) ** 2 for p in pilots])) for part in ("sd_seed", "sd_item", "sd_seed_by_item")}
    planned = power(replace(pilots[0], **mean), PowerDesign(runs=runs, units=600), abs(world.true_difference(name)), 0.05)
    found = [
        crossed_estimate(*arms_of(metric, world.draw(rng, n_runs=runs, n_items=600))).interval(0.05)[1] < 0 for _ in range(600)
    ]
    assert np.mean(found) == pytest.approx(planned, abs=0.06 + 2 * math.sqrt(planned * (1 - planned) / 600))
    assert 0.05 < planned < 0.95


@pytest.mark.parametrize("same_raters", [False, True], ids=["disjoint pools", "same raters"])
def test_planned_power_of_a_claim_about_raters_does_not_promise_more_than_experiments_keep(same_raters):
    """Redraws understate few raters and overstate many, so the plan is held to a wide band here and not to 0.06."""
    panel, rng = RaterPanel(n_raters=40, effect=0.5), np.random.default_rng(4)
    design = RaterDesign.same if same_raters else RaterDesign.disjoint
    name = "false_positive_rate"
    truth = abs(panel.true_difference(np.random.default_rng(3), pools=800)[name])
    base = VarianceComponents(sd_seed=0.01, sd_item=0.0, sd_seed_by_item=0.0, run_df=8.0, units=1000)
    seeds, raters, found = [], [], []
    for _ in range(150):
        control, treatment = panel.experiment(rng, 5, 10, same_raters=same_raters)[name]
        seeds.append((np.var(control.values, ddof=1) + np.var(treatment.values, ddof=1)) / 2)
        raters.append(with_raters(base, control, treatment, design, shared_seeds=same_raters).sd_rater ** 2)
        estimate = random_raters_estimate(control, treatment, design, shared_seeds=same_raters)
        found.append(estimate.p_two_sided() < 0.05)
    known = replace(
        base,
        sd_seed=math.sqrt(np.mean(seeds)),
        sd_rater=math.sqrt(np.mean(raters)),
        effective_raters=40.0,
        same_raters=same_raters,
        redraw_df=18.0,
    )
    draw = RaterDraw(redraws=10, effective_raters=40.0, same_raters=same_raters)
    planned = power(known, PowerDesign(runs=5, units=1000, raters=draw, shared_seeds=same_raters), truth, 0.05)
    assert np.mean(found) == pytest.approx(planned, abs=0.15)
