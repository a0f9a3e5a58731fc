"""The items, raters and ratings of one import, collected chunk by chunk."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.layout import ITEM_ATTRIBUTE, RATER_ATTRIBUTE
from smo_pipelines.labels.formats.melting import Faults
from smo_pipelines.labels.pseudonyms import pseudonym
from smo_pipelines.labels.schema import ITEMS, RATERS, RATINGS
from smo_pipelines.stats.random_raters import MIN_RATERS

__all__ = ["Collector", "LabelColumns"]

_NEEDED = ("item_id", "rater_id", "question", "label")
_RATER_FIELDS = ("kind", "pool", "locale")


class LabelColumns(NamedTuple):
    """What an import holds, as columns of the label tables; optional columns that no row fills are absent."""

    items: pa.Table
    raters: pa.Table
    ratings: pa.Table


class Collector:
    """Collects typed rows; an item or rater is described by its first good row.

    Parameters
    ----------
    project : str
    key : bytes
        The key of the raters' pseudonyms.
    """

    def __init__(self, project: str, key: bytes) -> None:
        self._project, self._key = project, key
        self._names: dict[str, str] = {}
        self._raters: dict[str, dict[str, object]] = {}
        self._items = _Items()
        self._ratings: list[tuple[int, dict[str, pa.Array]]] = []

    def add(self, file: str, lines: np.ndarray, typed: Mapping[str, pa.Array], faults: Faults) -> int:
        """Collect the good rows and return their number.

        Parameters
        ----------
        file : str
        lines : ndarray of shape (n_rows,), int64
        typed : mapping of str to pyarrow.Array
            From :func:`~smo_pipelines.labels.formats.typed_columns.typed_columns`.
        faults : Faults
            Of these rows; gets those whose text or gold is not what the same item had before.
        """
        typed = self._items.add(file, lines, typed, faults)
        if not faults.good.all():
            rows = pa.array(np.flatnonzero(faults.good))
            typed = {name: column.take(rows) for name, column in typed.items()}
        ratings = {name: column for name, column in typed.items() if name in RATINGS.names}
        n = len(typed["item_id"]) if "item_id" in typed else 0
        if not n:
            return 0
        for name in ("rater_id", "reviewer_id"):
            if name in ratings:
                ratings[name] = self._pseudonymised(ratings[name])
        self._describe(ratings["rater_id"], typed)
        self._ratings.append((n, ratings))
        return n

    def _pseudonymised(self, column: pa.DictionaryArray) -> pa.DictionaryArray:
        raw = column.dictionary.to_pylist()
        for name in raw:
            if name not in self._names:
                self._names[name] = pseudonym(self._key, self._project, name)
        return pa.DictionaryArray.from_arrays(column.indices, pa.array([self._names[n] if n else None for n in raw], pa.string()))

    def _describe(self, raters: pa.DictionaryArray, typed: Mapping[str, pa.Array]) -> None:
        names = raters.dictionary.to_pylist()
        for code, row in zip(*np.unique(raters.indices.to_numpy(), return_index=True), strict=True):
            if names[code] in self._raters:
                continue
            described = {name: typed[f"rater_{name}"][row].as_py() or None for name in _RATER_FIELDS if f"rater_{name}" in typed}
            found = {n.removeprefix(RATER_ATTRIBUTE): typed[n][row].as_py() for n in typed if n.startswith(RATER_ATTRIBUTE)}
            pairs = sorted((name, value) for name, value in found.items() if value)
            self._raters[names[code]] = {"rater_id": names[code], **described, "attributes": pairs}

    def collected(self) -> LabelColumns:
        """Return everything.

        Raises
        ------
        ImportRefused
            When items have gold and no text, or anonymous votes are so many an item that they would pass for a pool of raters.
        """
        raters = pa.Table.from_pylist(
            list(self._raters.values()), schema=_schema(RATERS, ("rater_id", *_RATER_FIELDS, "attributes"))
        )
        ratings = self._rating_columns()
        self._check_anonymous(ratings)
        return LabelColumns(self._items.collected(), raters, ratings)

    def _rating_columns(self) -> pa.Table:
        """Return the columns that some row fills, and let go of the chunks column by column: both together would be twice as much."""
        columns = {}
        for field in RATINGS:
            chunks = [_written_out(ratings.pop(field.name, None), field.type, n) for n, ratings in self._ratings]
            column = pa.chunked_array(chunks, field.type)
            if column.null_count < len(column) or field.name in _NEEDED:
                columns[field.name] = column
        return pa.table(columns)

    def _check_anonymous(self, ratings: pa.Table) -> None:
        """Refuse votes without raters that a claim about a pool of raters could be made from.

        A slot is nobody: its ratings are by another person on each item, so redrawing slots says nothing about redrawing people. Below
        so many effective raters (as :attr:`smo_pipelines.domain.labels.Votes.effective_raters` counts them) such a claim is refused
        whatever the recipe.
        """
        nobody = pa.array([name for name, described in self._raters.items() if described.get("kind") == "anonymous"], pa.string())
        if not len(nobody):
            return
        raters = ratings["rater_id"]
        counts = pc.value_counts(raters.filter(pc.is_in(raters, nobody))).field("counts").to_numpy().astype(float)
        effective = counts.sum() ** 2 / (counts**2).sum()
        if effective >= MIN_RATERS:
            raise ImportRefused(
                f"the votes have no raters, and their slots would pass for {effective:.0f} of them, enough for a claim about a pool; "
                f"give one row a vote with the rater's id, or fewer than {MIN_RATERS:.0f} votes an item"
            )


class _Items:
    """The items that have a text; whether two rows give one text is decided by its hash, so no text is held twice."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._hashes = np.zeros(0, dtype=np.int64)
        self._lines = np.zeros(0, dtype=np.int64)
        self._files: list[str] = []
        self._file_of = np.zeros(0, dtype=np.int32)
        self._gold: dict[tuple[str, str], tuple[str, str]] = {}
        self._described: list[pa.RecordBatch] = []

    def add(self, file: str, lines: np.ndarray, typed: Mapping[str, pa.Array], faults: Faults) -> Mapping[str, pa.Array]:
        if file not in self._files:
            self._files.append(file)
        if "text" in typed and faults.good.any():
            self._texts(file, lines, typed, faults)
        if "gold" in typed and "guideline" in typed:
            self._golds(file, lines, typed, faults)
        return {name: column for name, column in typed.items() if name != "text"}

    def _texts(self, file: str, lines: np.ndarray, typed: Mapping[str, pa.Array], faults: Faults) -> None:
        filled = np.asarray(pc.not_equal(pc.binary_length(typed["text"]), 0).to_numpy(zero_copy_only=False))
        rows = np.flatnonzero(faults.good & filled)
        whole = len(rows) == len(lines)
        item, text = (typed[name] if whole else typed[name].take(pa.array(rows)) for name in ("item_id", "text"))
        coded = item.dictionary_encode()
        before, codes = len(self._hashes), self._codes
        known = np.array(
            [codes.setdefault(name, len(codes)) for name in coded.dictionary.to_numpy(zero_copy_only=False)], dtype=np.int64
        )
        code = known[coded.indices.to_numpy()]
        hashes = np.fromiter(map(hash, text.to_numpy(zero_copy_only=False)), dtype=np.int64, count=len(text))
        new, first = np.unique(code, return_index=True)
        first = first[new >= before]  # codes are given in order of appearance, so these follow those known before
        self._hashes = _grown(self._hashes, hashes[first], len(codes))
        self._lines = _grown(self._lines, lines[rows[first]], len(codes))
        self._file_of = _grown(self._file_of, np.full(len(first), self._files.index(file), dtype=np.int32), len(codes))
        self._describe(typed, rows[first], len(lines))
        wrong = np.flatnonzero(self._hashes[code] != hashes)
        if len(wrong):
            bad = np.zeros(len(lines), dtype=bool)
            bad[rows[wrong]] = True
            sentences = [
                f"the text of item {item[row].as_py()!r} is not the one it had on {self._place(file, code[row])}"
                for row in wrong.tolist()
            ]
            faults.add(bad, sentences)

    def _place(self, file: str, code: int) -> str:
        found = self._files[self._file_of[code]]
        return f"line {self._lines[code]}" if found == file else f"{found}:{self._lines[code]}"

    def _describe(self, typed: Mapping[str, pa.Array], rows: np.ndarray, n: int) -> None:
        taken = pa.array(rows)
        columns = {name: typed[name].take(taken) for name in ("item_id", "text")}
        locale = typed["locale"].take(taken) if "locale" in typed else None
        attributes = {
            name.removeprefix(ITEM_ATTRIBUTE): typed[name].take(taken) for name in typed if name.startswith(ITEM_ATTRIBUTE)
        }
        columns |= {"locale": _written_out(locale, pa.string(), len(rows)), "attributes": _maps(attributes, len(rows))}
        self._described.append(pa.RecordBatch.from_pydict(columns))

    def _golds(self, file: str, lines: np.ndarray, typed: Mapping[str, pa.Array], faults: Faults) -> None:
        gold, guideline, item = typed["gold"], typed["guideline"], typed["item_id"]
        named = np.array([bool(text) for text in gold.dictionary.to_pylist()], dtype=bool)
        rows = np.flatnonzero(faults.good & named[gold.indices.to_numpy()]) if len(named) else np.zeros(0, dtype=np.int64)
        bad, sentences = np.zeros(len(lines), dtype=bool), []
        for row in rows.tolist():
            name, under, label = item[row].as_py(), guideline[row].as_py(), gold[row].as_py()
            known, place = self._gold.setdefault((name, under), (label, f"{file}:{lines[row]}"))
            if known != label:
                bad[row] = True
                sentences.append(f"gold {label!r} of item {name!r} under {under!r} is {known!r} at {place}")
        faults.add(bad, sentences)

    def collected(self) -> pa.Table:
        if not self._described:
            if self._gold:
                raise ImportRefused("the file has gold and no texts; gold is kept with its item, so give the texts along")
            return _schema(ITEMS, ("item_id", "text")).empty_table()
        table = pa.Table.from_batches(self._described)
        without = {item for item, _ in self._gold} - self._codes.keys()
        if without:
            raise ImportRefused(f"{len(without)} items have gold and no text, {min(without)!r} for one; gold is kept with its item")
        if self._gold:
            golds: dict[str, list[tuple[str, str]]] = {}
            for (item, under), (label, _) in sorted(self._gold.items()):
                golds.setdefault(item, []).append((under, label))
            maps = pa.array([golds.get(item, []) for item in table["item_id"].to_pylist()], ITEMS.field("gold").type)
            table = table.append_column("gold", maps)
        return table


