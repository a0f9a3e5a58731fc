"""Label Studio's JSON_MIN export: one flat record an annotation, with the task's data and the answers side by side."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from smo_pipelines.errors import ImportRefused, did_you_mean
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.json_options import JsonOptions, Survey
from smo_pipelines.labels.formats.json_records import JsonRecord, good_records
from smo_pipelines.labels.formats.json_rows import Answer, JsonRows, facts_of
from smo_pipelines.labels.formats.json_values import BadRecord, identifier, joined, moment, plain_text, seconds
from smo_pipelines.labels.formats.label_studio import region_labels
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.records import Quarantine

__all__ = ["OWN_KEYS", "read_label_studio_min"]

FORMAT = "label-studio-min"
OWN_KEYS = frozenset({"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"})
"""Keys that the format adds to the data and the answers."""


def read_label_studio_min(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read a JSON_MIN export; see :class:`~smo_pipelines.labels.formats.json_options.JsonOptions`.

    The answers cannot be told from the data by their form: where there is more than the text and one other key, the mapping says
    which keys are questions. The format has no cancelled annotations, predictions, ground truth or reviews, and its ``annotator``
    is an e-mail address in some exports and an id in others, which are two raters here: keep to one kind in a project.

    Parameters
    ----------
    path : Path
    options : mapping
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Raises
    ------
    ImportRefused
        When the file cannot be read, what is a question or the text is not plain, or too many annotations are bad.
    """
    chosen = JsonOptions.of(options, FORMAT)
    survey = _survey(path, listener)
    survey.check(chosen, path.name)
    text = survey.text_key(chosen, path.name)
    questions = _questions(survey, chosen, text, path.name)
    rows = JsonRows(FORMAT, chosen, key, listener)
    by_mail = 0
    for record, row in good_records(path, rows.quarantine, listener=listener):
        try:
            answers = _answers(record, row, rows, text, questions)
        except BadRecord as error:
            rows.aside(path.name, record, str(error))
        else:
            rows.answers(answers)
            by_mail += isinstance(row.get("annotator"), str) and "@" in row["annotator"]
    rows.note("JSON_MIN does not say which annotations were cancelled, prelabelled, reviewed or ground truth; the JSON export does")
    if by_mail:
        rows.note(f"{by_mail:,} annotations name their rater by e-mail address: a JSON export of the same raters would name others")
    return rows.batch()


def _survey(path: Path, listener: Listener) -> Survey:
    survey = Survey()
    for _, row in good_records(path, Quarantine(0.0), listener=listener):
        survey.saw({name: value for name, value in row.items() if name not in OWN_KEYS})
    return survey


def _questions(survey: Survey, options: JsonOptions, text: str, file: str) -> dict[str, str]:
    for theirs in options.questions.values():
        if theirs not in survey.keys:
            raise ImportRefused(f"no record of {file} has the question {theirs!r}; {did_you_mean(theirs, survey.keys)}")
    if options.questions:
        return {theirs: ours for ours, theirs in options.questions.items()}
    others = sorted(survey.keys - {text, *options.columns.values(), *options.attributes})
    if len(others) == 1:
        return {others[0]: options.constants.get("question", others[0])}
    raise ImportRefused(
        f"{file}: which keys are answers is not plain, {', '.join(others) or 'none'} could be; name them in the mapping, "
        "questions: {hate: its key}"
    )


def _answers(record: JsonRecord, row: dict[str, Any], rows: JsonRows, text: str, questions: Mapping[str, str]) -> list[Answer]:
    options = rows.options
    own = options.columns.get("item_id")
    item_id = identifier(own, row.get(own)) if own else identifier("id", row.get("id"))
    facts = facts_of(options, lambda name: joined(_labels(name, row.get(name))))
    given = {theirs: joined(_labels(theirs, row.get(theirs))) for theirs in questions}
    attributes = {name: plain_text(name, row.get(name)) for name in options.attributes}
    if row.get("annotator") is None and row.get("annotation_id") is None and not any(given.values()):
        rows.item(record, item_id, plain_text(text, row.get(text)), facts, attributes)
        return []  # a task that nobody has annotated yet
    rater = row.get("annotator")
    unlabelled = Answer(
        item_id=item_id,
        rater=identifier("rater (annotator)", rater.lower() if isinstance(rater, str) else rater),
        facts=facts,
        created_at=moment("created_at", row.get("created_at")),
        changed_at=moment("updated_at", row.get("updated_at")),
        duration_s=seconds("lead_time", row.get("lead_time")),
        own_id="" if row.get("annotation_id") is None else identifier("annotation_id", row["annotation_id"]),
    )
    answers = [
        replace(unlabelled, question=ours, label=rows.label(given[theirs], facts["guideline"]))
        for theirs, ours in questions.items()
        if given[theirs]
    ]
    if not answers:
        raise BadRecord(f"it answers none of the questions ({', '.join(questions)})")
    rows.item(record, item_id, plain_text(text, row.get(text)), facts, attributes)
    return answers


def _labels(name: str, value: Any) -> list[str]:
    """Return the labels of one key: one choice is a text, several are an object, several regions are a list of either."""
    if isinstance(value, dict):
        return region_labels(value)
    if isinstance(value, list):
        return [label for one in value for label in _labels(name, one)]
    return [plain_text(name, value)]
