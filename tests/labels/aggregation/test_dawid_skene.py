from importlib import import_module

import numpy as np
import pytest

from bench.crowds import skilled_crowd, strict_and_lenient_crowd
from smo_pipelines.domain.labels import TIE, GoldAnswers, Votes
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.aggregation import dawid_skene, majority
from smo_pipelines.stats.dawid_skene import fit_dawid_skene


def votes_of(crowd, **guideline):
    ids = np.array([f"r{n:04}" for n in range(crowd.n_raters)])
    return Votes(item=crowd.item, rater=crowd.rater, label=crowd.label, rater_ids=ids, **guideline)


def gold_of(label, *, n_raters):
    return GoldAnswers(label=label, right=np.zeros(n_raters), answered=np.zeros(n_raters))


def f1(labels, truth):
    return 2 * np.sum((labels == 1) & (truth == 1)) / (np.sum(labels == 1) + np.sum(truth == 1))


@pytest.mark.parametrize("prevalence", [0.1, 0.3])
@pytest.mark.parametrize("n_raters", [20, 200])
def test_no_worse_than_the_majority_with_strict_and_lenient_raters(prevalence, n_raters):
    """450 and 45 ratings a rater, three ratings an item: the mean over draws gains where there is enough to learn from."""
    gains = []
    for seed in range(4):
        crowd = strict_and_lenient_crowd(seed, n_items=3000, n_raters=n_raters, prevalence=prevalence)
        votes = votes_of(crowd)
        gains.append(f1(dawid_skene(votes, 3000).labels, crowd.truth) - f1(majority(votes, 3000).labels, crowd.truth))
    assert np.mean(gains) > (0.003 if n_raters == 20 else 0.0)


def test_the_probability_is_the_posterior_of_the_positive_labels():
    crowd = skilled_crowd(1, n_items=400, n_raters=20)
    names = ("a", "b", "c", "d")
    one, two, both = (
        dawid_skene(votes_of(crowd, labels=names, positives=positives), 400) for positives in (("b",), ("d",), ("b", "d"))
    )
    assert np.allclose(one.soft + two.soft, both.soft)
    assert (both.soft <= 1.0).all()
    assert both.labels.tolist() == (both.soft > 0.5).astype(int).tolist()
    assert both.share.tolist() == majority(votes_of(crowd, labels=names, positives=("b", "d")), 400).share.tolist()


def test_labels_that_nobody_gave_take_no_part():
    crowd = skilled_crowd(1, n_items=300, n_raters=15, n_labels=2)
    few = dawid_skene(votes_of(crowd), 300)
    names = ("negative", "positive", "spam", "unclear")
    assert dawid_skene(votes_of(crowd, labels=names), 300).soft.tobytes() == few.soft.tobytes()
    known = np.where(np.arange(300) == 7, 2, -1)  # but gold may name one
    with_gold = dawid_skene(votes_of(crowd, labels=names, positives=("spam",)), 300, None, gold_of(known, n_raters=15))
    assert with_gold.labels[7] == 1 and with_gold.labels[:7].tolist() == [0] * 7


def test_items_with_gold_keep_it():
    crowd = strict_and_lenient_crowd(3, n_items=500, n_raters=20)
    known = np.where(np.arange(500) % 10 == 0, 1 - crowd.truth, -1)  # even where every rater says otherwise
    found = dawid_skene(votes_of(crowd), 500, None, gold_of(known, n_raters=20))
    assert found.labels[known >= 0].tolist() == known[known >= 0].tolist()
    assert set(found.soft[known >= 0].tolist()) == {0.0, 1.0}
    assert found.share.tolist() == majority(votes_of(crowd), 500).share.tolist()


def test_what_stands_even_is_a_tie():
    votes = Votes(item=[0, 0, 1, 1], rater=[0, 1, 0, 1], label=[0, 1, 1, 0], rater_ids=np.array(["a", "b"]))
    found = dawid_skene(votes, 2)
    assert found.labels.tolist() == [TIE, TIE]
    assert np.allclose(found.soft, 0.5)


def test_one_label_throughout():
    votes = Votes(item=[0, 1], rater=[0, 0], label=[0, 0], rater_ids=np.array(["a"]))
    assert dawid_skene(votes, 2).labels.tolist() == [0, 0]
    assert dawid_skene(votes, 2).soft.tolist() == [0.0, 0.0]


def test_pseudonyms_play_no_part():
    crowd, rng = strict_and_lenient_crowd(4, n_items=800, n_raters=25), np.random.default_rng(0)
    renamed = rng.permutation(25)
    order = np.lexsort((renamed[crowd.rater], crowd.item))  # votes come in order of item and then of rater
    ids = np.array([f"r{n:04}" for n in range(25)])
    again = Votes(item=crowd.item[order], rater=renamed[crowd.rater][order], label=crowd.label[order], rater_ids=ids)
    one, other = dawid_skene(votes_of(crowd), 800), dawid_skene(again, 800)
    assert [column.tobytes() for column in one] == [column.tobytes() for column in other]


def test_labels_that_still_move_are_not_given(monkeypatch):
    monkeypatch.setattr(import_module("smo_pipelines.labels.aggregation.dawid_skene"), "_MAX_ITERATIONS", 3)
    with pytest.raises(
        LabelError, match=r"still moves after 3 iterations over 1500 ratings of 500 items by 20 raters; aggregate by"
    ):
        dawid_skene(votes_of(strict_and_lenient_crowd(3, n_items=500, n_raters=20)), 500)


def test_a_redraw_weighs_raters_and_settles():
    crowd, rng = strict_and_lenient_crowd(5, n_items=800, n_raters=25), np.random.default_rng(0)
    weights = rng.exponential(size=25)[crowd.rater]
    found = dawid_skene(votes_of(crowd), 800, weights)
    fit = fit_dawid_skene(crowd.item, crowd.rater, crowd.label, n_items=800, n_raters=25, n_labels=2, weights=weights, pooling=10.0)
    assert np.allclose(found.soft, fit.posterior[:, 1])
    assert 0.0 < np.mean(found.labels != dawid_skene(votes_of(crowd), 800).labels) < 0.25
