import math

import numpy as np
import pytest

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.bootstrap import BootstrapArm, bootstrap_components, item_weights
from smo_pipelines.stats.components import (
    components_of_arms,
    components_of_control,
    components_of_parts,
    pooled,
    with_raters,
)
from smo_pipelines.stats.crossed import ArmMetrics, crossed_components
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign

SEED, ITEM, CHURN = 0.02, 0.3, 0.4


def layout(rng, runs, items, *, label_sd=0.0, sds=(SEED, CHURN), n_clusters=None):
    """Draw an arm whose influence values are its items' own plus churn, and whose metrics move with both, as a mean does."""
    clusters = None if n_clusters is None else np.arange(items) % n_clusters
    own = rng.normal(0.0, label_sd, items)
    values = own + rng.normal(0.0, sds[1], (runs, items))
    influences = values - values.mean(axis=1, keepdims=True)
    return ArmMetrics(0.7 + rng.normal(0.0, sds[0], runs) + values.mean(axis=1), influences), clusters


def mean_square(found, part):
    return math.sqrt(np.mean([getattr(one, part) ** 2 for one in found]))


def test_components_are_those_the_runs_were_drawn_with():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        control, _ = layout(rng, 4, 500, label_sd=ITEM / math.sqrt(2))
        treatment, _ = layout(rng, 6, 500, label_sd=ITEM / math.sqrt(2))
        found.append(components_of_arms(control, treatment))
    assert found[0].run_df == 8.0
    assert found[0].units == 500
    assert mean_square(found, "sd_seed") == pytest.approx(SEED, rel=0.1)
    assert mean_square(found, "sd_item") == pytest.approx(ITEM, rel=0.02)
    assert mean_square(found, "sd_seed_by_item") == pytest.approx(CHURN, rel=0.01)


def test_one_arm_shows_the_item_part_by_its_redraws():
    rng, found = np.random.default_rng(2), []
    for _ in range(200):
        snapshots, _ = layout(rng, 4, 500)
        each = [layout(rng, 1, 500, label_sd=0.2)[0] for _ in range(3)]
        redraws = ArmMetrics(np.concatenate([one.values for one in each]), np.concatenate([one.influences for one in each]))
        found.append(components_of_control(crossed_components(snapshots, redraws)))
    assert found[0].run_df == 3.0
    assert mean_square(found, "sd_item") == pytest.approx(math.sqrt(2) * 0.2, rel=0.03)
    assert mean_square(found, "sd_seed") == pytest.approx(SEED, rel=0.1)
    assert mean_square(found, "sd_seed_by_item") == pytest.approx(CHURN, rel=0.01)


def test_components_by_weights_of_items_are_those_by_influence_values():
    rng = np.random.default_rng(3)
    arms = [layout(rng, 5, 600, label_sd=0.2)[0] for _ in range(2)]
    weights = np.concatenate(list(item_weights(600, 7)), axis=1)
    weights = weights / weights.mean(axis=0)
    # a mean, so the metric under weights is linear in them
    drawn = [BootstrapArm(arm.values, arm.values[:, None] + arm.influences @ weights / 600) for arm in arms]
    by_weights, by_influence = components_of_parts(bootstrap_components(*drawn, 600)), components_of_arms(*arms)
    for part in ("sd_seed", "sd_item", "sd_seed_by_item"):
        assert getattr(by_weights, part) == pytest.approx(getattr(by_influence, part), rel=0.1)


def test_clusters_are_the_units():
    rng = np.random.default_rng(4)
    control, clusters = layout(rng, 4, 400, label_sd=0.2, n_clusters=40)
    treatment, _ = layout(rng, 4, 400, label_sd=0.2)
    found = components_of_arms(control, treatment, clusters)
    assert found.units == 40
    # a unit of ten items: its value is a mean of ten, so its spread is that of an item over sqrt(10)
    assert found.sd_seed_by_item == pytest.approx(CHURN / math.sqrt(10), rel=0.2)


