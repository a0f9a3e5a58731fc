"""The shape of an export of ours: one rating a row, with its rater and, if wanted, its item beside it.

Raters are under their pseudonyms. What a rater or item has besides columns of its own is one cell of JSON. A spreadsheet runs a cell
that begins like a formula, so in CSV such a text gets an apostrophe in front, and so does a text that begins with an apostrophe:
whoever reads the file takes one leading apostrophe off, and has the text again.
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.labels.schema import ITEMS, RATERS, RATINGS

__all__ = ["ITEM_COLUMNS", "RATER_COLUMNS", "RATING_COLUMNS", "SIGNATURE", "export_schema", "inert", "restored"]

_OWN = ("import_id", "imported_at")
_FORMULA = "^['=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # the full-width signs begin a formula in some spreadsheets

RATING_COLUMNS = tuple(name for name in RATINGS.names if name not in _OWN)
"""Columns of the rating, under their names in the label tables."""

RATER_COLUMNS = {f"rater_{name}": name for name in ("kind", "pool", "locale", "since", "attributes")}
"""Columns of its rater: name in the export to name in the label tables."""

ITEM_COLUMNS = {
    "text": "text",
    **{f"item_{name}": name for name in ("locale", "created_at", "attributes", "gold")},
}
"""Columns of its item, where the export has texts."""

SIGNATURE = frozenset({*RATING_COLUMNS, *RATER_COLUMNS})
"""The columns that an export of ours has in any case."""


def export_schema(*, with_text: bool) -> pa.Schema:
    """Return the columns of an export and their types; maps are JSON."""
    fields = [RATINGS.field(name) for name in RATING_COLUMNS]
    parts = ((RATER_COLUMNS, RATERS), (ITEM_COLUMNS if with_text else {}, ITEMS))
    for columns, table in parts:
        for ours, theirs in columns.items():
            kind = table.field(theirs).type
            fields.append(pa.field(ours, pa.string() if pa.types.is_map(kind) else kind))
    return pa.schema(fields)


def inert(table: pa.Table) -> pa.Table:
    """Return a table whose texts a spreadsheet does not run; see :func:`restored`."""
    return _texts(table, lambda column: pc.if_else(pc.match_substring_regex(column, _FORMULA), _prefixed(column), column))


def restored(table: pa.Table) -> pa.Table:
    """Return a table's texts as they were before :func:`inert`."""
    return _texts(table, lambda column: pc.replace_substring_regex(column, "^'", "", max_replacements=1))


def _prefixed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(pa.scalar("'"), column, pa.scalar(""))


def _texts(table: pa.Table, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    columns = [change(column) if pa.types.is_string(column.type) else column for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)
