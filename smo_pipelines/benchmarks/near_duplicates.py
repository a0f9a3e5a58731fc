"""How alike two texts are: the Jaccard similarity of their character shingles, of every pair and without sampling.

MinHash with locality-sensitive hashing is the usual way to find such pairs, and misses some. A benchmark has thousands of texts, not
millions, so all intersections with it are one product of sparse matrices: exact, independent of any seed, and faster. Measured in
``docs/decisions/008-near-duplicates.md``.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from scipy import sparse

from smo_pipelines.domain.texts import normalise

__all__ = ["FEWEST_SHINGLES", "SHINGLE", "bare_words", "nearest_similarity", "shingles"]

SHINGLE = 5
"""Characters in a shingle, spaces included."""

FEWEST_SHINGLES = 15
"""Texts with fewer different shingles are alike only when their bare words are equal: one other word makes them another text."""

_ADDRESSES = frozenset({"user", "url", "rt"})
_CHUNK = 2048


def bare_words(text: str) -> str:
    """Return the normal form of a text without mentions, links and the mark of a repeated post: what was said, not to whom.

    Examples
    --------
    >>> bare_words("RT @Someone: You &amp; ME, see https://example.org/a?b=1 !!")
    'you me see'
    """
    return " ".join(word for word in normalise(text).split() if word not in _ADDRESSES)


def shingles(words: str) -> set[str]:
    """Return the different runs of :data:`SHINGLE` characters; none for a shorter text."""
    return {words[start : start + SHINGLE] for start in range(len(words) - SHINGLE + 1)}


def nearest_similarity(texts: Sequence[str], groups: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the similarity of each text with the most similar text of each group.

    The similarity is the number of shingles in both texts over the number in either (Jaccard, 1912, *New Phytologist* 11(2), 37-50),
    of their :func:`bare_words`. It is 1 where those are equal, and otherwise 0 where one text has fewer than
    :data:`FEWEST_SHINGLES`.

    Parameters
    ----------
    texts : sequence of str, length n_texts
    groups : sequence of sequence of str, length n_groups
        Other texts, e.g. one group a benchmark.

    Returns
    -------
    ndarray of shape (n_texts, n_groups), float64
        In [0, 1]; a row depends on its own text and the groups alone.
    """
    equal, bounds, vocabulary, columns, sizes = _index(tuple(tuple(group) for group in groups))
    nearest = np.zeros((len(texts), len(groups)))
    for start in range(0, len(texts), _CHUNK):
        forms = [bare_words(text) for text in texts[start : start + _CHUNK]]
        part = nearest[start : start + len(forms)]
        for group, best in enumerate(_best(forms, vocabulary, columns, sizes, bounds)):
            part[:, group] = np.where([form in equal[group] for form in forms], 1.0, best)
    return nearest


@lru_cache(maxsize=2)
def _index(
    groups: tuple[tuple[str, ...], ...],
) -> tuple[list[frozenset[str]], list[int], dict[str, int], sparse.csr_matrix, np.ndarray]:
    """Return what texts are compared with, kept for the benchmarks that are compared with night after night."""
    held = [sorted({bare_words(text) for text in group} - {""}) for group in groups]
    vocabulary: dict[str, int] = {}
    others, sizes = _rows([shingles(form) for forms in held for form in forms], vocabulary, grow=True)
    return [frozenset(forms) for forms in held], [0, *accumulate(map(len, held))], vocabulary, others.T.tocsr(), sizes


def _best(
    forms: Sequence[str], vocabulary: dict[str, int], columns: sparse.csr_matrix, sizes: np.ndarray, bounds: Sequence[int]
) -> Iterator[np.ndarray]:
    rows, own = _rows([shingles(form) for form in forms], vocabulary)
    common = (rows @ columns).tocoo()
    either = own[common.row] + sizes[common.col] - common.data
    similarity = sparse.csr_matrix((common.data / either, (common.row, common.col)), shape=common.shape)
    for first, last in pairwise(bounds):
        if last > first:
            yield similarity[:, first:last].max(axis=1).toarray()[:, 0]
        else:
            yield np.zeros(len(forms))


def _rows(sets: Sequence[set[str]], vocabulary: dict[str, int], *, grow: bool = False) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return a row of ones a text under the vocabulary, and the number of its shingles, those outside the vocabulary included."""
    indices: list[int] = []
    ends = [0]
    for found in sets:
        if len(found) >= FEWEST_SHINGLES:
            if grow:
                indices.extend(vocabulary.setdefault(shingle, len(vocabulary)) for shingle in found)
            else:
                indices.extend(vocabulary[shingle] for shingle in found if shingle in vocabulary)
        ends.append(len(indices))
    ones = np.ones(len(indices), dtype=np.int32)
    matrix = sparse.csr_matrix((ones, np.asarray(indices, dtype=np.int64), ends), shape=(len(sets), len(vocabulary)))
    return matrix, np.fromiter(map(len, sets), dtype=np.int64, count=len(sets))
