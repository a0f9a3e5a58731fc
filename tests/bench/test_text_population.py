"""Many fits score many texts at once as each would alone."""

import numpy as np

from bench.operation import Operation, fresh_items, hate_items, rate
from bench.text_population import TextPopulation
from bench.truth import training_set
from smo_pipelines.classifiers.tfidf import fit_tfidf
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.simulate.raters import draw_raters

CONFIG = ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf)


def test_scores_are_those_of_each_fit_but_for_rounding():
    items, raters = hate_items(1, 120), draw_raters(1)
    rated = rate(1, items, raters, Operation())
    share = np.bincount(rated.item, rated.positive, minlength=len(items)) / 6
    fresh = [item.text for item in fresh_items(2, 80)]
    texts = fresh + fresh[:7]  # some stand twice
    fits = []
    for part in (slice(0, 120), slice(0, 90), slice(30, 120)):  # each knows other n-grams
        untied = (share != 0.5) & np.isin(np.arange(120), np.arange(120)[part])
        fits.append(fit_tfidf(CONFIG, training_set(items, share, untied), seed=3))
    population = TextPopulation(texts)
    population.read_by(CONFIG, [item.text for item in items])
    for scores, fit in zip(population.scores(fits), fits, strict=True):
        np.testing.assert_allclose(scores, fit.score(texts), atol=1e-5)
        assert np.ptp(scores) > 0.05
