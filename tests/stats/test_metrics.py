import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from smo_pipelines.domain.effects import Direction, WhyNot
from smo_pipelines.domain.phrases import metric_title, unit_of
from smo_pipelines.errors import BenchmarkError, CannotEstimate, UnknownName
from smo_pipelines.stats.metrics import METRICS, Needs, get_metric

THRESHOLD = 0.5
NO_INTERVAL = {"functional_pass_rate_worst"}
BOOTSTRAPPED = {"recall_at_fpr_01", "recall_at_fpr_05", "expected_calibration_error"}
WITH_INTERVAL = sorted(set(METRICS) - NO_INTERVAL - BOOTSTRAPPED)


def recall_at(references, scores, limit):
    fpr, tpr, _ = sk.roc_curve(references, scores, drop_intermediate=False)
    return tpr[fpr <= limit].max()


def auc_of(some, references, scores, weights):
    return sk.roc_auc_score(references[some], scores[some], sample_weight=None if weights is None else weights[some])


def pass_rates(references, flagged, functionality, weights):
    return [
        sk.accuracy_score(references[f], flagged[f], sample_weight=None if weights is None else weights[f])
        for f in (functionality == name for name in np.unique(functionality))
    ]


def calibration_error(references, scores):
    """Walk from the lowest score up, one distinct score at a time, and put each where the middle of its ranks falls."""
    n, bins = len(scores), [[] for _ in range(15)]
    for score in sorted(set(scores.tolist())):
        tied = [i for i in range(n) if scores[i] == score]
        below = sum(1 for i in range(n) if scores[i] < score)
        which = next(b for b in range(15) if 2 * below + len(tied) < 2 * n * (b + 1) / 15 - 1e-9)
        bins[which] += tied
    return sum(len(b) / n * abs(np.mean(references[b]) - np.mean(scores[b])) for b in bins if b)


def sklearn_value(name, scores, references, groups=None, weights=None):
    flagged, w = scores >= THRESHOLD, {"sample_weight": weights}
    positive = references == 1
    return {
        "average_precision": lambda: sk.average_precision_score(references, scores, **w),
        "auroc": lambda: sk.roc_auc_score(references, scores, **w),
        "recall_at_fpr_01": lambda: recall_at(references, scores, 0.01),
        "recall_at_fpr_05": lambda: recall_at(references, scores, 0.05),
        "f1": lambda: sk.f1_score(references, flagged, **w),
        "recall": lambda: sk.recall_score(references, flagged, **w),
        "precision": lambda: sk.precision_score(references, flagged, **w),
        "false_positive_rate": lambda: 1 - sk.recall_score(references, flagged, pos_label=0, **w),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(references, flagged, **w),
        "expected_calibration_error": lambda: calibration_error(references, scores),
        "brier_score": lambda: sk.brier_score_loss(references, scores, **w),
        "functional_pass_rate": lambda: sk.accuracy_score(references, flagged, **w),
        "functional_pass_rate_macro": lambda: np.mean(pass_rates(references, flagged, groups, weights)),
        "functional_pass_rate_worst": lambda: min(pass_rates(references, flagged, groups, weights)),
        "subgroup_auc": lambda: auc_of(groups, references, scores, weights),
        "bpsn_auc": lambda: auc_of((groups & ~positive) | (~groups & positive), references, scores, weights),
        "bnsp_auc": lambda: auc_of((groups & positive) | (~groups & ~positive), references, scores, weights),
    }[name]()


def sample(seed, n=120, decimals=None):
    rng = np.random.default_rng(seed)
    references = (rng.random(n) < 0.35).astype(np.int8)
    references[:12], references[12:24] = 1, 0
    scores = np.clip(0.35 + 0.25 * references + 0.25 * rng.normal(size=n), 0.0, 1.0)
    return (scores if decimals is None else np.round(scores, decimals)), references


