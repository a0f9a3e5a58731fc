"""What a reader hands to the label tables: typed rows of one project from one source, and the rows that could not be read."""

import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Self

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.names import ID_RULE, is_legal_id
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.engine import connect, quoted
from smo_pipelines.labels.schema import ITEMS, RATERS, RATINGS, typed_rows

__all__ = ["ImportFacts", "ImportReceipt", "LabelBatch", "QuarantinedRow", "SourceFile", "check_project"]

_IDENTITY = ("project", "item_id", "rater_id", "question", "guideline", "instrument")
_ORDER = ("item_id", "rater_id", "rating_id", "label", "skipped", "review")
_STAMPS = ("import_id", "imported_at", "revises")

_DIGESTED = "select *, sha256(text) as digest from given"
_CLASHING = (
    "select item_id, count(*) over () from digested group by item_id having count(distinct digest) > 1 order by item_id limit 1"
)
# What rows say of one item is laid together; where two say different things the larger value counts, whatever the order of rows.
_EACH_ITEM_ONCE = """
with again as (select item_id from digested group by item_id having count(*) > 1)
select * exclude (digest) replace (digest as text_digest) from digested anti join again using (item_id)
union all by name
select item_id, any_value(project) as project, any_value(text) as text, max(locale) as locale, max(created_at) as created_at,
    {attributes} as attributes, {gold} as gold, any_value(digest) as text_digest,
    any_value(import_id) as import_id, any_value(imported_at) as imported_at
from digested semi join again using (item_id) group by item_id
order by item_id
"""
_LAID_TOGETHER = """map_from_entries(list_transform(list_sort(list_distinct(flatten(list(map_keys({0}))))),
    lambda name: {{'k': name, 'v': list_max(list_transform(list({0}), lambda one: one[name]))}}))"""
_EACH_RATING_ONCE = f"""
select * from named qualify row_number() over (
    partition by item_id, rating_id, label, skipped, review
    order by {", ".join(quoted(name) for name in RATINGS.names)}
) = 1
"""  # noqa: S608 -- names of our own; which of two rows that differ otherwise is kept depends on their content alone
_TWICE = "select exists (select 1 from named group by item_id, rating_id, label, skipped, review having count(*) > 1)"


@dataclass(frozen=True, kw_only=True, order=True)
class QuarantinedRow:
    """One row of an export that could not be read: where it starts and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, kw_only=True, order=True)
class SourceFile:
    """One file that an import was read from: its name without folders, and what names its content."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ImportFacts:
    """One import as it is remembered: when and from what it came, and what it brought that was new."""

    import_id: str
    project: str
    source: str
    imported_at: datetime
    files: tuple[SourceFile, ...]
    ratings: int
    items: int
    raters: int
    quarantined: int


@dataclass(frozen=True, kw_only=True)
class ImportReceipt:
    """What one import added; ``duplicates`` are ratings that were there already."""

    import_id: str
    ratings: int
    items: int
    raters: int
    duplicates: int
    quarantined: int


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelBatch:
    """Items, raters and ratings of one project, as a reader or a simulation made them.

    Construction checks and completes: absent optional columns are added, every rater who rated is a rater (a human unless some
    import says otherwise), a rating without an id is named by its content. A ``label`` may be missing only where ``skipped`` is
    true.

    Parameters
    ----------
    project, source : str
        The project that all rows belong to, and where they come from, e.g. a format's name.
    items, raters, ratings : DataFrame or pyarrow.Table
        The columns of :mod:`smo_pipelines.labels.schema`. Needed at least: items ``item_id, text``; raters ``rater_id``; ratings
        ``item_id, rater_id, question, label``.
    quarantine : tuple of QuarantinedRow
    files : tuple of SourceFile
        What the rows were read from; empty where they were not read from files.

    Raises
    ------
    LabelError
        When the project's name is not legal, a needed column or value is missing, a value has the wrong type, a row names another
        project, or one item id stands for two texts.
    """

    project: str
    source: str
    items: pd.DataFrame | pa.Table
    raters: pd.DataFrame | pa.Table
    ratings: pd.DataFrame | pa.Table
    quarantine: tuple[QuarantinedRow, ...] = ()
    files: tuple[SourceFile, ...] = ()
    tables: dict[str, pa.Table] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_project(self.project)
        with connect() as connection:
            ratings = _ratings(self, connection)
            tables = {"items": _items(self, connection), "raters": _raters(self, ratings), "ratings": ratings}
        object.__setattr__(self, "tables", tables)

    def read_from(self, files: Iterable[SourceFile]) -> Self:
        """Return this batch with what it was read from; its rows are neither copied nor checked again."""
        named = copy.copy(self)
        object.__setattr__(named, "files", tuple(files))
        return named

    @cached_property
    def import_id(self) -> str:
        """The name of this batch's content, whatever the order of its rows and the names of its files."""
        content = {name: _rows_digest(table) for name, table in self.tables.items()}
        return digest_of({"project": self.project, **content, "quarantine": sorted(self.quarantine)})[:32]


def check_project(name: str) -> None:
    """Check that a project's name is safe wherever it will stand: in tables, in the names of files, in tags.

    Raises
    ------
    LabelError
        When it is not.
    """
    if not is_legal_id(name):
        raise LabelError(f"the project {name!r} has no legal name: {ID_RULE}")


def _columns_of(rows: pd.DataFrame | pa.Table) -> list[str]:
    return list(rows.column_names) if isinstance(rows, pa.Table) else [str(name) for name in rows.columns]


