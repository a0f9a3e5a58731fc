import dataclasses

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.classifiers.regression import item_weights
from smo_pipelines.classifiers.tfidf import fit_tfidf
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.errors import ClassifierError


def test_the_same_arguments_give_the_same_bytes(tfidf_config, training):
    first, second = (fit_tfidf(tfidf_config, training, seed=3).files() for _ in range(2))
    assert first == second


def test_replicates_differ(tfidf_config, training):
    scores = [fit_tfidf(tfidf_config, training, seed=seed).score(training.texts) for seed in (0, 1)]
    assert not np.array_equal(*scores)


def test_learns_the_rule(tfidf_config, training):
    fitted = fit_tfidf(tfidf_config, training, seed=0)
    assert np.mean((fitted.score(training.texts) >= fitted.threshold) == training.labels) > 0.9


def test_arms_share_the_weights_of_shared_items():
    whole, part = item_weights(["a", "b", "c", "d"], seed=5), item_weights(["d", "b"], seed=5)
    assert part.tolist() == [whole[3], whole[1]]
    assert item_weights(["a"], seed=6) != whole[0]


def test_weights_are_exponential_with_mean_one():
    weights = item_weights([f"i{k}" for k in range(4000)], seed=1)
    assert weights.min() > 0
    # mean and variance of Exp(1) are 1; standard errors at n = 4000 are .016 and .045 (fourth central moment 9)
    assert weights.mean() == pytest.approx(1, abs=0.064)
    assert weights.var() == pytest.approx(1, abs=0.18)


def test_development_items_are_never_trained_on(tfidf_config, training):
    flipped = np.where(training.dev, 1 - training.labels, training.labels)
    other = dataclasses.replace(training, labels=flipped)
    one, two = fit_tfidf(tfidf_config, training, seed=0), fit_tfidf(tfidf_config, other, seed=0)
    assert np.array_equal(one.regression.coefficients, two.regression.coefficients)
    assert one.threshold != two.threshold


def test_any_script_is_read(tfidf_config, cache_dir):
    texts = [("ดีมากครับ " if i % 2 else "แย่มากเลย ") * 2 + str(i) for i in range(40)]
    thai = TrainingSet(
        item_ids=np.array([f"t{i:02d}" for i in range(40)]),
        texts=np.array(texts, dtype=object),
        labels=np.arange(40) % 2,
        dev=np.arange(40) >= 30,
    )
    api.check_readable(tfidf_config, texts, "the training set", cache_dir)
    fitted = fit_tfidf(tfidf_config, thai, seed=0)
    assert np.array_equal(fitted.score(texts) >= fitted.threshold, thai.labels == 1)


def test_a_saved_fit_scores_the_same(tfidf_config, training, cache_dir):
    fitted = fit_tfidf(tfidf_config, training, seed=0)
    again = api.load(tfidf_config, fitted.files(), cache_dir)
    assert again.threshold == fitted.threshold
    assert np.array_equal(again.score(training.texts), fitted.score(training.texts))


def test_files_of_another_configuration_are_refused(tfidf_config, training, cache_dir):
    files = fit_tfidf(tfidf_config, training, seed=0).files()
    with pytest.raises(ClassifierError, match="fitted with the config"):
        api.load(dataclasses.replace(tfidf_config, regularisation=9.0), files, cache_dir)


def test_texts_without_a_common_ngram_are_refused(tfidf_config):
    blank = TrainingSet(
        item_ids=np.array(["a", "b", "c", "d"]),
        texts=np.array(["", " ", "", ""], dtype=object),
        labels=[0, 1, 0, 1],
        dev=[False, False, True, True],
    )
    with pytest.raises(ClassifierError, match=r"no n-gram \(characters \(2, 4\)"):
        fit_tfidf(tfidf_config, blank, seed=0)