def groups_for(name, n):
    """Return a group of every other pair of items, or three functionalities of equal size."""
    needs = METRICS[name].needs
    if needs is Needs.members:
        return np.arange(n) % 4 < 2
    return np.array(["counter", "quote", "slur"])[np.arange(n) % 3] if needs is Needs.functionality else None


def size_for(name):
    return 1600 if name == "recall_at_fpr_01" else 400 if name == "recall_at_fpr_05" else 120


def test_what_each_metric_says_about_itself():
    lower = {name for name, metric in METRICS.items() if metric.direction is Direction.lower_is_better}
    assert lower == {"false_positive_rate", "expected_calibration_error", "brier_score"}
    assert {name for name, metric in METRICS.items() if metric.thresholded} == {
        "f1",
        "recall",
        "precision",
        "false_positive_rate",
        "balanced_accuracy",
        "functional_pass_rate",
        "functional_pass_rate_macro",
        "functional_pass_rate_worst",
    }
    assert {name for name, metric in METRICS.items() if metric.needs is Needs.members} == {"subgroup_auc", "bpsn_auc", "bnsp_auc"}
    assert {name for name, metric in METRICS.items() if not metric.has_interval} == NO_INTERVAL
    assert {name for name, metric in METRICS.items() if metric.weighted is not None} == BOOTSTRAPPED
    assert {name for name, metric in METRICS.items() if metric.unit != "share"} == {"brier_score"}
    for name, metric in METRICS.items():
        assert name == metric.name and metric.about.endswith(".") and (metric.low, metric.high) == (0.0, 1.0)
        # the words of the tracker and the report are those of the metric
        assert metric_title(name).lower() == metric.title.lower()
        assert (unit_of(name) == "pp") == (metric.unit == "share")


def test_an_unknown_metric_is_refused_with_the_closest_name():
    with pytest.raises(UnknownName, match="did you mean 'average_precision'"):
        get_metric("average_precison")


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"recall_at_fpr_01", "recall_at_fpr_05"}))
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 1), st.booleans(), st.sampled_from("abc")), min_size=4, max_size=60
    ).filter(lambda rows: len({y for _, y, _, _ in rows}) == 2 and len({s for s, _, _, _ in rows}) > 1)
)
@settings(max_examples=40, deadline=None)
def test_value_equals_sklearn_with_many_ties(name, rows):
    scores, references = np.array([s for s, *_ in rows]) / 8.0, np.array([y for _, y, *_ in rows], dtype=np.int8)
    metric = METRICS[name]
    groups = np.array([f for *_, f in rows] if metric.needs is Needs.functionality else [g for _, _, g, _ in rows])
    try:
        value = metric.value(scores, references, THRESHOLD, groups)
    except CannotEstimate as error:
        assert error.code in {"precision": {"no_items"}, "expected_calibration_error": {"few_items"}}.get(
            name, {"no_items", "one_class", "constant_scores"} if metric.needs is Needs.members else set()
        )
        return
    assert value == pytest.approx(sklearn_value(name, scores, references, groups), abs=1e-12)


