"""Export formats: one file each, found by name."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from smo_pipelines.errors import UnknownName
from smo_pipelines.labels.batch import LabelBatch, SourceFile, check_project
from smo_pipelines.labels.formats.argilla import read_argilla
from smo_pipelines.labels.formats.davidson2017 import read_davidson2017
from smo_pipelines.labels.formats.kern2023 import read_kern2023
from smo_pipelines.labels.formats.label_studio import read_label_studio
from smo_pipelines.labels.formats.label_studio_min import read_label_studio_min
from smo_pipelines.labels.formats.lewidi import read_lewidi
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.mapped import read_mapped
from smo_pipelines.labels.formats.own_export import read_own_export
from smo_pipelines.labels.formats.roettger2022 import read_roettger2022

__all__ = ["FORMATS", "JSON_READERS", "READERS", "Reader", "read", "source_files"]

_ENDINGS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"})


class Reader(Protocol):
    """Reads an export into a batch, with raters under pseudonyms made with a key; says how far it is, and what is left out."""

    def __call__(self, path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener) -> LabelBatch:
        """Return the batch that an export holds."""


JSON_READERS: Mapping[str, Reader] = {
    "argilla": read_argilla,
    "label-studio": read_label_studio,
    "label-studio-min": read_label_studio_min,
    "lewidi": read_lewidi,
}
"""The readers of exports in JSON."""

READERS: Mapping[str, Reader] = {
    **JSON_READERS,
    "davidson2017": read_davidson2017,
    "kern2023": read_kern2023,
    "mapped": read_mapped,
    "roettger2022": read_roettger2022,
    "smo-export": read_own_export,
}
"""All readers."""

FORMATS = tuple(sorted(READERS))
"""The names of all formats."""


def read(
    name: str, path: str | Path, *, options: Mapping[str, Any] | None = None, key: bytes, listener: Listener = SILENT
) -> LabelBatch:
    """Read an export.

    Parameters
    ----------
    name : str
        A name in :data:`FORMATS`.
    path : str or Path
        The file, or the folder of a format of several files.
    options : mapping, optional
        The format's own options.
    key : bytes
        The key of the raters' pseudonyms, see :func:`smo_pipelines.labels.pseudonyms.key_from_environment`.
    listener : Listener
        Hears how far the reader is, and what it has to say of the export.

    Raises
    ------
    UnknownName
        When there is no such format.
    LabelError
        When the options cannot be meant so.
    ImportRefused
        When the export cannot be read.
    """
    if name not in FORMATS:
        raise UnknownName("export format", name, FORMATS)
    options = options or {}
    if options.get("project"):
        check_project(str(options["project"]))
    batch = READERS[name](Path(path), options=options, key=key, listener=listener)
    return batch.read_from(source_files(Path(path)))


def source_files(path: Path) -> tuple[SourceFile, ...]:
    """Return what names the content of a file, or of the tables and JSON files of a folder."""
    found = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix.lower() in _ENDINGS)
    return tuple(SourceFile(name=file.name, sha256=_sha256(file), bytes=file.stat().st_size) for file in found)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
