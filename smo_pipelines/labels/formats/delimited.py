"""CSV and TSV files as columns of text, each row with the line it starts on."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pyarrow as pa

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.records import Quarantine
from smo_pipelines.labels.formats.table_files import LONGEST_LINE, Chunk, LineTooLong, line_blocks, opened, share_of

__all__ = ["DelimitedFile"]

_CSV_END = "unexpected end of data"
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how undecodable bytes come out of errors="surrogateescape"


class DelimitedFile:
    """An open CSV or TSV file.

    A byte order mark is skipped, quoted fields may hold line breaks, lines end as they like (LF, CRLF, CR), names in the header
    lose the blanks around them. A row is malformed when its number of columns is not the header's, when a quote is out of place,
    when a field is longer than the ``csv`` module's limit, or when it holds a NUL byte or bytes that are not UTF-8.

    Parameters
    ----------
    path : Path
    delimiter : str
    quotes : bool
        Whether ``"`` quotes; in many TSV files it is a letter like any other.

    Raises
    ------
    ImportRefused
        When the file cannot be opened or its header cannot be read; while rows are read, when a quote never closes or a line is
        longer than :data:`~smo_pipelines.labels.formats.table_files.LONGEST_LINE`.
    """

    def __init__(self, path: Path, *, delimiter: str = ",", quotes: bool = True) -> None:
        self._path = path
        self._stream = opened(path)
        self._delimiter, self._quotes = delimiter, quotes
        self._blocks, self._suspect = 0, False
        self._lines = itertools.chain.from_iterable(map(self._lines_of, line_blocks(self._stream)))
        self._line, self._given_back = 0, list[str]()
        quoting: Literal[0, 3] = 0 if quotes else 3  # QUOTE_MINIMAL, QUOTE_NONE
        self._reader = csv.reader(iter(self._next_line, None), delimiter=delimiter, quoting=quoting, strict=True)
        try:
            self.names: tuple[str, ...] = tuple(name.strip() for name in next(self._reader, []))
        except (csv.Error, LineTooLong) as error:
            self._stream.close()
            raise ImportRefused(f"the header of {path.name} cannot be read: {str(error) or 'its line is too long'}") from error
        if any(_NOT_UTF8.search(name) for name in self.names):
            self._stream.close()
            raise ImportRefused(f"the header of {path.name} is not UTF-8; save the file as UTF-8")

    @property
    def share_read(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return share_of(self._stream, self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _lines_of(self, block: bytes) -> io.StringIO:
        self._blocks += 1
        try:
            text = block.decode()
        except UnicodeDecodeError:
            text, self._suspect = block.decode(errors="surrogateescape"), True
        self._suspect = self._suspect or "\x00" in text
        return io.StringIO(text, newline="")

    def _next_line(self) -> str | None:
        if self._given_back:
            return self._given_back.pop()
        line = next(self._lines, None)
        self._line += line is not None
        return line

    def _quoted(self, line: str) -> list[str]:
        """Return the record that starts with this line, after reading the lines that belong to it."""
        self._given_back.append(line)
        return next(self._reader)

    def chunks(self, wanted: Set[str], quarantine: Quarantine) -> Iterator[Chunk]:
        """Yield the rows, a chunk for each block of the file."""
        rows, starts, ends = list[list[str]](), list[int](), dict[int, int]()
        block, delimiter, limit, quote = self._blocks, self._delimiter, csv.field_size_limit(), '"' if self._quotes else "\n\n"
        try:
            for line in self._lines:
                start = self._line = self._line + 1
                if quote in line or len(line) > limit:
                    try:
                        row = self._quoted(line)
                    except csv.Error as error:
                        quarantine.add(self._path.name, start, self._reason(start, error))
                        continue
                    ends[start] = self._line
                else:  # what the csv module does with a line without quotes, and several times as fast
                    row = line.rstrip("\r\n").split(delimiter)
                    if row == [""]:
                        continue  # a blank line is no row
                rows.append(row)
                starts.append(start)
                if block != self._blocks:
                    yield self._chunk(rows, starts, ends, wanted, quarantine)
                    rows, starts, ends, block = [], [], {}, self._blocks
        except LineTooLong as error:
            sentence = f"{self._path.name}:{self._line + 1}: a line of more than {LONGEST_LINE >> 20} MiB; repair the export"
            raise ImportRefused(sentence) from error
        yield self._chunk(rows, starts, ends, wanted, quarantine)

    def _reason(self, start: int, error: csv.Error) -> str:
        too_long = "field limit" in str(error)
        if too_long and self._line == start:
            return f"a field of more than {csv.field_size_limit():,} characters"
        if too_long or _CSV_END in str(error):
            raise ImportRefused(f"{self._path.name}:{start}: a quote opens here and never closes; repair the export") from error
        return f"malformed quoting: {error}{_span(start, self._line)}"

    def _chunk(
        self, rows: list[list[str]], starts: list[int], ends: Mapping[int, int], wanted: Set[str], quarantine: Quarantine
    ) -> Chunk:
        try:
            columns = list(zip(*rows, strict=True))
        except ValueError:  # some row has another number of columns
            columns = []
        if self._suspect or len(columns) != len(self.names):
            good = []
            for place, row in enumerate(rows):
                reason = _malformed(row, len(self.names))
                if reason:
                    start = starts[place]
                    quarantine.add(self._path.name, start, reason + _span(start, ends.get(start, start)))
                else:
                    good.append(place)
            starts = [starts[place] for place in good]
            columns = list(zip(*(rows[place] for place in good), strict=True)) or [()] * len(self.names)
        named = list(zip(self.names, columns, strict=True))[
            ::-1
        ]  # of several columns without a name, the first is the one that counts
        return Chunk(np.array(starts, dtype=np.int64), {n: pa.array(c, pa.string()) for n, c in named if n in wanted})


def _span(start: int, end: int) -> str:
    return f" (lines {start} to {end})" if end > start else ""


def _malformed(row: Sequence[str], columns: int) -> str:
    if len(row) != columns:
        return f"{len(row)} columns where the header has {columns}"
    text = "".join(row)
    if "\x00" in text:
        return "a NUL byte"
    if not text.isascii() and _NOT_UTF8.search(text):
        return "bytes that are not UTF-8"
    return ""
