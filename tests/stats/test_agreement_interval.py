"""The interval of agreement covers what more items and more raters would show, in a world where that is known."""

import numpy as np
import pytest
from scipy import stats

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.agreement import AC1, AGREEMENT, FLEISS, Scale, alpha_of, coefficient_value
from smo_pipelines.stats.agreement_interval import RatingCodes, agreement_interval, vitality

EXPERIMENTS = 150


def panel(rng, n_items, n_raters, each, strictness=0.7):
    """Items of differing clarity, rated by raters of differing strictness and attention: ``each`` ratings an item, at random."""
    clarity, strict = 1.5 * rng.normal(size=n_items), strictness * rng.normal(size=n_raters)
    attention = np.exp(0.3 * rng.normal(size=n_raters))
    unit = np.repeat(np.arange(n_items), each)
    rater = np.argsort(rng.random((n_items, n_raters)), axis=1)[:, :each].ravel()
    p = 1 / (1 + np.exp(-(attention[rater] * clarity[unit] + strict[rater] - 0.8)))
    return RatingCodes(unit=unit, rater=rater, label=rng.random(len(unit)) < p, n_labels=2)


def truth(coefficient):
    rng = np.random.default_rng(1)
    return np.mean([coefficient_value(coefficient, panel(rng, 3000, 1500, 3).counts) for _ in range(8)])


@pytest.mark.parametrize("coefficient", [alpha_of(), AC1], ids=["alpha", "AC1"])
def test_it_covers_the_truth_of_the_pool_and_items_alone_do_not(coefficient):
    true, missed, missed_by_items_alone = truth(coefficient), [], []
    rng = np.random.default_rng(5)
    for _ in range(EXPERIMENTS):
        ratings = panel(rng, 400, 12, 8)
        missed.append(true not in agreement_interval(ratings, coefficient))
        missed_by_items_alone.append(true not in agreement_interval(ratings, coefficient, random_raters=False))
    # 400 experiments a cell over 20 cells (6 to 24 raters, 200 to 1,000 items, two spreads of strictness) gave .028 to .077
    assert 0.015 <= np.mean(missed) <= 0.10
    assert np.mean(missed_by_items_alone) > 0.15


def test_more_raters_narrow_it_at_equal_numbers_of_ratings():
    rng = np.random.default_rng(2)
    widths = {n: np.median([np.ptp(bounds(panel(rng, 600, n, 3))) for _ in range(20)]) for n in (8, 60)}
    assert widths[60] < 0.75 * widths[8]


def bounds(ratings, coefficient=None):
    found = agreement_interval(ratings, coefficient or alpha_of())
    return found.low, found.high


