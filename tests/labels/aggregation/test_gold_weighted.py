import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.crowds import skilled_crowd, strict_and_lenient_crowd
from smo_pipelines.domain.labels import TIE, GoldAnswers, Votes
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.aggregation import gold_weighted, majority


def votes_of(item, rater, label, **guideline):
    ids = np.array([f"r{n:03}" for n in range(int(np.max(rater)) + 1)])
    return Votes(item=item, rater=rater, label=label, rater_ids=ids, **guideline)


def gold_of(right, answered, *, n_items):
    return GoldAnswers(label=np.full(n_items, -1), right=right, answered=answered)


def test_two_poor_raters_do_not_outvote_a_good_one():
    votes = votes_of([0, 0, 0, 1, 1], [0, 1, 2, 1, 3], [1, 0, 0, 1, 0])
    gold = gold_of([19, 12, 12, 0], [20, 20, 20, 0], n_items=2)
    labels, share, soft = gold_weighted(votes, 2, None, gold)
    pool = (43 + 1) / (60 + 2)
    good, poor = (19 + 4 * pool) / 24, (12 + 4 * pool) / 24
    odds = good / (1 - good) * ((1 - poor) / poor) ** 2
    assert labels.tolist() == [1, 0]  # the second item: a rater without gold answers is as good as the pool, a poor one is not
    assert share.tolist() == [1 / 3, 1 / 2]
    assert math.isclose(soft[0], odds / (1 + odds), abs_tol=1e-6)
    odds = poor / (1 - poor) * (1 - pool) / pool
    assert math.isclose(soft[1], odds / (1 + odds), abs_tol=1e-6)


def test_raters_below_chance_weigh_nothing():
    votes = votes_of([0, 0, 1], [0, 1, 1], [1, 0, 0])
    labels, _, soft = gold_weighted(votes, 2, None, gold_of([18, 2], [20, 20], n_items=2))
    assert labels.tolist() == [1, TIE]  # nobody called the second item positive, and a vote turned round would
    assert soft[1] == 0.5


def test_equal_weights_on_both_sides_are_a_tie_whatever_their_order():
    votes = votes_of([0] * 6, [0, 1, 2, 3, 4, 5], [1, 1, 1, 0, 0, 0])
    right, answered = [9, 11, 17, 17, 9, 11], [12, 13, 19, 19, 12, 13]
    labels, _, soft = gold_weighted(votes, 1, None, gold_of(right, answered, n_items=1))
    assert labels.tolist() == [TIE]
    assert soft.tolist() == [0.5]


def test_more_labels_than_two_are_weighed_label_by_label():
    """Two raters say one harmless label, one says the positive: of accuracy p each, on three labels, at even odds beforehand."""
    guideline = {"labels": ("fine", "rude", "hate"), "positives": ("hate",)}
    votes = votes_of([0, 0, 0], [0, 1, 2], [0, 0, 2], **guideline)
    soft = gold_weighted(votes, 1, None, gold_of([40, 40, 40], [50, 50, 50], n_items=1)).soft[0]
    p = (40 + 4 * 121 / 152) / 54
    weight = 2 * p / (1 - p)
    assert math.isclose(soft, weight / (weight + (weight**2 + 1) / 2), abs_tol=1e-5)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), seed=st.integers(0, 99))
def test_no_bit_depends_on_the_numbers_of_raters(data, seed):
    crowd = strict_and_lenient_crowd(seed, n_items=20, n_raters=6, per_item=5)
    rng = np.random.default_rng(seed)
    answered = rng.integers(0, 30, 6) + 1
    right = rng.binomial(answered, 0.8)
    renamed = np.array(data.draw(st.permutations(range(6))))
    order = np.lexsort((renamed[crowd.rater], crowd.item))
    back = np.argsort(renamed)
    one = gold_weighted(votes_of(crowd.item, crowd.rater, crowd.label), 20, None, gold_of(right, answered, n_items=20))
    again = votes_of(crowd.item[order], renamed[crowd.rater][order], crowd.label[order])
    other = gold_weighted(again, 20, None, gold_of(right[back], answered[back], n_items=20))
    assert [column.tobytes() for column in one] == [column.tobytes() for column in other]


def test_it_is_right_more_often_than_the_majority_where_raters_differ_in_skill():
    rng, gains = np.random.default_rng(5), []
    for seed in range(4):
        crowd = skilled_crowd(seed, n_items=3000, n_raters=60, n_labels=2)
        skill = np.bincount(crowd.rater, crowd.label == crowd.truth[crowd.item]) / np.bincount(crowd.rater)
        gold = gold_of(rng.binomial(40, skill), np.full(60, 40), n_items=3000)
        votes = votes_of(crowd.item, crowd.rater, crowd.label)
        weighted, plain = gold_weighted(votes, 3000, None, gold), majority(votes, 3000)
        gains.append(np.mean(weighted.labels == crowd.truth) - np.mean(plain.labels == crowd.truth))
    assert min(gains) > 0.01


def test_ratings_of_a_redraw_carry_its_weights():
    votes = votes_of([0, 0], [0, 1], [1, 0])
    gold = gold_of([18, 16], [20, 20], n_items=1)
    assert gold_weighted(votes, 1, None, gold).labels.tolist() == [1]
    assert gold_weighted(votes, 1, np.array([0.2, 3.0]), gold).labels.tolist() == [0]


@pytest.mark.parametrize("gold", [None, gold_of([0, 0], [0, 0], n_items=1)])
def test_without_gold_it_says_what_is_missing(gold):
    with pytest.raises(LabelError, match=r"known label under the recipe's guideline.*import gold"):
        gold_weighted(votes_of([0, 0], [0, 1], [1, 0]), 1, None, gold)


def test_raters_who_all_fail_gold_give_no_labels():
    with pytest.raises(LabelError, match=r"20 of 80 answers on gold are right.*check that the gold"):
        gold_weighted(votes_of([0, 0], [0, 1], [1, 0]), 1, None, gold_of([10, 10], [40, 40], n_items=1))
