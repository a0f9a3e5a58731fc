import math

import numpy as np
import pytest
from scipy import stats

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics, crossed_components, crossed_estimate
from smo_pipelines.stats.one_arm import arm_estimate


def arm(rng, runs=4, items=60, shift=0.0, noise=0.3):
    """Return an arm whose metric is a mean of item values, as for accuracy."""
    scores = 0.6 + shift + 0.3 * rng.normal(size=items) + 0.05 * rng.normal(size=(runs, 1)) + noise * rng.normal(size=(runs, items))
    return from_scores(scores)


def from_scores(scores):
    return ArmMetrics(scores.mean(axis=1), scores - scores.mean(axis=1, keepdims=True))


@pytest.fixture
def arms():
    rng = np.random.default_rng(11)
    return arm(rng), arm(rng, shift=0.05)


def test_components_by_their_definition(arms):
    control, treatment = arms
    parts = crossed_components(control, treatment)
    runs, n = control.influences.shape
    s_c, s_t = (np.sum((a.values - a.values.mean()) ** 2) / (runs - 1) for a in arms)
    assert parts.runs == pytest.approx((s_c + s_t) / runs)
    assert parts.run_df == 2 * (runs - 1)
    net = treatment.influences.mean(axis=0) - control.influences.mean(axis=0)
    assert parts.items_total == pytest.approx(sum((x - net.mean()) ** 2 for x in net) / (n - 1) / n)
    churn = 0.0
    for a in arms:
        mean = a.influences.mean(axis=0)
        squares = sum((a.influences[k, i] - mean[i]) ** 2 for k in range(runs) for i in range(n))
        churn += squares / ((runs - 1) * (n - 1) * n * runs)
    assert parts.churn == pytest.approx(churn)
    assert parts.items == pytest.approx(parts.items_total - churn)
    assert parts.units == n
    assert math.isinf(parts.item_df)


def test_mean_squares_equal_a_two_way_anova():
    """The run, item and residual mean squares of one arm, by statsmodels' two-way analysis of variance on the same cells."""
    pd = pytest.importorskip("pandas")
    smf = pytest.importorskip("statsmodels.formula.api")
    sm = pytest.importorskip("statsmodels.api")
    scores = np.array([[1, 0, 1, 1, 0], [1, 1, 0, 1, 0], [0, 0, 1, 1, 0]], dtype=float)
    runs, n = scores.shape
    frame = pd.DataFrame(
        {"z": scores.ravel(), "run": np.repeat([f"r{k}" for k in range(runs)], n), "item": [f"i{i}" for i in range(n)] * runs}
    )
    table = sm.stats.anova_lm(smf.ols("z ~ C(run) + C(item)", data=frame).fit())
    mean_squares = table["sum_sq"] / table["df"]
    other = from_scores(np.array([[0.5] * n, [0.7] * n]))  # no item effects of its own: influence values of zero
    parts = crossed_components(from_scores(scores), other)
    assert parts.run_variances[0] == pytest.approx(mean_squares["C(run)"] / n)
    assert parts.items_total == pytest.approx(mean_squares["C(item)"] / runs / n)
    assert parts.churn == pytest.approx(mean_squares["Residual"] / n / runs)


def test_the_parts_of_the_variance_are_those_of_an_analysis_of_variance():
    """Runs nested in arms, items crossed with both: the method of moments on statsmodels' mean squares, equal to 1e-6."""
    pd = pytest.importorskip("pandas")
    smf = pytest.importorskip("statsmodels.formula.api")
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(12)
    runs, n = 4, 9
    shared = rng.normal(size=n)
    scores = [shared + 0.5 * rng.normal(size=n) + 0.2 * rng.normal(size=(runs, 1)) + 0.3 * rng.normal(size=(runs, n)) for _ in "CT"]
    arm_, run_, item_ = (axis.ravel() for axis in np.meshgrid(range(2), range(runs), range(n), indexing="ij"))
    frame = pd.DataFrame({"z": np.stack(scores).ravel(), "arm": arm_, "run": run_, "item": item_})
    fitted = smf.ols("z ~ C(arm) * C(item) + C(arm):C(run)", data=frame).fit()
    table = sm.stats.anova_lm(fitted)
    mean_square = (table["sum_sq"] / table["df"]).to_dict()
    assert table["df"].to_dict()["C(arm):C(run)"] == 2 * (runs - 1)
    between, residual = mean_square["C(arm):C(run)"], mean_square["Residual"]
    net = mean_square["C(arm):C(item)"]
    parts = crossed_components(*(from_scores(one) for one in scores))
    assert parts.runs == pytest.approx(2 * between / (runs * n), rel=1e-6)
    assert parts.churn == pytest.approx(2 * residual / (runs * n), rel=1e-6)
    assert parts.items_total == pytest.approx(2 * net / (runs * n), rel=1e-6)
    assert parts.items == pytest.approx(2 * (net - residual) / (runs * n), rel=1e-6)