def _grown(known: np.ndarray, new: np.ndarray, length: int) -> np.ndarray:
    return known if len(known) == length else np.concatenate([known, new])


def _schema(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in names])


def _written_out(column: pa.Array | None, kind: pa.DataType, rows: int) -> pa.Array:
    """Return a column in its own type, with null where it says nothing."""
    if column is None:
        return pa.nulls(rows, kind)
    if not pa.types.is_string(kind):
        return column
    if not pa.types.is_dictionary(column.type):
        return pc.if_else(pc.equal(pc.binary_length(column), 0), pa.scalar(None, kind), column)
    texts = pa.array([text or None for text in column.dictionary.to_pylist()], kind)
    return texts.take(column.indices)


def _maps(columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Return a map a row, without the names whose value is empty."""
    names = sorted(columns)
    values = np.empty((rows, len(names)), dtype=object)
    for place, name in enumerate(names):
        values[:, place] = columns[name].to_numpy(zero_copy_only=False)
    filled = values.astype(bool)
    offsets = np.concatenate([[0], np.cumsum(filled.sum(axis=1))]).astype(np.int32)
    keys = np.tile(np.array(names, dtype=object), rows).reshape(filled.shape)[filled]
    return pa.MapArray.from_arrays(offsets, pa.array(keys, pa.string()), pa.array(values[filled], pa.string()))
