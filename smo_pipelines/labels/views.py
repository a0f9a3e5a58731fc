"""Reads the label tables of one project as of one moment, with DuckDB in memory over the files of the tables' current versions.

There is no database file, so no reader ever locks a writer out. An import is visible once its ratings are: rows of items, raters
and quarantine belong to an import and are read through it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.domain.columns import Categories, PackedText
from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.engine import connect, literal, quoted
from smo_pipelines.labels.schema import ITEMS, QUARANTINE, RATERS, RATINGS

__all__ = ["ItemTable", "LabelViews", "TableFiles", "label_views", "predicate_sql"]

TableFiles = Mapping[str, Sequence[str]]
"""The data files of one version of each table."""

_SCHEMAS = {"ratings": RATINGS, "items": ITEMS, "raters": RATERS, "quarantine": QUARANTINE}
_ITEM_COLUMNS = frozenset({"item_id", "locale"})
_RATER_COLUMNS = frozenset({"rater_id", "kind", "pool", "locale"})

_ROWS_AT_ONCE = 1_000_000
_UNSTAMPED = "exclude (import_id, imported_at)"
_DESCRIBED_AGAIN = "create temp table again_{what} as select {id} from {what}_seen group by {id} having count(*) > 1"
# The newest description wins; of two that came at one moment the one that says more, then the one of the larger import id.
_NEWEST = {
    "items": ("item_id", "imported_at desc, cardinality(attributes) + cardinality(gold) desc, import_id desc"),
    "raters": ("rater_id", "imported_at desc, cardinality(attributes) desc, import_id desc"),
    "ratings": ("item_id, rating_id", "imported_at desc, label desc, skipped, review desc"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemTable:
    """Items, in order of item id.

    Attributes
    ----------
    item_ids : ndarray of shape (n_items,), str
    texts : PackedText of n_items
    attributes : dict of str to Categories of n_items
        ``locale`` and every attribute that an item carries; empty where unknown.
    gold : dict of str to Categories of n_items
        The right label under each guideline; empty where unknown.
    """

    item_ids: np.ndarray
    texts: PackedText
    attributes: Mapping[str, Categories]
    gold: Mapping[str, Categories]

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

    def batches(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[pa.RecordBatch]:
        """Yield a query's result piece by piece, for results that should not be held whole."""
        yield from self._connection.sql(sql, params=list(parameters)).to_arrow_reader()

    def lend(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name."""
        self._connection.register(name, table)

    def item_table(self, condition: str = "true", parameters: Sequence[Any] = ()) -> ItemTable:
        """Return the items that a condition keeps."""
        maps = {name: self._keys(name, condition, parameters) for name in ("attributes", "gold")}
        values = ["coalesce(locale, '') as locale"]
        for name, keys in maps.items():
            values += [f"coalesce({name}[{literal(key)}], '') as {quoted(f'{name}.{key}')}" for key in keys]
        sql = f"select item_id, text, {', '.join(values)} from items where {condition}"  # noqa: S608
        table = pa.Table.from_batches(map(_encoded, self.batches(sql, parameters)), schema=_item_schema(maps))
        table = table.take(pc.sort_indices(table["item_id"]))
        attributes = {key: _categories(table[f"attributes.{key}"]) for key in maps["attributes"] if key != "locale"}
        return ItemTable(
            item_ids=_strings(table["item_id"]),
            texts=_packed(table["text"]),
            attributes={"locale": _categories(table["locale"]), **attributes},
            gold={key: _categories(table[f"gold.{key}"]) for key in maps["gold"]},
        )

    def _keys(self, column: str, condition: str, parameters: Sequence[Any]) -> list[str]:
        rows = self.rows(f"select distinct unnest(map_keys({column})) as key from items where {condition} order by key", parameters)  # noqa: S608
        return [key for (key,) in rows]


@contextmanager
def label_views(
    files: TableFiles, imports: Mapping[str, tuple[str, datetime]], project: str | None, *, as_of: datetime | None = None
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
        views.run("create temp table imports (import_id varchar, project varchar, imported_at timestamptz)")
        for name, (whose, moment) in own.items():
            if as_of is None or moment <= as_of:
                views.run("insert into imports values (?, ?, ?)", [name, whose, moment])
        for name, schema in _SCHEMAS.items():
            views.run(f"create view all_{name} as {_typed_select(schema, files.get(name, ()), project)}")
        _show_ratings(views, as_of)
        _show_described(views, "items", "")
        _show_described(views, "raters", " replace (coalesce(kind, 'human') as kind)")
        views.run("create view quarantine as select * from all_quarantine semi join imports using (import_id)")
        yield views


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


def _item_schema(maps: Mapping[str, Sequence[str]]) -> pa.Schema:
    coded = ["locale", *(f"{name}.{key}" for name, keys in maps.items() for key in keys)]
    text = [pa.field("item_id", pa.string()), pa.field("text", pa.large_string())]
    return pa.schema([*text, *(pa.field(name, pa.dictionary(pa.int32(), pa.string())) for name in coded)])


def _encoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Hold the values that repeat as codes: a batch at a time, so that they are never all there as text."""
    columns = [batch.column("item_id"), batch.column("text").cast(pa.large_string())]
    return pa.record_batch([*columns, *(column.dictionary_encode() for column in batch.columns[2:])], names=batch.schema.names)


def _strings(column: pa.ChunkedArray) -> np.ndarray:
    width = pc.max(pc.utf8_length(column)).as_py() or 1
    found = np.empty(len(column), dtype=f"U{width}")
    start = 0
    for chunk in column.chunks:
        for part in (chunk[at : at + _ROWS_AT_ONCE] for at in range(0, len(chunk), _ROWS_AT_ONCE)):
            found[start : start + len(part)] = part.to_pylist()
            start += len(part)
    found.flags.writeable = False
    return found


def _packed(column: pa.ChunkedArray) -> PackedText:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if len(array) == 0:
        return PackedText.of([])
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return PackedText(np.frombuffer(data or b"", dtype=np.uint8), starts)


def _categories(column: pa.ChunkedArray) -> Categories:
    one = column.unify_dictionaries().combine_chunks() if column.num_chunks else pa.array([], column.type)
    array = one.chunk(0) if isinstance(one, pa.ChunkedArray) else one
    values = np.array(array.dictionary.to_pylist(), dtype=str)
    used = np.unique(array.indices.to_numpy())
    order = used[np.argsort(values[used])] if len(used) else used
    rank = np.zeros(len(values), dtype=np.int32)
    rank[order] = np.arange(len(order))
    return Categories(rank[array.indices.to_numpy()], values[order])


def _typed_select(schema: pa.Schema, files: Sequence[str], project: str | None) -> str:
    """Select a table's rows; the typed empty half gives an empty table, or files of an older schema, every column."""
    columns = ", ".join(f"null::{_duckdb_type(field.type)} as {quoted(field.name)}" for field in schema)
    empty = f"select {columns} where false"
    if not files:
        return empty
    where = "" if project is None else f" where project = {literal(project)}"
    listed = ", ".join(literal(name) for name in files)
    return f"{empty} union all by name select * from read_parquet([{listed}], union_by_name = true){where}"  # noqa: S608


def _duckdb_type(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return "map(varchar, varchar)"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    names = {pa.string(): "varchar", pa.float64(): "double", pa.bool_(): "boolean", pa.int32(): "integer", pa.int64(): "bigint"}
    return names[kind]