def test_seeds_in_common_are_measured_from_ten_pairs_on():
    rng = np.random.default_rng(5)
    for runs, expected in ((40, 0.8), (9, 0.0)):
        shared = 2.0 * rng.normal(0.0, SEED, runs)
        arms = []
        for _ in range(2):
            arm, _ = layout(rng, runs, 300, label_sd=0.2, sds=(SEED, 0.0))
            arms.append(ArmMetrics(arm.values + shared, arm.influences + 1e-9 * rng.normal(size=arm.influences.shape)))
        assert components_of_arms(*arms, shared_seeds=True).seed_correlation == pytest.approx(expected, abs=0.2)
        assert components_of_arms(*arms).seed_correlation == 0.0


KNOWN = VarianceComponents(sd_seed=0.01, sd_item=0.3, sd_seed_by_item=0.2, run_df=8, units=100)


def test_the_rater_part_is_that_of_one_arm():
    rng, runs = np.random.default_rng(6), 200
    control = RaterArm(0.01 * rng.normal(size=runs), 0.03 * rng.normal(size=runs), 30.0, 3)
    treatment = RaterArm(0.01 * rng.normal(size=runs), 0.03 * rng.normal(size=runs), 20.0, 3)
    expected = math.sqrt(0.03**2 - 0.01**2)
    alone, apart = with_raters(KNOWN, control), with_raters(KNOWN, control, treatment)
    same = with_raters(KNOWN, control, treatment, RaterDesign.same)
    for one, raters, df in ((alone, 30.0, 199), (apart, 20.0, 398), (same, 20.0, 199)):
        assert one.sd_rater == pytest.approx(expected, rel=0.12)
        assert (one.effective_raters, one.redraw_df) == (raters, df)
    assert same.same_raters
    assert not apart.same_raters


def test_same_raters_leave_less_of_a_difference():
    rng = np.random.default_rng(7)
    common = 0.03 * rng.normal(size=100)
    arms = [RaterArm(0.005 * rng.normal(size=100), common + 0.01 * rng.normal(size=100), 30.0, 3) for _ in range(2)]
    assert with_raters(KNOWN, *arms, RaterDesign.same).sd_rater < 0.5 * with_raters(KNOWN, *arms).sd_rater


def test_pooling_like_experiments_is_the_root_mean_square_of_their_parts():
    one = VarianceComponents(
        sd_seed=0.01, sd_item=0.3, sd_seed_by_item=0.2, run_df=8, units=100, sd_rater=0.02, effective_raters=20, redraw_df=9
    )
    other = VarianceComponents(
        sd_seed=0.03, sd_item=0.1, sd_seed_by_item=0.2, run_df=24, units=300, sd_rater=0.02, effective_raters=60, redraw_df=9
    )
    both = pooled([one, other])
    assert both.sd_seed == pytest.approx(math.sqrt((0.01**2 + 3 * 0.03**2) / 4))
    assert (both.run_df, both.redraw_df, both.units) == (32, 18, 200)
    # at 40 raters the first has half, the second one and a half of its variance
    assert both.effective_raters == pytest.approx(40)
    assert both.sd_rater == pytest.approx(0.02)
    assert pooled([one, KNOWN]).sd_rater is None
    assert pooled([one]) == one


def test_too_few_fits_say_which_are_missing():
    rng = np.random.default_rng(8)
    few, enough = layout(rng, 3, 50)[0], layout(rng, 4, 50)[0]
    for arms, code in (((few, enough), WhyNot.one_run), ((enough, layout(rng, 2, 50)[0]), WhyNot.few_redraws)):
        with pytest.raises(CannotEstimate) as refused:
            components_of_control(crossed_components(*arms))
        assert refused.value.code == code
    with pytest.raises(CannotEstimate) as refused:
        with_raters(KNOWN, RaterArm(np.arange(4.0), np.arange(2.0), 30.0, 3))
    assert refused.value.code == WhyNot.few_redraws
    same = ArmMetrics(np.full(4, 0.7), np.zeros((4, 50)))
    with pytest.raises(CannotEstimate) as refused:
        components_of_arms(same, same)
    assert refused.value.code == WhyNot.no_run_variance
