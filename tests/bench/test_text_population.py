"""Fits and scores of a population are those of the classifier itself."""

import numpy as np

from bench.operation import Operation, fresh_items, hate_items, rate
from bench.text_population import TextPopulation
from bench.truth import training_set
from smo_pipelines.classifiers.tfidf import fit_tfidf
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.simulate.raters import draw_raters

CONFIG = ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf)


def test_fits_and_scores_are_those_of_the_classifier_but_for_rounding():
    items, raters = hate_items(1, 120), draw_raters(1)
    rated = rate(1, items, raters, Operation())
    share = np.bincount(rated.item, rated.positive, minlength=len(items)) / 6
    fresh = [item.text for item in fresh_items(2, 80)]
    texts = fresh + fresh[:7]  # some stand twice
    population = TextPopulation(CONFIG, [item.text for item in items], texts)
    parts = (slice(0, 120), slice(0, 90), slice(30, 120))  # each fit knows other n-grams
    sets = [training_set(items, share, (share != 0.5) & np.isin(np.arange(120), np.arange(120)[part])) for part in parts]
    ours = [population.fit(training, seed=3) for training in sets]
    for scores, fit, training in zip(population.scores(ours), ours, sets, strict=True):
        classifier = fit_tfidf(CONFIG, training, seed=3)
        np.testing.assert_allclose(scores, classifier.score(texts), atol=1e-4)
        assert abs(fit.threshold - classifier.threshold) < 1e-4
        assert np.count_nonzero(fit.idf) == len(classifier.vocabulary)
        assert np.ptp(scores) > 0.05
    np.testing.assert_allclose(population.scores(ours, slice(5, 85))[0], population.scores(ours)[0][5:85], atol=1e-6)
