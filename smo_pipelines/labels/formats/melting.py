"""Rows of several labels, or of vote counts, as rows of one label each."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.labels.formats.layout import Cell, MappedOptions
from smo_pipelines.labels.formats.table_files import Chunk

__all__ = ["Faults", "LongRows", "constant", "long_rows", "of_values"]

_MOST_VOTES = 1000


class Faults:
    """Which rows cannot be read, and why: the first reason of each.

    Parameters
    ----------
    rows : int
    """

    def __init__(self, rows: int) -> None:
        self.good = np.ones(rows, dtype=bool)
        self.reasons: dict[int, str] = {}

    def add(self, bad: np.ndarray, reasons: Sequence[str]) -> None:
        """Put rows aside; one reason for each of them, or one for all."""
        for place, row in enumerate(np.flatnonzero(bad).tolist()):
            self.reasons.setdefault(row, reasons[place if len(reasons) > 1 else 0])
        self.good &= ~bad


@dataclass(frozen=True, eq=False)
class LongRows:
    """Rows of one label each, under our own names.

    Attributes
    ----------
    lines : ndarray of shape (n_rows,), int64
    columns : mapping of str to pyarrow.Array
        Text, plain or dictionary-encoded, empty where the file has no value.
    where : sequence of str
        With several labels in a row of the file, the column each is from; else empty.
    """

    lines: np.ndarray
    columns: Mapping[str, pa.Array]
    where: Sequence[str] = ()


def of_values(column: pa.DictionaryArray, test: Callable[[str], bool]) -> np.ndarray:
    """Return which rows of a column of few values pass a test."""
    passed = np.array([test(text) for text in column.dictionary.to_pylist()], dtype=bool)
    return passed[column.indices.to_numpy()] if len(passed) else np.zeros(len(column), dtype=bool)


def constant(text: str, rows: int) -> pa.Array:
    """Return one text for all rows."""
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), pa.array([text], pa.string()))


def long_rows(chunk: Chunk, options: MappedOptions, cells: Sequence[Cell], faults: Faults) -> LongRows:
    """Return a row for each label of some rows of a file.

    Parameters
    ----------
    chunk : Chunk
    options : MappedOptions
    cells : sequence of Cell
        The labels of a row, from :meth:`MappedOptions.cells`.
    faults : Faults
        Of the chunk's rows; gets those that hold no label at all, or counts that are none.
    """
    ours = {name: chunk.columns[theirs] for name, theirs in options.sources.items() if theirs in chunk.columns}
    ours |= {name: constant(text, len(chunk.lines)) for name, text in options.constants.items()}
    if options.counts:
        rows, own = _votes(chunk, options, ours, faults)
        where: Sequence[str] = ()
    elif cells:
        rows, own, where = _melted(chunk, options, cells, faults)
    else:
        return LongRows(chunk.lines, ours)
    repeated = pa.array(rows)
    return LongRows(chunk.lines[rows], {name: column.take(repeated) for name, column in ours.items()} | own, where)


def _melted(
    chunk: Chunk, options: MappedOptions, cells: Sequence[Cell], faults: Faults
) -> tuple[np.ndarray, dict[str, pa.Array], Sequence[str]]:
    n = len(chunk.lines)
    blank = constant("", n).cast(pa.string())
    columns = [pc.utf8_trim_whitespace(chunk.columns.get(cell.column, blank)) for cell in cells]
    labels = pa.concat_arrays(columns).take(pa.array(np.arange(n * len(cells)).reshape(len(cells), n).T.ravel()))
    kept = np.arange(len(labels))
    filled = of_values(labels.dictionary_encode(), lambda text: bool(options.values.get(text, text)))
    if options.blank == "no rating":
        names = cells[0].column if len(cells) == 1 else f"{cells[0].column} to {cells[-1].column}"
        empty: np.ndarray = np.logical_not(filled.reshape(n, len(cells)).any(axis=1))
        faults.add(empty, [f"no label in {names}"])
        kept = np.flatnonzero(filled)
    cell = (kept % len(cells)).astype(np.int32)
    own = {
        name: pa.DictionaryArray.from_arrays(cell, pa.array([one.constants[name] for one in cells], pa.string()))
        for name in cells[0].constants
    }
    own["label"] = labels.take(pa.array(kept))
    if options.blank == "skipped":
        own["skipped"] = pa.DictionaryArray.from_arrays((~filled).astype(np.int32), pa.array(["false", "true"]))
    return kept // len(cells), own, [cells[one].column for one in cell.tolist()]


def _votes(
    chunk: Chunk, options: MappedOptions, ours: Mapping[str, pa.Array], faults: Faults
) -> tuple[np.ndarray, dict[str, pa.Array]]:
    """Return the rows repeated once a vote, with the vote's label and slot.

    The slots of an item are dealt to its votes from a place that a checksum of the item's id gives: no slot leans to the label that
    happens to stand first in the mapping, and the same file gives the same slots.
    """
    counts = np.stack([_count(chunk, name, faults) for name in options.counts.values()], axis=1)
    total: np.ndarray = counts.sum(axis=1)
    faults.add(np.logical_and(faults.good, np.equal(total, 0)), ["no vote at all"])
    if options.total:
        said = _count(chunk, options.total, faults)
        wrong: np.ndarray = np.logical_and(faults.good, np.not_equal(said, total))
        faults.add(wrong, [f"{options.total} says {said[row]} votes, and they are {total[row]}" for row in np.flatnonzero(wrong)])
    counts[~faults.good], total[~faults.good] = 0, 0
    rows = np.repeat(np.arange(len(total)), total)
    label = np.repeat(np.tile(np.arange(counts.shape[1], dtype=np.int32), len(total)), counts.ravel())
    first: np.ndarray = np.array(
        [zlib.crc32(item.encode()) for item in ours["item_id"].cast(pa.string()).to_pylist()], dtype=np.int64
    )
    place = np.arange(len(rows)) - np.repeat(np.cumsum(total) - total, total)
    slot = ((place + first[rows]) % total[rows]).astype(np.int32) if len(rows) else np.zeros(0, dtype=np.int32)
    slots = pa.array([f"vote-{number + 1}" for number in range(int(total.max(initial=0)))], pa.string())
    own = {
        "label": pa.DictionaryArray.from_arrays(label, pa.array(list(options.counts), pa.string())),
        "rater_id": pa.DictionaryArray.from_arrays(slot, slots),
        "rater_kind": constant("anonymous", len(rows)),
    }
    return rows, own


def _count(chunk: Chunk, name: str, faults: Faults) -> np.ndarray:
    coded = chunk.columns.get(name, constant("", len(chunk.lines)))
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    texts = [text.strip() for text in coded.dictionary.to_pylist()]
    numbers = np.array([_whole(text) for text in texts], dtype=np.int64)
    codes = coded.indices.to_numpy()
    found: np.ndarray = numbers[codes] if len(numbers) else np.zeros(0, dtype=np.int64)
    bad = found < 0
    faults.add(bad, [f"{name} {texts[code][:40]!r} is not a count of 0 to {_MOST_VOTES}" for code in codes[bad]])
    return np.where(bad, 0, found)


def _whole(text: str) -> int:
    text = text.removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= _MOST_VOTES else -1