def test_welchs_interval_is_that_of_growthbook():
    """gbstats' two-sided test of means .41 and .70, standard deviations 3.9 and 6.2, 3,407 and 3,461 values, to the digits it gives."""

    def of(mean, sd, n):
        values = np.random.default_rng(n).normal(size=n)
        values = mean + sd * (values - values.mean()) / values.std(ddof=1)
        return ArmMetrics(values, np.zeros((n, 2)))

    found = crossed_estimate(of(0.41, 3.9, 3407), of(0.70, 6.2, 3461), fixed_items=True)
    assert found.estimate == pytest.approx(0.29, abs=1e-9)
    assert found.interval(0.05) == pytest.approx((0.04538, 0.53462), abs=5e-6)
    assert found.p_two_sided() == pytest.approx(0.02016, abs=5e-6)
    scipys = stats.ttest_ind_from_stats(0.70, 6.2, 3461, 0.41, 3.9, 3407, equal_var=False)
    assert found.p_two_sided() == pytest.approx(scipys.pvalue, rel=1e-6)


def test_the_checks_use_the_other_degrees_of_freedom_and_satterthwaites():
    rng = np.random.default_rng(13)
    few = crossed_components(arm(rng, runs=3), arm(rng, runs=4))
    s_c, s_t = few.run_variances
    welch = few.checks()["Welch"].terms[0]
    assert welch.variance == pytest.approx(s_c / 3 + s_t / 4)
    assert welch.df == pytest.approx(welch.variance**2 / ((s_c / 3) ** 2 / 2 + (s_t / 4) ** 2 / 3))
    df = (few.runs + few.items) ** 2 / (few.runs**2 / 5 + few.items**2 / 59)
    assert few.checks()["Satterthwaite"].terms[0].df == pytest.approx(df)
    half = stats.t.ppf(0.975, df) * math.sqrt(few.runs + few.items)
    assert few.checks()["Satterthwaite"].half_width(0.05) == pytest.approx(half)
    many = crossed_components(arm(rng, runs=5), arm(rng, runs=6))
    assert many.checks()["pooled"].terms[0].df == 9.0


def test_runs_that_share_seeds_are_the_one_arm_of_their_differences():
    """What the seed does in both arms is in neither part; the run part alone is a paired t test."""
    rng = np.random.default_rng(14)
    seed = 0.1 * rng.normal(size=(4, 1))
    control, treatment = (from_scores(0.5 + seed + 0.3 * rng.normal(size=60) + 0.2 * rng.normal(size=(4, 60))) for _ in range(2))
    parts = crossed_components(control, treatment, shared_seeds=True)
    assert parts.paired and parts.run_df == 3.0
    pairs = ArmMetrics(treatment.values - control.values, treatment.influences - control.influences)
    one, other = parts.estimate(), arm_estimate(pairs)
    assert one.interval(0.05) == pytest.approx(other.interval(0.05), rel=1e-12)
    only_runs = crossed_estimate(control, treatment, shared_seeds=True, fixed_items=True)
    expected = stats.ttest_rel(treatment.values, control.values)
    assert only_runs.p_two_sided() == pytest.approx(expected.pvalue, rel=1e-8)
    apart = crossed_estimate(control, treatment)
    assert one.half_width(0.05) < apart.half_width(0.05)
    assert parts.checks()["unpaired"].terms[0] == apart.terms[0]
    assert set(parts.checks()) == {"unpaired", "Satterthwaite"}


def test_what_is_not_paired():
    rng = np.random.default_rng(15)
    two = arm(rng, runs=2), arm(rng, runs=2)
    assert crossed_components(*two, shared_seeds=True) == crossed_components(*two)  # one degree of freedom would be left
    unequal = arm(rng, runs=4), arm(rng, runs=3)
    assert crossed_components(*unequal, shared_seeds=True) == crossed_components(*unequal)
    control = arm(rng)
    moved = ArmMetrics(control.values + 0.125, control.influences)  # every pair differs by the same
    assert crossed_components(control, moved, shared_seeds=True) == crossed_components(control, moved)


def test_pooled_degrees_of_freedom_below_five_runs_and_welch_from_five():
    rng = np.random.default_rng(2)
    few = crossed_components(arm(rng, runs=3), arm(rng, runs=4))
    assert few.run_df == 5
    control, treatment = arm(rng, runs=5), arm(rng, runs=7)
    many = crossed_components(control, treatment)
    welch = stats.ttest_ind(treatment.values, control.values, equal_var=False)
    assert many.run_df == pytest.approx(welch.df)
    only_runs = crossed_estimate(control, treatment, fixed_items=True)
    assert only_runs.p_two_sided() == pytest.approx(welch.pvalue, rel=1e-8)


def test_unequal_runs_pool_like_a_students_t_test():
    rng = np.random.default_rng(3)
    control, treatment = arm(rng, runs=2), arm(rng, runs=4)
    expected = stats.ttest_ind(treatment.values, control.values)
    assert crossed_estimate(control, treatment, fixed_items=True).p_two_sided() == pytest.approx(expected.pvalue, rel=1e-8)