@pytest.mark.parametrize("decimals", [None, 1, 2])
@pytest.mark.parametrize("name", ["recall_at_fpr_01", "recall_at_fpr_05", "expected_calibration_error"])
def test_value_equals_sklearn_on_enough_items(name, decimals):
    for seed in range(5):
        scores, references = sample(seed, size_for(name), decimals)
        assert METRICS[name].value(scores, references, THRESHOLD) == pytest.approx(
            sklearn_value(name, scores, references), abs=1e-12
        )


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("name", WITH_INTERVAL)
def test_influence_is_the_derivative_of_sklearns_weighted_metric(name, decimals):
    scores, references = sample(3, decimals=decimals)
    n, step = len(scores), 1e-4
    groups = groups_for(name, n)
    numeric = np.empty(n)
    for i in range(n):
        up, down = np.ones(n), np.ones(n)
        up[i], down[i] = 1 + step, 1 - step
        change = sklearn_value(name, scores, references, groups, up) - sklearn_value(name, scores, references, groups, down)
        numeric[i] = n * change / (2 * step)
    influence = METRICS[name].influence(scores, references, THRESHOLD, groups)
    np.testing.assert_allclose(influence, numeric, atol=1e-6)
    assert influence.mean() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_order_of_items_does_not_matter(name):
    n = size_for(name)
    scores, references = sample(4, n, decimals=1)
    groups = groups_for(name, n)
    order = np.random.default_rng(0).permutation(n)
    metric, moved = METRICS[name], None if groups is None else groups[order]
    assert metric.value(scores[order], references[order], THRESHOLD, moved) == pytest.approx(
        metric.value(scores, references, THRESHOLD, groups), abs=1e-12
    )
    if metric.expansion is not None:
        np.testing.assert_allclose(
            metric.influence(scores[order], references[order], THRESHOLD, moved),
            metric.influence(scores, references, THRESHOLD, groups)[order],
            atol=1e-12,
        )


def test_average_precision_of_four_items_by_hand():
    # ranks: + - + -  ->  AP = (1/2)(1/1) + (1/2)(2/3) = 5/6
    assert METRICS["average_precision"].value(np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0]), 0.0) == pytest.approx(5 / 6)


def test_an_item_at_the_threshold_is_flagged():
    scores, references = np.array([0.5, 0.4]), np.array([1, 0], dtype=np.int8)
    assert METRICS["recall"].value(scores, references, 0.5) == 1.0
    assert METRICS["false_positive_rate"].value(scores, references, 0.4) == 1.0


@pytest.mark.parametrize("name", ["average_precision", "f1", "precision", "brier_score"])
def test_influence_gives_the_standard_error_of_an_item_bootstrap(name):
    # Standard errors of 5,000 resamples have a relative Monte Carlo error of 1/sqrt(2 * 5000) = 1%, within the 3% asked for.
    scores, references = sample(5, n=900)
    metric = METRICS[name]
    by_influence = np.std(metric.influence(scores, references, THRESHOLD)) / np.sqrt(len(scores))
    resampled = stats.bootstrap(
        (scores, references),
        lambda s, y: metric.value(s, y, THRESHOLD),
        paired=True,
        vectorized=False,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    assert by_influence == pytest.approx(resampled.standard_error, rel=0.03)


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
        ("precision", [0, 0, 0], WhyNot.one_class),
        ("balanced_accuracy", [1, 1, 1], WhyNot.one_class),
        ("recall_at_fpr_05", [1, 1, 1], WhyNot.one_class),
        ("expected_calibration_error", [0, 1, 0], WhyNot.few_items),
        *((name, [], WhyNot.no_items) for name in METRICS if METRICS[name].needs is Needs.nothing),
    ],
)
def test_a_value_that_is_undefined_says_why(name, references, code):
    scores = np.linspace(0.1, 0.9, len(references))
    assert refused(METRICS[name].value, scores, np.array(references, dtype=np.int8), 0.5).code == code


@pytest.mark.parametrize("name", ["average_precision", "auroc", "recall_at_fpr_05"])
def test_constant_scores_rank_nothing(name):
    references = np.array([0, 1] * 200, dtype=np.int8)
    assert refused(METRICS[name].value, np.full(400, 0.3), references, 0.5).code == WhyNot.constant_scores
    assert refused(METRICS[name].influence, np.full(400, 0.3), references, 0.5).code == WhyNot.constant_scores


@pytest.mark.parametrize("name", ["average_precision", "auroc", "f1", "recall", "balanced_accuracy"])
def test_nine_positives_have_a_value_but_no_interval(name):
    scores, references = sample(6)
    references = np.where(np.cumsum(references) <= 9, references, 0).astype(np.int8)
    assert 0.0 <= METRICS[name].value(scores, references, THRESHOLD) <= 1.0
    error = refused(METRICS[name].influence, scores, references, THRESHOLD)
    assert error.code == WhyNot.few_positives
    assert error.counts["positives"] == 9


