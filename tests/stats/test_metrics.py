import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from smo_pipelines.domain.effects import Direction, WhyNot
from smo_pipelines.errors import CannotEstimate, UnknownName
from smo_pipelines.stats.metrics import METRICS, get_metric

THRESHOLD = 0.5


def sklearn_value(name, scores, references, weights=None):
    flagged = scores >= THRESHOLD
    return {
        "average_precision": lambda: sk.average_precision_score(references, scores, sample_weight=weights),
        "auroc": lambda: sk.roc_auc_score(references, scores, sample_weight=weights),
        "f1": lambda: sk.f1_score(references, flagged, sample_weight=weights),
        "recall": lambda: sk.recall_score(references, flagged, sample_weight=weights),
        "false_positive_rate": lambda: 1 - sk.recall_score(references, flagged, sample_weight=weights, pos_label=0),
        "functional_pass_rate": lambda: sk.accuracy_score(references, flagged, sample_weight=weights),
    }[name]()


def sample(seed, n=120, decimals=None):
    rng = np.random.default_rng(seed)
    references = (rng.random(n) < 0.35).astype(np.int8)
    references[:12], references[12:24] = 1, 0
    scores = np.clip(0.35 + 0.25 * references + 0.25 * rng.normal(size=n), 0.0, 1.0)
    return (scores if decimals is None else np.round(scores, decimals)), references


def test_the_metrics_are_these_six_and_each_says_which_way_is_better():
    assert set(METRICS) == {"average_precision", "auroc", "f1", "recall", "false_positive_rate", "functional_pass_rate"}
    lower = {name for name, metric in METRICS.items() if metric.direction is Direction.lower_is_better}
    assert lower == {"false_positive_rate"}
    assert {name for name, metric in METRICS.items() if not metric.thresholded} == {"average_precision", "auroc"}
    assert all(name == metric.name and metric.unit == "share" for name, metric in METRICS.items())


def test_an_unknown_metric_is_refused_with_the_closest_name():
    with pytest.raises(UnknownName, match="did you mean 'average_precision'"):
        get_metric("average_precison")


@pytest.mark.parametrize("name", sorted(METRICS))
@given(
    rows=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=4, max_size=60).filter(
        lambda rows: len({y for _, y in rows}) == 2 and len({s for s, _ in rows}) > 1
    )
)
@settings(max_examples=60, deadline=None)
def test_value_equals_sklearn_with_many_ties(name, rows):
    scores, references = np.array([s for s, _ in rows]) / 8.0, np.array([y for _, y in rows], dtype=np.int8)
    assert METRICS[name].value(scores, references, THRESHOLD) == pytest.approx(sklearn_value(name, scores, references), abs=1e-12)


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_influence_is_the_derivative_of_sklearns_weighted_metric(name, decimals):
    scores, references = sample(3, decimals=decimals)
    n, step = len(scores), 1e-4
    numeric = np.empty(n)
    for i in range(n):
        up, down = np.ones(n), np.ones(n)
        up[i], down[i] = 1 + step, 1 - step
        numeric[i] = n * (sklearn_value(name, scores, references, up) - sklearn_value(name, scores, references, down)) / (2 * step)
    influence = METRICS[name].influence(scores, references, THRESHOLD)
    np.testing.assert_allclose(influence, numeric, atol=1e-6)
    assert influence.mean() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_order_of_items_does_not_matter(name):
    scores, references = sample(4, decimals=1)
    order = np.random.default_rng(0).permutation(len(scores))
    metric = METRICS[name]
    assert metric.value(scores[order], references[order], THRESHOLD) == pytest.approx(metric.value(scores, references, THRESHOLD))
    np.testing.assert_allclose(
        metric.influence(scores[order], references[order], THRESHOLD), metric.influence(scores, references, THRESHOLD)[order]
    )


def test_average_precision_of_four_items_by_hand():
    # ranks: + - + -  ->  AP = (1/2)(1/1) + (1/2)(2/3) = 5/6
    assert METRICS["average_precision"].value(np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0]), 0.0) == pytest.approx(5 / 6)


def test_an_item_at_the_threshold_is_flagged():
    scores, references = np.array([0.5, 0.4]), np.array([1, 0], dtype=np.int8)
    assert METRICS["recall"].value(scores, references, 0.5) == 1.0
    assert METRICS["false_positive_rate"].value(scores, references, 0.4) == 1.0


@pytest.mark.parametrize("name", ["average_precision", "f1"])
def test_influence_gives_the_standard_error_of_an_item_bootstrap(name):
    # Standard errors of 1,500 resamples have a relative Monte Carlo error of 1/sqrt(2 * 1500) = 1.8%, added to the 3% asked for.
    scores, references = sample(5, n=900)
    metric = METRICS[name]
    by_influence = np.std(metric.influence(scores, references, THRESHOLD)) / np.sqrt(len(scores))
    resampled = stats.bootstrap(
        (scores, references),
        lambda s, y: metric.value(s, y, THRESHOLD),
        paired=True,
        vectorized=False,
        n_resamples=1500,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    assert by_influence == pytest.approx(resampled.standard_error, rel=0.03 + 0.018)


def refused(function, *arguments):
    with pytest.raises(CannotEstimate) as caught:
        function(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("name", "references", "code"),
    [
        ("average_precision", [0, 0, 0], WhyNot.one_class),
        ("auroc", [1, 1, 1], WhyNot.one_class),
        ("f1", [0, 0, 0], WhyNot.one_class),
        ("recall", [0, 0, 0], WhyNot.one_class),
        ("false_positive_rate", [1, 1, 1], WhyNot.one_class),
        ("functional_pass_rate", [], WhyNot.no_items),
    ],
)
def test_a_value_that_is_undefined_says_why(name, references, code):
    scores = np.linspace(0.1, 0.9, len(references))
    assert refused(METRICS[name].value, scores, np.array(references, dtype=np.int8), 0.5).code == code


@pytest.mark.parametrize("name", ["average_precision", "auroc"])
def test_constant_scores_rank_nothing(name):
    references = np.array([0, 1] * 20, dtype=np.int8)
    assert refused(METRICS[name].value, np.full(40, 0.3), references, 0.5).code == WhyNot.constant_scores
    assert refused(METRICS[name].influence, np.full(40, 0.3), references, 0.5).code == WhyNot.constant_scores


@pytest.mark.parametrize("name", ["average_precision", "auroc", "f1", "recall"])
def test_nine_positives_have_a_value_but_no_interval(name):
    scores, references = sample(6)
    references = np.where(np.cumsum(references) <= 9, references, 0).astype(np.int8)
    assert 0.0 <= METRICS[name].value(scores, references, THRESHOLD) <= 1.0
    error = refused(METRICS[name].influence, scores, references, THRESHOLD)
    assert error.code == WhyNot.few_positives
    assert error.counts["positives"] == 9


@pytest.mark.parametrize("name", ["auroc", "false_positive_rate", "functional_pass_rate"])
def test_few_negatives_or_items_have_no_interval(name):
    scores, references = np.linspace(0, 1, 9), np.array([0, 1] * 4 + [0], dtype=np.int8)
    if name == "auroc":
        scores, references = np.linspace(0, 1, 19), np.array([0, 1] * 9 + [1], dtype=np.int8)
    assert refused(METRICS[name].influence, scores, references, THRESHOLD).code == WhyNot.few_items
