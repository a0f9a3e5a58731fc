"""Writes a project's ratings as one file that other tools read, and that ``smo import`` reads back."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from smo_pipelines.errors import LabelError, NoRatings
from smo_pipelines.labels.exported import ITEM_COLUMNS, RATER_COLUMNS, RATING_COLUMNS, export_schema, inert
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.labels.views import LabelViews
from smo_pipelines.store import write_atomic

__all__ = ["export_ratings"]

_ENDINGS = (".csv", ".parquet")


def export_ratings(tables: LabelTables, project: str, path: Path, *, with_text: bool = False) -> int:
    """Write every rating of a project, each as it is now, and return how many there are.

    See :mod:`smo_pipelines.labels.exported` for the columns. Items that nobody rated, and what a rating was before it was
    corrected, are not in the file.

    Parameters
    ----------
    tables : LabelTables
    project : str
    path : Path
        A new file that ends in ``.csv`` or ``.parquet``.
    with_text : bool
        Write the items along: their texts may be abuse, and the file then holds them in the clear.

    Raises
    ------
    LabelError
        When the file is there already, or its ending is neither.
    NoRatings
        When the project has none.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise LabelError(f"ratings are exported to {' or '.join(_ENDINGS)}; {path.name} is neither")
    if path.exists():
        raise LabelError(f"{path} is there already; name a new file")
    with tables.views(project) as views:
        table = _ratings(views, with_text=with_text)
    if table.num_rows == 0:
        raise NoRatings(f"project {project!r} has no ratings; projects: {', '.join(tables.projects()) or 'none yet'}")
    stream = pa.BufferOutputStream()
    if path.suffix.lower() == ".csv":
        pa_csv.write_csv(inert(table), stream)
    else:
        pq.write_table(table, stream)
    write_atomic(path, stream.getvalue().to_pybytes())
    return int(table.num_rows)


def _ratings(views: LabelViews, *, with_text: bool) -> pa.Table:
    views.lend("rater_facts", _with_json(views.table("select * from raters"), "rater_id", RATER_COLUMNS))
    columns = [f"ratings.{name}" for name in RATING_COLUMNS] + [f"rater_facts.{name}" for name in RATER_COLUMNS]
    joins = "left join rater_facts using (rater_id)"
    if with_text:
        views.lend("item_facts", _with_json(views.table("select * from items"), "item_id", ITEM_COLUMNS))
        columns += [f"item_facts.{name}" for name in ITEM_COLUMNS]
        joins += " left join item_facts using (item_id)"
    order = "item_id, question, rater_id, rating_id"
    table = views.table(f"select {', '.join(columns)} from ratings {joins} order by {order}")  # noqa: S608 -- names of our own
    return table.cast(export_schema(with_text=with_text))


def _with_json(table: pa.Table, key: str, columns: dict[str, str]) -> pa.Table:
    """Return an id and columns under their names in the export, with maps as JSON."""
    made = {key: table[key]}
    for ours, theirs in columns.items():
        column = table[theirs]
        if pa.types.is_map(column.type):
            maps = column.to_pylist(maps_as_pydicts="strict")
            column = pa.array([json.dumps(one, ensure_ascii=False, sort_keys=True) if one else None for one in maps], pa.string())
        made[ours] = column
    return pa.table(made)
