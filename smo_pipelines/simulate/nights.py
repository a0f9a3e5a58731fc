"""The embedded operation day after day: a queue that never ends, rated by one pool until a day and by another from then on.

Every day brings items of its own. They are written in the morning, rated by six raters under the newest guideline until the evening,
and imported at midnight, so that a night that trains on the labels of the days before it sees exactly those days.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from smo_pipelines.simulate.items import draw_items
from smo_pipelines.simulate.operation import ORIGIN, PROJECT, items_table, raters_table, rating_table
from smo_pipelines.simulate.raters import draw_raters, rate_items
from smo_pipelines.simulate.streams import stream

if TYPE_CHECKING:
    from smo_pipelines.labels.batch import LabelBatch

__all__ = ["FIRST_DAY", "LabelDay", "label_days"]

FIRST_DAY = ORIGIN.date()
"""The date of day 0."""

_SEEDS_APART = 1_000_003
_CORE, _VENDOR = 1, 2
"""Passes of :func:`~smo_pipelines.simulate.raters.rate_items` under the newest guideline."""

_DAY = dt.timedelta(days=1)
_SECONDS_A_DAY = 86_400
_RATED_FROM, _RATED_UNTIL = 0.4, 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelDay:
    """What one day adds to the label tables.

    Attributes
    ----------
    number : int
        From 0.
    imported_at : datetime
        The midnight, in UTC, after the day.
    batch : LabelBatch
        The day's items and ratings; with day 0 also the benchmark items, which have gold and no ratings.
    """

    number: int
    imported_at: dt.datetime
    batch: "LabelBatch"

    @property
    def date(self) -> dt.date:
        """The day's date."""
        return FIRST_DAY + self.number * _DAY


def label_days(
    seed: int,
    *,
    days: int,
    items_a_day: int,
    benchmark_items: int,
    swap_on: int | None = None,
    policies: Sequence[str] = ("hate",),
    project: str = PROJECT,
) -> Iterator[LabelDay]:
    """Yield so many days of labels, in order; equal arguments give equal days, and more days begin with the same ones.

    Parameters
    ----------
    seed : int
        Of the texts, the raters and their ratings.
    days, items_a_day, benchmark_items : int
    swap_on : int, optional
        From this day on the lenient vendor pool rates everything in place of the strict core pool; never by default.
    policies : sequence of str
        Whose queues are rated.
    project : str

    Raises
    ------
    LabelError
        When the templates cannot give so many different texts.
    """
    from smo_pipelines.labels.batch import LabelBatch

    items = draw_items(seed, split="train", count=days * items_a_day, policies=policies)
    benchmark = draw_items(seed, split="benchmark", count=benchmark_items, policies=policies)
    raters = draw_raters(seed)
    for day in range(days):
        mine = items[day * items_a_day : (day + 1) * items_a_day]
        rated_by = _CORE if swap_on is None or day < swap_on else _VENDOR
        of_day = seed + _SEEDS_APART * (day + 1)
        one = rate_items(of_day, mine, raters)[rated_by]
        table = rating_table(of_day, rated_by, one, mine, raters)
        midnight = dt.datetime.combine(FIRST_DAY + day * _DAY, dt.time(), tzinfo=dt.UTC)
        when = _RATED_FROM + (_RATED_UNTIL - _RATED_FROM) * stream(of_day, "times of day").random(table.num_rows)
        seconds = int(midnight.timestamp()) + np.floor(when * _SECONDS_A_DAY).astype(np.int64)
        created = pa.array(seconds * 1_000_000, pa.timestamp("us", tz="UTC"))
        new = [*mine, *benchmark] if day == 0 else mine
        yield LabelDay(
            number=day,
            imported_at=midnight + _DAY,
            batch=LabelBatch(
                project=project,
                source="simulate",
                items=items_table(new, np.full(len(new), float(day))),
                raters=raters_table(raters),
                ratings=table.set_column(table.schema.get_field_index("created_at"), "created_at", created),
            ),
        )
