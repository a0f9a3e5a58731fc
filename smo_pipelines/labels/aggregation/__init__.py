"""How several ratings of an item become one label: one file an algorithm, all with one signature."""

from collections.abc import Callable, Mapping

import numpy as np

from smo_pipelines.domain.labels import Aggregation, GoldAnswers, Votes
from smo_pipelines.labels.aggregation.dawid_skene import dawid_skene
from smo_pipelines.labels.aggregation.gold_weighted import gold_weighted
from smo_pipelines.labels.aggregation.majority import majority
from smo_pipelines.labels.aggregation.median import median
from smo_pipelines.labels.aggregation.shares import ItemLabels
from smo_pipelines.labels.aggregation.soft_shares import soft_shares

__all__ = [
    "AGGREGATIONS",
    "LEARN_FROM_GOLD",
    "Aggregate",
    "ItemLabels",
    "dawid_skene",
    "gold_weighted",
    "majority",
    "median",
    "soft_shares",
]

Aggregate = Callable[[Votes, int, np.ndarray | None, GoldAnswers | None], ItemLabels]

AGGREGATIONS: Mapping[Aggregation, Aggregate] = {
    Aggregation.majority: majority,
    Aggregation.median: median,
    Aggregation.soft_shares: soft_shares,
    Aggregation.gold_weighted: gold_weighted,
    Aggregation.dawid_skene: dawid_skene,
}
"""The algorithm behind each name that a recipe may give."""

LEARN_FROM_GOLD = frozenset({Aggregation.gold_weighted, Aggregation.dawid_skene})
"""The algorithms that use what is known of the right labels."""
