"""The ratings that count for a recipe, read as sorted whole numbers: a hundred million of them fit in a gigabyte.

An item, a rater, a label and a clause are positions in sorted lists, and a rating is the four packed into one 64-bit number. Numbers
are sorted in place, so that "the same rater rated the same item again" and "the ratings of one item" are runs of neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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
_NEVER = -(2**62)
_SAMPLE = 1000
_TIMES = """
coalesce(round, -1)::integer as round, coalesce(epoch_us(created_at), {never}) as created, epoch_us(imported_at) as imported
"""
_RATED_AGAIN = """
select exists (select 1 {chosen} and item < {sample} and item_id <= (select max(item_id) from item_codes where item < {sample})
    group by item, rater having count(*) > 1)
"""
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
left join clause_codes using (clause) where {ratings}
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
        if not self.clause.any():
            return None
        width = len(self.clauses)
        found = np.zeros(self.n_items, dtype=np.int64)
        block = max(1, _ROWS_AT_ONCE // width)
        bounds = np.searchsorted(self.item, np.arange(0, self.n_items + block, block))
        for number, (start, stop) in enumerate(pairwise(bounds.tolist())):
            first = number * block
            size = min(block, self.n_items - first)
            pairs = (self.item[start:stop] - first).astype(np.int64) * width + self.clause[start:stop]
            counts = np.bincount(pairs, minlength=size * width).reshape(size, width)
            counts[:, 0] = 0  # to cite no clause is no vote
            found[first : first + size] = counts.argmax(axis=1)
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
    packed = _latest(views, wanted, labels, fields)
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


def _latest(views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str], fields: Sequence[_Field]) -> np.ndarray:
    """Return packed ratings in order, one of each rater and item: who rated an item again has changed their mind.

    The times that say which rating is the latest are read only where they are needed, which a look at some items tells well enough:
    where it was wrong, the ratings are read once more.
    """
    rater = fields[1]
    where, parameters = conditions_on("ratings", wanted)
    ((again,),) = views.rows(_RATED_AGAIN.format(chosen=_CHOSEN.format(ratings=where), sample=_SAMPLE), parameters)
    if not again:
        packed, *_ = _read(views, wanted, labels, fields)
        packed.sort()
        pairs_differ = all(
            bool(np.diff(packed[start : start + _ROWS_AT_ONCE + 1] >> rater.shift).all())
            for start in range(0, len(packed), _ROWS_AT_ONCE)
        )
        if pairs_differ:
            return packed
    packed, *times = _read(views, wanted, labels, fields, timed=True)
    order = np.argsort(packed)
    packed = packed[order]
    starts = np.r_[True, np.diff(packed >> rater.shift) != 0]
    alone = starts & np.r_[starts[1:], True]
    left, place = np.flatnonzero(~alone), np.cumsum(starts[~alone])
    for time in (*times, None):
        moment = packed[left] if time is None else time[order[left]]
        heads = np.flatnonzero(np.r_[True, np.diff(place) != 0]) if len(place) else left
        last = np.repeat(np.maximum.reduceat(moment, heads), np.diff(np.r_[heads, len(place)])) if len(place) else moment
        left, place = left[moment == last], place[moment == last]
    alone[left] = True
    return np.asarray(packed[alone])


def _read(
    views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str], fields: Sequence[_Field], *, timed: bool = False
) -> list[np.ndarray]:
    """Return packed ratings in no order and, where asked, the round, the time and the import's time of each."""
    where, parameters = conditions_on("ratings", wanted)
    chosen = _CHOSEN.format(ratings=where)
    imported = np.array(
        [time for (time,) in views.rows("select distinct epoch_us(imported_at) as time from imports order by time")]
    )
    kinds = (np.int64, np.int32, np.int64, np.int32) if timed else (np.int64,)
    room = int(views.rows("select count(*) from ratings")[0][0])
    columns = [np.empty(room, dtype=kind) for kind in kinds]  # pages that are never written take no memory
    names = ("packed", "round", "created", "imported")[: len(kinds)]
    count, strange = 0, 0
    times = f", {_TIMES.format(never=_NEVER)}" if timed else ""
    for batch in views.batches(f"select {_packed_sql(fields)} as packed {times} {chosen}", parameters):
        strange += batch.column("packed").null_count
        for name, column in zip(names, columns, strict=True):
            values = batch.column(name).fill_null(0).to_numpy()
            column[count : count + len(values)] = np.searchsorted(imported, values) if name == "imported" else values
        count += len(batch)
    if strange:
        raise LabelError(_strange_labels(views, chosen, parameters, labels))
    return [column[:count] for column in columns]


def _strange_labels(views: LabelViews, chosen: str, parameters: Sequence[Any], labels: Sequence[str]) -> str:
    rows = views.rows(f"select label, count(*) {chosen} and label_codes.code is null group by label order by label", parameters)
    found = ", ".join(f"{label!r} ({count} ratings)" for label, count in rows[:8])
    return f"the guideline has the labels {list(labels)}; the ratings also hold {found}"


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
