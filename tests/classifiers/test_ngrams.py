"""Counts are those of scikit-learn's CountVectorizer, bit for bit, in whatever order texts are seen."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from smo_pipelines.classifiers import ngrams
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind

WORDS = ["one", "Two", "three", "über", "naïve", "ไทย", "हिन्दी", "four!", "five,", "six's", "😀", "___", "a"]


def texts_of(seed, count=120):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(0, 9))) for _ in range(count)]


def config(words=(0, 0)):
    return ClassifierConfig(name="n", kind=ClassifierKind.tfidf, ngrams=(2, 4), words=words)


def counters(words, **more):
    kinds = [{"analyzer": "char_wb", "ngram_range": (2, 4)}, {"analyzer": "word", "ngram_range": words}]
    return [CountVectorizer(dtype=np.float64, **kind, **more) for kind in (kinds if words != (0, 0) else kinds[:1])]


@pytest.mark.parametrize("words", [(0, 0), (1, 2)])
@pytest.mark.parametrize("most", [50_000, 40])
def test_a_vocabulary_is_scikit_learns(monkeypatch, words, most):
    monkeypatch.setattr(ngrams, "_MOST_NGRAMS", most)
    monkeypatch.setattr(ngrams, "_kept", type(ngrams._kept)())
    texts = texts_of(1)
    found = ngrams.learn_vocabulary(config(words), texts)
    for counter, names in zip(counters(words, min_df=2, max_features=most), (found.characters, found.words), strict=False):
        counter.fit(texts)
        assert names == tuple(counter.get_feature_names_out())
    assert len(found) == len(found.characters) + len(found.words)


@pytest.mark.parametrize("words", [(0, 0), (1, 2)])
def test_rows_are_scikit_learns(words):
    texts, others = texts_of(2), texts_of(3)
    vocabulary = ngrams.learn_vocabulary(config(words), texts)
    ngrams.learn_vocabulary(config(words), others)  # what else the process has seen makes no difference
    found = ngrams.rows(config(words), vocabulary, others)
    parts, start = [], 0
    for counter, names in zip(counters(words), (vocabulary.characters, vocabulary.words), strict=False):
        counts = counter.set_params(vocabulary=list(names)).transform(others)
        counts.data = (1.0 + np.log(counts.data)) * vocabulary.idf[start : start + len(names)][counts.indices]
        parts.append(normalize(counts).toarray())
        start += len(names)
    assert found.toarray().tobytes() == np.hstack(parts).tobytes()


def test_what_was_counted_is_dropped_when_it_is_too_much(monkeypatch):
    monkeypatch.setattr(ngrams, "_MOST_COUNTS", 50)
    monkeypatch.setattr(ngrams, "_counting", {})
    first = ngrams.learn_vocabulary(config(), texts_of(4))
    held = ngrams._counting["char_wb", (2, 4)]
    assert held.kept > 50
    ngrams.rows(config(), first, texts_of(5))
    assert ngrams._counting["char_wb", (2, 4)] is not held


def test_many_texts_are_counted_once_for_their_vocabulary_and_their_rows(monkeypatch):
    monkeypatch.setattr(ngrams, "_MOST_COUNTS", 50)
    monkeypatch.setattr(ngrams, "_counting", {})
    vocabulary = ngrams.learn_vocabulary(config(), texts_of(6))
    held = ngrams._counting["char_wb", (2, 4)]
    before = held.kept
    ngrams.rows(config(), vocabulary, texts_of(6))
    assert ngrams._counting["char_wb", (2, 4)] is held
    assert held.kept == before > 50
