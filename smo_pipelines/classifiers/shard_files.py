"""The two files of a shard: what they are called, what stands in them, and how they are known to be whole."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np

__all__ = ["INDEX", "INDEX_NAME", "STATES_NAME", "STORED", "digest", "mapped", "npy_bytes", "states_of", "text_key"]

STORED = np.dtype(np.float16)
INDEX = np.dtype([("text", "V16"), ("tokens", "<i4"), ("check", "V16")])
INDEX_NAME, STATES_NAME = ".index.npy", ".states.npy"


def text_key(text: str) -> bytes:
    """Return the name of a text: 16 bytes of its SHA-256."""
    return digest(text.encode("utf-8", "surrogatepass"))


def states_of(index: Path) -> Path:
    """Return the file of states that belongs to an index."""
    return index.with_name(index.name.removesuffix(INDEX_NAME) + STATES_NAME)


def mapped(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Map a file of states, or return None when it is not one of this shape; its header is compared and never interpreted."""
    header = _header(shape)
    size = len(header) + shape[0] * shape[1] * STORED.itemsize
    with path.open("rb") as stream:
        if stream.read(len(header)) != header or os.fstat(stream.fileno()).st_size != size:
            return None
        return np.asarray(np.memmap(stream, dtype=STORED, mode="r", offset=len(header), shape=shape))


def _header(shape: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": STORED.str, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def digest(content: bytes | np.ndarray) -> bytes:
    """Return 16 bytes of the SHA-256 of some content."""
    return hashlib.sha256(content.data if isinstance(content, np.ndarray) else content).digest()[:16]


def npy_bytes(array: np.ndarray) -> bytes:
    """Return an array as the bytes of its ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
