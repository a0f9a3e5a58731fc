import math

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics as sk

from bench.latent_scores import LatentScores
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats import bootstrap
from smo_pipelines.stats.bootstrap import BootstrapArm, bootstrap_components, item_weights, seed_of
from smo_pipelines.stats.crossed import ArmMetrics, crossed_components
from smo_pipelines.stats.metrics import get_metric

RECALLS = {"recall_at_fpr_05": 0.05, "recall_at_fpr_01": 0.01}


def weights_of(units, draws=1000, seed=3):
    return np.concatenate(list(item_weights(units, seed, draws)), axis=1)


def sample(seed, n=1500, runs=3, decimals=None):
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.3).astype(np.int8)
    scores = np.clip(0.35 + 0.25 * gold + 0.25 * rng.normal(size=(runs, n)), 0.0, 1.0)
    return (scores if decimals is None else scores.round(decimals)), gold


def test_weights_are_named_by_the_version_of_a_benchmark_and_not_by_how_they_are_cut(monkeypatch):
    whole = weights_of(50, 40, seed_of("00000000000000ff" + "a" * 48))
    monkeypatch.setattr(bootstrap, "_CELLS_AT_ONCE", 320)  # six draws at a time
    np.testing.assert_array_equal(weights_of(50, 40, 255), whole)
    assert whole.shape == (50, 40) and whole.min() > 0.0
    assert not np.array_equal(weights_of(50, 40, 256), whole)


@pytest.mark.parametrize("decimals", [None, 2], ids=["distinct scores", "ties"])
@pytest.mark.parametrize("name", sorted(RECALLS))
def test_weighted_recall_at_a_rate_is_that_of_sklearn(name, decimals):
    scores, gold = sample(1, decimals=decimals)
    weights = weights_of(len(gold), 40)
    found = get_metric(name).weighted(scores, gold, weights)
    for run, of_run in enumerate(scores):
        for draw, weight in enumerate(weights.T):
            fpr, tpr, _ = sk.roc_curve(gold, of_run, sample_weight=weight, drop_intermediate=False)
            assert found[run, draw] == pytest.approx(tpr[fpr <= RECALLS[name]].max(), abs=1e-12)


@pytest.mark.parametrize("name", [*sorted(RECALLS), "expected_calibration_error"])
@pytest.mark.parametrize("decimals", [None, 1])
def test_equal_weights_give_the_metric_itself(name, decimals):
    scores, gold = sample(2, n=2000, decimals=decimals)
    found = get_metric(name).weighted(scores, gold, np.full((2000, 2), 0.7))
    for run, of_run in enumerate(scores):
        assert found[run] == pytest.approx([get_metric(name).value(of_run, gold, 0.0)] * 2, abs=1e-12)


def test_recall_when_the_highest_scores_are_nearly_all_benign():
    """Every negative that a weighting can allow is looked at, however far down that is."""
    gold = np.array([0] * 400 + [1] * 20, dtype=np.int8)
    scores = np.concatenate([np.linspace(1.0, 0.2, 400), np.linspace(0.99, 0.1, 20)])[np.newaxis]
    weights = np.where(gold[:, np.newaxis] == 0, np.linspace(1e-6, 1.0, 420)[:, np.newaxis] ** 4, 1.0)
    fpr, tpr, _ = sk.roc_curve(gold, scores[0], sample_weight=weights[:, 0], drop_intermediate=False)
    found = get_metric("recall_at_fpr_05").weighted(scores, gold, weights)
    assert found[0, 0] == pytest.approx(tpr[fpr <= 0.05].max(), abs=1e-12)
    assert found[0, 0] > 0.4


def test_weighted_calibration_error_by_its_slow_definition():
    scores, gold = sample(4, n=150, runs=2)
    weights = weights_of(150, 5)
    found = get_metric("expected_calibration_error").weighted(scores, gold, weights)
    for run, of_run in enumerate(scores):
        bins = np.array_split(np.argsort(of_run), 15)  # ten distinct scores each; the weights leave the bins as they are
        for draw, w in enumerate(weights.T):
            gaps = [abs(np.sum(w[b] * gold[b]) - np.sum(w[b] * of_run[b])) for b in bins]
            assert found[run, draw] == pytest.approx(sum(gaps) / w.sum(), abs=1e-12)


def of_mean(right, weights):
    return right @ weights / weights.sum(axis=0)


def of_auroc(scores, gold, weights):
    order = np.argsort(scores)
    positive, negative = (weights * (gold == k)[:, np.newaxis] for k in (1, 0))
    below = np.cumsum(negative[order], axis=0)
    return np.sum(positive[order] * below, axis=0) / positive.sum(axis=0) / negative.sum(axis=0)


