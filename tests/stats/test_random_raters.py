import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.intervals import VarianceTerm
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign, random_raters_estimate

DISJOINT, SAME = RaterDesign.disjoint, RaterDesign.same


def arms(run_sd=0.01, redraw_sd=0.04, runs=5, redraws=10, raters=(20.0, 20.0), seed=0):
    rng = np.random.default_rng(seed)
    return tuple(
        RaterArm(0.7 + 0.02 * a + run_sd * rng.normal(size=runs), 0.69 + redraw_sd * rng.normal(size=redraws), raters[a], 3)
        for a in range(2)
    )


def variance(values):
    return float(np.var(values, ddof=1))


def test_disjoint_pools_by_the_formula():
    control, treatment = arms(raters=(20.0, 20.0))
    estimate = random_raters_estimate(control, treatment, DISJOINT, shared_seeds=False)
    s2 = variance(control.values) + variance(treatment.values)
    q2 = variance(control.redraws) + variance(treatment.redraws)
    rater = 1.25 * 24 / 19 * max(q2 - s2, q2 / 4)
    df = 1 / (1 / 18 + 1 / 38)
    assert estimate.estimate == pytest.approx(treatment.values.mean() - control.values.mean())
    assert estimate.half_width(0.05) == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt(s2 / 5 + rater))
    assert {t.source: t.variance for t in estimate.terms} == pytest.approx({"runs": s2 / 5, "raters": rater})


@pytest.mark.parametrize("shared_seeds", [True, False])
def test_same_raters_by_the_formula(shared_seeds):
    control, treatment = arms()
    estimate = random_raters_estimate(control, treatment, SAME, shared_seeds=shared_seeds)
    paired = variance(treatment.values - control.values)
    s2 = paired if shared_seeds else variance(control.values) + variance(treatment.values)
    q2 = variance(treatment.redraws - control.redraws)
    rater = 1.25 * 24 / 19 * max(q2 - s2, q2 / 4)
    df = 1 / (1 / 9 + 1 / 19)
    p = 2 * stats.t.sf(abs(estimate.estimate) / math.sqrt(s2 / 5 + rater), df)
    assert estimate.half_width(0.05) == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt(s2 / 5 + rater))
    assert estimate.p_two_sided() == pytest.approx(p, rel=1e-8)


@pytest.mark.parametrize("design", list(RaterDesign))
def test_the_rater_part_is_never_below_a_quarter_of_the_redraw_variance(design):
    control, treatment = arms(run_sd=0.05, redraw_sd=0.01)
    estimate = random_raters_estimate(control, treatment, design, shared_seeds=True)
    paired = variance(treatment.redraws - control.redraws)
    assert estimate.terms[1].variance == pytest.approx(1.25 * 24 / 19 * paired / 4)
    apart = random_raters_estimate(control, treatment, DISJOINT, shared_seeds=False)
    q2 = variance(control.redraws) + variance(treatment.redraws)
    assert apart.terms[1].variance == pytest.approx(1.25 * 24 / 19 * q2 / 4)


def test_disjoint_pools_whose_fits_share_seeds_are_paired_by_seed():
    control, treatment = arms(raters=(20.0, 30.0))
    estimate = random_raters_estimate(control, treatment, DISJOINT, shared_seeds=True)
    s2, q2 = variance(treatment.values - control.values), variance(treatment.redraws - control.redraws)
    rater = 1.25 * 24 / 19 * max(q2 - s2, q2 / 4)  # inflated as the pool with fewer raters needs
    df = 1 / (1 / 9 + 1 / (19 + 29))
    assert estimate.half_width(0.05) == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt(s2 / 5 + rater))
    # what a seed does to both arms alike is not in the interval
    rng = np.random.default_rng(1)
    runs, redraws = rng.normal(size=5), rng.normal(size=10)
    moved = [replace(arm, values=arm.values + runs, redraws=arm.redraws + redraws) for arm in (control, treatment)]
    same = random_raters_estimate(*moved, DISJOINT, shared_seeds=True)
    assert same.half_width(0.05) == pytest.approx(estimate.half_width(0.05))


def test_pools_of_unequal_size_weigh_their_own_inflation():
    control, treatment = arms(raters=(12.0, 30.0))
    estimate = random_raters_estimate(control, treatment, DISJOINT, shared_seeds=False)
    h = (1.25 * 16 / 11, 1.25 * 34 / 29)
    excess = sum(f * (variance(a.redraws) - variance(a.values)) for f, a in zip(h, (control, treatment), strict=True))
    assert estimate.terms[1].variance == pytest.approx(excess)
    assert estimate.terms[1].df == pytest.approx(1 / (1 / 18 + 1 / 40))


