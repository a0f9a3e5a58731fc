"""The ratings that count for a recipe, read as sorted whole numbers: a hundred million of them fit in a gigabyte.

An item, a rater, a label and a clause are positions in sorted lists, and a rating is these and its round, packed into one
64-bit number (:mod:`smo_pipelines.labels.packing`). Numbers are sorted in place, so that "the same rater rated the same item
again" and "the ratings of one item" are runs of neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.packing import CHOSEN, PackedFields, packed_fields, write_codes
from smo_pipelines.labels.selection import Condition, conditions_on
from smo_pipelines.labels.views import LabelViews

__all__ = ["ChosenRatings", "choose_ratings"]

_ROWS_AT_ONCE = 1 << 22
_SAMPLE = 1000
_NEVER = -(2**62)
_TIMES = {
    "round": "coalesce(round, -1)::integer",
    "created": f"coalesce(epoch_us(created_at), {_NEVER})",
    "imported": "epoch_us(imported_at)",
}
_RATED_AGAIN = """
select exists (select 1 {chosen} and item < {sample} and item_id <= (select max(item_id) from item_codes where item < {sample})
    group by item, rater, {round} having count(*) > 1)
"""
# All that a rater rated as one number: raters of equal numbers did the same, so which of them is kept changes no label.
_WORK = """
select coalesce(work, 0) from rater_codes left join (
    select rater_id, (sum(md5_number_lower(concat_ws(chr(31), item_id, question, coalesce(label, ''), coalesce(guideline, ''),
        coalesce(instrument, ''), coalesce(clause, ''), coalesce(round, 0), coalesce(epoch_us(created_at), 0), skipped, is_gold)))
        % 18446744073709551557)::ubigint as work
    from ratings group by rater_id) using (rater_id)
order by rater
"""


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
    clauses = write_codes(views, wanted, labels)
    fields = packed_fields(views, len(labels), len(clauses))
    packed = _latest(views, wanted, labels, fields)
    if overlap is not None:
        packed = _thinned(views, packed, fields, overlap)
    return _unpacked(views, packed, fields, clauses) if len(packed) else None


def _latest(views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str], fields: PackedFields) -> np.ndarray:
    """Return packed ratings in order, one of each rater and item: who rated an item again has changed their mind.

    The round of a rating is packed with it, so that the last of a rater and item is the last of its run. Where one round holds two
    ratings of a rater and item their times decide; they are read only then, which a look at some items foresees well enough: where it
    was wrong, the ratings are read once more.
    """
    where, parameters = conditions_on("ratings", wanted)
    looked_at = {"chosen": CHOSEN.format(ratings=where), "sample": _SAMPLE, "round": fields.round_sql}
    ((again,),) = views.rows(_RATED_AGAIN.format(**looked_at), parameters)
    if not again:
        packed, *_ = _read(views, wanted, labels, fields)
        packed.sort()
        if _all_differ(packed, fields.round.shift):
            return packed if _all_differ(packed, fields.rater.shift) else packed[_ends(packed >> fields.rater.shift)]
    packed, *times = _read(views, wanted, labels, fields, timed=True)
    order = np.argsort(packed)
    packed = packed[order]
    pairs = packed >> fields.rater.shift
    ends, starts = _ends(pairs), np.r_[True, pairs[1:] != pairs[:-1]]
    kept = starts & ends
    kept[_last_of_each(np.flatnonzero(~kept), np.cumsum(starts[~kept]), [time[order] for time in times] + [packed])] = True
    return np.asarray(packed[kept])


def _all_differ(packed: np.ndarray, shift: int) -> bool:
    """Whether the parts of sorted numbers above a bit are all different."""
    blocks = (packed[start : start + _ROWS_AT_ONCE + 1] >> shift for start in range(0, len(packed), _ROWS_AT_ONCE))
    return all(bool((block[1:] != block[:-1]).all()) for block in blocks)


def _ends(values: np.ndarray) -> np.ndarray:
    """Return where runs of equal values end: shape (n_values,), bool."""
    return np.asarray(np.r_[values[1:] != values[:-1], True])


def _last_of_each(rows: np.ndarray, place: np.ndarray, times: Sequence[np.ndarray]) -> np.ndarray:
    """Return one row a place, in order: the last by the first time, of several the last by the second, and so on."""
    n_places = int(place[-1]) if len(place) else 0
    for time in times:
        if len(rows) == n_places:
            break
        moment, heads = time[rows], np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
        last = np.repeat(np.maximum.reduceat(moment, heads), np.diff(np.r_[heads, len(place)]))
        rows, place = rows[moment == last], place[moment == last]
    return rows


def _read(
    views: LabelViews, wanted: Sequence[Condition], labels: Sequence[str], fields: PackedFields, *, timed: bool = False
) -> list[np.ndarray]:
    """Return packed ratings in no order and, where asked, the round, the time and the import's time of each."""
    where, parameters = conditions_on("ratings", wanted)
    chosen = CHOSEN.format(ratings=where)
    imported = np.array(
        [time for (time,) in views.rows("select distinct epoch_us(imported_at) as time from imports order by time")]
    )
    kinds = (np.int64, np.int32, np.int64, np.int32)[: (4 if len(imported) > 1 else 3) if timed else 1]
    room = int(views.rows("select count(*) from ratings")[0][0])
    columns = [np.empty(room, dtype=kind) for kind in kinds]  # pages that are never written take no memory
    names = ("packed", "round", "created", "imported")[: len(kinds)]
    count, strange = 0, 0
    times = "".join(f", {_TIMES[name]} as {name}" for name in names[1:])
    for batch in views.batches(f"select {fields.sql} as packed {times} {chosen}", parameters):
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


def _thinned(views: LabelViews, packed: np.ndarray, fields: PackedFields, overlap: int) -> np.ndarray:
    """Keep at most so many ratings an item.

    An item's ratings are numbered in order of label, clause and what else their raters rated, and the numbers are shuffled by hash of
    the item's id: the content decides nothing but which of equal chances a rating holds, so the draw is blind to the label although
    it needs no pseudonym, and a smaller overlap is a part of a larger one.
    """
    item, rater = fields.item, fields.rater
    positions = item.of(packed)
    starts = np.flatnonzero(np.r_[True, positions[1:] != positions[:-1]])
    sizes = np.diff(np.r_[starts, len(packed)])
    many = np.repeat(sizes > overlap, sizes)
    crowded = packed[many]
    content = crowded & ((1 << fields.round.shift) - 1)  # the label and the clause
    work = np.array([number for (number,) in views.rows(_WORK)], dtype=np.uint64)
    crowded = crowded[np.lexsort((work[rater.of(crowded)], content, item.of(crowded)))]
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


def _unpacked(views: LabelViews, packed: np.ndarray, fields: PackedFields, clauses: tuple[str, ...]) -> ChosenRatings:
    """Take the ratings apart, and number again the items and raters that have one."""
    item, rater, label, clause = fields.item, fields.rater, fields.label, fields.clause
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
