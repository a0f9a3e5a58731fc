"""Records of delimited files with the line each one starts on, and the running count of those that could not be read."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import QuarantinedRow

__all__ = ["Quarantine", "Record", "csv_records"]

_SHOWN = 5
_CSV_END = "unexpected end of data"
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how undecodable bytes come out of errors="surrogateescape"


class Record(NamedTuple):
    """One record: the line of the file on which it starts (from 1), and its fields by column name."""

    line: int
    fields: Mapping[str, str]


@dataclass
class Quarantine:
    """Collects the records of one import that cannot be read.

    Parameters
    ----------
    max_bad_share : float
        Above this share of bad records the whole import is refused.
    """

    max_bad_share: float
    rows: list[QuarantinedRow] = field(default_factory=list)

    def add(self, file: str, line: int, reason: str) -> None:
        """Put one record aside."""
        self.rows.append(QuarantinedRow(file=file, line=line, reason=reason))

    def judged(self, good: int) -> tuple[QuarantinedRow, ...]:
        """Return the rows put aside, unless they are too many.

        Raises
        ------
        ImportRefused
            When the share of bad records is above the limit, or nothing at all could be read.
        """
        bad = len(self.rows)
        if bad > self.max_bad_share * (good + bad) or good == 0:
            first = "; ".join(f"{row.file}:{row.line}: {row.reason}" for row in self.rows[:_SHOWN])
            raise ImportRefused(
                f"{bad} of {good + bad} rows cannot be read and at most {self.max_bad_share:.0%} may be bad; nothing was "
                f"imported: {first or 'the file holds no rows'}; repair the export, or correct the mapping"
            )
        return tuple(self.rows)


def csv_records(path: Path, quarantine: Quarantine, *, needed: Sequence[str] = (), delimiter: str = ",") -> Iterator[Record]:
    """Yield a CSV file's records; those that are malformed go to quarantine.

    A byte order mark is skipped, quoted fields may hold line breaks, lines end as they like (LF, CRLF). A record is malformed
    when its number of columns is not the header's, when a quote is out of place, or when it holds a NUL byte or bytes that are
    not UTF-8.

    Parameters
    ----------
    path : Path
    quarantine : Quarantine
    needed : sequence of str
        Columns that the header must have.

    Raises
    ------
    ImportRefused
        When there is no such file, the header lacks a needed column or names one twice, or a quote never closes.
    """
    try:
        stream = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise ImportRefused(f"cannot open {path}: {error.strerror}") from error
    with stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        header = next(reader, [])
        _check_header(path, header, needed)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if _CSV_END in str(error) or "field limit" in str(error):
                    raise ImportRefused(f"{path.name}:{line}: a quote opens here and never closes; repair the export") from error
                quarantine.add(path.name, line, f"malformed quoting: {error}")
                continue
            if not row:
                continue  # a blank line is no record
            reason = _malformed(row, len(header))
            if reason:
                quarantine.add(path.name, line, reason)
            else:
                yield Record(line, dict(zip(header, row, strict=True)))


def _check_header(path: Path, header: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise ImportRefused(
            f"{path.name} lacks the columns {missing}; it has {', '.join(header) or 'no header'}. Map them under columns"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ImportRefused(f"{path.name} has the columns {twice} more than once; give each column its own name")


def _malformed(row: Sequence[str], columns: int) -> str:
    if len(row) != columns:
        return f"{len(row)} columns where the header has {columns}"
    text = "".join(row)
    if text.isascii():
        return "a NUL byte" if "\x00" in text else ""
    if "\x00" in text:
        return "a NUL byte"
    if _NOT_UTF8.search(text):
        return "bytes that are not UTF-8"
    return ""
