"""Hidden states of texts as files: shared between processes, checked when they are read, and no more of them than a limit.

A shard is two files: ``NAME.states.npy`` (rows of hidden states, one a token) and then ``NAME.index.npy`` (which text has how many
rows, and their digest). ``NAME`` is the digest of the index, so neither file can change without being noticed: a shard that was
cut short or altered is never served, and its texts are computed again.

A shard exists when its index does, so a writer may be killed at any point. Writers of one folder take turns (:meth:`writing`); what
is added or removed anywhere in the cache is done under one short lock. Readers take no lock: a shard that is removed under a
reader's memory map stays readable for it, and one that is removed before it was mapped is computed again.
"""

import io
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from smo_pipelines.classifiers.cache_room import ABOUT, LIMIT_NAME, Shard, make_room
from smo_pipelines.classifiers.shard_files import INDEX, INDEX_NAME, digest, mapped, npy_bytes, states_of
from smo_pipelines.errors import ClassifierError
from smo_pipelines.store.local import file_lock, write_atomic

__all__ = ["ActivationShards"]

_log = logging.getLogger(__name__)


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
            if key in self._checked or digest(rows) == check:
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
        index = np.array([(key, len(row), digest(row)) for key, row in zip(keys, rows, strict=True)], dtype=INDEX)
        contents = npy_bytes(index), npy_bytes(np.concatenate(rows))
        path = self.folder / f"{digest(contents[0]).hex()}{INDEX_NAME}"
        kept = {self._entries[key][0] for key in needed if key in self._entries}
        try:
            with file_lock(self.folder.parent / "lock"):
                fits = make_room(self.folder.parent, self._limit - sum(map(len, contents)), kept)
                if self._about and not (self.folder / ABOUT).exists():
                    write_atomic(self.folder / ABOUT, self._about.encode())
                write_atomic(states_of(path), contents[1])
                write_atomic(path, contents[0])
        except OSError as error:
            raise ClassifierError(
                f"the cache {self.folder.parent} cannot be written ({error.strerror}): free some space there, lower {LIMIT_NAME}, or move it "
                "with SMO_STATE"
            ) from error
        if not fits and not self._said:
            self._said = True
            _log.warning(
                "the texts of this run take more than the cache's limit of %s bytes (%s): all are kept until another run needs the "
                "room; a higher limit saves computing them again",
                f"{self._limit:,}",
                LIMIT_NAME,
            )
        self._read_index(path)
        # another process may have removed the shard by now: then the rows in memory serve
        return dict(zip(keys, rows, strict=True)) | self.find(keys)

    def _read_indices(self) -> None:
        for path in sorted(self.folder.glob(f"*{INDEX_NAME}")):
            if path.name.removesuffix(INDEX_NAME) not in self._read:
                self._read_index(path)

    def _read_index(self, path: Path) -> None:
        name = path.name.removesuffix(INDEX_NAME)
        try:
            content = path.read_bytes()
            if digest(content).hex() != name:
                self._drop_damaged(name)
                return
            index = np.load(io.BytesIO(content), allow_pickle=False)
            states = mapped(states_of(path), (int(index["tokens"].sum()), self._width))
        except FileNotFoundError:  # removed by another process, or its states never came
            return
        if states is None:
            self._drop_damaged(name)
            return
        self._read.add(name)
        ends = np.cumsum(index["tokens"]).tolist()
        for key, tokens, check, end in zip(*(index[column].tolist() for column in INDEX.names or ()), ends, strict=True):
            self._entries[key] = (name, states[end - tokens : end], check)

    def _drop_damaged(self, name: str) -> None:
        _log.warning("a file of the cache %s was cut short or altered; its texts are computed again", self.folder)
        with file_lock(self.folder.parent / "lock"):
            Shard(self.folder / f"{name}{INDEX_NAME}", 0, 0).remove()
        self._read.discard(name)
        lost = {key for key, entry in self._entries.items() if entry[0] == name}
        self._checked -= lost
        for key in lost:
            del self._entries[key]

    def _touch(self, name: str) -> None:
        try:
            os.utime(self.folder / f"{name}{INDEX_NAME}")
        except FileNotFoundError:
            return  # removed by another process; what is mapped here stays readable
