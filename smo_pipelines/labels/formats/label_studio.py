"""Label Studio's JSON export, open source and Enterprise, as downloaded or as a snapshot.

A task holds the annotations of its raters. Who a rater is (an id, or an object with name and e-mail address) becomes a pseudonym
as it is read and is kept nowhere.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.json_options import JsonOptions, Survey
from smo_pipelines.labels.formats.json_records import JsonRecord, good_records
from smo_pipelines.labels.formats.json_rows import Answer, JsonRows, facts_of
from smo_pipelines.labels.formats.json_values import BadRecord, identifier, joined, kind_of, moment, plain_text, seconds
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.records import Quarantine

__all__ = ["LABEL_KINDS", "read_label_studio", "region_labels"]

FORMAT = "label-studio"
LABEL_KINDS = ("choices", "number", "pairwise", "rating", "taxonomy")
"""Kinds of control tags whose answer is a label of the item; ``textarea`` is too when the mapping names it."""

_PLACES = frozenset({"start", "end", "x", "y", "points", "labels"})
_REVIEWS = {"accepted": "accepted", "rejected": "rejected", "fixed_and_accepted": "fixed"}


def read_label_studio(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read a JSON export of Label Studio; see :class:`~smo_pipelines.labels.formats.json_options.JsonOptions`.

    Each annotation that was not cancelled gives a rating a question; a cancelled one is a skipped rating. ``ground_truth`` is
    gold: a gold rating, and the item's gold under the guideline. ``lead_time`` is the duration, which includes every later edit.
    Predictions are no ratings; an annotation that began as one is prelabelled. Reviews give the state and the reviewer.

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
    reading = _Reading(path.name, survey, chosen, JsonRows(FORMAT, chosen, key, listener))
    for record, task in good_records(path, reading.rows.quarantine, listener=listener):
        reading.task(record, task)
    reading.say_what_is_missing()
    return reading.rows.batch()


def _survey(path: Path, listener: Listener) -> Survey:
    survey = Survey()
    for _, task in good_records(path, Quarantine(0.0), listener=listener):
        if isinstance(task.get("data"), dict):
            survey.saw(task["data"])
        for annotation in _list(task, "annotations", "completions"):
            for region in _list(annotation, "result"):
                if isinstance(region, dict) and isinstance(region.get("from_name"), str):
                    survey.asked(region["from_name"], str(region.get("type", "")).lower())
    return survey


def _list(holder: Any, *names: str) -> list[Any]:
    """Return the first of some keys that is a list, else an empty one."""
    found = (holder.get(name) for name in names) if isinstance(holder, dict) else iter(())
    return next((value for value in found if isinstance(value, list)), [])


class _Reading:
    """One import: what its mapping chose, and the rows so far."""

    def __init__(self, file: str, survey: Survey, options: JsonOptions, rows: JsonRows) -> None:
        self.file, self.options, self.rows, self.survey = file, options, rows, survey
        self.text = survey.text_key(options, file)
        self.questions = survey.chosen_questions(options, file, kinds=LABEL_KINDS)
        self.gold_without_guideline = 0
        for theirs in self.questions:
            _check_kinds(file, theirs, survey.questions.get(theirs, set()))

    def task(self, record: JsonRecord, task: Mapping[str, Any]) -> None:
        """Read a task: its item, then each annotation on its own."""
        try:
            item_id, annotations = self._item(record, task)
        except BadRecord as error:
            for _ in _list(task, "annotations", "completions") or [None]:  # a rating each that is not read
                self.rows.aside(self.file, record, str(error))
            return
        self.rows.left_out("predictions (a model's output is no rating)", len(_list(task, "predictions")))
        self.rows.left_out("drafts (not submitted)", len(_list(task, "drafts")))
        if not annotations:
            self.rows.answers(())
        for place, annotation in enumerate(annotations, start=1):
            try:
                self.rows.answers(self._annotation(item_id, task, annotation))
            except BadRecord as error:
                self.rows.aside(self.file, record, f"annotation {place}: {error}")

    def _item(self, record: JsonRecord, task: Mapping[str, Any]) -> tuple[str, list[Any]]:
        data = task.get("data")
        if not isinstance(data, dict):
            raise BadRecord(f"data is {kind_of(data)}, and an object belongs there")
        annotations = task.get("annotations", task.get("completions"))
        if annotations is not None and not isinstance(annotations, list):
            raise BadRecord(f"annotations is {kind_of(annotations)}, and a list belongs there")
        own = self.options.columns.get("item_id")
        item_id = identifier(own, data.get(own)) if own else identifier("task id", task.get("id"))
        text = plain_text(self.text, data.get(self.text))
        attributes = {name: plain_text(name, data.get(name)) for name in self.options.attributes}
        self.rows.item(record, item_id, text, facts_of(self.options, data.get), attributes)
        return item_id, annotations or []

    def _annotation(self, item_id: str, task: Mapping[str, Any], annotation: Any) -> list[Answer]:
        if not isinstance(annotation, dict):
            raise BadRecord(f"it is {kind_of(annotation)}, and an object belongs there")
        rater = _person(annotation.get("completed_by"), "rater (completed_by)")
        regions = annotation.get("result")
        if regions is not None and not isinstance(regions, list):
            raise BadRecord(f"result is {kind_of(regions)}, and a list belongs there")
        data = task["data"]
        given = _labels(regions or [], {*self.questions, *(name for name in self.options.columns.values() if name not in data)})
        facts = facts_of(self.options, lambda name: data[name] if name in data else joined(given.get(name, ())))
        skipped = bool(annotation.get("was_cancelled") or annotation.get("skipped"))
        is_gold = annotation.get("ground_truth") is True and not skipped
        review, reviewer = _review(annotation)
        unlabelled = Answer(
            item_id=item_id,
            rater=rater,
            facts=facts,
            created_at=moment("created_at", annotation.get("created_at")),
            changed_at=moment("updated_at", annotation.get("updated_at")),
            duration_s=seconds("lead_time", annotation.get("lead_time")),
            is_gold=is_gold,
            skipped=skipped,
            prelabelled=annotation.get("parent_prediction") is not None or annotation.get("last_action") == "prediction",
            review=review,
            reviewer=reviewer,
            own_id="" if annotation.get("id") is None else identifier("annotation id", annotation["id"]),
        )
        if skipped:
            questions = list(self.questions.values()) or [self.options.constants.get("question", "")]
            if not questions[0]:
                raise BadRecord(
                    "it was cancelled, and no answer says what the question is; name it in the mapping, under constants"
                )
            return [replace(unlabelled, question=ours) for ours in questions]
        answers = [
            replace(unlabelled, question=ours, label=self.rows.label(joined(given[theirs]), facts["guideline"]))
            for theirs, ours in self.questions.items()
            if joined(given.get(theirs, ()))
        ]
        if not answers:
            raise BadRecord(f"it answers none of the questions ({', '.join(self.questions) or 'no answer is in the file'})")
        if is_gold:
            self._gold(item_id, answers)
        return answers

    def _gold(self, item_id: str, answers: Iterable[Answer]) -> None:
        for answer in answers:
            if answer.facts["guideline"] and len(self.questions) == 1:
                self.rows.gold(item_id, answer.facts["guideline"], answer.label)
            else:
                self.gold_without_guideline += 1

    def say_what_is_missing(self) -> None:
        """Say which control tags were not read, and which gold cannot be kept with its item."""
        others = self.survey.others(self.options, self.questions)
        if others:
            self.rows.note(f"control tags that were not read: {others}")
        if self.gold_without_guideline:
            self.rows.note(
                f"{self.gold_without_guideline:,} ground truths are gold ratings only: an item's gold is kept by guideline, and "
                "that needs one question and a guideline in the mapping"
            )


def _check_kinds(file: str, name: str, kinds: set[str]) -> None:
    strange = sorted(kinds - {*LABEL_KINDS, "textarea"})
    if strange:
        raise ImportRefused(
            f"{file}: {name!r} is a control tag of type {'/'.join(strange)}, which marks a part of an item; a rating is a label of a "
            f"whole item, from {', '.join(LABEL_KINDS)} or textarea"
        )


def _person(value: Any, what: str) -> str:
    """Return who somebody is: the id, whichever way the export writes it; an e-mail address only where there is no id."""
    if isinstance(value, dict):
        value = value["id"] if value.get("id") is not None else str(value.get("email") or "").lower()
    return identifier(what, value)


def _review(annotation: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the state of an annotation's latest review and who reviewed it."""
    reviews = [review for review in _list(annotation, "reviews") if isinstance(review, dict)]
    if not reviews:
        action = annotation.get("last_action")
        return _REVIEWS.get(action) if isinstance(action, str) else None, ""
    latest = max(enumerate(reviews), key=lambda one: (str(one[1].get("created_at") or ""), one[0]))[1]
    reviewer = "" if latest.get("created_by") is None else _person(latest["created_by"], "reviewer")
    if not isinstance(latest.get("accepted"), bool):
        raise BadRecord(f"accepted of its review is {kind_of(latest.get('accepted'))}, and true or false belongs there")
    if not latest["accepted"]:
        return "rejected", reviewer
    return "fixed" if latest.get("fixed_annotation_history") else "accepted", reviewer


