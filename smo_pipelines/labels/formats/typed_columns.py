"""Columns of text as the typed columns of ratings, checked a whole column at a time."""

import html
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.labels.formats.layout import FLAGS, ITEM_ATTRIBUTE, NUMBERS, RATER_ATTRIBUTE, TEXTS, MappedOptions
from smo_pipelines.labels.formats.melting import Faults, LongRows, of_values

__all__ = ["typed_columns"]

_NAMES = ("item_id", "rater_id", "question")
_FEW = frozenset((*TEXTS, "rater_id", "reviewer_id", "gold", "label", "rater_kind", "rater_pool", "rater_locale"))
_MOMENT = pa.timestamp("us", tz="UTC")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "t", "y"}), frozenset({"0", "false", "no", "f", "n", ""})
_MOST = 2**31


def typed_columns(rows: LongRows, options: MappedOptions, faults: Faults) -> dict[str, pa.Array]:
    """Return typed columns; a column that is empty throughout is left out.

    Names, labels and numbers lose the blanks around them; a text is kept to the letter. Columns of few values come
    dictionary-encoded. Raters and reviewers are still who the file says.

    Parameters
    ----------
    rows : LongRows
    options : MappedOptions
    faults : Faults
        Gets the rows that cannot be read; the values of theirs mean nothing.
    """
    columns, n = rows.columns, len(rows.lines)
    typed: dict[str, pa.Array] = {}
    for name in columns:
        if name in ("item_id", "rating_id"):
            typed[name] = pc.utf8_trim_whitespace(_plain(columns[name]))
        elif name in _FEW or name.startswith((ITEM_ATTRIBUTE, RATER_ATTRIBUTE)):
            typed[name] = _trimmed(columns[name], options.values if name in ("label", "gold") else {})
    for name in _NAMES:
        faults.add(_blank(typed.get(name), n), [f"no {name}"])
    for name in (name for name in FLAGS if name in columns):
        typed[name] = _parsed(columns[name], _flag, pa.bool_(), f"{name} {{}} is neither true nor false", faults)
    _check_labels(typed, rows, options, faults)
    for name in (name for name in NUMBERS if name in columns):
        typed[name] = _numbers(columns[name], name, faults)
    if "round" in columns:
        typed["round"] = _parsed(columns["round"], _round, pa.int32(), "round {} is not a number", faults)
    if "created_at" in columns:
        typed["created_at"] = _moments(columns["created_at"], faults)
    if "text" in columns:
        typed["text"] = _unescaped(_plain(columns["text"])) if options.html_entities else _plain(columns["text"])
    return {name: column for name, column in typed.items() if column is not None}


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _coded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _trimmed(column: pa.Array, values: Mapping[str, str]) -> pa.DictionaryArray:
    coded = _coded(column)
    texts = [text.strip() for text in coded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array([values.get(text, text) for text in texts], pa.string()))


def _blank(column: pa.Array | None, rows: int) -> np.ndarray:
    if column is None:
        return np.ones(rows, dtype=bool)
    if pa.types.is_dictionary(column.type):
        return of_values(column, lambda text: not text)
    return np.asarray(pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False))


def _check_labels(typed: Mapping[str, Any], rows: LongRows, options: MappedOptions, faults: Faults) -> None:
    n = len(rows.lines)
    unlabelled = _blank(typed.get("label"), n)
    skipped = typed.get("skipped")
    skips = np.zeros(n, dtype=bool) if skipped is None else skipped.to_numpy(zero_copy_only=False).astype(bool)
    _add(faults, unlabelled & ~skips, ["no label, and not marked as skipped"], rows)
    for name, under, legal in _closed_sets(typed, options, n):
        if name in typed:
            column = _coded(typed[name])
            accepted = ("", *legal) if name in ("label", "gold") else legal
            bad = under & ~of_values(column, accepted.__contains__)
            texts = column.take(pa.array(np.flatnonzero(bad))).to_pylist() if bad.any() else []
            _add(faults, bad, [f"{name} {text[:40]!r} is not one of {', '.join(legal)}" for text in texts], rows)
    if "gold" in typed:
        _add(faults, ~_blank(typed["gold"], n) & _blank(typed.get("guideline"), n), ["gold under no guideline"], rows)


