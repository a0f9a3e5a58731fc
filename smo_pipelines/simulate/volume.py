"""The embedded operation at the volume of a large one: its items come back week after week, and are rated anew each time.

A week is the same texts under new item ids, with every rating drawn again, so that a hundred million ratings cost the memory of one
week. Texts repeat from week to week, as copies do in a real queue.
"""

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from smo_pipelines.simulate.items import draw_items
from smo_pipelines.simulate.operation import items_table, raters_table, rating_table
from smo_pipelines.simulate.policy import POLICIES
from smo_pipelines.simulate.raters import draw_raters, rate_items

if TYPE_CHECKING:
    from smo_pipelines.labels.batch import LabelBatch

__all__ = ["weekly_batches"]

_SEEDS_APART = 1_000_003


def weekly_batches(seed: int, *, ratings: int, project: str, items_a_week: int = 60_000) -> Iterator["LabelBatch"]:
    """Yield imports of a week each, about a million ratings, until so many ratings are made; the last week is cut short.

    Parameters
    ----------
    seed : int
    ratings : int
        At least 1.
    project : str
    items_a_week : int
        An item has 16 ratings on average.
    """
    from smo_pipelines.labels.batch import LabelBatch
    from smo_pipelines.labels.schema import ITEMS, typed_rows

    items = draw_items(seed, split="train", count=min(items_a_week, max(100, ratings // 10)), policies=POLICIES)
    raters = draw_raters(seed)
    described = typed_rows(items_table(items, np.zeros(len(items))), ITEMS, what="simulated items")
    place = described.schema.get_field_index("item_id")
    made = 0
    for week in count():
        ids = [f"{project}-{week:04d}-{number:06d}" for number in range(len(items))]
        passes = rate_items(seed + _SEEDS_APART * week, items, raters)
        parts = [rating_table(seed, k, one, items, raters, item_ids=ids, week=week) for k, one in enumerate(passes)]
        table = pa.concat_tables(parts).slice(0, ratings - made)
        yield LabelBatch(
            project=project,
            source="simulate",
            items=described.set_column(place, "item_id", pa.array(ids, pa.string())).drop_columns(["project"]),
            raters=raters_table(raters),
            ratings=table,
        )
        made += table.num_rows
        if made >= ratings:
            return