def _labels(regions: Iterable[Any], wanted: Collection[str]) -> dict[str, list[str]]:
    """Return what was answered, by control tag, for those that matter."""
    given: dict[str, list[str]] = {}
    for region in regions:
        if not isinstance(region, dict):
            raise BadRecord(f"a result is {kind_of(region)}, and an object belongs there")
        name = region.get("from_name")
        if isinstance(name, str) and name in wanted:
            given.setdefault(name, []).extend(region_labels(region.get("value")))
    return given


def region_labels(value: Any) -> list[str]:
    """Return the labels in one region's value: choices, a rating or number, paths of a taxonomy, a side, or a text.

    Raises
    ------
    BadRecord
        When a value is not what its kind says, or marks a part of the item.

    Examples
    --------
    >>> region_labels({"choices": ["hate"]}), region_labels({"rating": 4}), region_labels({"taxonomy": [["abuse", "slur"]]})
    (['hate'], ['4'], ['abuse/slur'])
    """
    if not isinstance(value, dict):
        raise BadRecord(f"a value is {kind_of(value)}, and an object belongs there")
    if _PLACES & value.keys():
        raise BadRecord("an answer marks a part of the item, and a rating is a label of a whole item")
    found: list[str] = []
    for kind in ("choices", "taxonomy", "text"):
        several = value.get(kind, [])
        if kind == "text" and isinstance(several, str):
            several = [several]
        if not isinstance(several, list):
            raise BadRecord(f"{kind} is {kind_of(several)}, and a list belongs there")
        found += [
            "/".join(plain_text(kind, part) for part in one) if isinstance(one, list) else plain_text(kind, one) for one in several
        ]
    found += [plain_text(kind, value[kind]) for kind in ("rating", "number", "selected") if value.get(kind) is not None]
    return found
