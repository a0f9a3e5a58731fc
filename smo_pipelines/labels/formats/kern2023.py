"""The rater-level data of Kern et al. (2023): five layouts of one annotation form, the same tweets, raters assigned at random.

C. Kern, S. Eckman, J. Beck, R. Chew, B. Ma, F. Kreuter (2023). Annotation Sensitivity: Training Data Collection Methods Affect
Model Performance. Findings of EMNLP 2023, 14874-14886.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.layout import MappedOptions
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.mapped import batch_of, project_of, read_tables
from smo_pipelines.labels.formats.table_files import check_folder

__all__ = ["read_kern2023"]

_FILES = {"train": "full_train_s.csv", "test": "full_test_s.csv"}
_COLUMNS = {
    "item_id": "tweet.id", "text": "tweet_hashed", "rater_id": "id", "instrument": "version", "rater_pool": "version",
    "rater_attributes.condition": "version",
}  # fmt: skip
_QUESTIONS = {
    "hate": {"label": "hate.speech", "guideline": "kern2023-hate@1"},
    "offensive": {"label": "offensive.language", "guideline": "kern2023-offensive@1"},
}


def read_kern2023(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read ``full_train_s.csv`` and ``full_test_s.csv`` of a folder.

    Each row gives two ratings, ``hate`` and ``offensive``, with the labels "0" and "1"; the form's layout (``version``, A to E)
    is the instrument, and the rater's pool too, because each rater saw one layout. An answer that is missing (raters who left
    before the second pass of D and E) is a skipped rating. Items carry the authors' ``split``.

    HTML entities are unescaped once: they are left over from how the tweets were fetched, and neither raters nor a deployed
    classifier would see ``&amp;`` for ``&``.

    Parameters
    ----------
    path : Path
        The folder.
    options : mapping
        ``project`` (``"kern2023"`` unless given).
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Raises
    ------
    ImportRefused
        When a file is missing or is not this data set's.
    """
    project = project_of(options, "kern2023")
    check_folder(path, "kern2023", _FILES.values())
    parts = [(path / file, _layout(project, split)) for split, file in _FILES.items()]
    columns, quarantine = read_tables(parts, key=key, listener=listener)
    return batch_of(project, "kern2023", columns, quarantine)


def _layout(project: str, split: str) -> MappedOptions:
    return MappedOptions(
        project=project,
        columns=_COLUMNS,
        constants={"locale": "en", "rater_kind": "human", "attributes.split": split},
        questions=_QUESTIONS,
        blank="skipped",
        values={"0.0": "0", "1.0": "1", "NA": ""},
        labels=("0", "1"),
        legal={"instrument": ("A", "B", "C", "D", "E")},
        html_entities=True,
        max_bad_share=0.01,
    )
