"""Items as columns: what a snapshot and a benchmark take from the items table, without a Python object for each value."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.domain.columns import Categories, PackedText

__all__ = ["ItemTable", "item_table"]

_ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemTable:
    """Items, in order of item id.

    Attributes
    ----------
    item_ids : ndarray of shape (n_items,), str
    texts : PackedText of n_items
    attributes : dict of str to Categories of n_items
        ``locale`` and every attribute that an item carries; empty where unknown.
    gold : dict of str to Categories of n_items
        The right label under each guideline; empty where unknown.
    """

    item_ids: np.ndarray
    texts: PackedText
    attributes: Mapping[str, Categories]
    gold: Mapping[str, Categories]

    def __len__(self) -> int:
        return len(self.item_ids)


def item_table(batches: Iterable[pa.RecordBatch]) -> ItemTable:
    """Return items from batches of the columns ``item_id, text, locale, attributes, gold``, in whatever order they come."""
    texts = pa.schema([("item_id", pa.string()), ("text", pa.large_string()), ("locale", pa.string())])
    maps = {name: _MapColumns() for name in ("attributes", "gold")}
    parts = []
    for batch in batches:
        parts.append(pa.Table.from_batches([batch.select(texts.names)]).cast(texts).to_batches()[0] if len(batch) else None)
        for name, columns in maps.items():
            columns.add(batch.column(name))
    table = pa.Table.from_batches([part for part in parts if part is not None], schema=texts)
    order = pc.sort_indices(table["item_id"]).to_numpy()
    table = table.take(order)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    attributes = {name: column for name, column in maps["attributes"].columns(place) if name != "locale"}
    return ItemTable(
        item_ids=_strings(table["item_id"]),
        texts=_packed(table["text"]),
        attributes={"locale": _categories(table["locale"].dictionary_encode()), **attributes},
        gold=dict(maps["gold"].columns(place)),
    )


@dataclass(eq=False)
class _MapColumns:
    """A column of maps taken apart: for each key the rows that have it, and their values."""

    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)
    values: dict[str, list[pa.Array]] = field(default_factory=dict)
    n_rows: int = 0

    def add(self, column: pa.MapArray) -> None:
        pairs = column.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])))
        owners, flat = pc.list_parent_indices(pairs).to_numpy() + self.n_rows, pairs.flatten()
        keys, values = flat.field("key").dictionary_encode(), flat.field("value")
        codes = keys.indices.to_numpy()
        for code, name in enumerate(keys.dictionary.to_pylist()):
            chosen = np.flatnonzero(codes == code)
            self.rows.setdefault(name, []).append(owners[chosen])
            self.values.setdefault(name, []).append(values.take(pa.array(chosen)).dictionary_encode())
        self.n_rows += len(column)

    def columns(self, place: np.ndarray) -> Iterator[tuple[str, Categories]]:
        """Yield each key in order of name with its column; ``place`` says where each row goes."""
        for name in sorted(self.rows):
            held = _categories(pa.chunked_array(self.values[name]))
            codes = np.full(self.n_rows, len(held.values), dtype=np.int32)  # where a row lacks the key, one past its values
            codes[place[np.concatenate(self.rows[name])]] = held.codes
            yield name, _coded(codes, np.append(held.values, ""))


def _coded(codes: np.ndarray, values: np.ndarray) -> Categories:
    """Return a column from codes into values that need be neither sorted, nor used, nor different."""
    used = np.zeros(len(values), dtype=bool)
    used[codes] = True
    distinct = np.unique(values[used])
    return Categories(np.searchsorted(distinct, values).astype(np.int32)[codes], distinct)


def _categories(column: pa.ChunkedArray) -> Categories:
    one = column.unify_dictionaries().combine_chunks()
    array = one.chunk(0) if isinstance(one, pa.ChunkedArray) else one
    return _coded(array.indices.to_numpy(), np.array(array.dictionary.to_pylist(), dtype=str))


def _strings(column: pa.ChunkedArray) -> np.ndarray:
    """Return a numpy string array; plain ASCII, as identifiers are, without a Python string for each."""
    width = int(pc.max(pc.utf8_length(column)).as_py() or 1)
    found = np.zeros(len(column), dtype=f"U{width}")
    start = 0
    for chunk in column.chunks:
        for part in (chunk[at : at + _ROWS_AT_ONCE] for at in range(0, len(chunk), _ROWS_AT_ONCE)):
            text = _packed(pa.chunked_array([part.cast(pa.large_string())]))
            letters = text.data[text.offsets[0] : text.offsets[-1]]
            block = found[start : start + len(part)]
            if letters.size and int(letters.max()) > 0x7F:
                block[:] = part.to_pylist()
            else:
                filled = np.arange(width) < np.diff(text.offsets)[:, None]
                block.view(np.uint32).reshape(len(part), width)[filled] = letters
            start += len(part)
    found.flags.writeable = False
    return found


def _packed(column: pa.ChunkedArray) -> PackedText:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if len(array) == 0:
        return PackedText.of([])
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return PackedText(np.frombuffer(data or b"", dtype=np.uint8), starts)
