"""What must hold of every interval, whatever the data: arms of any numbers of runs, items, clusters and sizes of noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.stats.bootstrap import BootstrapArm, bootstrap_components
from smo_pipelines.stats.crossed import ArmMetrics, crossed_components, crossed_estimate
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign, random_raters_estimate

steady = settings(max_examples=60, deadline=None, derandomize=True)

ROUTES = ("influence values", "clusters", "shared seeds", "bootstrap", "disjoint raters", "same raters")
alphas = st.floats(1e-6, 0.9)


@st.composite
def cells(draw):
    """Draw the items' scores of two arms with their own numbers of runs."""
    runs = draw(st.tuples(st.integers(2, 7), st.integers(2, 7)))
    items = draw(st.integers(12, 60))
    sds = [draw(st.floats(0.01, 2.0)) for _ in range(3)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shared = rng.normal(size=items)
    return [
        sds[0] * rng.normal(size=(k, 1)) + sds[1] * shared + sds[2] * rng.normal(size=(k, items)) + 0.3 * a
        for a, k in enumerate(runs)
    ]


def estimates(scores, route, added=0.0):
    """Return the difference of the arms' means by one of the routes to an interval."""
    items = scores[0].shape[1]
    values = [one.mean(axis=1) + added for one in scores]
    if route in ("influence values", "clusters", "shared seeds"):
        arms = [ArmMetrics(v, one - one.mean(axis=1, keepdims=True)) for v, one in zip(values, scores, strict=True)]
        clusters = np.arange(items) // 3 if route == "clusters" else None
        return crossed_estimate(*arms, clusters, shared_seeds=route == "shared seeds")
    if route == "bootstrap":
        weights = np.random.default_rng(1).standard_exponential((items, 80))
        arms = [BootstrapArm(v, one @ weights / weights.sum(axis=0) + added) for v, one in zip(values, scores, strict=True)]
        return bootstrap_components(*arms, items).estimate()
    design = RaterDesign.disjoint if route.startswith("disjoint") else RaterDesign.same
    redraws = np.random.default_rng(2).normal(size=(2, 5))
    if scores[0].shape[0] > scores[1].shape[0]:  # whose redraws are whose must not hang on which arm comes first
        redraws = redraws[::-1]
    arms = [RaterArm(v, v.mean() + r, 20.0, 3) for v, r in zip(values, redraws, strict=True)]
    return random_raters_estimate(*arms, design, shared_seeds=True)


@pytest.mark.parametrize("route", ROUTES)
@steady
@given(scores=cells(), alpha=alphas)
def test_the_interval_holds_its_point_and_is_symmetric(route, scores, alpha):
    found = estimates(scores, route)
    low, high = found.interval(alpha)
    assert low <= found.estimate <= high
    assert high - found.estimate == pytest.approx(found.estimate - low)
    assert found.half_width(alpha / 2.0) > found.half_width(alpha)
    assert 0.0 <= found.p_two_sided() <= 1.0
    assert (found.p_two_sided() < alpha) == (not low <= 0.0 <= high) or found.p_two_sided() == pytest.approx(alpha)


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.endswith("raters")])
@steady
@given(scores=cells(), alpha=alphas)
def test_swapping_the_arms_flips_the_sign_and_mirrors_the_interval(route, scores, alpha):
    one, other = estimates(scores, route), estimates(scores[::-1], route)
    assert other.estimate == -one.estimate
    assert other.interval(alpha) == pytest.approx([-end for end in reversed(one.interval(alpha))], rel=1e-9, abs=1e-12)
    assert other.p_two_sided() == pytest.approx(one.p_two_sided(), rel=1e-9)


