"""The ratings that count for a recipe, read as sorted whole numbers: a hundred million of them fit in a gigabyte.

An item, a rater, a label and a clause are positions in sorted lists, and a rating is the four packed into one 64-bit number. Numbers
are sorted in place, so that "the same rater rated the same item again" and "the ratings of one item" are runs of neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.selection import Condition, conditions_on
from smo_pipelines.labels.views import LabelViews

__all__ = ["ChosenRatings", "choose_ratings"]

_ROWS_AT_ONCE = 1 << 22
_BITS = 63
# A rater who rated an item again has changed their mind: the latest rating counts.
_LATEST = "round desc nulls last, created_at desc nulls last, imported_at desc, label desc"
_CODES = """
create or replace temp table item_codes as
    select item_id, (row_number() over (order by item_id) - 1)::bigint as item from items where {items};
create or replace temp table rater_codes as
    select rater_id, (row_number() over (order by rater_id) - 1)::bigint as rater from raters where {raters};
create or replace temp table clause_codes as
    select clause, row_number() over (order by clause)::bigint as code from (select distinct clause from ratings where clause is not null);
"""
_CHOSEN = """
from ratings join item_codes using (item_id) join rater_codes using (rater_id) left join label_codes using (label)
left join clause_codes using (clause) {only} where {ratings}
"""


class _Field(NamedTuple):
    """Where one part of a packed rating lies."""

    shift: int
    bits: int

    def of(self, packed: np.ndarray) -> np.ndarray:
        return (packed >> self.shift) & ((1 << self.bits) - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChosenRatings:
    """The ratings that count, in order of item and rater; each array of shape (n_ratings,).

    Attributes
    ----------
    item_ids, rater_ids : ndarray of str
        What the positions in ``item`` and ``rater`` stand for: only items and raters with a rating here, sorted.
    clauses : tuple of str
        What the positions in ``clause`` stand for; the first is no clause.
    """

    item: np.ndarray
    rater: np.ndarray
    label: np.ndarray
    clause: np.ndarray
    n_items: int
    rater_ids: np.ndarray
    clauses: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.item)

    def clause_of_items(self) -> np.ndarray | None:
        """Return the clause that most of each item's ratings cite (the first by name of equals): shape (n_items,); None where none does."""
        cited = self.clause > 0
        if not cited.any():
            return None
        width = len(self.clauses)
        pairs, counts = np.unique(self.item[cited].astype(np.int64) * width + self.clause[cited], return_counts=True)
        order = np.lexsort((pairs, -counts, pairs // width))
        items, first = np.unique(pairs[order] // width, return_index=True)
        found = np.zeros(self.n_items, dtype=np.int64)
        found[items] = pairs[order][first] % width
        return np.array(self.clauses, dtype=str)[found]


def choose_ratings(
    views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str], *, overlap: int | None = None
) -> ChosenRatings | None:
    """Return the ratings that the conditions keep, the latest of each rater and item; None when there is none.

    Leaves the table ``kept_items`` (``item_id, item``): the items with a rating, and their positions.

    Parameters
    ----------
    labels : sequence of str
        The guideline's labels; at most 127.
    overlap : int, optional
        Keep at most so many ratings of an item.

    Raises
    ------
    LabelError
        When a rating has another label than these, or an overlap leaves nothing.
    """
    if len(labels) > np.iinfo(np.int8).max:
        raise LabelError(f"a guideline with {len(labels)} labels cannot be aggregated; at most {np.iinfo(np.int8).max} are legal")
    if overlap is not None and overlap < 1:
        raise LabelError(f"overlap {overlap} leaves no rating; 1 or more is legal")
    clauses = _write_codes(views, wanted, labels)
    fields = _fields(views, len(labels), len(clauses))
    packed = _read(views, wanted, labels, fields)
    packed.sort()
    packed = _latest(views, wanted, packed, fields)
    if overlap is not None:
        packed = _thinned(views, packed, fields, overlap)
    return _unpacked(views, packed, fields, clauses) if len(packed) else None


def _write_codes(views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str]) -> tuple[str, ...]:
    """Give the items, raters and clauses that can occur their numbers; return the clauses."""
    (items, of_items), (raters, of_raters) = (conditions_on(view, wanted) for view in ("items", "raters"))
    for statement, parameters in zip(_CODES.split(";"), (of_items, of_raters, []), strict=False):
        views.run(statement.format(items=items, raters=raters), parameters)
    views.lend("label_codes", pa.table({"label": pa.array(labels, pa.string()), "code": pa.array(range(len(labels)), pa.int64())}))
    return ("", *(clause for (clause,) in views.rows("select clause from clause_codes order by code")))


def _fields(views: LabelViews, n_labels: int, n_clauses: int) -> tuple[_Field, _Field, _Field, _Field]:
    """Give item, rater, label and clause as many bits as they need."""
    counts = [int(views.rows(f"select count(*) from {name}")[0][0]) for name in ("item_codes", "rater_codes")]  # noqa: S608
    bits = [max(1, (count - 1).bit_length()) for count in (max(1, counts[0]), max(1, counts[1]), n_labels, n_clauses)]
    if sum(bits) > _BITS:
        raise LabelError(
            f"{counts[0]:,} items, {counts[1]:,} raters, {n_labels} labels and {n_clauses} clauses are more than one snapshot can hold; "
            "narrow the recipe's items"
        )
    shifts = np.cumsum([0, *bits[:0:-1]])[::-1].tolist()
    item, rater, label, clause = (_Field(shift, width) for shift, width in zip(shifts, bits, strict=True))
    return item, rater, label, clause


def _packed_sql(fields: Sequence[_Field]) -> str:
    item, rater, label, clause = fields
    return (
        f"(item << {item.shift}) | (rater << {rater.shift}) | (label_codes.code << {label.shift}) | "
        f"(coalesce(clause_codes.code, 0) << {clause.shift})"
    )


def _read(views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str], fields: Sequence[_Field]) -> np.ndarray:
    where, parameters = conditions_on("ratings", wanted)
    chosen = _CHOSEN.format(ratings=where, only="")
    room = int(views.rows("select count(*) from ratings")[0][0])
    packed, count, strange = np.empty(room, dtype=np.int64), 0, 0  # pages that are never written take no memory
    for batch in views.batches(f"select {_packed_sql(fields)} as packed {chosen}", parameters):
        column = batch.column("packed")
        strange += column.null_count
        packed[count : count + len(column)] = column.fill_null(0).to_numpy()
        count += len(column)
    if strange:
        raise LabelError(_strange_labels(views, chosen, parameters, labels))
    return packed[:count]