# A standard error of B draws has a relative Monte Carlo error of 1 / sqrt(2 B): 0.9% of 6,000 weightings, 1.3% of 3,000 resamples.
@pytest.mark.parametrize("name", ["functional_pass_rate", "auroc", "recall_at_fpr_05"])
def test_standard_errors_are_those_of_scipys_bootstrap(name):
    scores, gold = sample(5, n=600, runs=1)
    scores = scores + 1e-9 * np.arange(600)  # those that were cut off at 0 and 1 are distinct too
    metric, weights = get_metric(name), weights_of(600, 6000)
    if name == "functional_pass_rate":
        draws = of_mean((scores[0] >= 0.5) == (gold == 1), weights)
    elif name == "auroc":
        draws = of_auroc(scores[0], gold, weights)
        assert draws[0] == pytest.approx(sk.roc_auc_score(gold, scores[0], sample_weight=weights[:, 0]))
    else:
        draws = metric.weighted(scores, gold, weights)[0]
    ours = math.sqrt(bootstrap.bootstrap_term(draws, 600).variance)
    resampled = stats.bootstrap(
        (scores[0], gold),
        lambda s, y: metric.value(s, y, 0.5),
        paired=True,
        vectorized=False,
        n_resamples=3000,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    assert ours == pytest.approx(resampled.standard_error, rel=0.03)


def arms_of_means(runs=(4, 3), n=400, draws=4000, clusters=None, seed=6):
    """Return two arms of a mean as influence values and as draws of the same items."""
    rng = np.random.default_rng(seed)
    shared, unit = rng.normal(size=n), np.arange(n) if clusters is None else clusters
    weights = weights_of(int(unit.max()) + 1, draws)[unit]
    by_influence, by_draws = [], []
    for arm, k in enumerate(runs):
        cells = 0.6 + 0.3 * (shared + arm * rng.normal(size=n)) + 0.03 * rng.normal(size=(k, 1)) + 0.3 * rng.normal(size=(k, n))
        by_influence.append(ArmMetrics(cells.mean(axis=1), cells - cells.mean(axis=1, keepdims=True)))
        by_draws.append(BootstrapArm(cells.mean(axis=1), of_mean(cells, weights)))
    return by_influence, by_draws


def test_the_parts_of_a_mean_are_those_of_its_influence_values():
    by_influence, by_draws = arms_of_means()
    one, other = crossed_components(*by_influence), bootstrap_components(*by_draws, 400)
    assert (other.difference, other.runs, other.run_df, other.n_runs) == (one.difference, one.runs, one.run_df, (4, 3))
    assert math.sqrt(other.items_total) == pytest.approx(math.sqrt(one.items_total), rel=0.03)
    assert math.sqrt(other.churn) == pytest.approx(math.sqrt(one.churn), rel=0.03)
    assert other.estimate().interval(0.05) == pytest.approx(one.estimate().interval(0.05), rel=0.03)


def test_clusters_share_a_weight_and_bring_t():
    clusters = np.arange(400) // 10
    by_influence, by_draws = arms_of_means(clusters=clusters)
    one = crossed_components(*by_influence, clusters)
    other = bootstrap_components(*by_draws, 40, clustered=True)
    assert (other.units, other.item_df) == (one.units, one.item_df) == (40, 39.0)
    assert math.sqrt(other.items_total) == pytest.approx(math.sqrt(one.items_total), rel=0.03)
    # forty units: without the factor (G + 1) / (G - 1) the standard error would be 2.5% low
    assert math.sqrt(other.churn) == pytest.approx(math.sqrt(one.churn), rel=0.03)


def test_what_the_bootstrap_refuses():
    _, (control, treatment) = arms_of_means(draws=10)
    one_run = BootstrapArm(control.values[:1], control.draws[:1])
    for arms, units, clustered, code in (
        ((one_run, treatment), 400, False, WhyNot.one_run),
        ((control, treatment), 1, True, WhyNot.one_cluster),
        ((control, treatment), 1, False, WhyNot.few_items),
    ):
        with pytest.raises(CannotEstimate) as caught:
            bootstrap_components(*arms, units, clustered=clustered)
        assert caught.value.code == code
    still = BootstrapArm(np.full(4, 0.5), control.draws)
    with pytest.raises(CannotEstimate) as caught:
        bootstrap_components(still, BootstrapArm(np.full(3, 0.5), treatment.draws), 400).estimate()
    assert caught.value.code == WhyNot.no_run_variance
    with pytest.raises(ValueError, match="not the same draws"):
        bootstrap_components(control, BootstrapArm(treatment.values, treatment.draws[:, :-1]), 400)
    with pytest.raises(ValueError, match="do not go with"):
        BootstrapArm(control.values[:-1], control.draws)


EXPERIMENTS = 300


@pytest.mark.parametrize("world", [LatentScores(), LatentScores(effect=0.12, heterogeneity=0.05)], ids=["no change", "a change"])
def test_recall_at_a_rate_covers_its_truth(world):
    """Of 300 experiments a 95% interval misses 3.7 to 22.6 in all but 0.3% of repetitions (three standard errors on each side)."""

    def truth(separation):  # positives lie `slope` above negatives of the same run, both normal with variance 1 over items
        return special.ndtr((separation - special.ndtri(0.95)) / math.sqrt(1.0 + world.separation_sd**2))

    true = truth(world.separation - world.effect) - truth(world.separation)
    metric, rng = get_metric("recall_at_fpr_05"), np.random.default_rng(9)
    missed = missed_by_items_alone = 0
    for number in range(EXPERIMENTS):
        trial = world.draw(rng, n_runs=3, n_items=1000)
        weights = weights_of(1000, 200, seed=number)
        arms = [
            BootstrapArm(
                np.array([metric.value(s, trial.references, 0.0) for s in runs]), metric.weighted(runs, trial.references, weights)
            )
            for runs in trial.scores
        ]
        parts = bootstrap_components(*arms, 1000)
        low, high = parts.estimate().interval(0.05)
        missed += not low <= true <= high
        missed_by_items_alone += abs(parts.difference - true) > 1.96 * math.sqrt(parts.items_total)
    assert missed / EXPERIMENTS <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)
    assert missed_by_items_alone > missed  # a bootstrap of items alone forgets that other runs would differ
