"""The vote counts of Davidson et al. (2017): tweets as hate speech, offensive language or neither.

T. Davidson, D. Warmsley, M. Macy, I. Weber (2017). Automated Hate Speech Detection and the Problem of Offensive Language. ICWSM.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.layout import MappedOptions
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.mapped import batch_of, project_of, read_tables

__all__ = ["read_davidson2017"]

_FILE = "labeled_data.csv"


def read_davidson2017(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read ``labeled_data.csv``, or the folder that holds it.

    The file says how many of an item's raters chose each label and not who they were, so each vote becomes a rating of the
    question ``class`` by one of the item's anonymous slots (see ``counts`` of
    :class:`~smo_pipelines.labels.formats.layout.MappedOptions`). Items are named by the file's first column, which has no name; the
    published majority (0 hate, 1 offensive, 2 neither) is kept as the attribute ``published_class``, never as a rating or gold. HTML
    entities are unescaped once, as in :mod:`~smo_pipelines.labels.formats.kern2023`, whose tweets are a part of these.

    Parameters
    ----------
    path : Path
    options : mapping
        ``project`` (``"davidson2017"`` unless given).
    key : bytes
        The key of the pseudonyms.
    listener : Listener

    Raises
    ------
    ImportRefused
        When the file is missing or is not this data set's.
    """
    project = project_of(options, "davidson2017")
    layout = MappedOptions(
        project=project,
        columns={"item_id": "", "text": "tweet", "attributes.published_class": "class"},
        constants={"question": "class", "guideline": "davidson2017@1", "locale": "en"},
        counts={"hate": "hate_speech", "offensive": "offensive_language", "neither": "neither"},
        total="count",
        html_entities=True,
        max_bad_share=0.01,
    )
    columns, quarantine = read_tables([(path / _FILE if path.is_dir() else path, layout)], key=key, listener=listener)
    return batch_of(project, "davidson2017", columns, quarantine)
