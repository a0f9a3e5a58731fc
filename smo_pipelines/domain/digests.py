"""Names made from content: the only place where a digest is computed.

A digest covers canonical content: never file bytes of a format with its own metadata, never clocks, paths or pseudonym order.
"""

import dataclasses
import enum
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from smo_pipelines.domain.columns import PackedText

__all__ = ["canonical_json", "digest_of", "digest_of_rows", "frozen_array", "hash_to_unit", "short"]

_ROWS_AT_ONCE = 1_000_000


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        plain = {str(key): _plain(item) for key, item in value.items()}
        if len(plain) != len(value):
            raise TypeError(f"a digest cannot cover a mapping of which two keys read the same: {sorted(map(str, value))}")
        return plain
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a digest cannot cover the number {value!r}: 'could not be computed' is a type here, not a number")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"a digest cannot cover a {type(value).__name__}")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, shortest round-trip floats.

    Parameters
    ----------
    value : Any
        Dataclasses, enums, mappings, sequences, numpy arrays and JSON scalars, nested as they come.

    Raises
    ------
    ValueError
        When a number is not finite.
    TypeError
        When a value has no canonical form.

    Examples
    --------
    >>> canonical_json({"b": (1, 2.5), "a": None})
    '{"a":null,"b":[1,2.5]}'
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: Any) -> str:
    """Return the SHA-256 (64 hex characters) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_of_rows(columns: Mapping[str, Sequence[Any] | np.ndarray | PackedText]) -> str:
    """Return the SHA-256 of a table, column by column, for rows that are already in canonical order.

    Columns are hashed in name order. Numbers go in as little-endian 64-bit values and strings as UTF-8 with their lengths, so
    that neither the in-memory dtype nor a separator inside a text can change or confuse the digest.

    Parameters
    ----------
    columns : mapping of str to sequence of shape (n_rows,)
        Integer, boolean, float or string columns.

    Raises
    ------
    ValueError
        When a number is not finite.
    """
    state = hashlib.sha256()
    for name in sorted(columns):
        column = columns[name]
        state.update(f"{name}\x00{len(column)}\x00".encode())
        if isinstance(column, PackedText):
            state.update(np.diff(column.offsets).astype("<i8").data)
            state.update(column.data[column.offsets[0] : column.offsets[-1]].data)
            continue
        array = np.asarray(column)
        if array.dtype.kind == "f" and not bool(np.isfinite(array).all()):
            raise ValueError(f"a digest cannot cover the column {name!r}: it holds a number that is not finite")
        for part in _bytes_of(array):
            state.update(part)
    return state.hexdigest()


def _bytes_of(array: np.ndarray) -> Iterator[memoryview]:
    """Yield a column's canonical bytes a million rows at a time: all lengths of strings come before their letters."""
    parts = [array[start : start + _ROWS_AT_ONCE] for start in range(0, len(array), _ROWS_AT_ONCE)]
    if array.dtype.kind in "biuf":
        yield from (part.astype("<f8" if array.dtype.kind == "f" else "<i8").data for part in parts)
        return
    for part in parts:
        yield np.diff(PackedText.of(part if part.dtype.kind == "U" else part.tolist()).offsets).astype("<i8").data
    for part in parts:
        yield PackedText.of(part if part.dtype.kind == "U" else part.tolist()).data.data


def hash_to_unit(prefix: str, names: Iterable[str]) -> np.ndarray:
    """Return one uniform number in (0, 1) for each name, a pure function of ``prefix`` and the name.

    Used wherever a random choice must not depend on row order: splits, training order, item and rater weights.

    Returns
    -------
    ndarray of shape (n_names,), float64
    """
    head = hashlib.sha256(prefix.encode() + b"\x00")

    def one(name: str) -> int:
        state = head.copy()
        state.update(name.encode())
        return int.from_bytes(state.digest()[:8], "little")

    words = np.fromiter((one(name) for name in names), dtype=np.uint64)
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) / float(2**53)


def short(digest: str) -> str:
    """Return the first 12 characters of a digest, for people."""
    return digest[:12]


def frozen_array(values: Any, dtype: Any = None) -> np.ndarray:
    """Return a read-only array of the values (a copy unless they are one already)."""
    array = np.asarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array
