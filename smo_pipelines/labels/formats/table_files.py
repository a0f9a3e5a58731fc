"""Files of rows, read as columns of text: what is common to CSV, JSON lines and Parquet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import numpy as np
import pyarrow as pa

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.records import Quarantine

__all__ = ["LONGEST_LINE", "Chunk", "LineTooLong", "TableFile", "check_folder", "check_names", "line_blocks", "opened", "share_of"]

_BLOCK = 1 << 20
LONGEST_LINE = 8 << 20
"""Bytes. A longer line is no row of ratings, and reading it whole would take the memory of everything else."""

_BOM = b"\xef\xbb\xbf"
# How files that are not text begin, and what to do about each; UTF-32 begins like UTF-16.
_NOT_UTF8_TEXT = (
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet; unpack it, or export it as CSV"),
    (b"\x1f\x8b", "compressed with gzip; unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it"),
    (b"PAR1", "Parquet; give it a name that ends in .parquet"),
)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a file.

    Attributes
    ----------
    lines : ndarray of shape (n_rows,), int64
        The line, from 1, on which each row starts; of a Parquet file, the row's number.
    columns : mapping of str to pyarrow.Array
        Text by column name, empty where the file has no value.
    """

    lines: np.ndarray
    columns: Mapping[str, pa.Array]

    def taken(self, rows: np.ndarray) -> "Chunk":
        """Return the rows at these positions."""
        return Chunk(self.lines[rows], {name: column.take(pa.array(rows)) for name, column in self.columns.items()})


class TableFile(Protocol):
    """An open file of rows."""

    @property
    def names(self) -> tuple[str, ...] | None:
        """Its columns; None until it is read where each row names its own."""

    @property
    def share_read(self) -> float:
        """How much of it was read, from 0 to 1."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def chunks(self, wanted: Set[str], quarantine: Quarantine) -> Iterator[Chunk]:
        """Yield all rows, with those of the wanted columns that there are; malformed rows go to quarantine."""


class LineTooLong(Exception):
    """A line is longer than :data:`LONGEST_LINE`."""


def share_of(stream: BinaryIO, path: Path) -> float:
    """Return how much of an open file lies behind its position, from 0 to 1."""
    return min(stream.tell() / max(path.stat().st_size, 1), 1.0)


def opened(path: Path) -> BinaryIO:
    """Open a text file behind its byte order mark.

    Raises
    ------
    ImportRefused
        When there is no such file, or it is not UTF-8 text by how it begins.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ImportRefused(f"cannot open {path}: {error.strerror}") from error
    head = stream.read(256)
    for mark, what in _NOT_UTF8_TEXT:
        if head.startswith(mark):
            stream.close()
            raise ImportRefused(f"{path.name} is {what}")
    if b"\x00" in b"".join(head.splitlines()[:1]):  # lines may end in CR alone
        stream.close()
        raise ImportRefused(
            f"the first line of {path.name} holds NUL bytes, as UTF-16 text without a byte order mark does; save it as UTF-8"
        )
    stream.seek(len(_BOM) if head.startswith(_BOM) else 0)
    return stream


def line_blocks(stream: BinaryIO) -> Iterator[bytes]:
    r"""Yield a file in blocks of whole lines, whether they end in LF, CRLF or CR.

    Raises
    ------
    LineTooLong
        Where the next line is longer than :data:`LONGEST_LINE`.
    """
    rest = b""
    while data := stream.read(_BLOCK):
        data = rest + data
        cut = data.rfind(b"\n") + 1 or data.rfind(b"\r", 0, len(data) - 1) + 1  # a last CR may be half of a CRLF
        if not cut and len(data) > LONGEST_LINE:
            raise LineTooLong
        if cut:
            yield data[:cut]
        rest = data[cut:]
    if rest:
        yield rest


def check_folder(path: Path, form: str, names: Iterable[str]) -> None:
    """Check that a data set of several files is given as the folder that holds them.

    Raises
    ------
    ImportRefused
        When it is a file.
    """
    if path.is_file():
        raise ImportRefused(f"{path.name} is a file; {form} is imported from the folder that holds {', '.join(names)}")


def check_names(path: Path, names: Sequence[str], needed: Sequence[str]) -> None:
    """Check that a file has the columns that are needed, and none twice; columns without a name are nobody's.

    Raises
    ------
    ImportRefused
        When it does not.
    """
    missing = [name for name in needed if name not in names]
    if missing:
        hint = next(
            (f"; if {d!r} is its delimiter, say so under delimiter" for d in ";\t|" if len(names) == 1 and d in names[0]), ""
        )
        found = ", ".join(names)[:500] or "no header"
        raise ImportRefused(
            f"{path.name} lacks the columns {missing}; it has {found}{hint}; a mapping says under columns which column of "
            "the file each is, or under constants what all rows have"
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ImportRefused(f"{path.name} has the columns {twice} more than once; give each column its own name")