@pytest.mark.parametrize("name", ["auroc", "false_positive_rate", "functional_pass_rate", "brier_score"])
def test_few_negatives_or_items_have_no_interval(name):
    scores, references = np.linspace(0, 1, 9), np.array([0, 1] * 4 + [0], dtype=np.int8)
    if name == "auroc":
        scores, references = np.linspace(0, 1, 19), np.array([0, 1] * 9 + [1], dtype=np.int8)
    assert refused(METRICS[name].influence, scores, references, THRESHOLD).code == WhyNot.few_items


@pytest.mark.parametrize("name", sorted(NO_INTERVAL | BOOTSTRAPPED))
def test_a_metric_without_an_expansion_has_a_value_and_no_influence_values(name):
    n = size_for(name)
    scores, references = sample(7, n)
    groups = groups_for(name, n)
    assert 0.0 <= METRICS[name].value(scores, references, THRESHOLD, groups) <= 1.0
    error = refused(METRICS[name].influence, scores, references, THRESHOLD, groups)
    assert error.code == WhyNot.no_interval
    assert METRICS[name].no_expansion in error.sentence


def test_the_extreme_of_several_rates_says_so():
    metric = METRICS["functional_pass_rate_worst"]
    assert "the extreme of several rates has no first-order interval" in metric.no_interval
    assert metric.interval_method.startswith("none: ")
    assert METRICS["recall_at_fpr_05"].interval_method.startswith("by a bootstrap of items: its threshold is a quantile")
    assert METRICS["f1"].interval_method == "by influence values"


@pytest.mark.parametrize(("name", "negatives"), [("recall_at_fpr_01", 1000), ("recall_at_fpr_05", 200)])
def test_recall_at_a_rate_is_refused_where_ten_benign_items_would_exceed_it(name, negatives):
    references = np.concatenate([np.ones(5), np.zeros(negatives)]).astype(np.int8)
    scores = np.linspace(1.0, 0.0, len(references))
    assert METRICS[name].value(scores, references, 0.5) == 1.0
    error = refused(METRICS[name].value, scores[:-1], references[:-1], 0.5)
    assert (error.code, error.counts["negatives"]) == (WhyNot.few_items, negatives - 1)


def test_recall_at_five_per_cent_by_hand():
    # Ten of 200 benign items may be flagged. Five stand above both positives of 0.8; five more and the third positive share 0.5, the rest 0.
    scores = np.array([0.8, 0.8, 0.5, 0.0] + [0.9] * 5 + [0.5] * 5 + [0.0] * 190)
    references = np.array([1] * 4 + [0] * 200, dtype=np.int8)
    assert METRICS["recall_at_fpr_05"].value(scores, references, 0.5) == 0.75
    # An eleventh at 0.5 takes that score, and with it the third positive, away.
    scores[-1] = 0.5
    assert METRICS["recall_at_fpr_05"].value(scores, references, 0.5) == 0.5


def test_precision_where_little_is_flagged():
    scores, references = np.linspace(0, 1, 40), np.array([0, 1] * 20, dtype=np.int8)
    none = refused(METRICS["precision"].value, scores, references, 1.5)
    assert (none.code, none.counts) == (WhyNot.no_items, {"items": 40, "flagged": 0})
    assert METRICS["precision"].value(scores, references, 0.99) == 1.0
    assert refused(METRICS["precision"].influence, scores, references, 0.99).code == WhyNot.few_items


def test_calibration_by_hand():
    # Thirty distinct scores make fifteen bins of two: each contributes |its two golds - its two scores| / 30.
    scores = np.linspace(0.01, 0.99, 30)
    gold = (scores > 0.5).astype(np.int8)
    gaps = (scores - gold).reshape(15, 2).sum(axis=1)
    assert METRICS["expected_calibration_error"].value(scores, gold, 0.5) == pytest.approx(np.abs(gaps).sum() / 30, abs=1e-12)
    # One score is one bin, whatever the order of the rows: |10/30 - 0.5|.
    assert METRICS["expected_calibration_error"].value(np.full(30, 0.5), np.arange(30) % 3 == 0, 0.5) == pytest.approx(1 / 6)


