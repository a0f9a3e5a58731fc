"""Hidden states of texts as files: shared between processes, checked when they are read, and no more of them than a limit.

A shard is two files: ``NAME.states.npy`` (rows of hidden states, one a token) and then ``NAME.index.npy`` (which text has how many
rows, and their digest). ``NAME`` is the digest of the index, so neither file can change without being noticed: a shard that was
cut short or altered is never served, and its texts are computed again.

A shard exists when its index does, so a writer may be killed at any point. Writers of one folder take turns (:meth:`writing`); what
is added or removed anywhere in the cache is done under one short lock. Readers take no lock: a shard that is removed under a
reader's memory map stays readable for it, and one that is removed before it was mapped is computed again.
"""

import hashlib
import io
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smo_pipelines.errors import ClassifierError, ConfigError
from smo_pipelines.store.local import file_lock, write_atomic

__all__ = ["STORED", "ActivationShards", "FolderUsage", "cache_limit", "cache_usage", "clear_cache", "text_key"]

STORED = np.dtype(np.float16)
_INDEX = np.dtype([("text", "V16"), ("tokens", "<i4"), ("check", "V16")])
_LIMIT = "SMO_CACHE_BYTES"
_DEFAULT_LIMIT = 8 * 2**30
_INDEX_NAME, _STATES_NAME, _ABOUT = ".index.npy", ".states.npy", "about.txt"

_log = logging.getLogger(__name__)


def cache_limit() -> int:
    """Return how many bytes all shards may take: ``SMO_CACHE_BYTES``, by default 8 GiB.

    Raises
    ------
    ConfigError
        When the variable is not a whole number of bytes.
    """
    given = os.environ.get(_LIMIT, "")
    if given and not (given.isascii() and given.isdecimal()):
        raise ConfigError(f"{_LIMIT} is {given!r}; it is a whole number of bytes, e.g. {_DEFAULT_LIMIT} for 8 GiB")
    return int(given) if given else _DEFAULT_LIMIT


def text_key(text: str) -> bytes:
    """Return the name of a text: 16 bytes of its SHA-256."""
    return _digest(text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, kw_only=True)
class FolderUsage:
    """What one folder of the cache takes: ``about`` says of which backbone, layers and length; ``used_at`` is in seconds."""

    folder: Path
    about: str
    shards: int
    size: int
    used_at: float


@dataclass(frozen=True)
class _Shard:
    """A shard on the disk: its size with the states, and when it was last used, in nanoseconds."""

    index: Path
    size: int
    used_ns: int

    @property
    def name(self) -> str:
        return self.index.name.removesuffix(_INDEX_NAME)

    def remove(self) -> None:
        self.index.unlink(missing_ok=True)  # first: without it nobody looks for the states
        _states_of(self.index).unlink(missing_ok=True)


