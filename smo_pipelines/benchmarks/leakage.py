"""Training items that are also benchmark items, under the normal form of their texts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.texts import text_digest
from smo_pipelines.errors import BenchmarkError

__all__ = ["Leakage", "leaked_items"]


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """Which training items a classifier must not be fitted on, because it is scored on their texts.

    Attributes
    ----------
    by_benchmark : mapping of benchmark name to tuple of str
        Training item ids, sorted; an item may be in several benchmarks.
    n_training : int
        Training items that were compared, at least 1.
    """

    by_benchmark: Mapping[str, tuple[str, ...]]
    n_training: int

    @property
    def counts(self) -> dict[str, int]:
        """Leaked training items of each benchmark."""
        return {name: len(items) for name, items in self.by_benchmark.items()}

    @property
    def item_ids(self) -> frozenset[str]:
        """The training items to leave out, over all benchmarks."""
        return frozenset(item for items in self.by_benchmark.values() for item in items)

    @property
    def share(self) -> float:
        """Share of the training items that leak into any benchmark."""
        return len(self.item_ids) / self.n_training


def leaked_items(
    item_ids: Sequence[str] | np.ndarray, texts: Sequence[str] | np.ndarray, benchmarks: Iterable[Benchmark]
) -> Leakage:
    """Return the training items whose text is also a benchmark's text, after normalisation.

    They leave training, in both arms alike; the benchmark stays whole, so that its numbers remain comparable over time.

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
    named = [(str(item), text_digest(str(text))) for item, text in zip(item_ids, texts, strict=True)]
    found: dict[str, tuple[str, ...]] = {}
    for benchmark in benchmarks:
        held = {text_digest(str(text)) for text in benchmark.texts}
        found[benchmark.name] = tuple(sorted({item for item, digest in named if digest in held}))
    return Leakage(by_benchmark=found, n_training=len({item for item, _ in named}))
