"""Soft labels, several classes and class weights, for every kind of classifier."""

import dataclasses

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.classifiers.regression import regress
from smo_pipelines.classifiers.targets import class_weights, learned
from smo_pipelines.domain.classifiers import ClassWeighting
from smo_pipelines.domain.labels import TIE
from smo_pipelines.domain.targets import NEGATIVE, POSITIVE, Targets
from smo_pipelines.errors import ClassifierError


def soft(shares):
    shares = np.asarray(shares, dtype=float)
    return Targets(classes=(NEGATIVE, POSITIVE), positives=(POSITIVE,), shares=np.stack([1 - shares, shares], axis=1))


def three_classes(training):
    """Mild blame is a class of its own; both kinds of blame are positive."""
    which = np.where(training.labels == 0, 0, 1 + (np.arange(len(training)) // 12) % 2)
    return Targets(classes=("fine", "rude", "vile"), positives=("rude", "vile"), shares=np.eye(3)[which])


@pytest.fixture(params=["tfidf", "minilm", "frozen"])
def config(request, tfidf_config, minilm_config):
    made = {"tfidf": tfidf_config, "minilm": minilm_config, "frozen": dataclasses.replace(minilm_config, train_layers=0)}
    return made[request.param]


def fit(config, training, cache_dir):
    return api.fit(config, training, seed=0, cache_dir=cache_dir)


def test_soft_labels_of_zero_and_one_are_the_hard_labels(config, training, cache_dir):
    hard = fit(config, training, cache_dir)
    certain = fit(config, dataclasses.replace(training, targets=soft(training.labels)), cache_dir)
    assert np.array_equal(hard.score(training.texts), certain.score(training.texts))
    assert hard.threshold == certain.threshold


def test_softer_labels_give_scores_nearer_to_the_middle(config, training, cache_dir):
    config = dataclasses.replace(config, epochs=5)
    hard, doubtful = (
        fit(config, dataclasses.replace(training, targets=soft(target)), cache_dir).score(training.texts)
        for target in (training.labels, 0.5 + 0.2 * (training.labels - 0.5))
    )
    assert np.mean(np.abs(doubtful - 0.5)) < 0.5 * np.mean(np.abs(hard - 0.5))


def test_a_tied_item_teaches_by_its_share_and_chooses_no_threshold(config, training, cache_dir):
    tied = np.isin(np.arange(len(training)), (0, 7))  # one of the items that are trained on, one of the development split
    assert training.dev[7] and not training.dev[0]
    labels = np.where(tied, TIE, training.labels)
    with pytest.raises(ValueError, match="must be 0 or 1"):
        dataclasses.replace(training, labels=labels)
    shares = np.where(tied, 0.5, training.labels)
    fitted = fit(config, dataclasses.replace(training, labels=labels, targets=soft(shares)), cache_dir)
    assert 0 < fitted.threshold < 1


def test_several_classes_give_a_probability_each_and_a_score_that_sums_the_positive_ones(config, training, cache_dir):
    config = dataclasses.replace(config, epochs=6)
    targets = three_classes(training)
    fitted = fit(config, dataclasses.replace(training, targets=targets), cache_dir)
    assert fitted.classes == ("fine", "rude", "vile")
    by_class, score = fitted.class_scores(training.texts), fitted.score(training.texts)
    assert by_class.shape == (len(training), 3)
    assert np.allclose(by_class.sum(axis=1), 1.0)
    assert np.allclose(by_class[:, 1:].sum(axis=1), score)
    assert np.mean(by_class.argmax(axis=1) == targets.shares.argmax(axis=1)) > 0.6  # chance is .5: the commonest class
    assert np.mean((score >= fitted.threshold) == training.labels) > 0.8
    again = api.load(config, fitted.files(), cache_dir)
    assert np.array_equal(again.class_scores(training.texts), by_class)


def test_a_class_that_no_item_has_is_refused(config, training, cache_dir):
    shares = three_classes(training).shares[:, [0, 1, 2, 2]] * [1, 1, 1, 0]
    empty = Targets(classes=("fine", "rude", "vile", "odd"), positives=("rude", "vile"), shares=shares)
    with pytest.raises(ClassifierError, match="no training item has the label 'odd'"):
        fit(config, dataclasses.replace(training, targets=empty), cache_dir)


def test_balanced_weights_are_those_of_scikit_learn(training):
    from sklearn.utils.class_weight import compute_class_weight

    few = dataclasses.replace(training, labels=np.arange(len(training)) % 5 == 0)
    targets = learned(few)
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=few.labels)
    assert class_weights(targets, ClassWeighting.balanced) == pytest.approx(expected, rel=1e-12)
    assert class_weights(targets, ClassWeighting.none).tolist() == [1, 1]
    assert targets.shares @ class_weights(targets, ClassWeighting.balanced) @ np.ones(len(few)) == pytest.approx(len(few))


def test_balanced_weights_raise_the_scores_of_a_rare_class(config, training, cache_dir):
    rare = dataclasses.replace(training, labels=np.where(np.arange(len(training)) % 6 == 1, training.labels, 0))
    config = dataclasses.replace(config, epochs=4)
    plain, balanced = (
        fit(dataclasses.replace(config, class_weighting=weighting), rare, cache_dir).score(training.texts)
        for weighting in ClassWeighting
    )
    assert balanced.mean() > 1.1 * plain.mean()


def test_a_regression_on_soft_labels_is_scikit_learns_on_items_split_by_their_share(tfidf_config, training):
    from sklearn.linear_model import LogisticRegression

    from smo_pipelines.classifiers.regression import item_weights

    rng = np.random.default_rng(0)
    features, share = rng.normal(size=(len(training), 4)), rng.uniform(size=len(training))
    keep = np.arange(len(training))
    found = regress(tfidf_config, dataclasses.replace(training, targets=soft(share)), keep, features, seed=3)
    weight = item_weights(training.item_ids, seed=3)
    twice = LogisticRegression(C=tfidf_config.regularisation, solver="lbfgs", tol=1e-10, max_iter=10_000)
    twice.fit(
        np.concatenate([features, features]),
        np.repeat([1, 0], len(training)),
        sample_weight=np.concatenate([weight * share, weight * (1 - share)]),
    )
    # liblinear also penalises the intercept, so that the two agree only nearly
    assert found.coefficients[0] == pytest.approx(twice.coef_[0], abs=0.02)


def test_shares_must_be_shares():
    for shares in ([[0.5, 0.6]], [[-0.1, 1.1]], [[1.0]]):
        with pytest.raises(ValueError, match="shares"):
            Targets(classes=("a", "b"), positives=("b",), shares=np.array(shares))
    with pytest.raises(ValueError, match="some but not all must be positive"):
        Targets(classes=("a", "b"), positives=("a", "b"), shares=np.array([[0.5, 0.5]]))
