"""Columns of text for millions of rows: packed strings where nearly every value differs, codes where few values repeat.

A Python string costs fifty bytes before its first letter; a table of ten million items has no room for that. Both kinds read like a
numpy array: indexing by rows gives an ordinary array of the rows asked for.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

__all__ = ["Categories", "PackedText"]

_LAST_ASCII = 0x7F


class PackedText:
    """An immutable column of strings, as UTF-8 bytes end to end.

    Parameters
    ----------
    data : ndarray of shape (n_bytes,), uint8
    offsets : ndarray of shape (n_rows + 1,), int64
        Row i is ``data[offsets[i]:offsets[i + 1]]``.
    """

    __slots__ = ("data", "offsets")

    def __init__(self, data: np.ndarray, offsets: np.ndarray) -> None:
        self.data = _frozen(np.asarray(data, dtype=np.uint8))
        self.offsets = _frozen(np.asarray(offsets, dtype=np.int64))

    @classmethod
    def of(cls, values: Iterable[Any]) -> "PackedText":
        """Pack strings.

        Examples
        --------
        >>> PackedText.of(["one", "zwei"])[1]
        'zwei'
        """
        if isinstance(values, cls):
            return values
        if isinstance(values, np.ndarray) and values.dtype.kind == "U" and values.ndim == 1:
            return cls._of_array(values)
        encoded = [str(value).encode() for value in values]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(value) for value in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    @classmethod
    def _of_array(cls, values: np.ndarray) -> "PackedText":
        """Pack a numpy string array; plain ASCII, as identifiers are, without a Python string for each."""
        width = values.dtype.itemsize // 4
        letters = np.ascontiguousarray(values).view(np.uint32).reshape(len(values), width)
        if letters.size and int(letters.max()) > _LAST_ASCII:
            return cls.of(values.tolist())
        filled = letters != 0
        lengths = filled.sum(axis=1)
        ends = np.where(lengths > 0, width - filled[:, ::-1].argmax(axis=1), 0) if width else lengths
        if not np.array_equal(lengths, ends):  # a NUL inside a string is a letter, at its end numpy's filling
            return cls.of(values.tolist())
        offsets = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(letters[filled].astype(np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[str]:
        return (self._one(row) for row in range(len(self)))

    def __getitem__(self, rows: Any) -> Any:
        """Return one string for a number, an object array for several rows (a slice, positions or a mask)."""
        if isinstance(rows, (int, np.integer)):
            return self._one(range(len(self))[rows])
        chosen = np.arange(len(self))[rows]
        return np.fromiter((self._one(int(row)) for row in chosen), dtype=object, count=len(chosen))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.fromiter(self, dtype=object, count=len(self))
        return whole if dtype is None else whole.astype(dtype)

    def tolist(self) -> list[str]:
        """Return every string."""
        return list(self)

    def _one(self, row: int) -> str:
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()


class Categories:
    """An immutable column of strings of which few differ, as positions in their sorted list.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,), int32
    values : ndarray of shape (n_values,), str
        Sorted, each once.
    """

    __slots__ = ("codes", "values")

    def __init__(self, codes: np.ndarray, values: np.ndarray) -> None:
        self.codes = _frozen(np.asarray(codes, dtype=np.int32))
        self.values = _frozen(np.asarray(values, dtype=str))

    @classmethod
    def of(cls, values: Any) -> "Categories":
        """Encode strings.

        Examples
        --------
        >>> Categories.of(["b", "a", "b"]).codes.tolist()
        [1, 0, 1]
        """
        if isinstance(values, cls):
            return values
        distinct, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        return cls(codes, distinct)

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def __getitem__(self, rows: Any) -> Any:
        return self.values[self.codes[rows]] if len(self.values) else np.zeros(len(self), dtype=str)[rows]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.asarray(self[:])
        return whole if dtype is None else whole.astype(dtype)

    def tolist(self) -> list[str]:
        """Return every string."""
        return [str(value) for value in self[:]]


def _frozen(array: np.ndarray) -> np.ndarray:
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
