import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.crowds import skilled_crowd, strict_and_lenient_crowd
from smo_pipelines.stats.dawid_skene import fit_dawid_skene, label_shares

# Dawid and Skene (1979), Table 1: 45 patients a word; the first observer's three opinions, then one of each of four others.
TABLE_1 = (
    "1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212 1211111 "
    "1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111 1111111 1121121 "
    "1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222"
)


def fit_of(crowd, **options):
    sizes = {"n_items": len(crowd.truth), "n_raters": crowd.n_raters, "n_labels": crowd.n_labels}
    return fit_dawid_skene(crowd.item, crowd.rater, crowd.label, **sizes, **options)


def f1(labels, truth):
    return 2 * np.sum(labels & truth) / (np.sum(labels) + np.sum(truth))


def test_the_example_of_the_paper():
    item, rater = np.repeat(np.arange(45), 7), np.tile([0, 0, 0, 1, 2, 3, 4], 45)
    label = np.array([int(opinion) - 1 for patient in TABLE_1.split() for opinion in patient])
    fit = fit_dawid_skene(item, rater, label, n_items=45, n_raters=5, n_labels=4, tolerance=1e-12)
    assert fit.converged
    assert fit.prior.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]  # Table 2
    first_observer = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]  # Table 3
    assert fit.confusion[0].round(2).tolist() == first_observer
    assert fit.posterior[:6].argmax(axis=1).tolist() == [0, 3, 1, 1, 1, 1]  # Table 4, where each of these is 1.00
    assert fit.posterior[:6].max(axis=1).round(2).tolist() == [1.0] * 6


@st.composite
def rated(draw, *, weighted=True):
    """A few ratings of a few items, every item rated; perhaps with weights, gold and pooling."""
    n_items, n_raters, n_labels = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(2, 3))
    some = st.tuples(st.integers(0, n_items - 1), st.integers(0, n_raters - 1), st.integers(0, n_labels - 1))
    rows = draw(st.lists(some, max_size=12))
    rows += [(k, draw(st.integers(0, n_raters - 1)), draw(st.integers(0, n_labels - 1))) for k in range(n_items)]
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    options = {
        "weights": np.array(draw(st.lists(st.floats(0.1, 3.0), min_size=len(rows), max_size=len(rows)))) if weighted else None,
        "gold": np.array(draw(st.lists(st.integers(-1, n_labels - 1), min_size=n_items, max_size=n_items))),
        "pooling": draw(st.sampled_from([0.0, 0.5, 10.0])),
    }
    return columns, {"n_items": n_items, "n_raters": n_raters, "n_labels": n_labels}, options


def by_definition(columns, sizes, *, weights, gold, pooling, iterations):
    """EM in loops over ratings, in probabilities: equations 2.3 to 2.5 of the paper, started from shares (3.1)."""
    n_items, n_raters, n_labels = sizes["n_items"], sizes["n_raters"], sizes["n_labels"]
    ratings = list(zip(*(column.tolist() for column in columns), weights.tolist(), strict=True))

    def clamped(posterior):
        return [
            [float(k == gold[i]) for k in range(n_labels)] if gold[i] >= 0 else [p / sum(row) for p in row]
            for i, row in enumerate(posterior)
        ]

    shares = [[sum(w for i, _, j, w in ratings if (i, j) == (item, k)) for k in range(n_labels)] for item in range(n_items)]
    posterior, log_likelihood = clamped(shares), 0.0
    labels = range(n_labels)
    pool = [[sum(w * posterior[i][k] for i, _, given, w in ratings if given == j) for j in labels] for k in labels]
    pool = [[pooling * cell / sum(row) if sum(row) else 0.0 for cell in row] for row in pool]
    for _ in range(iterations):
        prior = [max(sum(row[k] for row in posterior) / n_items, 1e-10) for k in labels]
        confusion = {}
        for r in range(n_raters):
            own = [(i, given, w) for i, rater, given, w in ratings if rater == r]
            least = [1e-10 * (not own or any(given == j for _, given, _ in own)) for j in labels]
            for k in labels:
                cells = [pool[k][j] + sum(w * posterior[i][k] for i, given, w in own if given == j) for j in labels]
                cells = [max(cell, floor) for cell, floor in zip(cells, least, strict=True)]
                confusion |= {(r, k, j): cell / sum(cells) for j, cell in enumerate(cells)}
        joint = [
            [prior[k] * math.prod(confusion[r, k, j] ** w for i, r, j, w in ratings if i == item) for k in range(n_labels)]
            for item in range(n_items)
        ]
        log_likelihood = sum(math.log(row[gold[i]] if gold[i] >= 0 else sum(row)) for i, row in enumerate(joint))
        posterior = clamped(joint)
    return np.array(posterior), log_likelihood


