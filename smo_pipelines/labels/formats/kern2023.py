"""The rater-level data of Kern et al. (2023): five layouts of one annotation form, the same tweets, raters assigned at random.

C. Kern, S. Eckman, J. Beck, R. Chew, B. Ma, F. Kreuter (2023). Annotation Sensitivity: Training Data Collection Methods Affect
Model Performance. Findings of EMNLP 2023, 14874-14886.
"""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from smo_pipelines.errors import LabelError, did_you_mean
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.records import Quarantine, Record, csv_records
from smo_pipelines.labels.pseudonyms import pseudonym

__all__ = ["read_kern2023"]

_FILES = {"train": "full_train_s.csv", "test": "full_test_s.csv"}
_QUESTIONS = {"hate": ("hate.speech", "kern2023-hate@1"), "offensive": ("offensive.language", "kern2023-offensive@1")}
_COLUMNS = ("tweet.id", "id", "version", "hate.speech", "offensive.language", "tweet_hashed")
_LABELS = {"0": "0", "0.0": "0", "1": "1", "1.0": "1", "": None, "NA": None}
_MAX_BAD_SHARE = 0.01


def read_kern2023(path: Path, *, options: Mapping[str, Any], key: bytes) -> LabelBatch:
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

    Raises
    ------
    ImportRefused
        When a file is missing or is not this data set's.
    """
    for name in options:
        if name != "project":
            raise LabelError(f"the kern2023 format has no option {name!r}; {did_you_mean(name, ['project'])}")
    project = str(options.get("project", "kern2023"))
    quarantine = Quarantine(_MAX_BAD_SHARE)
    items: dict[str, dict[str, Any]] = {}
    raters: dict[str, dict[str, Any]] = {}
    ratings: list[dict[str, Any]] = []
    for split, file in _FILES.items():
        for record in csv_records(path / file, quarantine, needed=_COLUMNS):
            reason = _malformed(record)
            if reason:
                quarantine.add(file, record.line, reason)
                continue
            row = record.fields
            raw = row["id"]
            if raw not in raters:
                raters[raw] = _rater(pseudonym(key, project, raw), row["version"])
            if row["tweet.id"] not in items:
                items[row["tweet.id"]] = _item(row, split)
            ratings += [_rating(row, raters[raw]["rater_id"], question) for question in _QUESTIONS]
    return LabelBatch(
        project=project,
        source="kern2023",
        items=pd.DataFrame(list(items.values())),
        raters=pd.DataFrame(list(raters.values())),
        ratings=pd.DataFrame(ratings),
        quarantine=quarantine.judged(len(ratings) // len(_QUESTIONS)),
    )


def _malformed(record: Record) -> str:
    row = record.fields
    for name in ("tweet.id", "id", "tweet_hashed"):
        if not row[name]:
            return f"no {name}"
    if row["version"] not in ("A", "B", "C", "D", "E"):
        return f"version {row['version'][:20]!r} is not one of A to E"
    for column, _ in _QUESTIONS.values():
        if row[column] not in _LABELS:
            return f"{column} {row[column][:20]!r} is neither 0 nor 1 nor empty"
    return ""


def _item(row: Mapping[str, str], split: str) -> dict[str, Any]:
    return {"item_id": row["tweet.id"], "text": html.unescape(row["tweet_hashed"]), "locale": "en", "attributes": {"split": split}}


def _rater(rater_id: str, version: str) -> dict[str, Any]:
    return {"rater_id": rater_id, "kind": "human", "pool": version, "attributes": {"condition": version}}


def _rating(row: Mapping[str, str], rater_id: str, question: str) -> dict[str, Any]:
    column, guideline = _QUESTIONS[question]
    label = _LABELS[row[column]]
    return {
        "item_id": row["tweet.id"],
        "question": question,
        "rater_id": rater_id,
        "label": label,
        "guideline": guideline,
        "instrument": row["version"],
        "locale": "en",
        "skipped": label is None,
    }
