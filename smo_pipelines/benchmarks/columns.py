"""Columns of a CSV, Parquet or JSON Lines file as text: what benchmarks and predictions are read from."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from smo_pipelines.errors import BenchmarkError, did_you_mean

__all__ = ["read_columns"]

_ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")


def read_columns(
    path: Path,
    wanted: Sequence[str],
    *,
    what: str,
    optional: Sequence[str] = (),
    how_to_get: str = "check the path",
) -> dict[str, list[str]]:
    """Return columns of a table as text, an empty string for a missing cell.

    Cells are read as they are written: ``NA`` stays a word and ``007`` keeps its zeros. A number that is not one (the NaN that
    data frames leave where nothing is known) is a missing cell.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``, ``.jsonl`` (either may have ``.gz`` behind) or ``.parquet``.
    what : str
        What is read, for the error's sentence, e.g. ``"benchmark 'hatecheck'"``.
    optional : sequence of str
        Columns that are returned where the file has them.
    how_to_get : str
        What to do when the file is missing.

    Raises
    ------
    BenchmarkError
        When the file is missing, is none of these, cannot be parsed, or lacks a wanted column.
    """
    if not path.is_file():
        raise BenchmarkError(f"{what} needs the file {path}, which does not exist; {how_to_get}")
    ending = next((one for one in _ENDINGS if path.name.endswith(one)), None)
    if ending is None:
        raise BenchmarkError(f"{what}: {path} ends in {path.suffix!r}; legal: {', '.join(_ENDINGS)}")
    try:
        columns = _read(path, ending)
    except (csv.Error, ValueError, EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowException) as error:
        said = f": {error}" if isinstance(error, _Unreadable) else f" ({type(error).__name__})"
        raise BenchmarkError(f"{what}: {path} cannot be read as {ending[1:]}{said}; write it again, as UTF-8") from error
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise BenchmarkError(f"{what}: {path} has no column {missing[0]!r}; {did_you_mean(missing[0], filter(None, columns))}")
    return {column: columns[column] for column in dict.fromkeys([*wanted, *optional]) if column in columns}


class _Unreadable(ValueError):
    """A line that cannot be read; its sentence quotes nothing of it."""


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOWrapper]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _read(path: Path, ending: str) -> dict[str, list[str]]:
    if ending == ".parquet":
        table = pq.read_table(path)
        return {name: [_text(value) for value in table.column(name).to_pylist()] for name in table.column_names}
    if ending.startswith(".jsonl"):
        rows = list(_json_lines(path))
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [_text(row.get(name)) for row in rows] for name in names}
    return _read_csv(path)


def _read_csv(path: Path) -> dict[str, list[str]]:
    with _open(path) as lines:
        reader = csv.reader(lines, strict=True)
        header = next(reader, None)
        if header is None:
            raise _Unreadable("it is empty")
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise _Unreadable(f"the column {twice[0]!r} stands twice")
        rows = []
        for row in reader:
            if row and len(row) != len(header):
                raise _Unreadable(f"line {reader.line_num} has {len(row)} cells, the header has {len(header)}")
            if row:
                rows.append(row)
    return {name: [row[place] for row in rows] for place, name in enumerate(header)}


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, parse_constant=_refuse_constant)
            except ValueError as error:
                raise _Unreadable(f"line {number} is not JSON") from error
            if not isinstance(row, dict):
                raise _Unreadable(f"line {number} is not a JSON object")
            yield row


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - only NaN differs from itself
        return ""
    return str(value)