def _strange_labels(views: LabelViews, chosen: str, parameters: Sequence[Any], labels: Sequence[str]) -> str:
    rows = views.rows(f"select label, count(*) {chosen} and label_codes.code is null group by label order by label", parameters)
    found = ", ".join(f"{label!r} ({count} ratings)" for label, count in rows[:8])
    return f"the guideline has the labels {list(labels)}; the ratings also hold {found}"


def _latest(views: LabelViews, wanted: Sequence[Condition], packed: np.ndarray, fields: Sequence[_Field]) -> np.ndarray:
    """Keep one rating of each rater and item; only those that rated an item again are looked up."""
    rater = fields[1]
    again = [
        np.unique(part[1:][part[1:] >> rater.shift == part[:-1] >> rater.shift] >> rater.shift)
        for part in (packed[start : start + _ROWS_AT_ONCE + 1] for start in range(0, len(packed), _ROWS_AT_ONCE))
    ]
    pairs = np.unique(np.concatenate(again)) if again else np.zeros(0, dtype=np.int64)
    if len(pairs) == 0:
        return packed
    views.lend("again_pairs", pa.table({"item": pairs >> rater.bits, "rater": pairs & ((1 << rater.bits) - 1)}))
    where, parameters = conditions_on("ratings", wanted)
    chosen = _CHOSEN.format(ratings=where, only="semi join again_pairs using (item, rater)")
    latest = views.table(
        f"select {_packed_sql(fields)} as packed {chosen} qualify row_number() over (partition by item, rater order by {_LATEST}) = 1",
        parameters,
    )["packed"].to_numpy()
    once: np.ndarray = np.concatenate([*(_rows_not_in(part, rater.shift, pairs) for part in _parts(packed)), latest])
    once.sort()
    return once


