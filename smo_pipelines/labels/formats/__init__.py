"""Export formats: one file each, found by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from smo_pipelines.errors import UnknownName
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.davidson2017 import read_davidson2017
from smo_pipelines.labels.formats.kern2023 import read_kern2023
from smo_pipelines.labels.formats.mapped import read_mapped
from smo_pipelines.labels.formats.roettger2022 import read_roettger2022

__all__ = ["READERS", "Reader", "read"]


class Reader(Protocol):
    """Reads an export into a batch, with raters under pseudonyms made with a key."""

    def __call__(self, path: Path, *, options: Mapping[str, Any], key: bytes) -> LabelBatch:
        """Return the batch that an export holds."""


READERS: Mapping[str, Reader] = {
    "davidson2017": read_davidson2017,
    "kern2023": read_kern2023,
    "mapped": read_mapped,
    "roettger2022": read_roettger2022,
}
"""The reader of each format."""


def read(name: str, path: str | Path, *, options: Mapping[str, Any] | None = None, key: bytes) -> LabelBatch:
    """Read an export.

    Parameters
    ----------
    name : str
        A name in :data:`READERS`.
    path : str or Path
        The file, or the folder of a format of several files.
    options : mapping, optional
        The format's own options.
    key : bytes
        The key of the raters' pseudonyms, see :func:`smo_pipelines.labels.pseudonyms.key_from_environment`.

    Raises
    ------
    UnknownName
        When there is no such format.
    ImportRefused
        When the export cannot be read.
    """
    if name not in READERS:
        raise UnknownName("export format", name, READERS)
    return READERS[name](Path(path), options=options or {}, key=key)
