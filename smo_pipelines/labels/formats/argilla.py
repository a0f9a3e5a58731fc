"""Argilla 2 exports: flat (parallel lists a question), nested (no states), and records with responses as its server answers.

Of the three only the server's records have the time of a response, and the nested form says neither that nor whether a response was
submitted; which of them a record is, its own keys say.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.json_options import JsonOptions, Survey
from smo_pipelines.labels.formats.json_records import JsonRecord, good_records
from smo_pipelines.labels.formats.json_rows import Answer, JsonRows, facts_of
from smo_pipelines.labels.formats.json_values import BadRecord, identifier, joined, kind_of, moment, plain_text
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.records import Quarantine

__all__ = ["read_argilla"]

FORMAT = "argilla"
_RESPONSES = ".responses"
_OWN_KEYS = frozenset({"id", "status", "_server_id", "score", "inserted_at", "updated_at"})
_STATES = ("submitted", "discarded", "draft")
_NOBODY = ("None", "")  # what the client writes for a user who was deleted


@dataclass(frozen=True, kw_only=True)
class _Response:
    """One user's answer to one question, from whichever form of the export."""

    question: str
    user: Any
    value: Any
    state: Any
    created_at: Any = None
    changed_at: Any = None
    own_id: Any = None


def read_argilla(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read an export of Argilla; see :class:`~smo_pipelines.labels.formats.json_options.JsonOptions`.

    A submitted response is a rating, a discarded one a skipped rating; drafts are left out, counted. In the nested form, where the
    state is missing, every response is taken for submitted, and that is said. A record with a suggestion is prelabelled.
    Fields and metadata are the keys that a mapping can name. Several labels of one response are one label, sorted and joined by
    ``|``; spans and rankings are refused.

    Parameters
    ----------
    path : Path
        A JSON array, JSON lines, or an answer of the server (``items``).
    options : mapping
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Raises
    ------
    ImportRefused
        When the file cannot be read, what is a question or the text is not plain, or too many responses are bad.
    """
    chosen = JsonOptions.of(options, FORMAT)
    survey, nested = _survey(path, listener)
    survey.check(chosen, path.name)
    text = survey.text_key(chosen, path.name)
    questions = survey.chosen_questions(chosen, path.name, kinds=("label", "rating"))
    for theirs in questions:
        _check_kinds(path.name, theirs, survey.questions.get(theirs, set()))
    rows = JsonRows(FORMAT, chosen, key, listener)
    for record, row in _records(path, rows.quarantine, listener):
        _read(path.name, record, row, rows, text, questions)
    others = survey.others(chosen, questions)
    if others:
        rows.note(f"questions that were not read: {others}")
    if nested:
        rows.note(
            f"WARNING: {nested:,} records are of the nested form, which does not say whether a response was submitted, a draft or "
            "discarded: all were taken for submitted. Export with to_list(flatten=True), or the server's records, to tell them apart"
        )
    return rows.batch()


def _records(path: Path, quarantine: Quarantine, listener: Listener) -> Iterator[tuple[JsonRecord, dict[str, Any]]]:
    """Yield a file's records; the server wraps them in ``items``."""
    for record, row in good_records(path, quarantine, listener=listener):
        if not isinstance(row.get("items"), list):
            yield record, row
            continue
        for number, one in enumerate(row["items"], start=1):
            inner = record._replace(number=number, value=one)
            if isinstance(one, dict):
                yield inner, one
            else:
                quarantine.add(path.name, record.line, f"record {number}: {kind_of(one)} where a record belongs")


def _survey(path: Path, listener: Listener) -> tuple[Survey, int]:
    """Return what the records have, and how many are of the nested form."""
    survey, nested = Survey(), 0
    for _, row in _records(path, Quarantine(0.0), listener):
        survey.saw(_data(row))
        nested += isinstance(row.get("responses"), dict)
        for response in _all_responses(row):
            survey.asked(response.question, *([] if response.value is None else [_kind(response.value)]))
    return survey, nested


def _all_responses(row: Mapping[str, Any]) -> Iterator[_Response]:
    try:
        yield from _responses(row)
    except BadRecord:
        return  # the record goes to quarantine when it is read


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "span or ranking" if any(isinstance(one, dict) for one in value) else "label"
    if isinstance(value, dict):
        return "span or ranking"
    return "rating" if isinstance(value, int | float) else "label"


def _check_kinds(file: str, name: str, kinds: set[str]) -> None:
    if "span or ranking" in kinds:
        raise ImportRefused(
            f"{file}: the question {name!r} is answered with spans or rankings; a rating is a label of a whole item: name a label, "
            "multi-label or rating question"
        )


def _data(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's fields and metadata."""
    if isinstance(row.get("fields"), dict):
        metadata = row.get("metadata")
        return {**(metadata if isinstance(metadata, dict) else {}), **row["fields"]}
    asked = {name.removesuffix(_RESPONSES) for name in row if name.endswith(_RESPONSES)}
    asked |= {name.removesuffix(".suggestion") for name in row if name.endswith(".suggestion")}
    return {
        name: value
        for name, value in row.items()
        if name not in _OWN_KEYS and not any(name.startswith(f"{question}.") for question in asked)
    }


def _read(file: str, record: JsonRecord, row: dict[str, Any], rows: JsonRows, text: str, questions: Mapping[str, str]) -> None:
    data = _data(row)
    try:
        responses = [response for response in _responses(row) if response.question in questions]
        item_id = _item(record, row, data, rows, text)
        answered = _last_values(row)
    except BadRecord as error:
        for _ in range(max(1, _stated(row, questions))):
            rows.aside(file, record, str(error))
        return
    if not responses:
        rows.answers(())
    for response in responses:
        where = f"question {response.question!r}: "
        try:
            if response.state == "draft":
                rows.left_out("drafts (not submitted)")
                continue
            ours = questions[response.question]
            rows.answers([_answer(item_id, response, row, {**answered.get(response.user, {}), **data}, rows, ours)])
        except BadRecord as error:
            rows.aside(file, record, f"{where}{error}")


def _item(record: JsonRecord, row: Mapping[str, Any], data: Mapping[str, Any], rows: JsonRows, text: str) -> str:
    options = rows.options
    own = options.columns.get("item_id")
    given = row.get("external_id") if row.get("external_id") is not None else row.get("id")
    item_id = identifier(own, data.get(own)) if own else identifier("record id", given)
    attributes = {name: plain_text(name, data.get(name)) for name in options.attributes}
    rows.item(record, item_id, plain_text(text, data.get(text)), facts_of(options, data.get), attributes)
    return item_id


def _answer(
    item_id: str, response: _Response, row: Mapping[str, Any], known: Mapping[str, Any], rows: JsonRows, question: str
) -> Answer:
    if response.user is None or response.user in _NOBODY:
        raise BadRecord("no rater: the user was deleted")
    if response.state not in _STATES:
        raise BadRecord(f"status {str(response.state)[:40]!r} is not one of {', '.join(_STATES)}")
    skipped = response.state == "discarded"
    facts = facts_of(rows.options, lambda name: _label(known.get(name)))
    return Answer(
        item_id=item_id,
        rater=identifier("user_id", response.user),
        question=question,
        label="" if skipped else rows.label(_label(response.value), facts["guideline"]),
        facts=facts,
        created_at=moment("inserted_at", response.created_at),
        changed_at=moment("updated_at", response.changed_at),
        skipped=skipped,
        prelabelled=_suggested(row, response.question),
        own_id="" if response.own_id is None else identifier("response id", response.own_id),
    )


def _label(value: Any) -> str:
    return joined(plain_text("label", one) for one in value) if isinstance(value, list) else plain_text("label", value)


def _responses(row: Mapping[str, Any]) -> Iterator[_Response]:
    """Yield a record's responses.

    Raises
    ------
    BadRecord
        When they do not have the form of any of the three exports.
    """
    given = row.get("responses")
    if isinstance(given, dict):
        for question, several in given.items():
            for one in _listed(f"responses of {question!r}", several):
                if not isinstance(one, dict):
                    raise BadRecord(f"a response to {question!r} is {kind_of(one)}, and an object belongs there")
                yield _Response(question=question, user=_user(one.get("user_id")), value=one.get("value"), state="submitted")
    elif "fields" in row:
        yield from _of_server(_listed("responses", given))
    else:
        for name in row:
            if name.endswith(_RESPONSES):
                yield from _parallel(row, name)


def _of_server(responses: list[Any]) -> Iterator[_Response]:
    for response in responses:
        if not isinstance(response, dict):
            raise BadRecord(f"a response is {kind_of(response)}, and an object belongs there")
        values = response.get("values") or {}
        if not isinstance(values, dict):
            raise BadRecord(f"values of a response is {kind_of(values)}, and an object belongs there")
        for question, value in values.items():
            yield _Response(
                question=question,
                user=_user(response.get("user_id")),
                value=value.get("value") if isinstance(value, dict) else value,
                state=response.get("status"),
                created_at=response.get("inserted_at"),
                changed_at=response.get("updated_at"),
                own_id=response.get("id"),
            )


def _parallel(row: Mapping[str, Any], name: str) -> Iterator[_Response]:
    columns = [_listed(part, row.get(part)) for part in (name, f"{name}.users", f"{name}.status")]
    if len({len(column) for column in columns}) != 1:
        raise BadRecord(f"{name} has {len(columns[0])} values, {len(columns[1])} users and {len(columns[2])} states")
    for value, user, state in zip(*columns, strict=True):
        yield _Response(question=name.removesuffix(_RESPONSES), user=_user(user), value=value, state=state)


def _listed(what: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRecord(f"{what} is {kind_of(value)}, and a list belongs there")
    return value


def _user(value: Any) -> str | None:
    return None if value is None else identifier("user_id", value)


def _last_values(row: Mapping[str, Any]) -> dict[str | None, dict[str, Any]]:
    """Return each user's answers by question: a clause may be one of them."""
    found: dict[str | None, dict[str, Any]] = {}
    for response in _responses(row):
        found.setdefault(response.user, {})[response.question] = response.value
    return found


def _stated(row: Mapping[str, Any], questions: Mapping[str, str]) -> int:
    """Return how many responses a record seems to have to the questions that are read, however bad they are."""
    given = row.get("responses")
    lists = list(given.values()) if isinstance(given, dict) else [given, *(row.get(f"{name}{_RESPONSES}") for name in questions)]
    return sum(len(one) for one in lists if isinstance(one, list))


def _suggested(row: Mapping[str, Any], question: str) -> bool:
    """Return whether the rater saw a suggestion; the server's records do not say for which question it was."""
    given = row.get("suggestions")
    if isinstance(given, dict):
        suggestion = given.get(question)
        return isinstance(suggestion, dict) and suggestion.get("value") is not None
    return bool(given) or row.get(f"{question}.suggestion") is not None
