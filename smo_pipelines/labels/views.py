"""Reads the label tables of one project as of one moment, with DuckDB in memory over the files of the tables' current versions.

There is no database file, so no reader ever locks a writer out. An import is visible once its ratings are: rows of items, raters
and quarantine belong to an import and are read through it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from smo_pipelines.domain.digests import frozen_array
from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.schema import ITEMS, QUARANTINE, RATERS, RATINGS

__all__ = ["ItemTable", "LabelViews", "TableFiles", "label_views", "predicate_sql", "quoted"]

TableFiles = Mapping[str, Sequence[str]]
"""The data files of one version of each table."""

_SCHEMAS = {"ratings": RATINGS, "items": ITEMS, "raters": RATERS, "quarantine": QUARANTINE}
_ITEM_COLUMNS = frozenset({"item_id", "locale"})
_RATER_COLUMNS = frozenset({"rater_id", "kind", "pool", "locale"})

# The newest description wins; of two that came at one moment the one that says more, then the one of the larger import id.
_NEWEST_ITEM = "imported_at desc, cardinality(attributes) + cardinality(gold) desc, import_id desc"
_NEWEST_RATER = "imported_at desc, cardinality(attributes) desc, import_id desc"
_PROJECT_VIEWS = f"""
create view items as select * exclude (import_id, imported_at) from all_items semi join imports using (import_id)
    qualify row_number() over (partition by item_id order by {_NEWEST_ITEM}) = 1;
create view raters as select * exclude (import_id, imported_at) replace (coalesce(kind, 'human') as kind)
    from all_raters semi join imports using (import_id)
    qualify row_number() over (partition by rater_id order by {_NEWEST_RATER}) = 1;
create view ratings as select * from all_ratings semi join imports using (import_id)
    qualify row_number() over (partition by rating_id order by imported_at desc, label desc, skipped, review desc) = 1;