def test_swapping_the_arms_flips_the_sign_and_nothing_else(arms):
    control, treatment = arms
    one, other = crossed_estimate(control, treatment), crossed_estimate(treatment, control)
    assert other.estimate == pytest.approx(-one.estimate)
    assert other.half_width(0.05) == pytest.approx(one.half_width(0.05))
    assert other.p_two_sided() == pytest.approx(one.p_two_sided())


def test_adding_a_constant_to_both_arms_changes_nothing(arms):
    moved = [ArmMetrics(a.values + 0.125, a.influences) for a in arms]
    one, other = crossed_estimate(*arms), crossed_estimate(*moved)
    assert other.interval(0.05) == pytest.approx(one.interval(0.05))


def test_item_part_is_dropped_for_fixed_items_and_never_negative(arms):
    control, treatment = arms
    both = crossed_estimate(control, treatment)
    runs_only = crossed_estimate(control, treatment, fixed_items=True)
    assert runs_only.half_width(0.05) < both.half_width(0.05)
    rng = np.random.default_rng(8)
    for _ in range(30):
        shared = 0.3 * rng.normal(size=40)
        noisy = [from_scores(0.5 + shared + 0.6 * rng.normal(size=(3, 40))) for _ in range(2)]
        assert crossed_components(*noisy).items >= 0.0


def test_clusters_of_size_one_change_nothing(arms):
    items = arms[0].influences.shape[1]
    assert crossed_components(*arms, clusters=np.arange(items)) == crossed_components(*arms)


def test_clusters_by_their_slow_definition(arms):
    control, treatment = arms
    items = control.influences.shape[1]
    clusters = np.arange(items) // 3
    parts = crossed_components(control, treatment, clusters)
    groups = items // 3
    net = treatment.influences.mean(axis=0) - control.influences.mean(axis=0)
    sums = np.array([net[clusters == g].sum() for g in range(groups)]) * groups / items
    assert parts.items_total == pytest.approx(np.var(sums, ddof=1) / groups)
    assert (parts.units, parts.item_df) == (groups, groups - 1)


def test_copied_items_count_once_when_clustered():
    """Ten copies of every item carry no more information than one: clustering must give the item part of the originals."""
    rng = np.random.default_rng(4)
    small = [rng.random((4, 30)) for _ in range(2)]
    originals = crossed_components(*(from_scores(s) for s in small))
    copies = [from_scores(np.repeat(s, 10, axis=1)) for s in small]
    clustered = crossed_components(*copies, clusters=np.repeat(np.arange(30), 10))
    assert clustered.items == pytest.approx(originals.items)
    assert crossed_components(*copies).items_total < originals.items_total / 5


@pytest.mark.parametrize(("control_runs", "treatment_runs"), [(1, 3), (3, 1), (1, 1)])
def test_one_run_is_refused(control_runs, treatment_runs):
    rng = np.random.default_rng(5)
    with pytest.raises(CannotEstimate) as caught:
        crossed_estimate(arm(rng, runs=control_runs), arm(rng, runs=treatment_runs))
    assert caught.value.code == WhyNot.one_run


@pytest.mark.parametrize("value", [0.1, 0.3, 0.7])
def test_no_run_variance_is_refused_even_when_rounding_makes_a_little(value):
    influences = np.random.default_rng(6).normal(size=(3, 20))
    same = ArmMetrics(np.array([value, value, value + 1e-16]), influences - influences.mean(axis=1, keepdims=True))
    with pytest.raises(CannotEstimate) as caught:
        crossed_estimate(same, same)
    assert caught.value.code == WhyNot.no_run_variance


def test_one_arm_without_run_variance_is_allowed(arms):
    control, treatment = arms
    constant = ArmMetrics(np.full(4, 0.5), control.influences)
    assert crossed_estimate(constant, treatment).p_two_sided() <= 1.0


def test_one_cluster_and_one_item_are_refused(arms):
    with pytest.raises(CannotEstimate) as caught:
        crossed_estimate(*arms, clusters=np.zeros(60))
    assert caught.value.code == WhyNot.one_cluster
    with pytest.raises(CannotEstimate) as caught:
        crossed_estimate(*(ArmMetrics(a.values, a.influences[:, :1]) for a in arms))
    assert caught.value.code == WhyNot.few_items


def test_arrays_that_do_not_go_together_are_refused(arms):
    with pytest.raises(ValueError, match="do not go with"):
        ArmMetrics(np.zeros(3), np.zeros((4, 5)))
    with pytest.raises(ValueError, match="different items"):
        crossed_components(arms[0], ArmMetrics(arms[1].values, arms[1].influences[:, :-1]))
    with pytest.raises(ValueError, match="cluster ids"):
        crossed_components(*arms, clusters=np.arange(3))
