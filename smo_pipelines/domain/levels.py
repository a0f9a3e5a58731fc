"""The value of a metric for one model or one arm, as opposed to the change between two."""

import math
from dataclasses import dataclass

from smo_pipelines.domain.effects import Estimand, Interval, NotEstimable, Question

__all__ = ["Level", "LevelEstimate"]


@dataclass(frozen=True, kw_only=True)
class LevelEstimate:
    """What a metric is.

    Attributes
    ----------
    interval : Interval or NotEstimable
        Too few items give a value and no interval.
    n_runs : int
        Fits that the value is a mean over.
    """

    question: Question
    value: float
    interval: Interval | NotEstimable
    estimand: Estimand
    n_items: int
    n_clusters: int
    n_runs: int = 1

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"a level cannot hold {self.value!r}")


Level = LevelEstimate | NotEstimable
"""A value, or why there is none."""