@pytest.mark.parametrize(
    "coefficient", [alpha_of(), alpha_of(Scale.ordinal), alpha_of(Scale.interval, [0, 1, 5]), FLEISS, AC1, AGREEMENT]
)
def test_what_is_deleted_at_once_is_what_is_deleted_one_by_one(coefficient):
    rng = np.random.default_rng(3)
    two = panel(rng, 40, 9, 4)
    ratings = RatingCodes(unit=two.unit, rater=two.rater, label=two.label + (rng.random(160) < 0.2), n_labels=3)

    def without(keep):
        unit, rater, label = ratings.unit[keep], ratings.rater[keep], ratings.label[keep]
        return coefficient_value(coefficient, RatingCodes(unit=unit, rater=rater, label=label, n_labels=3).counts)

    def jackknife(of):
        values = np.log([1 - without(of != k) for k in np.unique(of)])
        return (len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum()

    items, raters, single = jackknife(ratings.unit), jackknife(ratings.rater), jackknife(np.arange(160))
    half = np.sqrt(stats.t.ppf(0.975, 39) ** 2 * items + stats.t.ppf(0.975, 8) ** 2 * 11 / 8 * max(raters - single, raters / 4))
    centre = np.log(1 - coefficient_value(coefficient, ratings.counts))
    expected = 1 - np.exp(centre + half), 1 - np.exp(centre - half)
    assert bounds(ratings, coefficient) == pytest.approx(expected, abs=1e-10)


def test_codes_and_order_of_rows_mean_nothing():
    rng = np.random.default_rng(4)
    ratings = panel(rng, 50, 10, 3)
    order, names = rng.permutation(150), rng.permutation(900)[:10]
    moved = RatingCodes(unit=ratings.unit[order], rater=names[ratings.rater][order], label=ratings.label[order], n_labels=2)
    assert bounds(moved) == pytest.approx(bounds(ratings), abs=1e-12)
    assert coefficient_value(alpha_of(), moved.counts) <= bounds(moved)[1] <= 1


def grid(labels, n_labels=2):
    labels = np.asarray(labels)
    unit, rater = np.indices(labels.shape)
    return RatingCodes(unit=unit.ravel(), rater=rater.ravel(), label=labels.ravel(), n_labels=n_labels)


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        (np.arange(80).reshape(20, 4) % 3 == 0, "few_raters"),
        (np.arange(45).reshape(9, 5) % 3 == 0, "few_items"),
        (np.repeat(np.arange(20)[:, None] % 2, 6, axis=1), "no_disagreement"),
        (np.ones((20, 6)), "one_class"),
        (np.arange(20)[:, None] % 2, "one_rating_an_item"),
    ],
)
def test_an_interval_that_would_mean_nothing_is_refused(labels, code):
    with pytest.raises(CannotEstimate) as caught:
        agreement_interval(grid(labels), alpha_of())
    assert caught.value.code == code


def test_an_interval_that_rests_on_one_rater_is_refused():
    labels = np.repeat(np.arange(20)[:, None] % 2, 6, axis=1)
    labels[3:7, 2] = 1 - labels[3:7, 2]  # only this rater ever disagrees
    with pytest.raises(CannotEstimate, match="rests on that one alone"):
        agreement_interval(grid(labels), alpha_of())


def test_a_rater_twice_on_one_unit_is_an_error():
    with pytest.raises(ValueError, match="rates a unit twice"):
        RatingCodes(unit=[0, 0], rater=[1, 1], label=[0, 1], n_labels=2)


def test_vitality_is_alpha_minus_alpha_without_the_rater():
    rng = np.random.default_rng(6)
    ratings = panel(rng, 150, 8, 3, strictness=0.1)
    noise = ratings.rater == 5  # a rater who tosses coins, among raters of one strictness
    label = np.where(noise, rng.integers(0, 2, 450), ratings.label)
    ratings = RatingCodes(unit=ratings.unit, rater=ratings.rater, label=label, n_labels=2)
    found = vitality(ratings, alpha_of())
    assert sorted(found) == list(range(8))
    for rater, estimate in found.items():
        keep = ratings.rater != rater
        without = RatingCodes(unit=ratings.unit[keep], rater=ratings.rater[keep], label=label[keep], n_labels=2)
        difference = coefficient_value(alpha_of(), ratings.counts) - coefficient_value(alpha_of(), without.counts)
        assert estimate.estimate == pytest.approx(difference, abs=1e-12)
        deleted = []
        for unit in np.unique(ratings.unit):  # the variance, by leaving out one item after the other
            others = ratings.unit != unit
            pair = (others, others & keep)
            both = [
                coefficient_value(
                    alpha_of(), RatingCodes(unit=ratings.unit[k], rater=ratings.rater[k], label=label[k], n_labels=2).counts
                )
                for k in pair
            ]
            deleted.append(both[0] - both[1])
        assert estimate.variance == pytest.approx(149 * np.var(deleted), rel=1e-9)
    assert min(found, key=lambda rater: found[rater].estimate) == 5


def test_vitality_of_one_of_two_raters_has_no_value():
    found = vitality(grid(np.arange(40).reshape(20, 2) % 3 == 0), alpha_of())
    assert all(isinstance(estimate, CannotEstimate) for estimate in found.values())
