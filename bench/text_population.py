"""Many ``tfidf`` fits on parts of one set of training texts, and their scores of a large set of texts, for little more than one.

An n-gram's weight in a text is ``idf_j l_j / sqrt(sum_j (idf_j l_j)^2)`` with l the text's ``1 + log(count)``, over the n-grams j that
the fit knows: those that two of its own training texts hold. So counts are made once for all texts, a fit takes columns of them, and two
products of one sparse matrix with a column a fit give the scores of a whole set. Fits and scores are those of ``fit_tfidf`` but for
rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse, special

from smo_pipelines.classifiers.ngrams import learn_vocabulary, rows
from smo_pipelines.classifiers.regression import regress
from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.labels import TIE, TrainingSet

__all__ = ["LinearFit", "TextPopulation"]


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A fit over all n-grams of a population: weight and inverse document frequency, 0 where the fit does not know an n-gram."""

    weights: np.ndarray
    idf: np.ndarray
    intercept: float
    threshold: float


class TextPopulation:
    """Rows of texts over the n-grams that any fit on some of the training texts can know.

    Parameters
    ----------
    config : ClassifierConfig
        Of kind ``tfidf``, characters alone.
    training, texts : sequence of str
    """

    def __init__(self, config: ClassifierConfig, training: Sequence[str], texts: Sequence[str]) -> None:
        learnt = learn_vocabulary(config, training)
        self.config, self._vocabulary = config, replace(learnt, idf=np.ones(len(learnt)))
        self._place = {text: k for k, text in enumerate(dict.fromkeys(texts))}
        self._row = np.array([self._place[text] for text in texts])
        self._matrix = self._rows(list(self._place)).astype(np.float32)
        self._training = {text: k for k, text in enumerate(training)}
        self._training_rows = self._rows(list(training))

    def _rows(self, texts: list[str]) -> Any:
        """Return ``1 + log(count)`` of each n-gram, each row scaled to length one: its scale cancels in all that follows."""
        return rows(self.config, self._vocabulary, texts)

    def fit(self, training: TrainingSet, *, seed: int) -> LinearFit:
        """Return what ``fit_tfidf`` fits on a training set of these training texts."""
        keep = np.flatnonzero(~training.dev)
        place = np.array([self._training[text] for text in training.texts.tolist()])
        seen = np.bincount(self._training_rows[place[keep]].indices, minlength=len(self._vocabulary))
        idf = np.where(seen >= 2, np.log((1 + len(keep)) / (1 + seen)) + 1.0, 0.0)
        known = np.flatnonzero(idf)
        weighted = self._training_rows[place][:, known] @ sparse.diags(idf[known])
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        features = sparse.csr_matrix(sparse.diags(1.0 / np.where(length > 0.0, length, 1.0)) @ weighted)
        found = regress(self.config, training, keep, features[keep], seed=seed)
        decided = training.dev & (training.labels != TIE)
        weights = np.zeros(len(idf))
        weights[known] = idf[known] * found.coefficients[0]
        threshold = tune(found.score(features[decided]), training.labels[decided])
        return LinearFit(weights, idf, float(found.intercepts[0]), threshold)

    def scores(self, fits: Sequence[LinearFit], part: slice = slice(None)) -> np.ndarray:
        """Return the scores of some of the texts: shape (n_fits, n_texts)."""
        row, texts = np.unique(self._row[part], return_inverse=True)
        matrix = self._matrix[row]
        squares = matrix.copy()
        squares.data = squares.data**2
        length = np.sqrt(squares @ np.stack([fit.idf.astype(np.float32) ** 2 for fit in fits], axis=1)).astype(np.float64)
        logits = (matrix @ np.stack([fit.weights.astype(np.float32) for fit in fits], axis=1)).astype(np.float64)
        logits = logits / np.where(length > 0.0, length, 1.0) + [fit.intercept for fit in fits]
        return np.asarray(special.expit(logits).T[:, texts], dtype=np.float64)