@pytest.mark.parametrize("name", ["brier_score", "expected_calibration_error"])
def test_scores_that_are_no_probabilities_have_no_calibration(name):
    scores, references = sample(8)
    error = refused(METRICS[name].value, scores * 3.0, references, 0.5)
    assert error.code == WhyNot.not_probabilities
    assert error.counts["outside"] == np.count_nonzero(scores * 3.0 > 1.0)


def test_macro_and_worst_pass_rate_by_hand():
    # a: 2 of 4 right; b: 1 of 1. All together 3 of 5.
    scores, gold = np.array([0.9, 0.9, 0.9, 0.9, 0.1]), np.array([1, 1, 0, 0, 0], dtype=np.int8)
    kinds = np.array(["a", "a", "a", "a", "b"])
    found = {name: METRICS[name].value(scores, gold, 0.5, kinds) for name in METRICS if name.startswith("functional")}
    assert found == {"functional_pass_rate": 0.6, "functional_pass_rate_macro": 0.75, "functional_pass_rate_worst": 0.5}
    scores, gold, kinds = (np.tile(column, 8) for column in (scores, gold, kinds))
    few = refused(METRICS["functional_pass_rate_macro"].influence, scores, gold, 0.5, kinds)
    assert (few.code, few.counts["items"]) == (WhyNot.few_items, 8)


def test_a_group_whose_benign_items_score_like_violations_shows_in_bpsn_alone():
    # Background: violations at 0.9, benign at 0.1. Group: violations at 0.99, benign at 0.95.
    scores = np.repeat([0.9, 0.1, 0.99, 0.95], 20)
    references, inside = np.repeat([1, 0, 1, 0], 20).astype(np.int8), np.repeat([False, False, True, True], 20)
    found = [METRICS[name].value(scores, references, 0.5, inside) for name in ("subgroup_auc", "bpsn_auc", "bnsp_auc")]
    assert found == [1.0, 0.0, 1.0]


def test_a_metric_that_needs_groups_says_which():
    scores, references = sample(9)
    assert "a group of items" in refused(METRICS["bpsn_auc"].value, scores, references, 0.5).sentence
    error = refused(METRICS["functional_pass_rate_macro"].value, scores, references, 0.5)
    assert error.code == WhyNot.no_group and "functionality" in error.sentence
    nobody = refused(METRICS["bpsn_auc"].value, scores, references, 0.5, np.zeros(len(scores), dtype=bool))
    assert nobody.code == WhyNot.one_class and nobody.sentence.startswith("of the items that BPSN AUC compares")
    assert (
        refused(METRICS["subgroup_auc"].value, scores, references, 0.5, np.zeros(len(scores), dtype=bool)).code == WhyNot.no_items
    )


@pytest.mark.parametrize("name", sorted(METRICS))
def test_malformed_columns_are_refused(name):
    n = size_for(name)
    scores, references = sample(10, n)
    groups = groups_for(name, n)
    metric = METRICS[name]
    for bad in (np.nan, np.inf):
        with pytest.raises(BenchmarkError, match=f"1 of {n} scores are not finite"):
            metric.value(np.where(np.arange(n) == 3, bad, scores), references, 0.5, groups)
    with pytest.raises(BenchmarkError, match="references must be 0 or 1"):
        metric.value(scores, np.where(np.arange(n) == 3, -1, references), 0.5, groups)
    with pytest.raises(BenchmarkError, match="give one score an item"):
        metric.influence(scores[1:], references, 0.5, groups)
    if groups is not None:
        with pytest.raises(BenchmarkError, match="groups for"):
            metric.value(scores, references, 0.5, groups[1:])
