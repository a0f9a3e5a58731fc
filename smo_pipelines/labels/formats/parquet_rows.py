"""Parquet files as columns of text."""

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.json_lines import plain_text
from smo_pipelines.labels.formats.records import Quarantine
from smo_pipelines.labels.formats.table_files import Chunk

__all__ = ["ParquetFile"]

_ROWS = 50_000


class ParquetFile:
    """An open Parquet file; a row's line is its number.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ImportRefused
        When it is not Parquet, or, while rows are read, when it is damaged or a wanted column holds lists, objects or bytes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise ImportRefused(f"cannot read {path} as Parquet: {_first_line(error)}") from error
        self.names: tuple[str, ...] = tuple(self._file.schema_arrow.names)
        self._rows_read = 0

    @property
    def share_read(self) -> float:
        """How many of the rows were read, as a share from 0 to 1."""
        return float(self._rows_read / max(self._file.metadata.num_rows, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def chunks(self, wanted: Set[str], quarantine: Quarantine) -> Iterator[Chunk]:
        """Yield the rows in chunks."""
        names = [name for name in self.names if name in wanted]
        try:
            for batch in self._file.iter_batches(batch_size=_ROWS, columns=names):
                lines = np.arange(self._rows_read + 1, self._rows_read + batch.num_rows + 1, dtype=np.int64)
                self._rows_read += batch.num_rows
                yield self._chunk(batch, names, lines, quarantine)
        except (OSError, pa.ArrowException) as error:
            raise ImportRefused(f"{self._path.name} is damaged after row {self._rows_read}: {_first_line(error)}") from error

    def _chunk(self, batch: pa.RecordBatch, names: list[str], lines: np.ndarray, quarantine: Quarantine) -> Chunk:
        bad = np.zeros(len(lines), dtype=bool)
        columns = {}
        for name in names:
            columns[name], unreadable, nul = self._text(name, batch.column(name))
            for rows, reason in ((unreadable, "bytes that are not UTF-8"), (nul, "a NUL byte")):
                for row in np.flatnonzero(rows & ~bad):
                    quarantine.add(self._path.name, int(lines[row]), reason)
                bad |= rows
        chunk = Chunk(lines, columns)
        return chunk.taken(np.flatnonzero(~bad)) if bad.any() else chunk

    def _text(self, name: str, column: pa.Array) -> tuple[pa.Array, np.ndarray, np.ndarray]:
        """Return a column as text, and which of its values are not UTF-8 or hold a NUL."""
        unreadable = np.zeros(len(column), dtype=bool)
        if pa.types.is_floating(column.type):
            coded = pc.cast(column, pa.float64()).dictionary_encode()
            column = pa.array([plain_text(value) for value in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
        elif pa.types.is_timestamp(column.type):
            column = pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz), safe=False), pa.string())
        elif not pa.types.is_string(column.type):
            try:
                column = pc.cast(column, pa.string())
            except pa.ArrowException as error:
                raise ImportRefused(
                    f"the column {name!r} of {self._path.name} is {column.type}, and one text or number is needed"
                ) from error
        column = pc.fill_null(column, "")
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            column, unreadable = _readable(column)
        return column, unreadable, pc.match_substring(column, "\x00").to_numpy(zero_copy_only=False)


def _readable(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    texts = [value.decode(errors="replace") for value in column.cast(pa.binary()).to_pylist()]
    kept = pa.array(texts, pa.string())
    changed = pc.not_equal(kept.cast(pa.binary()), column.cast(pa.binary()))
    return kept, changed.to_numpy(zero_copy_only=False)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
