"""Which format an export has, by what is in it: never by its name alone."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.exported import SIGNATURE
from smo_pipelines.labels.formats import FORMATS
from smo_pipelines.labels.formats.json_records import json_form, json_records
from smo_pipelines.labels.formats.label_studio_min import OWN_KEYS

__all__ = ["Detected", "detect"]

_HEAD = 1 << 16
_RECORDS = 20
_SHOWN = 12
_DELIMITERS = (",", "\t", ";", "|")
_KERN2023 = frozenset({"tweet.id", "id", "version", "hate.speech", "offensive.language", "tweet_hashed"})
_DAVIDSON2017 = frozenset({"hate_speech", "offensive_language", "neither", "class", "tweet"})
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MAGIC = {
    b"PK\x03\x04": "a zip archive, or a spreadsheet (.xlsx): unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: unpack it",
    b"SQLite format 3\x00": "an SQLite database: export its ratings as CSV",
    b"%PDF": "a PDF: export the ratings as CSV or JSON",
}


class Detected(NamedTuple):
    """A format, and what in the export says so."""

    form: str
    why: str


def detect(path: Path) -> Detected:
    """Return the format of a file or folder.

    Raises
    ------
    ImportRefused
        When nothing, or more than one format, fits: the sentence says what was seen and which formats there are.
    """
    if path.is_dir():
        return _one(path, _folder(path), _seen_in_folder(path))
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise ImportRefused(f"cannot open {path}: {error.strerror}") from error
    if not head.strip():
        raise ImportRefused(f"{path.name} is empty; export again")
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise ImportRefused(f"{path.name} is {what}, and import that; formats: {', '.join(FORMATS)}")
    if head.startswith(b"PAR1"):
        return _one(path, _parquet(path), "Parquet")
    if json_form(path) != "none":
        found, seen = _json(path)
        return _one(path, found, seen)
    if b"\x00" in head and not head.startswith(_UTF16):
        raise ImportRefused(f"{path.name} is neither JSON, CSV nor Parquet: its first bytes are {head[:8].hex(' ')}; {_legal()}")
    header = _header(head)
    return _one(path, _delimited(path, header), f"a first line with the columns {_listed(header)}")


def _legal() -> str:
    return f"formats: {', '.join(FORMATS)} (if it is one of them all the same, say which with --format NAME)"


def _one(path: Path, found: Sequence[Detected], seen: str) -> Detected:
    """Return the only format that fits and that can be read."""
    legal = [one for one in found if one.form in FORMATS]
    if len(legal) == 1:
        return legal[0]
    if legal:
        both = "; ".join(f"{one.form}: {one.why}" for one in legal)
        raise ImportRefused(f"{path.name} could be more than one format ({both}); say which with --format NAME")
    raise ImportRefused(f"{path.name} is no format that can be imported: it is {seen}; {_legal()}")


def _listed(names: Iterable[str]) -> str:
    shown = [name[:40] for name in names]
    return ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")


# --- JSON -----------------------------------------------------------------------------------------------------------------------


def _json(path: Path) -> tuple[list[Detected], str]:
    form = json_form(path)
    if form == "object":
        members = {record.key: record.value for record in islice(json_records(path, members=True), _RECORDS)}
        inner = members.get("items")
        entries = [value for value in members.values() if isinstance(value, dict)]
        if entries and len(entries) == len(members) and all(_is_lewidi(entry) for entry in entries):
            return [Detected("lewidi", "an object of items with annotations and annotators side by side")], ""
        records = [one for one in inner if isinstance(one, dict)][:_RECORDS] if isinstance(inner, list) else [members]
    else:
        records = [record.value for record in islice(json_records(path), _RECORDS) if isinstance(record.value, dict)]
    found = [Detected(name, why) for name, (fits, why) in _RECORD_FORMS.items() if any(fits(record) for record in records)]
    if not found and form == "lines" and records:
        if path.suffix.lower() not in (".jsonl", ".ndjson"):
            raise ImportRefused(f"{path.name} is lines of JSON by its content; rename it so that it ends in .jsonl")
        found = [Detected("mapped", f"lines of JSON with the keys {_listed(records[0])}")]
    keys = dict.fromkeys(name for record in records for name in record)
    return found, f"JSON, {'records' if form != 'object' else 'an object'} with the keys {_listed(keys)}"


def _is_lewidi(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("annotations"), str) and isinstance(entry.get("annotators"), str)


def _is_label_studio(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("data"), dict) and any(
        isinstance(record.get(name), list) for name in ("annotations", "completions")
    )


def _is_label_studio_min(record: Mapping[str, Any]) -> bool:
    return {"id", "annotator", "annotation_id"} <= record.keys() and len(record.keys() & OWN_KEYS) > 3


def _is_argilla(record: Mapping[str, Any]) -> bool:
    nested = isinstance(record.get("fields"), dict) and "responses" in record
    flat = any(name.endswith((".responses.users", ".responses.status")) for name in record)
    return nested or flat or {"id", "status", "_server_id"} <= record.keys()


_RECORD_FORMS: Mapping[str, tuple[Callable[[Mapping[str, Any]], bool], str]] = {
    "label-studio": (_is_label_studio, "tasks with data and a list of annotations"),
    "label-studio-min": (_is_label_studio_min, "flat records with annotator and annotation_id"),
    "argilla": (_is_argilla, "records with responses by user"),
}


# --- tables ---------------------------------------------------------------------------------------------------------------------


def _header(head: bytes) -> list[str]:
    text = head.decode("utf-16" if head.startswith(_UTF16) else "utf-8-sig", errors="replace")
    best: list[str] = []
    for delimiter in _DELIMITERS:
        try:
            columns = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        if len(columns) > len(best):
            best = columns
    return [name.strip() for name in best]


def _delimited(path: Path, header: Sequence[str]) -> list[Detected]:
    names = frozenset(header)
    if names >= _KERN2023:
        raise ImportRefused(
            f"{path.name} is one of the two files of kern2023; import their folder, {path.parent}, or this file alone with "
            "--format mapped and a mapping"
        )
    if names >= SIGNATURE:
        return [Detected("smo-export", "the columns that smo export writes")]
    if names >= _DAVIDSON2017:
        return [Detected("davidson2017", "columns of votes: hate_speech, offensive_language, neither")]
    if len(header) > 1 and len(names) == len(header):
        return [Detected("mapped", f"a table with the columns {_listed(header)}")]
    return []


def _parquet(path: Path) -> list[Detected]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() != ".parquet":
        raise ImportRefused(f"{path.name} is Parquet by its content; rename it so that it ends in .parquet")
    try:
        names = pq.read_schema(path).names
    except (OSError, pa.ArrowException) as error:
        raise ImportRefused(f"{path.name} is damaged: {error}; export again") from error
    if frozenset(names) >= SIGNATURE:
        return [Detected("smo-export", "the columns that smo export writes")]
    return [Detected("mapped", f"a Parquet table with the columns {_listed(names)}")]


# --- folders --------------------------------------------------------------------------------------------------------------------


def _folder(path: Path) -> list[Detected]:
    found = []
    kern = [_header_of(path / name) for name in ("full_train_s.csv", "full_test_s.csv")]
    if all(frozenset(header) >= _KERN2023 for header in kern):
        found.append(Detected("kern2023", "full_train_s.csv and full_test_s.csv with the columns of the published files"))
    groups = [_header_of(path / f"annotations_{group}.csv") for group in ("g1", "g2", "g3")]
    if all({"id", "text"} <= set(header) and any(name.startswith("label_") for name in header) for header in groups):
        found.append(Detected("roettger2022", "annotations_g1.csv to annotations_g3.csv with a column a rater"))
    if frozenset(_header_of(path / "labeled_data.csv")) >= _DAVIDSON2017:
        found.append(Detected("davidson2017", "labeled_data.csv with columns of votes"))
    if _all_lewidi(files := sorted(path.glob("*.json"))):
        found.append(Detected("lewidi", f"{len(files)} files of items with annotations and annotators side by side"))
    return found


def _all_lewidi(files: Sequence[Path]) -> bool:
    """Return whether there are files and all of them are of this format; one that is damaged is named if any is."""
    forms: set[str] = set()
    damaged: ImportRefused | None = None
    for file in files:
        try:
            forms.add(_file_form(file))
        except ImportRefused as error:
            damaged = error
    if damaged and "lewidi" in forms:
        raise damaged
    return not damaged and forms == {"lewidi"}


def _header_of(file: Path) -> list[str]:
    if not file.is_file():
        return []
    with file.open("rb") as stream:
        return _header(stream.read(_HEAD))


def _file_form(file: Path) -> str:
    found, _ = _json(file) if json_form(file) != "none" else ([], "")
    return found[0].form if len(found) == 1 else ""


def _seen_in_folder(path: Path) -> str:
    names = sorted(one.name for one in path.iterdir())
    if not names:
        return "an empty folder"
    return f"a folder of {_listed(names)}; one file of your own is imported by naming it"
