"""Any CSV or Parquet file with one rating a row, by a mapping of its columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from smo_pipelines.errors import ImportRefused, LabelError, did_you_mean
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.records import Quarantine, Record, csv_records
from smo_pipelines.labels.pseudonyms import pseudonym

__all__ = ["MappedOptions", "read_mapped"]

_TEXTS = ("guideline", "instrument", "clause", "review", "currency", "batch", "rating_id")
_NUMBERS = ("duration_s", "cost")
_FLAGS = ("is_gold", "skipped", "prelabelled")
_ITEM_FIELDS = ("text", "locale", "gold")
_RATER_FIELDS = ("rater_kind", "rater_pool", "rater_locale")
_NEEDED = ("item_id", "rater_id", "label", "question")
_KNOWN = frozenset((*_NEEDED, *_TEXTS, *_NUMBERS, *_FLAGS, *_ITEM_FIELDS, *_RATER_FIELDS, "created_at", "round", "reviewer_id"))
_TRUE, _FALSE = frozenset({"1", "true", "yes", "t", "y"}), frozenset({"0", "false", "no", "f", "n", ""})


class _BadRow(ValueError):
    """Why one row cannot be read."""


@dataclass(frozen=True, kw_only=True)
class MappedOptions:
    """How the columns of a file are read.

    Parameters
    ----------
    project : str
    columns : mapping of str to str
        Our name of a column to the file's, where they differ, e.g. ``{"label": "answer"}``. Ours are those of the label tables, and
        ``text, gold, rater_kind, rater_pool, rater_locale``.
    constants : mapping of str to str
        Columns that the file does not have, e.g. ``{"question": "hate", "guideline": "hate@3"}``.
    values : mapping of str to str
        The file's labels to ours; a label that is not a key stays as it is.
    attributes : tuple of str
        The file's columns that become item attributes; all other unmapped columns are left out.
    labels : tuple of str
        The guideline's closed set of labels; empty to accept any.
    max_bad_share : float
        Above this share of unreadable rows the import is refused whole.
    """

    project: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    max_bad_share: float = 0.05

    def __post_init__(self) -> None:
        for name in (*self.columns, *self.constants):
            if name not in _KNOWN:
                raise LabelError(f"the mapping names the column {name!r}, which ratings do not have; {did_you_mean(name, _KNOWN)}")
        if not 0 <= self.max_bad_share < 1:
            raise LabelError(f"max_bad_share {self.max_bad_share} is not a share below 1")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "MappedOptions":
        """Return options from plain configuration.

        Raises
        ------
        LabelError
            When an option is not known, or the project is not named.
        """
        legal = [f.name for f in fields(cls)]
        for name in options:
            if name not in legal:
                raise LabelError(f"the mapped format has no option {name!r}; {did_you_mean(name, legal)}")
        if "project" not in options:
            raise LabelError("the mapped format needs the option 'project': which project the ratings belong to")
        tuples = {name: tuple(options[name]) for name in ("attributes", "labels") if name in options}
        return cls(**{**options, **tuples})


def read_mapped(path: Path, *, options: Mapping[str, Any], key: bytes) -> LabelBatch:
    """Read one CSV or Parquet file; see :class:`MappedOptions`.

    A row that cannot be read goes to quarantine with its line (of a Parquet file, its row) and a reason: an id or label is
    missing, a label is not one of the guideline's, a moment or number is malformed, a text differs from what the same item had
    before.

    Parameters
    ----------
    path : Path
    options : mapping
    key : bytes
        The key of the raters' pseudonyms.

    Raises
    ------
    ImportRefused
        When the file or its header cannot be read, or too many rows are bad.
    """
    mapping = MappedOptions.of(options)
    quarantine = Quarantine(mapping.max_bad_share)
    rows = _Rows(mapping, key)
    for record in _records(path, mapping, quarantine):
        try:
            rows.add(record)
        except _BadRow as error:
            quarantine.add(path.name, record.line, str(error))
    return LabelBatch(
        project=mapping.project,
        source="mapped",
        items=pd.DataFrame(list(rows.items.values())),
        raters=pd.DataFrame(list(rows.raters.values())),
        ratings=pd.DataFrame(rows.ratings),
        quarantine=quarantine.judged(len(rows.ratings)),
    )


def _records(path: Path, mapping: MappedOptions, quarantine: Quarantine) -> Iterator[Record]:
    needed = [mapping.columns.get(name, name) for name in _NEEDED if name not in mapping.constants]
    needed += [*mapping.columns.values(), *mapping.attributes]
    if path.suffix != ".parquet":
        return csv_records(path, quarantine, needed=tuple(dict.fromkeys(needed)))
    return _parquet_records(path, tuple(dict.fromkeys(needed)))


def _parquet_records(path: Path, needed: tuple[str, ...]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise ImportRefused(f"cannot read {path} as Parquet: {error}") from error
    missing = [name for name in needed if name not in file.schema_arrow.names]
    if missing:
        raise ImportRefused(f"{path.name} lacks the columns {missing}; it has {', '.join(file.schema_arrow.names)}")
    line = 0
    for batch in file.iter_batches():
        for row in batch.to_pylist():
            line += 1
            yield Record(line, {name: _plain_text(value) for name, value in row.items()})


def _plain_text(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 -- NaN is the value that differs from itself
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class _Rows:
    """The rows read so far; an item or rater is described by its first row."""

    def __init__(self, mapping: MappedOptions, key: bytes) -> None:
        self.mapping, self.key = mapping, key
        self.items: dict[str, dict[str, Any]] = {}
        self.raters: dict[str, dict[str, Any]] = {}
        self.ratings: list[dict[str, Any]] = []
        self._first_lines: dict[str, int] = {}

    def add(self, record: Record) -> None:
        row = self._row(record)
        rating = _rating(row, self.mapping)
        rating["rater_id"] = self._pseudonym(row["rater_id"])
        if row.get("reviewer_id"):
            rating["reviewer_id"] = self._pseudonym(row["reviewer_id"])
        self._item(row, record)
        described = {name.removeprefix("rater_"): row[name] for name in _RATER_FIELDS if row.get(name)}
        self.raters.setdefault(rating["rater_id"], {"rater_id": rating["rater_id"], **described})
        self.ratings.append(rating)

    def _row(self, record: Record) -> dict[str, str]:
        mapped = {name: record.fields.get(self.mapping.columns.get(name, name), "") for name in _KNOWN}
        # A text is kept to the letter; names, labels and numbers lose the blanks around them.
        stripped = {name: value if name == "text" else value.strip() for name, value in mapped.items()}
        return {**stripped, **self.mapping.constants}

    def _pseudonym(self, raw_id: str) -> str:
        return pseudonym(self.key, self.mapping.project, raw_id)

    def _item(self, row: Mapping[str, str], record: Record) -> None:
        if not row["text"]:
            return
        item_id = row["item_id"]
        known = self.items.get(item_id)
        if known is None:
            attributes = {name: record.fields[name] for name in self.mapping.attributes if record.fields[name]}
            gold = {row["guideline"]: self.mapping.values.get(row["gold"], row["gold"])} if row["gold"] and row["guideline"] else {}
            self.items[item_id] = {
                "item_id": item_id, "text": row["text"], "locale": row["locale"] or None, "attributes": attributes, "gold": gold,
            }  # fmt: skip
            self._first_lines[item_id] = record.line
        elif known["text"] != row["text"]:
            raise _BadRow(f"the text of item {item_id!r} is not the one it had on line {self._first_lines[item_id]}")


def _rating(row: Mapping[str, str], mapping: MappedOptions) -> dict[str, Any]:
    for name in ("item_id", "rater_id", "question"):
        if not row[name]:
            raise _BadRow(f"no {name}")
    flags = {name: _flag(name, row[name]) for name in _FLAGS}
    label = mapping.values.get(row["label"], row["label"])
    if not label and not flags["skipped"]:
        raise _BadRow("no label, and not marked as skipped")
    if label and mapping.labels and label not in mapping.labels:
        raise _BadRow(f"label {label[:40]!r} is not one of {', '.join(mapping.labels)}")
    numbers = {name: _number(name, row[name]) for name in (*_NUMBERS, "round")}
    return {
        "item_id": row["item_id"],
        "question": row["question"],
        "label": label or None,
        "locale": row["locale"] or None,
        "created_at": _moment(row["created_at"]),
        **{name: row[name] or None for name in _TEXTS},
        **flags,
        **numbers,
    }


def _flag(name: str, text: str) -> bool:
    lowered = text.lower()
    if lowered not in _TRUE | _FALSE:
        raise _BadRow(f"{name} {text[:40]!r} is neither true nor false")
    return lowered in _TRUE


def _number(name: str, text: str) -> float | int | None:
    if not text:
        return None
    try:
        return int(text) if name == "round" else float(text)
    except ValueError:
        raise _BadRow(f"{name} {text[:40]!r} is not a number") from None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise _BadRow(f"created_at {text[:40]!r} is not an ISO-8601 moment") from None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