def test_the_point_estimate_never_moves_with_the_redraws():
    control, treatment = arms()
    moved = replace(treatment, redraws=treatment.redraws + 0.3)
    for design in RaterDesign:
        one = random_raters_estimate(control, treatment, design, shared_seeds=True)
        other = random_raters_estimate(control, moved, design, shared_seeds=True)
        assert other.estimate == one.estimate
        assert other.half_width(0.05) == pytest.approx(one.half_width(0.05))


def test_items_add_their_own_term():
    item = VarianceTerm(source="items", variance=2e-4, df=math.inf)
    without = random_raters_estimate(*arms(), SAME, shared_seeds=True)
    with_items = random_raters_estimate(*arms(), SAME, shared_seeds=True, items=item)
    expected = without.half_width(0.05) ** 2 + stats.norm.ppf(0.975) ** 2 * 2e-4
    assert with_items.half_width(0.05) ** 2 == pytest.approx(expected)


def test_swapping_the_arms_flips_the_sign():
    control, treatment = arms(raters=(12.0, 30.0))
    for design in RaterDesign:
        one = random_raters_estimate(control, treatment, design, shared_seeds=True)
        other = random_raters_estimate(treatment, control, design, shared_seeds=True)
        assert other.estimate == -one.estimate
        assert other.half_width(0.05) == pytest.approx(one.half_width(0.05))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"effective_raters": 7.9}, WhyNot.few_raters),
        ({"max_ratings_an_item": 1}, WhyNot.one_rating_an_item),
        ({"redraws": np.array([0.5, 0.6])}, WhyNot.few_redraws),
        ({"values": np.array([0.5])}, WhyNot.one_run),
    ],
)
@pytest.mark.parametrize("design", list(RaterDesign))
def test_conditions_that_fail_are_named(design, change, code):
    control, treatment = arms()
    with pytest.raises(CannotEstimate) as caught:
        random_raters_estimate(control, replace(treatment, **change), design, shared_seeds=True)
    assert caught.value.code == code


def test_no_spread_at_all_is_refused():
    still = RaterArm(np.full(5, 0.7), np.full(5, 0.7), 20.0, 3)
    for design in RaterDesign:
        with pytest.raises(CannotEstimate) as caught:
            random_raters_estimate(still, still, design, shared_seeds=True)
        assert caught.value.code == WhyNot.no_run_variance


def test_paired_redraws_must_pair():
    control, treatment = arms()
    with pytest.raises(ValueError, match="do not pair"):
        random_raters_estimate(control, replace(treatment, redraws=treatment.redraws[:-1]), SAME, shared_seeds=True)


def test_unequal_runs_with_shared_seeds_count_the_covariance_of_their_pairs_once():
    control, treatment = arms(runs=5)
    fewer = replace(treatment, values=treatment.values[:3])
    estimate = random_raters_estimate(control, fewer, SAME, shared_seeds=True)
    s_c, s_t = variance(control.values), variance(fewer.values)
    covariance = np.cov(control.values[:3], fewer.values)[0, 1]
    assert abs(covariance) <= math.sqrt(s_c * s_t)
    assert estimate.terms[0].variance == pytest.approx(s_c / 5 + s_t / 3 - 2 * covariance * 3 / 15)
    q2, single = variance(treatment.redraws - control.redraws), variance(fewer.values - control.values[:3])
    assert estimate.terms[1].variance == pytest.approx(1.25 * 24 / 19 * max(q2 - single, q2 / 4))
    assert estimate.estimate == pytest.approx(fewer.values.mean() - control.values.mean())
    unpaired = random_raters_estimate(control, fewer, SAME, shared_seeds=False)
    assert unpaired.terms[0].variance == pytest.approx(s_c / 5 + s_t / 3)


def test_seeds_that_move_both_arms_alike_still_leave_the_runs_that_do_not_pair():
    rng = np.random.default_rng(2)
    together = 0.7 + 0.02 * rng.normal(size=5)
    redraws = 0.7 + 0.03 * rng.normal(size=(2, 10))
    control, fewer = RaterArm(together, redraws[0], 20.0, 3), RaterArm(together[:3], redraws[1], 20.0, 3)
    s_c, s_t = variance(together), variance(together[:3])
    runs = random_raters_estimate(control, fewer, SAME, shared_seeds=True).terms[0].variance
    most = min(s_t, math.sqrt(s_c * s_t))  # of the pairs the covariance is the variance; it is never taken above the product
    assert runs == pytest.approx(s_c / 5 + s_t / 3 - 2 * most * 3 / 15)
    assert runs > 0.0
