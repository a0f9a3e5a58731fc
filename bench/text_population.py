"""A large set of texts, many of them alike, scored by many ``tfidf`` fits at once.

A fit's score of a text is the logistic of ``sum_j w_j l_j / sqrt(sum_j (idf_j l_j)^2) + b`` over the n-grams j that the fit knows, with
``w_j = idf_j coef_j`` and l the text's ``1 + log(count)``. Two products of one sparse matrix with a column a fit give both sums, so 400
fits cost little more than one; the scale of a text's row cancels. The scores are those of ``FittedTfidf.score`` but for rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from smo_pipelines.classifiers.ngrams import Vocabulary, learn_vocabulary, rows
from smo_pipelines.classifiers.tfidf import FittedTfidf
from smo_pipelines.domain.classifiers import ClassifierConfig

__all__ = ["TextPopulation"]

_AT_ONCE = 20


class TextPopulation:
    """Texts, each kept once.

    Parameters
    ----------
    texts : sequence of str, length n_texts
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._known = list(dict.fromkeys(texts))
        place = {text: k for k, text in enumerate(self._known)}
        self._row = np.array([place[text] for text in texts])
        self._vocabulary: Vocabulary | None = None
        self._matrix: Any = None

    def read_by(self, config: ClassifierConfig, training: Sequence[str]) -> None:
        """Make the texts' rows over the n-grams that any fit on some of these training texts can know; kept until others are asked for."""
        learnt = learn_vocabulary(config, training)
        if self._vocabulary is None or learnt.characters != self._vocabulary.characters:
            self._vocabulary = replace(learnt, idf=np.ones(len(learnt)))
            self._matrix = rows(config, self._vocabulary, self._known).astype(np.float32)

    def scores(self, fits: Sequence[FittedTfidf]) -> Iterator[np.ndarray]:
        """Yield the scores of all texts by each fit: arrays of shape (n_texts,), float64."""
        if self._vocabulary is None:
            raise ValueError("read_by comes first: it says which n-grams fits can know")
        column = {ngram: k for k, ngram in enumerate(self._vocabulary.characters)}
        squares = self._matrix.copy()
        squares.data = squares.data**2
        for start in range(0, len(fits), _AT_ONCE):
            part = fits[start : start + _AT_ONCE]
            weights, lengths = (np.zeros((len(column), len(part)), dtype=np.float32) for _ in range(2))
            for k, fit in enumerate(part):
                known = [column[ngram] for ngram in fit.vocabulary.characters]
                weights[known, k] = fit.vocabulary.idf * fit.regression.coefficients[0]
                lengths[known, k] = fit.vocabulary.idf**2
            length = np.sqrt(np.asarray(squares @ lengths, dtype=np.float64))
            logits = np.asarray(self._matrix @ weights, dtype=np.float64) / np.where(length > 0.0, length, 1.0)
            logits += [float(fit.regression.intercepts[0]) for fit in part]
            for one in special.expit(logits).T:
                yield one[self._row]