@settings(max_examples=60, deadline=None)
@given(case=rated(), iterations=st.integers(1, 4))
def test_it_is_em_as_the_paper_defines_it(case, iterations):
    columns, sizes, options = case
    fit = fit_dawid_skene(*columns, **sizes, **options, tolerance=-np.inf, max_iterations=iterations)
    posterior, log_likelihood = by_definition(columns, sizes, **options, iterations=iterations)
    assert np.allclose(fit.posterior, posterior, atol=1e-9)
    assert math.isclose(fit.log_likelihood, log_likelihood, rel_tol=1e-9, abs_tol=1e-9)
    assert fit.iterations == iterations
    assert np.allclose(fit.posterior.sum(axis=1), 1.0)
    assert np.allclose(fit.confusion.sum(axis=2), 1.0)
    assert np.allclose(fit.prior, fit.posterior.mean(axis=0))


@settings(max_examples=100, deadline=None)
@given(case=rated(), data=st.data())
def test_no_bit_depends_on_the_order_of_ratings_or_the_numbers_of_raters(case, data):
    columns, sizes, options = case
    again = dict(options)
    if data.draw(st.booleans()):
        options["weights"] = again["weights"] = None
    order = np.array(data.draw(st.permutations(range(len(columns[0])))))
    renamed = np.array(data.draw(st.permutations(range(sizes["n_raters"]))))
    again["weights"] = None if options["weights"] is None else options["weights"][order]
    one = fit_dawid_skene(*columns, **sizes, **options)
    item, rater, label = (column[order] for column in columns)
    other = fit_dawid_skene(item, renamed[rater], label, **sizes, **again)
    assert one.posterior.tobytes() == other.posterior.tobytes()
    assert one.confusion.tobytes() == other.confusion[renamed].tobytes()
    assert (one.iterations, one.log_likelihood) == (other.iterations, other.log_likelihood)


def test_ratings_of_the_first_item_with_the_first_label_tell_raters_apart():
    item, rater = np.zeros(13, dtype=np.int64), np.repeat([0, 1], [10, 3])
    label = np.repeat([0, 1], [7, 6])
    sizes = {"n_items": 1, "n_raters": 2, "n_labels": 2, "gold": np.array([0]), "pooling": 0.5}
    one, other = fit_dawid_skene(item, rater, label, **sizes), fit_dawid_skene(item, 1 - rater, label, **sizes)
    assert (one.log_likelihood, one.confusion.tobytes()) == (other.log_likelihood, other.confusion[::-1].tobytes())


def test_no_bit_depends_on_them_at_scale():
    crowd, rng = strict_and_lenient_crowd(3, n_items=3000, n_raters=50), np.random.default_rng(0)
    order, renamed = rng.permutation(len(crowd)), rng.permutation(crowd.n_raters)
    again = fit_dawid_skene(
        crowd.item[order], renamed[crowd.rater[order]], crowd.label[order], n_items=3000, n_raters=50, n_labels=2
    )
    assert fit_of(crowd).posterior.tobytes() == again.posterior.tobytes()


@settings(max_examples=50, deadline=None)
@given(case=rated(weighted=False), data=st.data())
def test_a_whole_weight_is_so_many_equal_ratings(case, data):
    columns, sizes, options = case
    weights = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(columns[0]), max_size=len(columns[0]))))
    repeated = fit_dawid_skene(*(np.repeat(column, weights) for column in columns), **sizes, **options, max_iterations=5)
    weighted = fit_dawid_skene(*columns, **sizes, **(options | {"weights": weights.astype(float)}), max_iterations=5)
    assert np.allclose(repeated.posterior, weighted.posterior, atol=1e-9)


