"""How often intervals hold the truth, counted over simulated experiments, with the Monte Carlo error of the count."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

import numpy as np

__all__ = ["ALPHA", "Row", "chunks", "monte_carlo_error", "share", "spread_out"]

ALPHA = 0.05
"""The intervals are those of level 95%."""

Found = TypeVar("Found")

Row = dict[str, Any]
"""One cell of a simulation: its settings and what was counted, as numbers and words that JSON holds."""

_AT_ONCE = 25


def share(hits: np.ndarray) -> float:
    """Return the share of experiments, to four digits."""
    return round(float(np.mean(hits)), 4)


def monte_carlo_error(rate: float, experiments: int) -> float:
    """Return the standard error of a rate counted over so many experiments."""
    return round(math.sqrt(rate * (1.0 - rate) / experiments), 4)


def chunks(experiments: int) -> Iterator[range]:
    """Yield the numbers of some experiments, a few at a time: what one task of a process is."""
    for start in range(0, experiments, _AT_ONCE):
        yield range(start, min(start + _AT_ONCE, experiments))


def spread_out(pool: Executor, work: Callable[..., Found], tasks: Sequence[tuple[Any, ...]]) -> Iterable[Found]:
    """Return the result of each task in order, worked on in the processes of a pool."""
    return pool.map(work, *zip(*tasks, strict=True))