def _closed_sets(typed: Mapping[str, Any], options: MappedOptions, n: int) -> Iterator[tuple[str, np.ndarray, tuple[str, ...]]]:
    """Yield each column of a closed set, the rows that the set is for, and the set."""
    everywhere = np.ones(n, dtype=bool)
    by_guideline = options.labels if isinstance(options.labels, Mapping) else {}
    for guideline, legal in by_guideline.items():
        under = of_values(typed["guideline"], guideline.__eq__) if "guideline" in typed else ~everywhere
        yield from (("label", under, legal), ("gold", under, legal))
    if not isinstance(options.labels, Mapping) and options.labels:
        yield from (("label", everywhere, options.labels), ("gold", everywhere, options.labels))
    yield from ((name, everywhere, legal) for name, legal in options.legal.items())


def _add(faults: Faults, bad: np.ndarray, reasons: Sequence[str], rows: LongRows) -> None:
    """Put rows aside, naming the column where a row of the file has several labels."""
    if bad.any() and rows.where:
        places = np.flatnonzero(bad).tolist()
        said = list(reasons) * len(places) if len(reasons) == 1 else reasons
        reasons = [f"{rows.where[row]}: {reason}" for row, reason in zip(places, said, strict=True)]
    faults.add(bad, reasons)


def _parsed(column: pa.Array, parse: Callable[[str], Any], kind: pa.DataType, sentence: str, faults: Faults) -> pa.Array | None:
    """Return a column with each of its different texts parsed once; blank is null."""
    coded = _coded(column)
    values, bad = [], []
    texts = [text.strip() for text in coded.dictionary.to_pylist()]
    for text in texts:
        try:
            values.append(parse(text))
            bad.append(False)
        except (ValueError, OverflowError):
            values.append(None)
            bad.append(True)
    if any(bad):
        codes = coded.indices.to_numpy()
        rows = np.array(bad)[codes]
        faults.add(rows, [sentence.format(repr(texts[code][:40])) for code in codes[rows]])
    return None if all(value is None for value in values) else pa.array(values, kind).take(coded.indices)


def _flag(text: str) -> bool:
    lowered = text.lower()
    if lowered not in _TRUE | _FALSE:
        raise ValueError
    return lowered in _TRUE


def _round(text: str) -> int | None:
    if not text:
        return None
    number = int(text)
    if not -_MOST <= number < _MOST:
        raise ValueError
    return number


def _number(text: str) -> float | None:
    if not text:
        return None
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _numbers(column: pa.Array, name: str, faults: Faults) -> pa.Array | None:
    if not pa.types.is_dictionary(column.type):
        try:
            numbers = pc.cast(_or_null(column), pa.float64())
        except pa.ArrowInvalid:
            pass
        else:
            if pc.all(pc.is_finite(numbers)).as_py() is not False:
                return numbers if numbers.null_count < len(numbers) else None
    return _parsed(column, _number, pa.float64(), f"{name} {{}} is not a number", faults)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    parsed = datetime.fromisoformat(text)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _moments(column: pa.Array, faults: Faults) -> pa.Array | None:
    if not pa.types.is_dictionary(column.type):
        texts = _or_null(column)
        for kind in (_MOMENT, pa.timestamp("us")):  # all with a zone, or all without
            try:
                moments = pc.cast(texts, kind)
            except pa.ArrowInvalid:
                continue
            if moments.null_count == len(moments):
                return None
            if pc.min(pc.year(moments)).as_py() >= 1:
                return pc.cast(pc.cast(moments, pa.int64()), _MOMENT)
    return _parsed(column, _moment, _MOMENT, "created_at {} is not an ISO-8601 moment", faults)


def _or_null(column: pa.Array) -> pa.Array:
    blank = pc.equal(pc.binary_length(column), 0)
    return pc.if_else(blank, pa.scalar(None, pa.string()), column) if pc.any(blank).as_py() else column


def _unescaped(column: pa.Array) -> pa.Array:
    found = pc.match_substring(column, "&").to_numpy(zero_copy_only=False)
    if not found.any():
        return column
    texts = column.to_numpy(zero_copy_only=False).copy()
    texts[found] = [html.unescape(text) for text in texts[found]]
    return pa.array(texts, pa.string())
