import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.two_way import Clusters, linear_interval, median_interval, share_interval, wilson, winsorised


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 10), (57, 60), (10, 10)])
def test_wilson_is_that_of_statsmodels(hits, n):
    low, high = proportion_confint(hits, n, method="wilson")
    assert (wilson(hits / n, n).low, wilson(hits / n, n).high) == pytest.approx((low, high), abs=1e-12)


def ratings(rng, n_items=150, n_raters=15, each=4, item_sd=0.15, rater_sd=0.12):
    unit = np.repeat(np.arange(n_items), each)
    rater = np.argsort(rng.random((n_items, n_raters)), axis=1)[:, :each].ravel()
    level = 0.5 + item_sd * rng.normal(size=n_items)[unit] + rater_sd * rng.normal(size=n_raters)[rater]
    return unit, rater, level


def test_a_share_covers_its_truth_and_counting_ratings_does_not():
    rng = np.random.default_rng(1)
    missed, missed_by_counting = [], []
    for _ in range(400):
        unit, rater, level = ratings(rng)
        hits = rng.random(len(unit)) < level
        missed.append(0.5 not in share_interval(hits, Clusters(unit, rater)))
        missed_by_counting.append(0.5 not in wilson(hits.mean(), len(hits)))
    assert 0.015 <= np.mean(missed) <= 0.085
    assert np.mean(missed_by_counting) > 0.15


@pytest.mark.parametrize("kind", ["mean", "median"])
def test_means_and_medians_cover_their_truth(kind):
    rng = np.random.default_rng(2)
    missed = []
    for _ in range(300):
        unit, rater, level = ratings(rng)
        values = level + 0.3 * rng.normal(size=len(unit))
        clusters = Clusters(unit, rater)
        found = (
            median_interval(values, clusters)
            if kind == "median"
            else linear_interval(values.mean(), (values - values.mean()) / len(values), clusters)
        )
        missed.append(0.5 not in found)
    assert 0.01 <= np.mean(missed) <= 0.10


def test_independent_ratings_give_the_plain_interval():
    rng = np.random.default_rng(3)
    hits = rng.random(400) < 0.3
    one = share_interval(hits, Clusters(np.arange(400), np.zeros(400), random_raters=False))
    plain = wilson(hits.mean(), 400)
    assert (one.low, one.high) == pytest.approx((plain.low, plain.high), abs=2e-3)


def test_all_hits_count_as_many_tries_as_raters():
    hits = np.ones(600, dtype=bool)
    found = share_interval(hits, Clusters(np.arange(600) % 100, np.arange(600) // 100))
    assert (found.low, found.high) == (wilson(1.0, 6).low, wilson(1.0, 6).high)
    of_one = share_interval(hits[:100], Clusters(np.arange(100), np.zeros(100), random_raters=False))
    assert of_one.low == wilson(1.0, 100).low


def test_few_raters_or_one_item_have_no_interval():
    with pytest.raises(CannotEstimate, match="4 raters cannot show") as caught:
        Clusters(np.arange(40), np.arange(40) % 4)
    assert caught.value.code == "few_raters"
    with pytest.raises(CannotEstimate, match="one item"):
        linear_interval(1.0, np.zeros(6), Clusters(np.zeros(6), np.arange(6)))


def test_winsorising_draws_in_both_tails():
    values = np.concatenate([np.arange(100.0), [1e6]])
    drawn = winsorised(values)
    assert drawn.max() == 95.0 and drawn.min() == 5.0 and np.median(drawn) == np.median(values)
