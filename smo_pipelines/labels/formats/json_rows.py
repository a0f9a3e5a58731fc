"""The items, raters and ratings of a JSON export, collected record by record."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.json_options import JsonOptions
from smo_pipelines.labels.formats.json_records import JsonRecord
from smo_pipelines.labels.formats.json_values import BadRecord, plain_text, seconds
from smo_pipelines.labels.formats.listener import Listener
from smo_pipelines.labels.formats.records import Quarantine
from smo_pipelines.labels.pseudonyms import pseudonym

__all__ = ["Answer", "JsonRows", "facts_of"]

_FACTS = ("guideline", "instrument", "clause", "locale", "batch", "currency")
_IDENTITY = ("item_id", "rater_id", "question", "guideline", "instrument")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One rater's answer to one question about one item, as the export has it.

    Attributes
    ----------
    rater, reviewer : str
        Who it was, in the export's words; only pseudonyms are kept.
    facts : mapping
        ``guideline, instrument, clause, locale, batch, currency, cost``, from :func:`facts_of`.
    changed_at : datetime or None
        When it was last edited: of two answers by one rater, the one edited later counts.
    own_id : str
        The export's id of the answer; empty when it has none.
    """

    item_id: str
    rater: str
    question: str = ""
    label: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    changed_at: datetime | None = None
    duration_s: float | None = None
    is_gold: bool = False
    skipped: bool = False
    prelabelled: bool = False
    review: str | None = None
    reviewer: str = ""
    own_id: str = ""


def facts_of(options: JsonOptions, value_of: Callable[[str], Any]) -> dict[str, Any]:
    """Return what the mapping says holds for a rating.

    Parameters
    ----------
    options : JsonOptions
    value_of : callable
        Returns the value of a key of the export, None when the record lacks it.

    Raises
    ------
    BadRecord
        When a value is not of its column's kind.
    """
    facts: dict[str, Any] = {name: options.constants.get(name) or None for name in (*_FACTS, "gold", "cost")}
    for ours, theirs in options.columns.items():
        if ours in facts:
            facts[ours] = plain_text(theirs, value_of(theirs)).strip() or None
    facts["cost"] = seconds("cost", facts["cost"]) if facts["cost"] else None
    return facts


