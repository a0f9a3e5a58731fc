"""Texts as weighted n-gram counts: made once for all the replicates that share their texts."""

import hashlib
import json
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
_MOST_COUNTS = 5_000_000  # counts a process keeps of texts it has seen: 40 MB, and the n-grams' names
_kept: "OrderedDict[tuple[str, ...], Any]" = OrderedDict()
_counting: "dict[tuple[str, tuple[int, int]], _Counter]" = {}


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
    for counter in _counters(config, texts):
        counted = counter.count(texts)
        seen = np.bincount(counted.ids, minlength=1)
        common = np.flatnonzero(seen >= _LEAST_DOCUMENTS)
        if not len(common):
            raise ClassifierError(
                f"{config.name}: no n-gram (characters {config.ngrams}, words {config.words}) occurs in {_LEAST_DOCUMENTS} training "
                "texts; give more or longer texts"
            )
        chosen = np.array(sorted(common.tolist(), key=counter.names.__getitem__))
        if len(chosen) > _MOST_NGRAMS:
            often = np.bincount(counted.ids, weights=counted.counts)[chosen]
            chosen = chosen[np.sort((-often).argsort()[:_MOST_NGRAMS])]  # among equals whichever argsort takes, as in scikit-learn
        idf.append(np.log((1 + len(texts)) / (1 + seen[chosen])) + 1.0)
        parts.append(tuple(counter.names[one] for one in chosen.tolist()))
    return Vocabulary(characters=parts[0], words=parts[1] if len(parts) > 1 else (), idf=np.concatenate(idf))


def _rows(config: ClassifierConfig, vocabulary: Vocabulary, texts: Sequence[str]) -> Any:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.preprocessing import normalize

    parts, start = [], 0
    for counter, known in zip(_counters(config, texts), (vocabulary.characters, vocabulary.words), strict=False):
        counted = counter.count(texts)
        column = np.full(len(counter.names), -1, dtype=np.int32)
        for place, ngram in enumerate(known):
            if (one := counter.ids.get(ngram)) is not None:
                column[one] = place
        columns = column[counted.ids]
        inside = columns >= 0
        ends = np.concatenate([[0], np.cumsum(inside)])[counted.ends]
        weights = (1.0 + np.log(counted.counts[inside].astype(np.float64))) * vocabulary.idf[start : start + len(known)][
            columns[inside]
        ]
        counts = csr_matrix((weights, columns[inside], ends), shape=(len(texts), len(known)))
        counts.sort_indices()
        parts.append(normalize(counts, copy=False))
        start += len(known)
    return parts[0] if len(parts) == 1 else hstack(parts, format="csr")


def _counters(config: ClassifierConfig, texts: Sequence[str]) -> list["_Counter"]:
    kinds = [("char_wb", config.ngrams)] + ([("word", config.words)] if config.words != (0, 0) else [])
    return [_counter(kind, lengths, texts) for kind, lengths in kinds]


def _counter(kind: str, lengths: tuple[int, int], texts: Sequence[str]) -> "_Counter":
    """Return what counts the n-grams of some texts: the one there is, unless it is full and would have to count one of them."""
    found = _counting.get((kind, lengths))
    if found is None or (found.kept > _MOST_COUNTS and not found.has(texts)):
        found = _counting[kind, lengths] = _Counter(kind, lengths)
    return found


@dataclass(frozen=True, eq=False)
class _Counts:
    """The n-grams of some texts: those of text i are ``ids[ends[i]:ends[i + 1]]``, each once, with how often it occurs."""

    ids: np.ndarray
    counts: np.ndarray
    ends: np.ndarray


class _Counter:
    """Counts the n-grams of a text once, however many draws of training texts it is in: a night's texts are those of the night before."""

    def __init__(self, kind: str, lengths: tuple[int, int]) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        self._analyse = CountVectorizer(lowercase=True, analyzer=kind, ngram_range=lengths).build_analyzer()
        self._of: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.ids: dict[str, int] = {}
        self.names: list[str] = []
        self.kept = 0

    def has(self, texts: Sequence[str]) -> bool:
        """Whether all of these texts were counted."""
        return all(text in self._of for text in texts)

    def count(self, texts: Sequence[str]) -> _Counts:
        """Return the counts of texts."""
        found = [self._of.get(text) or self._new(text) for text in texts]
        ends = np.concatenate([[0], np.cumsum([len(ids) for ids, _ in found], dtype=np.int64)])
        nothing = np.zeros(0, dtype=np.int32)
        return _Counts(
            ids=np.concatenate([nothing, *(ids for ids, _ in found)]),
            counts=np.concatenate([nothing, *(counts for _, counts in found)]),
            ends=ends,
        )

    def _new(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        often: dict[str, int] = {}
        for ngram in self._analyse(text):
            often[ngram] = often.get(ngram, 0) + 1
        for ngram in often:
            if ngram not in self.ids:
                self.ids[ngram] = len(self.names)
                self.names.append(ngram)
        ids = np.fromiter((self.ids[ngram] for ngram in often), dtype=np.int32, count=len(often))
        self._of[text] = ids, np.fromiter(often.values(), dtype=np.int32, count=len(often))
        self.kept += len(often)
        return self._of[text]


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