@pytest.mark.parametrize("design", list(RaterDesign))
@steady
@given(scores=cells(), shared=st.booleans(), seed=st.integers(0, 99))
def test_swapping_arms_of_a_claim_about_raters_does_too(design, scores, shared, seed):
    redraws = np.random.default_rng(seed).normal(size=(2, 6))
    arms = [RaterArm(one.mean(axis=1), r, 12.0 + 9.0 * k, 3) for k, (one, r) in enumerate(zip(scores, redraws, strict=True))]
    one = random_raters_estimate(*arms, design, shared_seeds=shared)
    other = random_raters_estimate(*arms[::-1], design, shared_seeds=shared)
    assert other.estimate == -one.estimate
    assert other.half_width(0.05) == pytest.approx(one.half_width(0.05), rel=1e-9)


@pytest.mark.parametrize("route", ROUTES)
@steady
@given(scores=cells(), added=st.integers(-64, 64))
def test_adding_a_constant_to_both_arms_changes_nothing(route, scores, added):
    one, other = estimates(scores, route), estimates(scores, route, added=added / 8.0)
    assert other.interval(0.05) == pytest.approx(one.interval(0.05), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["average_precision", "auroc", "recall_at_fpr_05"])
@steady
@given(seed=st.integers(0, 2**32 - 1), added=st.integers(-2048, 2048), decimals=st.sampled_from([8, 1024]))
def test_adding_a_constant_to_both_arms_scores_changes_no_ranking_metric(name, seed, added, decimals):
    """Scores and the constant are whole parts of a power of two, so that adding is exact and ties stay ties."""
    rng, metric = np.random.default_rng(seed), get_metric(name)
    gold = (np.arange(320) % 3 == 0).astype(np.int8)
    scores = [np.round(decimals * (0.6 * gold + rng.normal(size=(k, 320)))) / decimals for k in (3, 2)]

    def interval(of):
        values = [np.array([metric.value(s, gold, 0.0) for s in one]) for one in of]
        if metric.expansion is None:
            weights = np.random.default_rng(1).standard_exponential((320, 50))
            arms = [BootstrapArm(v, metric.weighted(one, gold, weights)) for v, one in zip(values, of, strict=True)]
            parts = bootstrap_components(*arms, 320)
        else:
            arms = [
                ArmMetrics(v, np.stack([metric.influence(s, gold, 0.0) for s in one])) for v, one in zip(values, of, strict=True)
            ]
            parts = crossed_components(*arms)
        return parts.difference, parts.runs, parts.items_total, parts.churn

    assert interval([one + added / 256.0 for one in scores]) == interval(scores)


@steady
@given(scores=cells(), seed=st.integers(0, 99), clustered=st.booleans())
def test_the_order_of_items_and_runs_and_the_names_of_clusters_change_nothing(scores, seed, clustered):
    rng, items = np.random.default_rng(seed), scores[0].shape[1]
    order, names = rng.permutation(items), rng.permutation(items)
    clusters = np.arange(items) // 2

    def parts(of, labels):
        arms = [ArmMetrics(one.mean(axis=1), one - one.mean(axis=1, keepdims=True)) for one in of]
        found = crossed_components(*arms, labels if clustered else None)
        return [found.difference, found.runs, found.items_total, found.churn, found.units, found.item_df, found.run_df]

    moved = [one[rng.permutation(len(one))][:, order] for one in scores]
    assert parts(moved, names[clusters][order]) == pytest.approx(parts(scores, clusters), rel=1e-9)


@steady
@given(scores=cells())
def test_every_rule_gives_the_same_point_and_satterthwaite_is_the_narrower(scores):
    arms = [ArmMetrics(one.mean(axis=1), one - one.mean(axis=1, keepdims=True)) for one in scores]
    parts = crossed_components(*arms)
    main, checks = parts.estimate(), parts.checks()
    assert set(checks) == {"pooled" if min(parts.n_runs) >= 5 else "Welch", "Satterthwaite"}
    assert {check.estimate for check in checks.values()} == {main.estimate}
    pooled = checks["pooled"] if parts.welch else main
    assert checks["Satterthwaite"].half_width(0.05) <= pooled.half_width(0.05) * (1.0 + 1e-9)
    assert checks["Satterthwaite"].variance == pytest.approx(pooled.variance)
