"""Training items that are also benchmark items: the same text under the normal form, or nearly the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from smo_pipelines.benchmarks.near_duplicates import nearest_similarity
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.texts import copy_key
from smo_pipelines.errors import BenchmarkError

__all__ = ["NEAR", "Leakage", "leaked_items"]

NEAR = 0.8
"""Similarity from which two texts count as one, chosen on real data: ``docs/decisions/008-near-duplicates.md``."""


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """Which training items a classifier must not be fitted on, because it is scored on their texts.

    Attributes
    ----------
    exact : mapping of benchmark name to tuple of str
        Training item ids, sorted, whose text stands in the benchmark; an item may be in several benchmarks.
    near : mapping of benchmark name to tuple of str
        Further items whose text is at least :data:`NEAR` similar to one of the benchmark's.
    n_training : int
        Training items that were compared, at least 1.
    """

    exact: Mapping[str, tuple[str, ...]]
    near: Mapping[str, tuple[str, ...]]
    n_training: int

    @property
    def counts(self) -> dict[str, int]:
        """Leaked training items of each benchmark, exact and near."""
        return {name: len(items) + len(self.near[name]) for name, items in self.exact.items()}

    @cached_property
    def exact_ids(self) -> frozenset[str]:
        """The items whose text stands in any benchmark."""
        return frozenset(item for items in self.exact.values() for item in items)

    @cached_property
    def near_ids(self) -> frozenset[str]:
        """The items whose text nearly stands in a benchmark, and stands in none."""
        return frozenset(item for items in self.near.values() for item in items) - self.exact_ids

    @property
    def item_ids(self) -> frozenset[str]:
        """The training items to leave out, over all benchmarks."""
        return self.exact_ids | self.near_ids

    @property
    def share(self) -> float:
        """Share of the training items that leak into any benchmark."""
        return len(self.item_ids) / self.n_training


def leaked_items(
    item_ids: Sequence[str] | np.ndarray, texts: Sequence[str] | np.ndarray, benchmarks: Iterable[Benchmark]
) -> Leakage:
    """Return the training items whose text is also a benchmark's text, after normalisation, or nearly so.

    They leave training, in both arms alike; the benchmark stays whole, so that its numbers remain comparable over time. The order of
    items, texts and benchmarks does not matter.

    Parameters
    ----------
    item_ids, texts : sequence or ndarray of str, length n_items
        The training items, of either arm or both.
    benchmarks : iterable of Benchmark

    Raises
    ------
    BenchmarkError
        When there are no training items, or ids and texts differ in length.
    """
    if not len(item_ids):
        raise BenchmarkError("leakage was asked of no training items: the arms' snapshots share no item")
    if len(item_ids) != len(texts):
        raise BenchmarkError(f"leakage was asked of {len(item_ids)} item ids with {len(texts)} texts; each item needs its text")
    named = [str(item) for item in item_ids]
    plain = [str(text) for text in texts]
    keys = [copy_key(text) for text in plain]
    held = {benchmark.name: tuple(str(text) for text in benchmark.texts) for benchmark in benchmarks}
    nearest = nearest_similarity(plain, list(held.values()))
    exact: dict[str, tuple[str, ...]] = {}
    near: dict[str, tuple[str, ...]] = {}
    for name, others, similarity in zip(held, held.values(), nearest.T, strict=True):
        copied = _copy_keys(others)
        same = {item for item, key in zip(named, keys, strict=True) if key in copied}
        exact[name] = tuple(sorted(same))
        near[name] = tuple(sorted({item for item, value in zip(named, similarity, strict=True) if value >= NEAR} - same))
    return Leakage(exact=exact, near=near, n_training=len(set(named)))


@lru_cache(maxsize=4)
def _copy_keys(texts: tuple[str, ...]) -> frozenset[str]:
    """Return what a benchmark's texts share with their copies, kept for the next training set that is compared with it."""
    return frozenset(copy_key(text) for text in texts)
