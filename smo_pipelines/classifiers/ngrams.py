"""Texts as weighted n-gram counts: made once for all the replicates that share their texts."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.errors import ClassifierError

__all__ = ["Vocabulary", "learn_vocabulary", "rows"]

_LEAST_DOCUMENTS = 2
_MOST_NGRAMS = 50_000
_KEPT = 8  # matrices a process keeps: the training texts, and the benchmarks of one experiment
_kept: "OrderedDict[tuple[str, ...], Any]" = OrderedDict()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The n-grams of a set of texts, each with its inverse document frequency.

    Attributes
    ----------
    characters, words : tuple of str
        In column order, the characters' columns first.
    idf : ndarray of shape (n_ngrams,), float64
    """

    characters: tuple[str, ...]
    words: tuple[str, ...]
    idf: np.ndarray

    def __len__(self) -> int:
        return len(self.idf)

    @cached_property
    def digest(self) -> str:
        """The name of this content."""
        return _digest([*self.characters, "", *self.words, self.idf.tobytes().hex()])


def learn_vocabulary(config: ClassifierConfig, texts: Sequence[str]) -> Vocabulary:
    """Return the n-grams that occur in two texts or more, the most frequent where there are too many.

    Raises
    ------
    ClassifierError
        When the texts share no n-gram.
    """
    key = ("vocabulary", repr((config.ngrams, config.words)), _digest(texts))
    found: Vocabulary = _once(key, lambda: _learn(config, texts))
    return found


def rows(config: ClassifierConfig, vocabulary: Vocabulary, texts: Sequence[str]) -> Any:
    """Return a sparse matrix of shape (n_texts, n_ngrams), float64: (1 + log count) times the inverse document frequency.

    The characters' part and the words' part of a row each have length one, before they are put side by side.
    """
    return _once(
        ("rows", vocabulary.digest, repr((config.ngrams, config.words)), _digest(texts)), lambda: _rows(config, vocabulary, texts)
    )


def _once(key: tuple[str, ...], make: Callable[[], Any]) -> Any:
    if key in _kept:
        _kept.move_to_end(key)
    else:
        _kept[key] = make()
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return _kept[key]


def _learn(config: ClassifierConfig, texts: Sequence[str]) -> Vocabulary:
    parts: list[tuple[str, ...]] = []
    idf: list[np.ndarray] = []
    for counter in _counters(config):
        try:
            counts = counter.fit_transform(texts)
        except ValueError as error:  # scikit-learn's only word for an empty vocabulary
            raise ClassifierError(
                f"{config.name}: no n-gram (characters {config.ngrams}, words {config.words}) occurs in {_LEAST_DOCUMENTS} training "
                "texts; give more or longer texts"
            ) from error
        seen = np.bincount(counts.indices, minlength=counts.shape[1])
        idf.append(np.log((1 + counts.shape[0]) / (1 + seen)) + 1.0)
        parts.append(tuple(sorted(counter.vocabulary_, key=counter.vocabulary_.__getitem__)))
    return Vocabulary(characters=parts[0], words=parts[1] if len(parts) > 1 else (), idf=np.concatenate(idf))


def _rows(config: ClassifierConfig, vocabulary: Vocabulary, texts: Sequence[str]) -> Any:
    from scipy.sparse import hstack
    from sklearn.preprocessing import normalize

    parts, start = [], 0
    for counter, known in zip(_counters(config, vocabulary), (vocabulary.characters, vocabulary.words), strict=False):
        counts = counter.transform(texts)
        counts.data = (1.0 + np.log(counts.data)) * vocabulary.idf[start : start + len(known)][counts.indices]
        parts.append(normalize(counts, copy=False))
        start += len(known)
    return parts[0] if len(parts) == 1 else hstack(parts, format="csr")


def _counters(config: ClassifierConfig, vocabulary: Vocabulary | None = None) -> list[Any]:
    from sklearn.feature_extraction.text import CountVectorizer

    kinds: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"analyzer": "char_wb", "ngram_range": config.ngrams}, vocabulary.characters if vocabulary else ())
    ]
    if config.words != (0, 0):
        kinds.append(({"analyzer": "word", "ngram_range": config.words}, vocabulary.words if vocabulary else ()))
    learning = {"min_df": _LEAST_DOCUMENTS, "max_features": _MOST_NGRAMS}
    return [
        CountVectorizer(lowercase=True, dtype=np.float64, **kind, **({"vocabulary": list(known)} if vocabulary else learning))
        for kind, known in kinds
    ]


def _digest(texts: Sequence[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "little"))
        found.update(data)
    return found.hexdigest()