class JsonRows:
    """Collects items and answers; an item is described by its first record, a rater kept by pseudonym only.

    Parameters
    ----------
    source : str
        The format's name.
    options : JsonOptions
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener
    """

    def __init__(self, source: str, options: JsonOptions, key: bytes, listener: Listener) -> None:
        self.options = options
        self.quarantine = Quarantine(options.max_bad_share)
        self.good = 0
        self._source, self._key, self._listener = source, key, listener
        self._items: dict[str, dict[str, Any]] = {}
        self._first: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._ratings: dict[str, list[Any]] = {}
        self._left_out: dict[str, int] = {}

    def item(self, record: JsonRecord, item_id: str, text: str, facts: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        """Collect an item.

        Raises
        ------
        BadRecord
            When it has no text, or another than before.
        """
        known = self._items.get(item_id)
        if not text.strip():
            raise BadRecord("no text")
        if known is not None and known["text"] != text:
            raise BadRecord(f"the text of item {item_id!r} is not the one it had in record {self._first[item_id]}")
        gold = {} if known is None else known["gold"]
        if facts.get("gold"):
            if not facts.get("guideline"):
                raise BadRecord("gold under no guideline")
            gold = _with_gold(item_id, gold, facts["guideline"], self.label(facts["gold"], facts["guideline"]))
        if known is None:
            filled = {name: value for name, value in attributes.items() if value}
            known = {"item_id": item_id, "text": text, "locale": facts.get("locale"), "attributes": filled}
            self._first[item_id] = record.number
        self._items[item_id] = {**known, "gold": gold}

    def gold(self, item_id: str, guideline: str, label: str) -> None:
        """Collect what is right for an item that was collected.

        Raises
        ------
        BadRecord
            When it was another label before.
        """
        item = self._items[item_id]
        item["gold"] = _with_gold(item_id, item["gold"], guideline, label)

    def label(self, raw: str, guideline: str | None) -> str:
        """Return the export's label as ours.

        Raises
        ------
        BadRecord
            When it is empty, or not one of the guideline's.
        """
        stripped = raw.strip()
        label = self.options.values.get(stripped, stripped)
        legal = self.options.legal_labels(guideline)
        if not label:
            raise BadRecord("no label")
        if legal and label not in legal:
            raise BadRecord(f"label {label[:40]!r} is not one of {', '.join(legal)}")
        return label

    def answers(self, answers: Sequence[Answer]) -> None:
        """Collect the answers of one unit; what can be wrong with them has been checked."""
        self.good += 1
        for answer in answers:
            row = {
                "item_id": answer.item_id,
                "rater_id": self._pseudonym(answer.rater),
                "question": answer.question,
                "label": answer.label or None,
                **{name: answer.facts.get(name) for name in (*_FACTS, "cost")},
                "created_at": answer.created_at,
                "duration_s": answer.duration_s,
                "is_gold": answer.is_gold,
                "skipped": answer.skipped,
                "prelabelled": answer.prelabelled,
                "review": answer.review,
                "reviewer_id": self._pseudonym(answer.reviewer) if answer.reviewer else None,
            }
            row["rating_id"] = self._rating_id(row, answer.own_id) if answer.own_id else None
            row["changed_at"] = answer.changed_at or answer.created_at
            for name, value in row.items():
                self._ratings.setdefault(name, []).append(value)

    def aside(self, file: str, record: JsonRecord, reason: str) -> None:
        """Put a record, or one answer of it, in quarantine."""
        self.quarantine.add(file, record.line, f"record {record.number}: {reason}")

    def left_out(self, what: str, count: int = 1) -> None:
        """Count something that is no rating and is left out on purpose; it is said in the end."""
        if count:
            self._left_out[what] = self._left_out.get(what, 0) + count

    def note(self, sentence: str) -> None:
        """Say something about the export as a whole."""
        self._listener.note(sentence)

    def _pseudonym(self, raw: str) -> str:
        if raw not in self._names:
            self._names[raw] = pseudonym(self._key, self.options.project, raw)
        return self._names[raw]

    def _rating_id(self, row: Mapping[str, Any], own_id: str) -> str:
        parts = [self._source, self.options.project, *(row[name] or "" for name in _IDENTITY), own_id]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]

    def batch(self) -> LabelBatch:
        """Return everything that was collected.

        Raises
        ------
        ImportRefused
            When too much could not be read, or nothing was there.
        """
        ratings = self._rounded(pd.DataFrame(self._ratings))
        for what, count in self._left_out.items():
            self.note(f"left out: {count:,} {what}")
        return LabelBatch(
            project=self.options.project,
            source=self._source,
            items=pd.DataFrame(list(self._items.values())),
            raters=pd.DataFrame({"rater_id": sorted(self._names.values())}) if self._names else pd.DataFrame(),
            ratings=ratings,
            quarantine=self.quarantine.judged(self.good),
        )

    def _rounded(self, ratings: pd.DataFrame) -> pd.DataFrame:
        """Give the answers of raters who answered again their round, so that the latest counts; all are kept."""
        if ratings.empty:
            return ratings
        again = ratings.duplicated([*_IDENTITY, "is_gold"], keep=False) & ~ratings["is_gold"]
        if again.any():
            repeated = ratings[again].sort_values("changed_at", kind="stable", na_position="first")
            grouped = repeated.groupby(list(_IDENTITY), dropna=False, sort=False)
            ratings.loc[repeated.index, "round"] = grouped.cumcount() + 1
            self.note(
                f"{grouped.ngroups:,} times a rater answered a question about an item more than once; all {int(again.sum()):,} "
                "answers are kept, numbered by round, and the latest counts"
            )
        return ratings.drop(columns="changed_at")


def _with_gold(item_id: str, gold: Mapping[str, str], guideline: str, label: str) -> dict[str, str]:
    known = gold.get(guideline, label)
    if known != label:
        raise BadRecord(f"gold {label[:40]!r} of item {item_id!r} under {guideline!r} was {known[:40]!r} before")
    return {**gold, guideline: label}
