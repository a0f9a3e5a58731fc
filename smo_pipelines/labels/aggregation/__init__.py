"""How several ratings of an item become one label: one file an algorithm, all with one signature."""

from collections.abc import Callable, Mapping

import numpy as np

from smo_pipelines.domain.labels import Aggregation, GoldAnswers, Votes
from smo_pipelines.labels.aggregation.majority import majority
from smo_pipelines.labels.aggregation.median import median
from smo_pipelines.labels.aggregation.shares import ItemLabels

__all__ = ["AGGREGATIONS", "Aggregate", "ItemLabels", "majority", "median"]

Aggregate = Callable[[Votes, int, np.ndarray | None, GoldAnswers | None], ItemLabels]

AGGREGATIONS: Mapping[Aggregation, Aggregate] = {Aggregation.majority: majority, Aggregation.median: median}
"""The algorithm behind each name that a recipe may give."""
