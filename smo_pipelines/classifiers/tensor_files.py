"""Whether a safetensors file is whole, from its first bytes and its size: seen before any tensor of it is used."""

import json
from pathlib import Path

__all__ = ["how_broken", "how_broken_on_disk"]

_HEADER_BYTES = 8
_MOST_HEADER = 100 * 2**20
"""A safetensors file starts with the size of its list of tensors, 8 bytes, at most 100 MB, and that list as JSON."""


def how_broken(content: bytes) -> str | None:
    """Say how the content of a safetensors file is not whole, or None where it is."""
    return _not_whole(content[: _HEADER_BYTES + _size_of_header(content)], len(content))


def how_broken_on_disk(path: Path) -> str | None:
    """Say how a safetensors file is not whole, or None where it is; only its header is read."""
    with path.open("rb") as stream:
        start = stream.read(_HEADER_BYTES)
        start += stream.read(min(_size_of_header(start), _MOST_HEADER))
    return _not_whole(start, path.stat().st_size)


def _size_of_header(start: bytes) -> int:
    return int.from_bytes(start[:_HEADER_BYTES], "little")


def _not_whole(start: bytes, size: int) -> str | None:
    """Compare the size with where the last tensor ends, which the header says."""
    header = start[_HEADER_BYTES : _HEADER_BYTES + _size_of_header(start)]
    if len(start) < _HEADER_BYTES or len(header) < _size_of_header(start):
        return f"{size:,} bytes, which end before its list of tensors does"
    try:
        tensors = json.loads(header)
        end = max((int(one["data_offsets"][1]) for name, one in tensors.items() if name != "__metadata__"), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return "its list of tensors cannot be read"
    expected = _HEADER_BYTES + len(header) + end
    return None if size == expected else f"{size:,} bytes in place of {expected:,}"
