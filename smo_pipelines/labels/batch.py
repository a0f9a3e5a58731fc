"""What a reader hands to the label tables: typed rows of one project from one source, and the rows that could not be read."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.domain.digests import digest_of, digest_of_rows
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.schema import ITEMS, RATERS, RATINGS, typed_rows

__all__ = ["ImportReceipt", "LabelBatch", "QuarantinedRow"]

_SEPARATOR = "\x1f"
_IDENTITY = ("project", "item_id", "rater_id", "question", "guideline", "instrument")
_KEY = ("rating_id", "label", "skipped", "review")


@dataclass(frozen=True, kw_only=True, order=True)
class QuarantinedRow:
    """One row of an export that could not be read: where it starts and why."""

    file: str
    line: int
    reason: str


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
    items, raters, ratings : DataFrame
        The columns of :mod:`smo_pipelines.labels.schema`. Needed at least: items ``item_id, text``; raters ``rater_id``; ratings
        ``item_id, rater_id, question, label``.
    quarantine : tuple of QuarantinedRow

    Raises
    ------
    LabelError
        When a needed column or value is missing, a value has the wrong type, a row names another project, or one item id stands
        for two texts.
    """

    project: str
    source: str
    items: pd.DataFrame
    raters: pd.DataFrame
    ratings: pd.DataFrame
    quarantine: tuple[QuarantinedRow, ...] = ()
    tables: dict[str, pa.Table] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ratings = _ratings(self)
        object.__setattr__(self, "tables", {"items": _items(self), "raters": _raters(self, ratings), "ratings": ratings})

    @cached_property
    def import_id(self) -> str:
        """The name of this batch's content, whatever the order of its rows."""
        content = {name: _table_digest(table) for name, table in self.tables.items()}
        return digest_of({"project": self.project, **content, "quarantine": sorted(self.quarantine)})[:32]


def _with_project(frame: pd.DataFrame, batch: LabelBatch, what: str, needed: tuple[str, ...]) -> pd.DataFrame:
    if len(frame) == 0:
        return pd.DataFrame({"project": pd.Series(dtype=object)})
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise LabelError(f"the {what} of {batch.source!r} lack the columns {missing}; {', '.join(needed)} are needed")
    for name in needed:
        if name != "label" and frame[name].isna().any():
            raise LabelError(f"{int(frame[name].isna().sum())} of the {what} of {batch.source!r} have no {name}")
    if "project" in frame.columns and not bool((frame["project"].dropna() == batch.project).all()):
        others = sorted(set(frame["project"].dropna()) - {batch.project})
        raise LabelError(f"the {what} of {batch.source!r} name the projects {others}, but the batch is of {batch.project!r}")
    return frame.assign(project=batch.project)


def _filled(frame: pd.DataFrame, **defaults: bool) -> pd.DataFrame:
    """Put a default where a column or a value is missing."""
    filled = frame.copy()
    for name, value in defaults.items():
        filled[name] = frame[name].astype(object).where(frame[name].notna(), value) if name in frame.columns else value
    return filled


def _items(batch: LabelBatch) -> pa.Table:
    frame = _with_project(batch.items, batch, "items", ("item_id", "text"))
    table = typed_rows(frame, ITEMS, what=f"items of {batch.source!r}")
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in table["text"].to_pylist()]
    table = table.set_column(
        table.schema.get_field_index("text_digest"), ITEMS.field("text_digest"), pa.array(digests, pa.string())
    )
    ids = table["item_id"].to_numpy(zero_copy_only=False)
    first = pd.Series(digests, dtype=object).groupby(ids).transform("first").to_numpy() if digests else np.array([])
    clash = np.flatnonzero(first != np.array(digests, dtype=object))
    if len(clash):
        raise LabelError(f"item {ids[clash[0]]!r} of {batch.source!r} stands for two different texts ({len(clash)} such rows)")
    return table.take(pd.Series(ids, dtype=object).drop_duplicates().sort_values().index.to_numpy(dtype=np.int64))


def _raters(batch: LabelBatch, ratings: pa.Table) -> pa.Table:
    named = _with_project(batch.raters, batch, "raters", ("rater_id",))
    known = set(named["rater_id"].astype(str)) if "rater_id" in named.columns else set()
    unnamed = [rater for rater in pc.unique(ratings["rater_id"]).to_pylist() if rater not in known]
    unnamed_rows = pd.DataFrame({"rater_id": pd.Series(unnamed, dtype=object)}).assign(project=batch.project)
    tables = [typed_rows(rows, RATERS, what=f"raters of {batch.source!r}") for rows in (named, unnamed_rows) if len(rows)]
    table = pa.concat_tables(tables) if tables else RATERS.empty_table()
    ids = pd.Series(table["rater_id"].to_numpy(zero_copy_only=False), dtype=object)
    if ids.duplicated().any():
        raise LabelError(
            f"rater {ids[ids.duplicated()].iloc[0]!r} of {batch.source!r} is described twice; one row a rater is legal"
        )
    return table.take(ids.sort_values().index.to_numpy(dtype=np.int64))


def _ratings(batch: LabelBatch) -> pa.Table:
    frame = _with_project(batch.ratings, batch, "ratings", ("item_id", "rater_id", "question", "label"))
    frame = _filled(frame, is_gold=False, skipped=False, prelabelled=False)
    table = typed_rows(frame, RATINGS, what=f"ratings of {batch.source!r}")
    unlabelled = pc.sum(pc.and_(pc.is_null(table["label"]), pc.invert(table["skipped"]))).as_py() or 0
    if unlabelled:
        raise LabelError(f"{unlabelled} ratings of {batch.source!r} have no label; mark them skipped, or quarantine them")
    if pc.any(pc.is_null(table["rating_id"])).as_py():
        ids = pc.if_else(pc.is_null(table["rating_id"]), _rating_ids(table), table["rating_id"])
        table = table.set_column(0, RATINGS.field("rating_id"), ids)
    keys = table.select(_KEY).to_pandas()
    return table.take(keys.drop_duplicates().sort_values(list(_KEY)).index.to_numpy(dtype=np.int64))


def _rating_ids(table: pa.Table) -> pa.Array:
    """Name ratings by who rated what under what, and when (or, where no time is known, in which round)."""
    moments = pc.cast(pc.cast(table["created_at"], pa.int64()), pa.string())
    when = pc.coalesce(moments, pc.cast(table["round"], pa.string()), pa.scalar(""))
    columns = [pc.fill_null(table[name], "") for name in _IDENTITY]
    joined = pc.binary_join_element_wise(*columns, when, _SEPARATOR)
    return pa.array([hashlib.sha256(text.encode()).hexdigest()[:32] for text in joined.to_pylist()], pa.string())


def _table_digest(table: pa.Table) -> str:
    """Digest rows that are in canonical order: each column as its distinct values in order of appearance, and their positions."""
    columns: dict[str, np.ndarray] = {}
    for name in table.schema.names:
        column = table[name].combine_chunks()
        if pa.types.is_map(column.type):
            column = pa.array([repr(pairs) for pairs in column.to_pylist()], pa.string())
        codes, values = pd.factorize(column.to_numpy(zero_copy_only=False), use_na_sentinel=True)
        columns[f"{name}:codes"] = codes
        columns[f"{name}:values"] = np.array([str(value) for value in values], dtype=object)
    return digest_of_rows(columns)