def _parts(packed: np.ndarray) -> list[np.ndarray]:
    return [packed[start : start + _ROWS_AT_ONCE] for start in range(0, len(packed), _ROWS_AT_ONCE)]


def _rows_not_in(part: np.ndarray, shift: int, pairs: np.ndarray) -> np.ndarray:
    where = np.searchsorted(pairs, part >> shift)
    return np.asarray(part[pairs[np.minimum(where, len(pairs) - 1)] != part >> shift])


def _thinned(views: LabelViews, packed: np.ndarray, fields: Sequence[_Field], overlap: int) -> np.ndarray:
    """Keep at most so many ratings an item.

    An item's ratings are numbered in order of label and clause, and the numbers are shuffled by hash of the item's id: the content
    decides nothing but which of equal chances a rating holds, so the draw is blind to the label although it needs no rater id, and a
    smaller overlap is a part of a larger one.
    """
    item, rater, *_ = fields
    positions = item.of(packed)
    starts = np.flatnonzero(np.r_[True, positions[1:] != positions[:-1]])
    sizes = np.diff(np.r_[starts, len(packed)])
    many = np.repeat(sizes > overlap, sizes)
    crowded = packed[many]
    content = (item.of(crowded) << rater.shift) | (crowded & ((1 << rater.shift) - 1))
    crowded = crowded[np.lexsort((rater.of(crowded), content, item.of(crowded)))]
    sizes = sizes[sizes > overlap]
    place = np.arange(len(crowded)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    heads = item.of(crowded)[place == 0] if len(crowded) else np.zeros(0, dtype=np.int64)
    views.lend("crowded", pa.table({"item": heads}))
    names = views.table("select item_id from crowded join item_codes using (item) order by item")["item_id"].to_pylist()
    seeds = (hash_to_unit("overlap", names) * 2.0**53).astype(np.uint64)
    luck = _mixed(np.repeat(seeds, sizes) + place.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    order = np.lexsort((luck, item.of(crowded)))
    rank = np.arange(len(crowded)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept: np.ndarray = np.concatenate([packed[~many], crowded[order][rank < overlap]])
    kept.sort()
    return kept


def _mixed(words: np.ndarray) -> np.ndarray:
    """Scramble 64-bit words: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


def _unpacked(views: LabelViews, packed: np.ndarray, fields: Sequence[_Field], clauses: tuple[str, ...]) -> ChosenRatings:
    """Take the ratings apart, and number again the items and raters that have one."""
    item, rater, label, clause = fields
    columns = [np.empty(len(packed), dtype=kind) for kind in (np.int32, np.int32, np.int8, np.int32)]
    for start in range(0, len(packed), _ROWS_AT_ONCE):
        part = packed[start : start + _ROWS_AT_ONCE]
        for column, place in zip(columns, (item, rater, label, clause), strict=True):
            column[start : start + len(part)] = place.of(part)
    items, new_item = _renumbered(columns[0], 1 << item.bits)
    raters, new_rater = _renumbered(columns[1], 1 << rater.bits)
    views.lend("kept_codes", pa.table({"item": items.astype(np.int64), "place": np.arange(len(items))}))
    views.run("create or replace temp table kept_items as select item_id, place from item_codes join kept_codes using (item)")
    names = views.table("select rater_id from rater_codes order by rater")["rater_id"].to_pylist()
    return ChosenRatings(
        item=new_item,
        rater=new_rater,
        label=columns[2],
        clause=columns[3],
        n_items=len(items),
        rater_ids=np.array(names, dtype=str)[raters],
        clauses=clauses,
    )


def _renumbered(positions: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions that occur, and the column with each replaced by its place among them."""
    occurs = np.zeros(room, dtype=bool)
    occurs[positions] = True
    place = (np.cumsum(occurs) - 1).astype(np.int32)
    return np.flatnonzero(occurs), place[positions]
