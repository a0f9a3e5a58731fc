import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.errors import BenchmarkError, CannotEstimate, UnknownName
from smo_pipelines.stats.metrics import METRICS, MetricTable, Needs, metric_table


def one_cell(name, scores, references, threshold, inside, functionality):
    """Return what the metric itself says of a slice: a number, or the code, sentence and counts of its refusal."""
    metric = METRICS[name]
    try:
        if metric.needs is Needs.members:
            return metric.value(scores, references, threshold, inside)
        return metric.value(scores[inside], references[inside], threshold, functionality[inside])
    except CannotEstimate as error:
        return error.code, error.sentence, error.counts


def assert_equal_cell_by_cell(scores, references, thresholds, slices, functionality):
    table = metric_table(scores, references, thresholds, slices, functionality=functionality)
    assert list(table.values) == list(METRICS)
    for name in METRICS:
        assert table.values[name].shape == (len(scores), len(slices))
        for run in range(len(scores)):
            for of in range(len(slices)):
                expected = one_cell(name, scores[run], references, thresholds[run], slices[of], functionality)
                if isinstance(expected, tuple):
                    why = table.reasons[name, run, of]
                    assert (why.code, why.sentence, why.counts) == expected
                    assert table.values[name].mask[run, of]
                    with pytest.raises(CannotEstimate):
                        table.cell(name, run, of)
                else:
                    assert table.cell(name, run, of) == pytest.approx(expected, abs=1e-12, rel=0)
                    assert not table.values[name].mask[run, of]
    return table


def world(seed, n, runs, n_slices, decimals=None):
    rng = np.random.default_rng(seed)
    references = (rng.random(n) < 0.3).astype(np.int8)
    scores = np.clip(0.3 + 0.3 * references + 0.25 * rng.normal(size=(runs, n)), 0.0, 1.0)
    slices = rng.random((n_slices, n)) < rng.random((n_slices, 1)) ** 2  # nested, overlapping, full and empty ones
    functionality = rng.choice(["counter", "quote", "slur", "spell"], n)
    return scores if decimals is None else np.round(scores, decimals), references, rng.random(runs), slices, functionality


@pytest.mark.parametrize(("n", "decimals"), [(400, None), (400, 2), (3000, 3)])
def test_every_cell_is_the_pure_functions(n, decimals):
    table = assert_equal_cell_by_cell(*world(1, n, 3, 6, decimals))
    values = sum(int(np.sum(~column.mask)) for column in table.values.values())
    assert values > 17 * 18 / 2 and table.reasons  # both kinds of cell were compared


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 1), st.booleans(), st.booleans(), st.sampled_from("ab")),
        min_size=1,
        max_size=24,
    ),
    threshold=st.sampled_from([0.0, 1 / 3, 0.5, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_tied_tiny_and_empty_slices_too(rows, threshold):
    one, other, gold, first, second, kind = (np.array(column) for column in zip(*rows, strict=True))
    slices = np.stack([first, second, first & second, np.ones(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)])
    # The second run's scores go beyond 1: no probabilities in the slices that hold such a score.
    assert_equal_cell_by_cell(np.stack([one / 3, other / 2]), gold, np.array([threshold, 0.5]), slices, kind)


def test_no_slices_is_one_of_all_items_and_metrics_can_be_chosen():
    scores, references, thresholds, _, _ = world(2, 100, 4, 1)
    table = metric_table(scores, references, thresholds, metrics=["f1", "auroc"])
    assert list(table.values) == ["f1", "auroc"]
    for run in range(4):
        assert table.cell("f1", run, 0) == pytest.approx(METRICS["f1"].value(scores[run], references, thresholds[run]), abs=1e-12)


def test_without_functionalities_only_what_needs_them_is_refused():
    scores, references, thresholds, slices, _ = world(3, 100, 2, 2)
    table = metric_table(scores, references, thresholds, slices | True)
    codes = {name: why.code for (name, _, _), why in table.reasons.items()}
    assert {name for name, code in codes.items() if code == "no_group"} == {
        "functional_pass_rate_macro",
        "functional_pass_rate_worst",
    }
    assert table.values["functional_pass_rate"].mask.sum() == 0


def test_a_mean_over_a_masked_row_is_of_what_there_is():
    scores, references = np.array([[0.1, 0.9, 0.8]]), np.array([0, 1, 0])
    table = metric_table(
        scores, references, np.array([0.5]), np.array([[True, True, True], [True, False, True]]), metrics=["recall"]
    )
    assert table.values["recall"].mean() == 1.0
    assert isinstance(table, MetricTable)


def test_no_run_is_an_empty_table():
    table = metric_table(np.empty((0, 3)), np.array([0, 1, 0]), np.empty(0), metrics=["auroc", "f1", "bpsn_auc", "brier_score"])
    assert {column.shape for column in table.values.values()} == {(0, 1)} and not table.reasons


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": np.full((2, 3), np.nan)}, "not a finite number"),
        ({"scores": np.zeros((2, 4))}, "do not fit"),
        ({"thresholds": np.zeros(3)}, "do not fit"),
        ({"slices": np.ones((2, 2), dtype=bool)}, "do not fit"),
        ({"slices": np.ones(3, dtype=bool)}, "do not fit"),
        ({"references": np.array([0, 1, -1])}, "must be 0 or 1"),
        ({"functionality": np.array(["a"])}, "do not fit"),
    ],
)
def test_malformed_input_is_refused(change, said):
    given_ = {"scores": np.zeros((2, 3)), "references": np.array([0, 1, 0]), "thresholds": np.zeros(2)} | change
    with pytest.raises(BenchmarkError, match=said):
        metric_table(**given_)


def test_an_unknown_metric_is_named():
    with pytest.raises(UnknownName, match="did you mean 'auroc'"):
        metric_table(np.zeros((1, 2)), np.array([0, 1]), np.zeros(1), metrics=["aurok"])
