"""Thirty nights of Kern et al. (2023): the tweets of a queue day by day, rated under condition A until condition E's raters take over."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats import read

__all__ = ["BENCHMARKS", "DAYS", "FIRST", "PLAN", "SWAP_NIGHT", "RatedDay", "rated_days"]

FIRST = dt.date(2026, 1, 1)
WINDOW = 14
HISTORY = 2 * WINDOW
NIGHTS = 30
SWAP_NIGHT = 11
TWEETS_A_DAY = 38
DAYS = HISTORY + NIGHTS

PLAN: dict[str, Any] = {
    "area": "offensive",
    "recipe": {"project": "kern2023", "question": "offensive", "items": {"split": "train"}, "pool": "all"},
    "label_set": "kern2023-offensive@1",
    "classifier": "tfidf",
    "items": 400,
    "window_days": WINDOW,
    "runs": 2,
    "blessed_runs": 20,
    "blessed_over_days": WINDOW,
    "streams": [
        {"metric": "average_precision", "on": "heldout-A", "margin": 0.03},
        {"metric": "recall", "on": "heldout-A", "threshold": "baseline", "margin": 0.10},
        {"metric": "false_positive_rate", "on": "heldout-A", "threshold": "baseline", "margin": 0.10},
    ],
}
BENCHMARKS: dict[str, Any] = {
    "heldout-A": {
        "kind": "heldout",
        "diagnostic": True,
        "recipe": {
            "project": "kern2023",
            "question": "offensive",
            "items": {"split": "test"},
            "guideline": "kern2023-offensive@1",
            "instrument": "A",
            "aggregation": "majority",
        },
        "cluster": "text",
    }
}


@dataclass(frozen=True, kw_only=True, eq=False)
class RatedDay:
    """One day's tweets and ratings, imported at the midnight after it; with day 0 also the held-out tweets."""

    imported_at: dt.datetime
    batch: LabelBatch


def rated_days(seed: int, *, swap_night: int | None = SWAP_NIGHT) -> Iterator[RatedDay]:
    """Yield the days: which tweets come when is drawn by the seed; from the swap on, what condition E's raters said of them."""
    tables = read("kern2023", Path(os.environ["SMO_REAL_DATA"]) / "kern2023", key=b"a key of the benchmarks alone").tables
    ratings = tables["ratings"].filter(pc.equal(tables["ratings"]["question"], "offensive")).drop_columns(["project"])
    items = tables["items"].drop_columns(["project"])
    split = np.array([dict(one)["split"] for one in items["attributes"].to_pylist()])
    ids = np.array(items["item_id"].to_pylist())
    train = ids[split == "train"]
    train = train[np.argsort(hash_to_unit(f"kern2023 days {seed}", train.tolist()), kind="stable")]
    raters = tables["raters"].drop_columns(["project"])
    for day in range(DAYS):
        mine = train[day * TWEETS_A_DAY : (day + 1) * TWEETS_A_DAY]
        later = swap_night is not None and day >= HISTORY + swap_night - 1
        midnight = dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time(), tzinfo=dt.UTC)
        of_day = _rated(ratings, mine, "E" if later else "A", midnight + dt.timedelta(hours=12))
        if day == 0:
            of_day = pa.concat_tables([of_day, _rated(ratings, ids[split == "test"], "A", midnight + dt.timedelta(hours=12))])
            mine = np.concatenate([mine, ids[split == "test"]])
        yield RatedDay(
            imported_at=midnight + dt.timedelta(days=1),
            batch=LabelBatch(
                project="kern2023",
                source="replay",
                items=items.filter(pc.is_in(items["item_id"], pa.array(mine))),
                raters=raters.filter(pc.is_in(raters["rater_id"], pc.unique(of_day["rater_id"]))),
                ratings=of_day,
            ),
        )


def _rated(ratings: pa.Table, items: np.ndarray, condition: str, moment: dt.datetime) -> pa.Table:
    mine = ratings.filter(pc.and_(pc.equal(ratings["instrument"], condition), pc.is_in(ratings["item_id"], pa.array(items))))
    place = mine.schema.get_field_index("created_at")
    field = mine.schema.field(place)
    return mine.set_column(place, field, pa.repeat(pa.scalar(moment, field.type), mine.num_rows))
