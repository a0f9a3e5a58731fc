"""Records of a JSON file one after the other, each with the line on which it starts; the file is never held whole."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.json_text import JsonText
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.records import Quarantine

__all__ = ["JsonForm", "JsonRecord", "good_records", "json_form", "json_records"]

JsonForm = Literal["array", "object", "lines", "none"]
"""The forms of a file that holds records in JSON, or none."""


class JsonRecord(NamedTuple):
    """One value of a JSON file.

    Attributes
    ----------
    line, number : int
        The line on which it starts, and its place among the records; both from 1.
    key : str
        Its name where the file is an object of records, else empty.
    value : object
        None where ``fault`` says why it cannot be used.
    """

    line: int
    number: int
    key: str
    value: Any
    fault: str = ""


def good_records(
    path: Path, quarantine: Quarantine, *, members: bool = False, listener: Listener = SILENT
) -> Iterator[tuple[JsonRecord, dict[str, Any]]]:
    """Yield a file's records that are objects, each also as the object; others go to quarantine.

    Raises
    ------
    ImportRefused
        As for :func:`json_records`.
    """
    for record in json_records(path, members=members, listener=listener):
        fault = record.fault
        if not fault and not isinstance(record.value, dict):
            fault = f"a {_KINDS.get(type(record.value), 'value')} where a record belongs"
        if fault:
            quarantine.add(path.name, record.line, f"record {record.number}: {fault}")
        else:
            yield record, record.value


_KINDS = {str: "text", int: "number", float: "number", bool: "truth value", list: "list", type(None): "null"}


def json_records(path: Path, *, members: bool = False, listener: Listener = SILENT) -> Iterator[JsonRecord]:
    """Yield the records of a file: the elements of an array, the lines of JSON lines, or one object.

    UTF-8 with or without a byte order mark, UTF-16 and UTF-32 are read. A number that is not finite is null.

    Parameters
    ----------
    path : Path
    members : bool
        The file is one object, and its members are the records.
    listener : Listener

    Raises
    ------
    ImportRefused
        When the file cannot be opened or is not JSON; the sentence names line and column. A line of JSON lines that is not JSON
        is a record with a fault.
    """
    with _opened(path) as stream:
        text = JsonText(path.name, stream.read, max(path.stat().st_size, 1), listener)
        first = text.peek()
        if not first:
            raise ImportRefused(f"{path.name} is empty; export again")
        if first == "[" and not members:
            yield from _elements(text)
        elif first == "{" and members:
            yield from _members(text)
        elif members:
            raise text.refusal("an object of records belongs here, and there is none")
        elif text.holds_lines():
            yield from _lines(text)
        else:
            line = text.line
            value, fault = text.value(longest=sys.maxsize)  # it may hold all records
            text.end()
            yield JsonRecord(line, 1, "", value, fault)


def json_form(path: Path) -> JsonForm:
    """Return what a file's first characters make it: an array, an object, lines of JSON, or no JSON.

    Raises
    ------
    ImportRefused
        When the file cannot be opened.
    """
    with _opened(path) as stream:
        text = JsonText(path.name, stream.read, max(path.stat().st_size, 1), SILENT)
        first = text.peek()
        if first == "[":
            return "array"
        if first != "{":
            return "none"
        return "lines" if text.holds_lines() else "object"


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ImportRefused(f"cannot open {path}: {error.strerror}") from error


def _elements(text: JsonText) -> Iterator[JsonRecord]:
    text.take("[")
    number = 0
    while text.peek() != "]" or number:
        number += 1
        text.peek()
        line = text.line
        value, fault = text.value()
        yield JsonRecord(line, number, "", value, fault)
        if text.peek() != ",":
            break
        text.take(",")
    text.take("]")
    text.end()


def _members(text: JsonText) -> Iterator[JsonRecord]:
    text.take("{")
    number = 0
    seen: set[str] = set()
    while text.peek() != "}" or number:
        number += 1
        if text.peek() != '"':
            raise text.refusal("the name of a record in double quotes belongs here")
        line = text.line
        key, key_fault = text.value()
        text.peek()
        text.take(":")
        text.peek()
        value, fault = text.value()
        name = str(key)
        if name in seen:
            fault = f"the name {name[:40]!r} stands twice"
        seen.add(name)
        yield JsonRecord(line, number, name, value, key_fault or fault)
        if text.peek() != ",":
            break
        text.take(",")
    text.take("}")
    text.end()


def _lines(text: JsonText) -> Iterator[JsonRecord]:
    number = 0
    while text.peek():
        number += 1
        line = text.line
        value, fault = text.value_of_line()
        yield JsonRecord(line, number, "", value, fault)
