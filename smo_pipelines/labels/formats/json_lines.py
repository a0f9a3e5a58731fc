"""JSON lines as columns of text: one object a line."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.records import Quarantine
from smo_pipelines.labels.formats.table_files import LONGEST_LINE, Chunk, LineTooLong, line_blocks, opened, share_of

__all__ = ["JsonLinesFile", "plain_text"]


class _BadLine(ValueError):
    """Why one line cannot be read."""


class JsonLinesFile:
    """An open file of JSON lines.

    A column's name is a key, or a path of keys with dots between them. A line is malformed when it is not one JSON object, an
    object has a key twice, a wanted value is a list or an object, or a text holds a NUL or half of a surrogate pair.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ImportRefused
        When the file cannot be opened, or a line is too long.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names: tuple[str, ...] | None = None
        self._stream = opened(path)
        start = self._stream.tell()
        if self._stream.read(4096).lstrip().startswith(b"["):
            self._stream.close()
            raise ImportRefused(f"{path.name} is one JSON list; JSON lines have one object a line")
        self._stream.seek(start)

    @property
    def share_read(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return share_of(self._stream, self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def chunks(self, wanted: Set[str], quarantine: Quarantine) -> Iterator[Chunk]:
        """Yield the rows, a chunk for each block of the file."""
        paths = {name: name.split(".") for name in sorted(wanted)}
        line, seen = 0, set[str]()
        try:
            for block in line_blocks(self._stream):
                texts = block.removesuffix(b"\n").split(b"\n")
                yield self._chunk(texts, line, paths, seen, quarantine)
                line += len(texts)
        except LineTooLong as error:
            sentence = f"{self._path.name}:{line + 1}: a line of more than {LONGEST_LINE >> 20} MiB; repair the export"
            raise ImportRefused(sentence) from error
        self.names = tuple(sorted(seen))

    def _chunk(
        self, texts: Sequence[bytes], before: int, paths: Mapping[str, Sequence[str]], seen: set[str], quarantine: Quarantine
    ) -> Chunk:
        lines, rows = [], []
        for line, text in enumerate(texts, before + 1):
            if not text.strip():
                continue
            try:
                found = _object(text)
                rows.append([_value(found, name, path) for name, path in paths.items()])
                lines.append(line)
                if len(seen) < len(paths):
                    seen.update(name for name, path in paths.items() if name in found or _has(found, path))
            except _BadLine as error:
                quarantine.add(self._path.name, line, str(error))
        columns = list(zip(*rows, strict=True)) or [()] * len(paths)
        arrays = {name: pa.array(column, pa.string()) for name, column in zip(paths, columns, strict=True)}
        return Chunk(np.array(lines, dtype=np.int64), arrays)


def _object(text: bytes) -> dict[str, Any]:
    try:
        # whole numbers stay as they are written: an identifier may have more digits than a float, or than Python likes to parse
        found = json.loads(text.decode(), object_pairs_hook=_unique, parse_int=str, parse_constant=_constant)
    except _BadLine:
        raise
    except UnicodeDecodeError:
        raise _BadLine("bytes that are not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _BadLine(f"malformed JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise _BadLine("malformed JSON: nested too deeply") from None
    if not isinstance(found, dict):
        raise _BadLine("not a JSON object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _BadLine(f"the key {twice[:40]!r} twice")
    return found


def _constant(name: str) -> str:
    return "" if name == "NaN" else name


def _has(found: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return False
        found = found[key]
    return True


def _value(found: Mapping[str, Any], name: str, path: Sequence[str]) -> str:
    value = found.get(name)
    if value is None and len(path) > 1:
        value = found
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, list | dict):
        raise _BadLine(f"{name} is {'a list' if isinstance(value, list) else 'an object'}, and one value is needed")
    text = plain_text(value)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _BadLine(f"half of a surrogate pair in {name}")
    if "\x00" in text:
        raise _BadLine("a NUL byte")
    return text


def plain_text(value: object) -> str:
    """Return a value as a CSV file would hold it: a missing one as nothing, 1.0 as "1", truths as "true" and "false".

    Examples
    --------
    >>> [plain_text(value) for value in (None, 1.0, 2.5, True, float("nan"), "text")]
    ['', '1', '2.5', 'true', '', 'text']
    """
    if value is None or value != value:  # noqa: PLR0124 -- NaN is the value that differs from itself
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
