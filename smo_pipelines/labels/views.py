"""Reads the label tables of one project as of one moment, with DuckDB in memory over the files of the tables' current versions.

There is no database file, so no reader ever locks a writer out. An import is visible once its ratings are: rows of items, raters
and quarantine belong to an import and are read through it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.engine import connect, literal, quoted
from smo_pipelines.labels.items import ItemTable, item_table
from smo_pipelines.labels.rotation import Renaming, names_now
from smo_pipelines.labels.schema import ITEMS, QUARANTINE, RATERS, RATINGS

__all__ = ["LabelViews", "TableFiles", "label_views", "predicate_sql"]

TableFiles = Mapping[str, Sequence[str]]
"""The data files of one version of each table."""

_SCHEMAS = {"ratings": RATINGS, "items": ITEMS, "raters": RATERS, "quarantine": QUARANTINE}
_IMPORTS = pa.schema([("import_id", pa.string()), ("project", pa.string()), ("imported_at", pa.timestamp("us", tz="UTC"))])
_ITEM_COLUMNS = frozenset({"item_id", "locale"})
_RATER_COLUMNS = frozenset({"rater_id", "kind", "pool", "locale"})

_PEOPLE = {"ratings": ("rater_id", "reviewer_id"), "raters": ("rater_id",)}

_UNSTAMPED = "exclude (import_id, imported_at)"
_DESCRIBED_AGAIN = "create temp table again_{what} as select {id} from {what}_seen group by {id} having count(*) > 1"
_ITEM_SAYS = "cardinality(attributes) + cardinality(gold) + (locale is not null)::integer + (created_at is not null)::integer"
_RATER_SAYS = "cardinality(attributes) + " + " + ".join(
    f"({name} is not null)::integer" for name in ("kind", "pool", "locale", "since")
)
# The newest description wins; of two that came at one moment the one that says more, then the one of the larger import id.
_NEWEST = {
    "items": ("item_id", f"imported_at desc, {_ITEM_SAYS} desc, import_id desc"),
    "raters": ("rater_id", f"imported_at desc, {_RATER_SAYS} desc, import_id desc"),
    "ratings": ("item_id, rating_id", "imported_at desc, label desc, skipped, review desc"),
}


class LabelViews:
    """SQL over one project's visible rows: views ``items``, ``raters``, ``ratings``, ``quarantine`` and a table ``imports``.

    Raters are under the names that the last rotation of the key gave them; ``names_now`` has these by the names they had before.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.names_now: dict[str, str] = {}

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement that returns nothing."""
        self._connection.execute(sql, list(parameters))

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return a query's result as an Arrow table."""
        return self._connection.sql(sql, params=list(parameters)).to_arrow_table()

    def batches(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[pa.RecordBatch]:
        """Yield a query's result piece by piece, for results that should not be held whole."""
        yield from self._connection.sql(sql, params=list(parameters)).to_arrow_reader()

    def lend(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name."""
        self._connection.register(name, table)

    def item_table(self, condition: str = "true", parameters: Sequence[Any] = ()) -> ItemTable:
        """Return the items that a condition keeps."""
        sql = f"select item_id, text, coalesce(locale, '') as locale, attributes, gold from items where {condition}"  # noqa: S608
        return item_table(self.batches(sql, parameters))


@contextmanager
def label_views(
    files: TableFiles,
    imports: Mapping[str, tuple[str, datetime]],
    project: str | None,
    *,
    as_of: datetime | None = None,
    renamings: Sequence[Renaming] = (),
) -> Iterator[LabelViews]:
    """Open the rows of one project (of all of them for None) that were visible at a moment.

    Parameters
    ----------
    files : mapping of str to sequence of str
        The ratings' files must have been listed before those of the other tables, which are written first.
    imports : mapping of str to (str, datetime)
        The project and the moment of every import that was committed, by its id.
    as_of : datetime or None
        Only imports up to then; None means all.
    renamings : sequence of Renaming
        What rotations of the key renamed; without any the views are the files' rows as they are.

    Raises
    ------
    NoRatings
        When ``as_of`` is before the project's first import.
    """
    own = {name: (whose, moment) for name, (whose, moment) in imports.items() if project is None or whose == project}
    if as_of is not None:
        _refuse_before_first(own, project, as_of)
    with connect() as connection:
        views = LabelViews(connection)
        seen = [(name, whose, moment) for name, (whose, moment) in own.items() if as_of is None or moment <= as_of]
        views.lend(
            "imports_seen", pa.Table.from_pylist([dict(zip(_IMPORTS.names, row, strict=True)) for row in seen], schema=_IMPORTS)
        )
        views.run("create temp table imports as select * from imports_seen")
        renamings = [one for one in renamings if project is None or one.project == project]
        for name, schema in _SCHEMAS.items():
            stored = "stored" if renamings and name in _PEOPLE else "all"
            views.run(f"create view {stored}_{name} as {_typed_select(schema, files.get(name, ()), project)}")
        if renamings:
            _show_renamed(views, renamings, as_of)
        _show_ratings(views, as_of)
        _show_described(views, "items", "")
        _show_described(views, "raters", " replace (coalesce(kind, 'human') as kind)")
        views.run("create view quarantine as select * from all_quarantine semi join imports using (import_id)")
        yield views


def _show_renamed(views: LabelViews, renamings: Sequence[Renaming], as_of: datetime | None) -> None:
    """Make the views of ratings and raters in which everybody bears the name that they have now."""
    views.run("create temp table renamed (project varchar, name varchar, now varchar)")
    seen = "select distinct rater_id from stored_raters semi join imports using (import_id) where project = ?"
    for project in sorted({one.project for one in renamings}):
        own = [one for one in renamings if one.project == project]
        names = names_now(own, seen={name for (name,) in views.rows(seen, [project])}, as_of=as_of)
        views.names_now |= names
        columns = {"project": [project] * len(names), "name": list(names), "now": list(names.values())}
        views.lend("renamed_rows", pa.table(columns, schema=pa.schema([(name, pa.string()) for name in columns])))
        views.run("insert into renamed select * from renamed_rows")
    for what, people in _PEOPLE.items():
        replaced = ", ".join(f"coalesce(of_{name}.now, s.{name}) as {name}" for name in people)
        joins = " ".join(
            f"left join renamed of_{name} on of_{name}.project = s.project and of_{name}.name = s.{name}" for name in people
        )
        views.run(f"create view all_{what} as select s.* replace ({replaced}) from stored_{what} s {joins}")  # noqa: S608


def _show_ratings(views: LabelViews, as_of: datetime | None) -> None:
    """Make the view of the newest version of each rating; only ratings that say they revise another are looked at twice.

    A rating is there only when its import is committed, so a moment is all that can hide it.
    """
    seen = "all_ratings"
    if as_of is not None:
        seen = "seen_ratings"
        until = literal(as_of.isoformat())
        views.run(f"create view {seen} as select * from all_ratings where imported_at <= {until}::timestamptz")  # noqa: S608
    views.run(f"create temp table again_ratings as select distinct item_id, rating_id from {seen} where coalesce(revises, true)")  # noqa: S608
    _show_newest(views, "ratings", seen, "")


def _show_described(views: LabelViews, what: str, replaced: str) -> None:
    """Make the view of the newest description of each item or rater."""
    views.run(f"create view {what}_seen as select * from all_{what} semi join imports using (import_id)")  # noqa: S608
    views.run(_DESCRIBED_AGAIN.format(what=what, id=_NEWEST[what][0]))
    _show_newest(views, what, f"{what}_seen", f"{_UNSTAMPED}{replaced}")


def _show_newest(views: LabelViews, what: str, seen: str, columns: str) -> None:
    name, newest = _NEWEST[what]
    ((again,),) = views.rows(f"select count(*) from again_{what}")  # noqa: S608
    once = f" anti join again_{what} using ({name})" if again else ""
    view = f"create view {what} as select * {columns} from {seen}{once}"  # noqa: S608
    if again:
        view += (
            f" union all select * {columns} from {seen} semi join again_{what} using ({name})"  # noqa: S608
            f" qualify row_number() over (partition by {name} order by {newest}) = 1"
        )
    views.run(view)


def _refuse_before_first(imports: Mapping[str, tuple[str, datetime]], project: str | None, as_of: datetime) -> None:
    first = min((moment for _, moment in imports.values()), default=None)
    if first is not None and as_of < first:
        raise NoRatings(
            f"nothing of project {project!r} was imported by {as_of.astimezone(UTC).isoformat()}; its first import was at "
            f"{first.astimezone(UTC).isoformat()}: ask for that moment or a later one"
        )


def predicate_sql(predicate: ItemPredicate, table: str) -> tuple[str, list[Any]]:
    """Return the condition, and its parameters, that a predicate puts on the rows of ``items`` or ``raters``."""
    columns = _ITEM_COLUMNS if table == "items" else _RATER_COLUMNS
    conditions, parameters = ["true"], []
    for name, values in predicate:
        expression = name if name in columns else f"attributes[{literal(name)}]"
        conditions.append(f"coalesce({expression}, '') in (select unnest(?))")
        parameters.append(list(values))
    return " and ".join(conditions), parameters


def _typed_select(schema: pa.Schema, files: Sequence[str], project: str | None) -> str:
    """Select a table's rows; the typed empty half gives an empty table, or files of an older schema, every column."""
    columns = ", ".join(f"null::{_duckdb_type(field.type)} as {quoted(field.name)}" for field in schema)
    empty = f"select {columns} where false"
    if not files:
        return empty
    where = "" if project is None else f" where project = {literal(project)}"
    listed = ", ".join(literal(name) for name in files)
    return (
        f"{empty} union all by name select * from read_parquet([{listed}], union_by_name = true, hive_partitioning = false){where}"  # noqa: S608
    )


def _duckdb_type(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return "map(varchar, varchar)"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    names = {pa.string(): "varchar", pa.float64(): "double", pa.bool_(): "boolean", pa.int32(): "integer", pa.int64(): "bigint"}
    return names[kind]
