"""The columns of the label tables, and the one door through which a data frame becomes typed rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from smo_pipelines.errors import LabelError

__all__ = ["IMPORTS", "ITEMS", "PSEUDONYMS", "QUARANTINE", "RATERS", "RATINGS", "typed_rows"]

_MOMENT = pa.timestamp("us", tz="UTC")
_MAP = pa.map_(pa.string(), pa.string())
_IMPORT = [pa.field("import_id", pa.string()), pa.field("imported_at", _MOMENT)]


def _columns(**types: Any) -> list[pa.Field]:
    return [pa.field(name, kind) for name, kind in types.items()]


RATINGS = pa.schema(
    [
        *_columns(
            rating_id=pa.string(),
            project=pa.string(),
            item_id=pa.string(),
            question=pa.string(),
            rater_id=pa.string(),
            label=pa.string(),
            guideline=pa.string(),
            instrument=pa.string(),
            clause=pa.string(),
            locale=pa.string(),
            created_at=_MOMENT,
            duration_s=pa.float64(),
            is_gold=pa.bool_(),
            skipped=pa.bool_(),
            prelabelled=pa.bool_(),
            review=pa.string(),
            reviewer_id=pa.string(),
            round=pa.int32(),
            cost=pa.float64(),
            currency=pa.string(),
            batch=pa.string(),
            revises=pa.bool_(),
        ),
        *_IMPORT,
    ]
)
"""One row is one rater's label of one item on one question; ``label`` is null only where ``skipped``.

``revises`` is set by the tables: whether a rating of this id was there before, or stands twice in the import, so that readers look for
the newest version only where there is more than one.
"""

ITEMS = pa.schema(
    [
        *_columns(
            item_id=pa.string(),
            project=pa.string(),
            text=pa.string(),
            locale=pa.string(),
            created_at=_MOMENT,
            attributes=_MAP,
            gold=_MAP,
            text_digest=pa.string(),
        ),
        *_IMPORT,
    ]
)

RATERS = pa.schema(
    [
        *_columns(
            rater_id=pa.string(),
            project=pa.string(),
            kind=pa.string(),
            pool=pa.string(),
            locale=pa.string(),
            since=_MOMENT,
            attributes=_MAP,
        ),
        *_IMPORT,
    ]
)

IMPORTS = pa.schema(
    [
        *_columns(
            project=pa.string(),
            source=pa.string(),
            files=pa.list_(pa.struct([("name", pa.string()), ("sha256", pa.string()), ("bytes", pa.int64())])),
            ratings=pa.int64(),
            items=pa.int64(),
            raters=pa.int64(),
            quarantined=pa.int64(),
        ),
        *_IMPORT,
    ]
)
"""One row is one import: what it was read from, and how many rows it brought."""

QUARANTINE = pa.schema(
    [*_columns(project=pa.string(), source=pa.string(), file=pa.string(), line=pa.int64(), reason=pa.string()), *_IMPORT]
)

PSEUDONYMS = pa.schema(_columns(project=pa.string(), old=pa.string(), new=pa.string(), rotated_at=_MOMENT))
"""One row is a rater's change of name: what the old key made of somebody, what the new one does, and since when that counts."""


def typed_rows(frame: pd.DataFrame | pa.Table, schema: pa.Schema, *, what: str) -> pa.Table:
    """Return rows under a schema; absent columns become null, unknown columns are refused.

    Parameters
    ----------
    frame : DataFrame or pyarrow.Table
        Identifiers may be strings or whole numbers; moments without a zone are taken as UTC; maps are one dict a row.
    schema : pyarrow.Schema
    what : str
        What the rows are, for the message of an error.

    Raises
    ------
    LabelError
        When a column is not one of the schema's, or a value does not have its column's type.
    """
    names = frame.column_names if isinstance(frame, pa.Table) else list(frame.columns)
    unknown = sorted(set(names) - set(schema.names))
    if unknown:
        raise LabelError(f"{what} cannot have the columns {unknown}; they may have {', '.join(schema.names)}")
    if isinstance(frame, pa.Table):
        return pa.Table.from_arrays([_cast(frame, field, what) for field in schema], schema=schema)
    return pa.Table.from_arrays([_column(frame, field, what) for field in schema], schema=schema)


def _cast(table: pa.Table, field: pa.Field, what: str) -> pa.Array | pa.ChunkedArray:
    if field.name not in table.column_names:
        return _absent(field, table.num_rows)
    try:
        return table[field.name].cast(field.type)
    except pa.ArrowException as error:
        raise LabelError(f"{what}: column {field.name!r} holds a value that is not a {field.type}: {error}") from error


def _absent(field: pa.Field, rows: int) -> pa.Array:
    return pa.array([[]] * rows, field.type) if pa.types.is_map(field.type) else pa.nulls(rows, field.type)


def _column(frame: pd.DataFrame, field: pa.Field, what: str) -> pa.Array:
    if field.name not in frame.columns:
        return _absent(field, len(frame))
    values = frame[field.name]
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    try:
        if pa.types.is_map(field.type):
            return pa.array([_map_items(value) for value in values], field.type)
        if pa.types.is_timestamp(field.type):
            moments = pd.to_datetime(values, utc=True, format=None if values.dtype.kind == "M" else "ISO8601")
            naive = pa.Array.from_pandas(moments.dt.tz_localize(None), type=pa.timestamp("us"), safe=False)
            return naive.cast(field.type)
        if pa.types.is_string(field.type):
            return _strings(values)
        if pa.types.is_integer(field.type):
            return pa.Array.from_pandas(values.astype("Float64").astype("Int64"), type=field.type)
        return pa.Array.from_pandas(values, type=field.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise LabelError(f"{what}: column {field.name!r} holds a value that is not a {field.type}: {error}") from error


def _strings(values: pd.Series) -> pa.Array:
    if values.dtype.kind in "iu":
        values = values.astype(str)
    elif values.dtype == object:
        values = values.map(_string)
    elif values.dtype.kind in "fb" and values.notna().any():
        raise ValueError(f"{values.dtype} numbers; write identifiers and labels as text")
    elif values.dtype.kind in "fb":
        return pa.nulls(len(values), pa.string())
    array = pa.Array.from_pandas(values, type=pa.string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _string(value: object) -> object:
    return str(value) if isinstance(value, (int, np.integer)) and not isinstance(value, bool) else value


def _map_items(value: Any) -> list[tuple[str, str]]:
    """Return a map's pairs sorted by name, without those whose value is missing."""
    if isinstance(value, Mapping):
        return sorted((str(k), str(v)) for k, v in value.items() if not pd.isna(v))
    if isinstance(value, list):
        return sorted((str(k), str(v)) for k, v in value)
    if pd.isna(value):
        return []
    raise TypeError(f"a {type(value).__name__} is not a mapping of names to values")
