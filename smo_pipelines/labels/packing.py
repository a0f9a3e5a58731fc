"""A rating as one 64-bit number: item, rater, round, label and clause, each a position in a sorted list, side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from smo_pipelines.errors import LabelError
from smo_pipelines.labels.selection import Condition, conditions_on
from smo_pipelines.labels.views import LabelViews

__all__ = ["CHOSEN", "PackedFields", "packed_fields", "write_codes"]

_BITS = 63
_LAST_ROUND = 254
_CODES = """
create or replace temp table item_codes as
    select item_id, (row_number() over (order by item_id) - 1)::bigint as item from items where {items};
create or replace temp table rater_codes as
    select rater_id, (row_number() over (order by rater_id) - 1)::bigint as rater from raters where {raters};
create or replace temp table clause_codes as
    select clause, row_number() over (order by clause)::bigint as code from (select distinct clause from ratings where clause is not null);
"""
CHOSEN = """
from ratings join item_codes using (item_id) join rater_codes using (rater_id) left join label_codes using (label)
left join clause_codes using (clause) where {ratings}
"""
"""The ratings that a recipe asks for, joined with the numbers that :func:`write_codes` gave."""


class Field(NamedTuple):
    """Where one part of a packed rating lies."""

    shift: int
    bits: int

    def of(self, packed: np.ndarray) -> np.ndarray:
        """Return this part of packed ratings."""
        return (packed >> self.shift) & ((1 << self.bits) - 1)


class PackedFields(NamedTuple):
    """Where the parts lie, from the highest bits to the lowest.

    The round has no bits where rounds are too many, or below 0, to be packed; their order is then left to who reads the times.
    """

    item: Field
    rater: Field
    round: Field
    label: Field
    clause: Field

    @property
    def round_sql(self) -> str:
        """The packed number of a rating's round: 0 where it has none."""
        return "coalesce(ratings.round + 1, 0)::bigint" if self.round.bits else "0::bigint"

    @property
    def sql(self) -> str:
        """The packed rating; null where the label has no number."""
        parts = ("item", "rater", self.round_sql, "label_codes.code", "coalesce(clause_codes.code, 0)")
        return " | ".join(f"({part} << {field.shift})" for part, field in zip(parts, self, strict=True))


def write_codes(views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str]) -> tuple[str, ...]:
    """Give the items, raters, labels and clauses that can occur their numbers; return the clauses, the first of them none."""
    (items, of_items), (raters, of_raters) = (conditions_on(view, wanted) for view in ("items", "raters"))
    for statement, parameters in zip(_CODES.split(";"), (of_items, of_raters, []), strict=False):
        views.run(statement.format(items=items, raters=raters), parameters)
    views.lend("label_codes", pa.table({"label": pa.array(labels, pa.string()), "code": pa.array(range(len(labels)), pa.int64())}))
    return ("", *(clause for (clause,) in views.rows("select clause from clause_codes order by code")))


def packed_fields(views: LabelViews, n_labels: int, n_clauses: int) -> PackedFields:
    """Give each part as many bits as it needs.

    Raises
    ------
    LabelError
        When they do not fit into 63 bits.
    """
    n_items, n_raters = (int(views.rows(f"select count(*) from {name}")[0][0]) for name in ("item_codes", "rater_codes"))  # noqa: S608
    ((first, last),) = views.rows("select coalesce(min(round), 0), coalesce(max(round), -1) from ratings")
    rounds = last + 2 if first >= 0 and last <= _LAST_ROUND else 1
    bits = [max(0, count - 1).bit_length() for count in (n_items, n_raters, rounds, n_labels, n_clauses)]
    if sum(bits) > _BITS:
        raise LabelError(
            f"{n_items:,} items, {n_raters:,} raters, {n_labels} labels and {n_clauses} clauses are more than one snapshot can hold; "
            "narrow the recipe's items"
        )
    shifts = np.cumsum([0, *bits[:0:-1]])[::-1].tolist()
    return PackedFields(*(Field(shift, width) for shift, width in zip(shifts, bits, strict=True)))