class ActivationShards:
    """The shards of one folder.

    Parameters
    ----------
    folder : Path
        Its parent is the whole cache, to which the limit applies.
    width : int
        Numbers in a row.
    limit : int
        Bytes that all shards may take. Least recently used ones are removed, but none that the running call needs.
    about : str
        What is kept here, for a person.
    """

    def __init__(self, folder: Path, *, width: int, limit: int, about: str = "") -> None:
        self.folder = folder
        self._width = width
        self._limit = limit
        self._about = about
        self._read: set[str] = set()
        self._entries: dict[bytes, tuple[str, np.ndarray, bytes]] = {}
        self._checked: set[bytes] = set()
        self._said = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold this folder against other processes that would compute the same texts."""
        with file_lock(self.folder / "lock"):
            yield

    def find(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Return the rows of those texts that are kept, each checked against its digest once a process.

        Returns
        -------
        dict of bytes to ndarray of shape (n_tokens, width), float16
            Read-only views into memory-mapped files.
        """
        wanted = list(keys)
        if any(key not in self._entries for key in wanted):
            self._read_indices()
        found: dict[bytes, np.ndarray] = {}
        used: set[str] = set()
        damaged: set[str] = set()
        for key in wanted:
            if key not in self._entries:
                continue
            name, rows, check = self._entries[key]
            if key in self._checked or _digest(rows) == check:
                self._checked.add(key)
                found[key] = rows
                used.add(name)
            else:
                damaged.add(name)
        for name in damaged:
            self._drop_damaged(name)
        for name in used:
            self._touch(name)
        return {key: rows for key, rows in found.items() if key in self._entries}

    def add(self, keys: Sequence[bytes], rows: Sequence[np.ndarray], *, needed: Collection[bytes]) -> dict[bytes, np.ndarray]:
        """Write one shard and return its rows, after removing what has to go for it.

        Parameters
        ----------
        needed : collection of bytes
            Texts of the running call: no shard that holds one of them is removed.

        Raises
        ------
        ClassifierError
            When the disk does not take it.
        """
        index = np.array([(key, len(row), _digest(row)) for key, row in zip(keys, rows, strict=True)], dtype=_INDEX)
        contents = _npy(index), _npy(np.concatenate(rows))
        path = self.folder / f"{_digest(contents[0]).hex()}{_INDEX_NAME}"
        kept = {self._entries[key][0] for key in needed if key in self._entries}
        try:
            with file_lock(self.folder.parent / "lock"):
                fits = _make_room(self.folder.parent, self._limit - sum(map(len, contents)), kept)
                if self._about and not (self.folder / _ABOUT).exists():
                    write_atomic(self.folder / _ABOUT, self._about.encode())
                write_atomic(_states_of(path), contents[1])
                write_atomic(path, contents[0])
        except OSError as error:
            raise ClassifierError(
                f"the cache {self.folder.parent} cannot be written ({error.strerror}): free some space there, lower {_LIMIT}, or move it "
                "with SMO_STATE"
            ) from error
        if not fits and not self._said:
            self._said = True
            _log.warning(
                "the texts of this run take more than the cache's limit of %s bytes (%s): all are kept until another run needs the "
                "room; a higher limit saves computing them again",
                f"{self._limit:,}",
                _LIMIT,
            )
        self._read_index(path)
        # another process may have removed the shard by now: then the rows in memory serve
        return dict(zip(keys, rows, strict=True)) | self.find(keys)

    def _read_indices(self) -> None:
        for path in sorted(self.folder.glob(f"*{_INDEX_NAME}")):
            if path.name.removesuffix(_INDEX_NAME) not in self._read:
                self._read_index(path)

    def _read_index(self, path: Path) -> None:
        name = path.name.removesuffix(_INDEX_NAME)
        try:
            content = path.read_bytes()
            if _digest(content).hex() != name:
                self._drop_damaged(name)
                return
            index = np.load(io.BytesIO(content), allow_pickle=False)
            states = _mapped(_states_of(path), (int(index["tokens"].sum()), self._width))
        except FileNotFoundError:  # removed by another process, or its states never came
            return
        if states is None:
            self._drop_damaged(name)
            return
        self._read.add(name)
        ends = np.cumsum(index["tokens"]).tolist()
        for key, tokens, check, end in zip(*(index[column].tolist() for column in _INDEX.names or ()), ends, strict=True):
            self._entries[key] = (name, states[end - tokens : end], check)

    def _drop_damaged(self, name: str) -> None:
        _log.warning("a file of the cache %s was cut short or altered; its texts are computed again", self.folder)
        with file_lock(self.folder.parent / "lock"):
            _Shard(self.folder / f"{name}{_INDEX_NAME}", 0, 0).remove()
        self._read.discard(name)
        lost = {key for key, entry in self._entries.items() if entry[0] == name}
        self._checked -= lost
        for key in lost:
            del self._entries[key]

    def _touch(self, name: str) -> None:
        try:
            os.utime(self.folder / f"{name}{_INDEX_NAME}")
        except FileNotFoundError:
            return  # removed by another process; what is mapped here stays readable


def cache_usage(root: Path) -> list[FolderUsage]:
    """Return what each folder of a cache takes, the most recently used first; the empty ones left out.

    Parameters
    ----------
    root : Path
        The folder ``encoder`` of a project's cache.
    """
    by_folder: dict[Path, list[_Shard]] = {}
    for shard in _shards(root):
        by_folder.setdefault(shard.index.parent, []).append(shard)
    usage = [
        FolderUsage(
            folder=folder,
            about=_about(folder),
            shards=len(shards),
            size=sum(shard.size for shard in shards),
            used_at=max(shard.used_ns for shard in shards) / 1e9,
        )
        for folder, shards in by_folder.items()
    ]
    return sorted(usage, key=lambda one: -one.used_at)


def clear_cache(root: Path) -> int:
    """Remove every shard and return how many bytes they took; running processes keep what they have mapped."""
    if not root.is_dir():
        return 0
    with file_lock(root / "lock"):
        _sweep(root)
        shards = _shards(root)
        for shard in shards:
            shard.remove()
    return sum(shard.size for shard in shards)


def _make_room(root: Path, room: int, kept: Collection[str]) -> bool:
    """Remove least recently used shards until the others take at most ``room`` bytes, and return whether they do.

    Call it with the cache locked.
    """
    _sweep(root)
    shards = sorted(_shards(root), key=lambda shard: (shard.used_ns, shard.name))
    total = sum(shard.size for shard in shards)
    for shard in shards:
        if total <= room:
            break
        if shard.name not in kept:
            shard.remove()
            total -= shard.size
    return total <= room


def _sweep(root: Path) -> None:
    """Remove what writers that were killed left behind; with the cache locked nobody is writing."""
    for path in root.glob("*/.*.tmp"):
        path.unlink(missing_ok=True)
    for path in root.glob(f"*/*{_STATES_NAME}"):
        if not path.with_name(path.name.removesuffix(_STATES_NAME) + _INDEX_NAME).exists():
            path.unlink(missing_ok=True)


def _shards(root: Path) -> list[_Shard]:
    found = []
    for path in root.glob(f"*/*{_INDEX_NAME}"):
        try:
            facts, states = path.stat(), _states_of(path).stat()
        except FileNotFoundError:
            continue
        found.append(_Shard(path, facts.st_size + states.st_size, facts.st_mtime_ns))
    return found


def _about(folder: Path) -> str:
    path = folder / _ABOUT
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _states_of(index: Path) -> Path:
    return index.with_name(index.name.removesuffix(_INDEX_NAME) + _STATES_NAME)


def _mapped(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
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


def _digest(content: bytes | np.ndarray) -> bytes:
    return hashlib.sha256(content.data if isinstance(content, np.ndarray) else content).digest()[:16]


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
