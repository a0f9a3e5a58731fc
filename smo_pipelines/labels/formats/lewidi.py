"""The harmonised JSON of the Learning With Disagreements shared tasks: one object, an item a member, its raters side by side.

E. Leonardelli, G. Abercrombie, D. Almanea, V. Basile, T. Fornaciari, B. Plank, V. Rieser, A. Uma, M. Poesio (2023). SemEval-2023
Task 11: Learning With Disagreements (LeWiDi). SemEval-2023, 2304-2318.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smo_pipelines.errors import ImportRefused, LabelError, did_you_mean
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.json_options import JsonOptions
from smo_pipelines.labels.formats.json_records import JsonRecord, good_records
from smo_pipelines.labels.formats.json_rows import Answer, JsonRows
from smo_pipelines.labels.formats.json_values import BadRecord, identifier, kind_of, plain_text
from smo_pipelines.labels.formats.listener import SILENT, Listener

__all__ = ["read_lewidi"]

FORMAT = "lewidi"
_OPTIONS = ("project", "constants", "values", "labels", "max_bad_share")
_PROJECT = "lewidi2023-md-agreement"
_QUESTION = "offensive"


def read_lewidi(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read one file, or every ``*.json`` file of a folder.

    The names of the items start again in every split, so an item is named ``split-name``. Its split, its ``other_info`` (e.g. the
    domain) and nothing else become attributes; the majority that the files carry as ``hard_label`` is no gold. Annotations and
    annotators are lists in one order; where one rater stands twice, both ratings are kept, by round, and the latter counts.

    Parameters
    ----------
    path : Path
        The file or folder.
    options : mapping
        ``project`` (``"lewidi2023-md-agreement"`` unless given), ``constants`` (``question``, ``"offensive"`` unless given,
        ``guideline`` ...), ``values``, ``labels``, ``max_bad_share``.
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Raises
    ------
    ImportRefused
        When a file cannot be read, there is none, or too many annotations are bad.
    """
    for name in options:
        if name not in _OPTIONS:
            raise LabelError(f"the {FORMAT} format has no option {name!r}; {did_you_mean(name, _OPTIONS)}")
    rows = JsonRows(FORMAT, JsonOptions.of({"project": _PROJECT, **options}, FORMAT), key, listener)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ImportRefused(f"{path} holds no *.json file; name the file, or the folder of the files of one data set")
    for file in files:
        for record, entry in good_records(file, rows.quarantine, members=True, listener=listener):
            try:
                answers = _answers(record, entry, rows)
            except BadRecord as error:
                for _ in _split(entry, "annotations") or [""]:
                    rows.aside(file.name, record, str(error))
            else:
                for answer in answers:
                    rows.answers([answer])
    return rows.batch()


def _answers(record: JsonRecord, entry: Mapping[str, Any], rows: JsonRows) -> list[Answer]:
    split = identifier("split", entry.get("split"))
    item_id = f"{split}-{identifier('name', record.key)}"
    raters, labels = _split(entry, "annotators"), _split(entry, "annotations")
    stated = entry.get("number of annotations", len(labels))
    if not raters or len(raters) != len(labels) or stated != len(labels):
        raise BadRecord(f"{len(labels)} annotations by {len(raters)} annotators where {str(stated)[:20]} are stated")
    other = entry.get("other_info", {})
    if not isinstance(other, dict):
        raise BadRecord(f"other_info is {kind_of(other)}, and an object belongs there")
    facts = {
        **{name: value for name, value in rows.options.constants.items() if name != "question"},
        "locale": plain_text("lang", entry.get("lang")) or None,
    }
    guideline = facts.get("guideline")
    answers = [
        Answer(
            item_id=item_id,
            rater=identifier("annotator", rater),
            question=rows.options.constants.get("question", _QUESTION),
            label=rows.label(label, guideline),
            facts=facts,
        )
        for rater, label in zip(raters, labels, strict=True)
    ]
    attributes = {name: plain_text(name, value) for name, value in other.items() if not isinstance(value, dict | list)}
    rows.item(record, item_id, plain_text("text", entry.get("text")), facts, {**attributes, "split": split})
    return answers


def _split(entry: Mapping[str, Any], name: str) -> list[str]:
    value = entry.get(name)
    return [part.strip() for part in value.split(",")] if isinstance(value, str) and value.strip() else []
