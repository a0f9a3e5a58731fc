"""Results by kind and key: files first, their manifest last, so an entry exists only when it is whole.

A key names the inputs of a result and is known before computing, so every stage asks :meth:`ResultStore.find` first. Two
processes may compute the same key at once; file names carry the digest of their bytes, so neither can damage the other's entry,
and the manifest that lands last points at files that are there.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from smo_pipelines.errors import StoreError
from smo_pipelines.store.local import write_atomic

__all__ = ["ResultStore", "StoredResult", "open_store"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")
_MANIFEST = "manifest.json"


class _Blobs(Protocol):
    """What a place must do; writing one blob is all or nothing."""

    def read(self, path: str) -> bytes | None: ...
    def write(self, path: str, content: bytes) -> None: ...
    def folders(self, path: str) -> list[str]: ...
    def address(self, path: str) -> str: ...


class _LocalBlobs:
    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        write_atomic(self.root / path, content)

    def folders(self, path: str) -> list[str]:
        folder = self.root / path
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def address(self, path: str) -> str:
        return str(self.root / path)


class _RemoteBlobs:
    """An object store through pyarrow: one object is written whole by the service itself."""

    def __init__(self, uri: str) -> None:
        from pyarrow import fs

        self.uri = uri.rstrip("/")
        self.fs, self.prefix = fs.FileSystem.from_uri(uri)

    def read(self, path: str) -> bytes | None:
        try:
            with self.fs.open_input_stream(f"{self.prefix}/{path}") as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        full = f"{self.prefix}/{path}"
        self.fs.create_dir(full.rsplit("/", 1)[0], recursive=True)
        with self.fs.open_output_stream(full) as stream:
            stream.write(content)

    def folders(self, path: str) -> list[str]:
        from pyarrow import fs

        selector = fs.FileSelector(f"{self.prefix}/{path}", allow_not_found=True)
        return sorted(info.base_name for info in self.fs.get_file_info(selector) if info.type == fs.FileType.Directory)

    def address(self, path: str) -> str:
        return f"{self.uri}/{path}"


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """One whole entry of the store: its facts, and its files by name."""

    kind: str
    key: str
    meta: Mapping[str, Any]
    _files: Mapping[str, str]
    _blobs: _Blobs

    @property
    def names(self) -> list[str]:
        """The names of its files."""
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        """Return a file's bytes, checked against the digest in the manifest.

        Raises
        ------
        StoreError
            When the entry has no such file, or its bytes are not those that were stored.
        """
        if name not in self._files:
            raise StoreError(f"{self.kind}/{self.key} holds no file {name!r}; it holds {', '.join(self.names) or 'none'}")
        digest = self._files[name]
        content = self._blobs.read(f"{self.kind}/{self.key}/{_blob_name(name, digest)}")
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            raise _damaged(self._blobs, self.kind, self.key, f"the file {name!r} is missing or is not the one that was stored")
        return content


class ResultStore:
    """Whole results by kind and key, on a local folder or an object store.

    Parameters
    ----------
    blobs : object
        The place; use :func:`open_store` to make one from a path or an address.
    """

    def __init__(self, blobs: _Blobs) -> None:
        self._blobs = blobs

    def find(self, kind: str, key: str) -> StoredResult | None:
        """Return the entry, or None when there is no whole one.

        Raises
        ------
        StoreError
            When its manifest is damaged.
        """
        _check(kind, key)
        raw = self._blobs.read(f"{kind}/{key}/{_MANIFEST}")
        if raw is None:
            return None
        try:
            manifest = json.loads(raw)
            meta, files = dict(manifest["meta"]), dict(manifest["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(self._blobs, kind, key, "its manifest cannot be read") from error
        return StoredResult(kind=kind, key=key, meta=meta, _files=files, _blobs=self._blobs)

    def get(self, kind: str, key: str) -> StoredResult:
        """Return the entry.

        Raises
        ------
        StoreError
            When there is no whole entry under this key.
        """
        found = self.find(kind, key)
        if found is None:
            raise StoreError(f"the store holds no {kind} under the key {key!r}")
        return found

    def put(
        self, kind: str, key: str, *, meta: Mapping[str, Any], files: Mapping[str, bytes] | None = None, replace: bool = False
    ) -> StoredResult:
        """Store a result whole and return it; an entry that is already there is kept unless ``replace``.

        Parameters
        ----------
        meta : mapping
            JSON facts, kept in the manifest.
        files : mapping of str to bytes

        Raises
        ------
        ValueError
            When a fact is a number that is not finite.
        StoreError
            When a name cannot be stored under.
        """
        existing = self.find(kind, key)
        if existing is not None and not replace:
            return existing
        contents = dict(files or {})
        for name in contents:
            _check(kind, name)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        manifest = json.dumps({"meta": dict(meta), "files": digests}, sort_keys=True, allow_nan=False, indent=1)
        for name, content in contents.items():
            self._blobs.write(f"{kind}/{key}/{_blob_name(name, digests[name])}", content)
        self._blobs.write(f"{kind}/{key}/{_MANIFEST}", manifest.encode())
        return self.get(kind, key)

    def entries(self, kind: str) -> list[StoredResult]:
        """Return the whole entries of a kind, in order of key."""
        found = (self.find(kind, key) for key in self._blobs.folders(kind))
        return [entry for entry in found if entry is not None]

    def keys(self, kind: str) -> list[str]:
        """Return the keys of the whole entries of a kind, sorted."""
        return [entry.key for entry in self.entries(kind)]


def _blob_name(name: str, digest: str) -> str:
    return f"{digest[:12]}-{name}"


def _damaged(blobs: _Blobs, kind: str, key: str, what: str) -> StoreError:
    return StoreError(
        f"a stored result of the kind {kind!r} is damaged: {what}; delete {blobs.address(f'{kind}/{key}')} and run again to make it anew"
    )


def _check(kind: str, key: str) -> None:
    for word in (kind, key):
        if not _NAME.fullmatch(word) or ".." in word:
            raise StoreError(f"{word!r} cannot name a stored result: use letters, digits, '.', '_', '@' and '-' (128 at most)")


def open_store(location: str | Path) -> ResultStore:
    """Open the store at a local folder or at an address such as ``s3://bucket/prefix``."""
    text = str(location)
    if "://" in text and not text.startswith("file://"):
        return ResultStore(_RemoteBlobs(text))
    return ResultStore(_LocalBlobs(Path(text.removeprefix("file://"))))