@pytest.mark.parametrize("pooling", [0.0, 10.0])
def test_every_iteration_climbs_and_an_unfinished_fit_says_so(pooling):
    crowd = strict_and_lenient_crowd(1, n_items=400, n_raters=12)
    whole = fit_of(crowd, pooling=pooling)
    assert whole.converged and whole.iterations > 5
    steps = [fit_of(crowd, pooling=pooling, max_iterations=n) for n in range(1, whole.iterations)]
    assert not any(step.converged for step in steps)
    climbed = np.diff([step.log_likelihood for step in [*steps, whole]])
    assert climbed.sum() > 1.0
    if pooling == 0.0:  # with a prior it is the penalised likelihood that climbs
        assert climbed.min() > -1e-9


def test_blocks_of_items_change_nothing(monkeypatch):
    crowd = skilled_crowd(2, n_items=300, n_raters=10)
    gold = np.where(np.arange(300) % 7 == 0, crowd.truth, -1)
    whole = fit_of(crowd, gold=gold)
    monkeypatch.setattr("smo_pipelines.stats.dawid_skene._ITEMS_AT_ONCE", 64)
    assert np.allclose(fit_of(crowd, gold=gold).posterior, whole.posterior, atol=1e-9)


def test_strict_and_lenient_raters_are_told_apart():
    """300 ratings a rater, three ratings an item, prevalence .3."""
    gains = [gain_over_majority(strict_and_lenient_crowd(seed, n_items=8000, n_raters=80), pooling=10.0) for seed in range(5)]
    assert min(gains) > 0.0
    assert np.mean(gains) > 0.005


def test_pooling_saves_raters_of_few_ratings():
    """30 ratings a rater: too few for a confusion matrix of one's own, so the classical estimator loses to the majority."""
    crowds = [strict_and_lenient_crowd(seed, n_items=600, n_raters=60) for seed in range(6)]
    assert np.mean([gain_over_majority(crowd) for crowd in crowds]) < -0.02
    assert np.mean([gain_over_majority(crowd, pooling=10.0) for crowd in crowds]) > -0.005


def gain_over_majority(crowd, **options):
    """Return how much the fit's labels gain over the majority's, in F1."""
    majority = label_shares(crowd.item, crowd.label, n_items=len(crowd.truth), n_labels=2)[:, 1] > 0.5
    truth = crowd.truth == 1
    return f1(fit_of(crowd, **options).posterior[:, 1] > 0.5, truth) - f1(majority, truth)


def test_gold_teaches_what_raters_confuse():
    """A quarter of the items have gold: posteriors of the others come closer to the truth, in mean squared error."""
    gains = []
    for seed in range(4):
        crowd = strict_and_lenient_crowd(seed, n_items=3000, n_raters=200, prevalence=0.1)
        gold = np.where(np.arange(3000) % 4 == 0, crowd.truth, -1)
        rest = gold < 0
        with_gold, without = fit_of(crowd, gold=gold).posterior, fit_of(crowd).posterior
        assert (with_gold[~rest, gold[~rest]] == 1.0).all()
        gains.append(np.mean((without[rest, 1] - crowd.truth[rest]) ** 2 - (with_gold[rest, 1] - crowd.truth[rest]) ** 2))
    assert min(gains) > 0.0


def test_a_rater_of_no_items_has_no_habit():
    fit = fit_dawid_skene(np.array([0, 1]), np.array([0, 0]), np.array([0, 1]), n_items=2, n_raters=2, n_labels=2)
    assert fit.confusion[1].tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"item": [0, 2]}, "item has positions from 0 to 2; 0 to 1 is legal"),
        ({"label": [-1, 0]}, "label has positions from -1 to 0"),
        ({"item": [0, 0]}, "1 of 2 items have no rating"),
        ({"weights": np.array([1.0, 0.0])}, "weights must be positive"),
        ({"gold": np.array([2, -1])}, "gold has positions from -1 to 2; -1 to 1 is legal"),
        ({"pooling": -1.0}, "pooling -1.0"),
        ({"max_iterations": 0}, "0 iterations"),
        ({"item": [], "rater": [], "label": []}, "0 ratings"),
    ],
)
def test_what_cannot_be_fitted(changed, message):
    columns = {"item": [0, 1], "rater": [0, 0], "label": [0, 1]} | changed
    arrays = {name: np.array(column, dtype=np.int64) if isinstance(column, list) else column for name, column in columns.items()}
    with pytest.raises(ValueError, match=message):
        fit_dawid_skene(**arrays, n_items=2, n_raters=1, n_labels=2)