create view quarantine as select * from all_quarantine semi join imports using (import_id);
"""  # noqa: S608 -- constants of this file


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemTable:
    """Items, in order of item id.

    Attributes
    ----------
    item_ids, texts : ndarray of shape (n_items,), str and object
    attributes : dict of str to ndarray of shape (n_items,), str
        ``locale`` and every attribute that an item carries; empty where unknown.
    gold : dict of str to ndarray of shape (n_items,), str
        The right label under each guideline; empty where unknown.
    """

    item_ids: np.ndarray
    texts: np.ndarray
    attributes: Mapping[str, np.ndarray]
    gold: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        object.__setattr__(self, "item_ids", frozen_array(self.item_ids))
        object.__setattr__(self, "texts", frozen_array(self.texts, object))

    def __len__(self) -> int:
        return len(self.item_ids)


class LabelViews:
    """SQL over one project's visible rows: views ``items``, ``raters``, ``ratings``, ``quarantine`` and a table ``imports``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that returns nothing."""
        self._connection.execute(sql, list(parameters))

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return a query's result as an Arrow table."""
        return self._connection.sql(sql, params=list(parameters)).to_arrow_table()

    def lend(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name."""
        self._connection.register(name, table)

    def item_table(self, condition: str = "true", parameters: Sequence[Any] = ()) -> ItemTable:
        """Return the items that a condition keeps."""
        self.run(f"create or replace temp table kept_items as select * from items where {condition}", parameters)  # noqa: S608
        columns = ["item_id", "text", "coalesce(locale, '') as locale"]
        maps = {name: self._keys(name) for name in ("attributes", "gold")}
        for name, keys in maps.items():
            columns += [f"coalesce({name}[{_literal(key)}], '') as {quoted(f'{name}.{key}')}" for key in keys]
        table = self.table(f"select {', '.join(columns)} from kept_items order by item_id")  # noqa: S608
        attributes = {key: _strings(table[f"attributes.{key}"]) for key in maps["attributes"] if key != "locale"}
        return ItemTable(
            item_ids=_strings(table["item_id"]),
            texts=table["text"].to_numpy(),
            attributes={"locale": _strings(table["locale"]), **attributes},
            gold={key: _strings(table[f"gold.{key}"]) for key in maps["gold"]},
        )

    def _keys(self, column: str) -> list[str]:
        rows = self.rows(f"select distinct unnest(map_keys({column})) as key from kept_items order by key")  # noqa: S608
        return [key for (key,) in rows]


@contextmanager
def label_views(
    files: TableFiles, project: str | None, *, as_of: datetime | None = None, committed: Callable[[str], datetime | None]
) -> Iterator[LabelViews]:
    """Open the rows of one project (of all of them for None) that were visible at a moment.

    Parameters
    ----------
    files : mapping of str to sequence of str
        The ratings' files must have been listed before those of the other tables, which are written first.
    as_of : datetime or None
        Only imports up to then; None means all.
    committed : callable
        When an import that brought no rating was committed, None when it was not.

    Raises
    ------
    NoRatings
        When ``as_of`` is before the project's first import.
    """
    connection = duckdb.connect(":memory:")
    try:
        views = LabelViews(connection)
        views.run("load icu")  # built in; without it moments cannot be read in UTC
        views.run("set timezone = 'UTC'")
        for name, schema in _SCHEMAS.items():
            views.run(f"create view all_{name} as {_typed_select(schema, files.get(name, ()), project)}")
        _list_imports(views, committed)
        if as_of is not None:
            _hide_later(views, project, as_of)
        for statement in _PROJECT_VIEWS.split(";")[:-1]:
            views.run(statement)
        yield views
    finally:
        connection.close()


def predicate_sql(predicate: ItemPredicate, table: str) -> tuple[str, list[Any]]:
    """Return the condition, and its parameters, that a predicate puts on the rows of ``items`` or ``raters``."""
    columns = _ITEM_COLUMNS if table == "items" else _RATER_COLUMNS
    conditions, parameters = ["true"], []
    for name, values in predicate:
        expression = name if name in columns else f"attributes[{_literal(name)}]"
        conditions.append(f"coalesce({expression}, '') in (select unnest(?))")
        parameters.append(list(values))
    return " and ".join(conditions), parameters


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _strings(column: pa.ChunkedArray) -> np.ndarray:
    return frozen_array(np.array(column.to_pylist(), dtype=str))


def _typed_select(schema: pa.Schema, files: Sequence[str], project: str | None) -> str:
    """Select a table's rows; the typed empty half gives an empty table, or files of an older schema, every column."""
    columns = ", ".join(f"null::{_duckdb_type(field.type)} as {quoted(field.name)}" for field in schema)
    empty = f"select {columns} where false"
    if not files:
        return empty
    where = "" if project is None else f" where project = {_literal(project)}"
    listed = ", ".join(_literal(name) for name in files)
    return f"{empty} union all by name select * from read_parquet([{listed}], union_by_name = true){where}"  # noqa: S608


def _duckdb_type(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return "map(varchar, varchar)"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    names = {pa.string(): "varchar", pa.float64(): "double", pa.bool_(): "boolean", pa.int32(): "integer", pa.int64(): "bigint"}
    return names[kind]


def _list_imports(views: LabelViews, committed: Callable[[str], datetime | None]) -> None:
    views.run(
        "create temp table imports as select import_id, any_value(project) as project, min(imported_at) as imported_at "
        "from all_ratings group by import_id"
    )
    others = views.rows(
        "select distinct import_id, project from (select import_id, project from all_items union all select import_id, project "
        "from all_raters union all select import_id, project from all_quarantine) anti join imports using (import_id)"
    )
    for import_id, project in others:
        moment = committed(import_id)
        if moment is not None:
            views.run("insert into imports values (?, ?, ?)", [import_id, project, moment])


def _hide_later(views: LabelViews, project: str | None, as_of: datetime) -> None:
    ((first,),) = views.rows("select min(imported_at) from imports")
    if first is not None and as_of < first:
        raise NoRatings(
            f"nothing of project {project!r} was imported by {as_of.astimezone(UTC).isoformat()}; its first import was at "
            f"{first.astimezone(UTC).isoformat()}: ask for that moment or a later one"
        )
    views.run("delete from imports where imported_at > ?", [as_of])