def _typed(rows: pd.DataFrame | pa.Table, schema: pa.Schema, batch: LabelBatch, what: str, needed: tuple[str, ...]) -> pa.Table:
    """Return rows under a schema with the batch's project on each."""
    if len(rows) == 0:
        return schema.empty_table()
    missing = [name for name in needed if name not in _columns_of(rows)]
    if missing:
        raise LabelError(f"the {what} of {batch.source!r} lack the columns {missing}; {', '.join(needed)} are needed")
    table = typed_rows(rows, schema, what=f"{what} of {batch.source!r}")
    for name in needed:
        if name != "label" and table[name].null_count:
            raise LabelError(f"{table[name].null_count} of the {what} of {batch.source!r} have no {name}")
    others = set(pc.unique(table["project"]).to_pylist()) - {batch.project, None}
    if others:
        raise LabelError(
            f"the {what} of {batch.source!r} name the projects {sorted(others)}, but the batch is of {batch.project!r}"
        )
    return _with(table, "project", pa.repeat(batch.project, table.num_rows))


def _with(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), column)


def _items(batch: LabelBatch, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    given = _typed(batch.items, ITEMS, batch, "items", ("item_id", "text"))
    connection.register("given", given)
    connection.execute(f"create or replace temp table digested as {_DIGESTED}")
    for item_id, count in connection.execute(_CLASHING).fetchall():
        raise LabelError(f"item {item_id!r} of {batch.source!r} stands for two different texts ({count} such items)")
    return (
        connection.sql(_EACH_ITEM_ONCE.format(attributes=_LAID_TOGETHER.format("attributes"), gold=_LAID_TOGETHER.format("gold")))
        .to_arrow_table()
        .cast(ITEMS)
    )


def _raters(batch: LabelBatch, ratings: pa.Table) -> pa.Table:
    named = _typed(batch.raters, RATERS, batch, "raters", ("rater_id",))
    ids = pd.Series(named["rater_id"].to_pylist(), dtype=object)
    if ids.duplicated().any():
        raise LabelError(
            f"rater {ids[ids.duplicated()].iloc[0]!r} of {batch.source!r} is described twice; one row a rater is legal"
        )
    known = set(ids)
    unnamed = [{"rater_id": rater} for rater in pc.unique(ratings["rater_id"]).to_pylist() if rater not in known]
    table = pa.concat_tables([named, _typed(pd.DataFrame(unnamed), RATERS, batch, "raters", ("rater_id",))])
    return table.take(pc.sort_indices(table["rater_id"]))


def _ratings(batch: LabelBatch, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    table = _typed(batch.ratings, RATINGS, batch, "ratings", ("item_id", "rater_id", "question", "label"))
    for name in ("is_gold", "skipped", "prelabelled"):
        table = _with(table, name, pc.fill_null(table[name], False))
    unlabelled = pc.sum(pc.and_(pc.is_null(table["label"]), pc.invert(table["skipped"]))).as_py() or 0
    if unlabelled:
        raise LabelError(f"{unlabelled} ratings of {batch.source!r} have no label; mark them skipped, or quarantine them")
    connection.register("named", _named(table, connection))
    ((twice,),) = connection.execute(_TWICE).fetchall()
    return connection.sql(_EACH_RATING_ONCE if twice else "select * from named").to_arrow_table().cast(RATINGS)


def _named(table: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Name ratings without an id by who rated what under what, and when (or, where no time is known, in which round)."""
    if table["rating_id"].null_count == 0:
        return table
    identity = ", ".join(f"coalesce({name}, '')" for name in _IDENTITY)
    when = "coalesce(epoch_us(created_at)::varchar, round::varchar, '')"
    connection.register("unnamed", table)
    return connection.sql(
        f"select * replace (coalesce(rating_id, sha256(concat_ws(chr(31), {identity}, {when}))[:32]) as rating_id) from unnamed"  # noqa: S608
    ).to_arrow_table()


def _rows_digest(table: pa.Table) -> str:
    """Digest rows whatever their order, column by column in order of their names."""
    sorted_by = [(name, "ascending") for name in _ORDER if name in table.column_names]
    order = pc.sort_indices(table, sorted_by).to_numpy()
    in_order = bool((order[:-1] < order[1:]).all())
    state = hashlib.sha256()
    for name in sorted(set(table.column_names) - set(_STAMPS)):
        column = table[name] if in_order or table[name].null_count == len(table) else table[name].take(order)
        state.update(f"{name}:{table.num_rows}".encode())
        for part in _bytes_of(column.combine_chunks()):
            state.update(part)
    return state.hexdigest()


def _bytes_of(column: pa.Array) -> Iterator[bytes]:
    """Yield what an array says and nothing of how it is held: which values are there, then the values."""
    yield np.packbits(column.is_valid().to_numpy(zero_copy_only=False)).tobytes()
    if pa.types.is_map(column.type):
        pairs = column.cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])))
        yield pc.list_value_length(pairs).fill_null(0).to_numpy(zero_copy_only=False).astype("<i8").tobytes()
        whole = pairs.flatten()
        for part in (whole.field(0), whole.field(1)):
            yield from _bytes_of(part)
    elif pa.types.is_string(column.type):
        text = column.fill_null("")
        yield pc.binary_length(text).to_numpy(zero_copy_only=False).astype("<i8").tobytes()
        yield pc.binary_join(pa.ListArray.from_arrays([0, len(text)], text), "")[0].as_py().encode()
    else:
        numbers = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        yield numbers.fill_null(False if pa.types.is_boolean(column.type) else 0).to_numpy(zero_copy_only=False).tobytes()
