"""The ratings of a project as columns of codes, with what is known of their items and raters beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.errors import NoRatings, UnknownName
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.labels.views import LabelViews

__all__ = ["ANONYMOUS", "GROUPINGS", "RatedRows", "check_groupings", "rated_rows", "rows_from"]

ANONYMOUS = "anonymous"
"""The kind of a rater that stands for a vote of nobody known."""

GROUPINGS = ("question", "guideline", "instrument", "pool", "locale", "rater")
"""What ratings can be grouped by and selected on."""

_CODED = ("item", "rater", "question", "guideline", "instrument", "locale", "pool", "kind", "review", "currency", "label", "gold")
_SHARED = {"gold": "label"}
_ROWS = """
select r.item_id as item, r.rater_id as rater, coalesce(r.question, '') as question, coalesce(r.guideline, '') as guideline,
    coalesce(r.instrument, '') as instrument, coalesce(r.locale, i.locale, '') as locale, coalesce(x.pool, '') as pool,
    coalesce(x.kind, '') as kind, coalesce(r.review, '') as review, coalesce(r.currency, '') as currency,
    coalesce(r.label, '') as label, coalesce(i.gold[r.guideline], '') as gold, r.skipped,
    coalesce(r.duration_s, 'nan'::double) as duration, coalesce(r.cost, 'nan'::double) as cost,
    coalesce(epoch_us(r.created_at) // 86400000000, -1) as day, epoch_us(coalesce(r.created_at, r.imported_at)) as at
from ratings r left join items i using (item_id) left join raters x using (rater_id)
where not r.is_gold and {within}
order by r.round desc nulls last, r.created_at desc nulls last, r.imported_at desc, r.label desc, r.rating_id
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class RatedRows:
    """Ratings, newest first.

    Attributes
    ----------
    columns : mapping of str to ndarray of shape (n_ratings,)
        Codes: ``item, rater, question, guideline, instrument, locale, pool, kind, review, currency, label, gold`` (``gold`` is the
        right label under the rating's guideline, in the codes of ``label``; an empty name is "not known"). Values: ``skipped``
        (bool), ``duration`` and ``cost`` (NaN where not recorded), ``day`` (of ``created_at`` in UTC, from 1970; -1 where not
        recorded), ``at`` (microseconds from 1970 of ``created_at``, or of the import where that is not recorded), ``latest`` (bool).
    names : mapping of str to tuple of str
        What the codes of each column stand for, sorted.
    """

    columns: Mapping[str, np.ndarray]
    names: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.columns["item"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def code(self, column: str, name: str) -> int:
        """Return what stands for a name, -1 where nothing does."""
        return self.names[column].index(name) if name in self.names[column] else -1

    def take(self, which: np.ndarray) -> "RatedRows":
        """Return some of the rows, by position or by mask."""
        return RatedRows(columns={name: column[which] for name, column in self.columns.items()}, names=self.names)

    def selected(self, where: ItemPredicate) -> "RatedRows":
        """Return the rows on which every grouping has one of the values that a predicate allows.

        Raises
        ------
        UnknownName
            When a name of the predicate is not a grouping.
        """
        check_groupings(name for name, _ in where)
        keep = np.ones(len(self), dtype=bool)
        for name, values in where:
            keep &= np.isin(self[name], [self.code(name, value) for value in values])
        return self.take(keep)

    def within(self, start: datetime, end: datetime) -> "RatedRows":
        """Return the rows made after ``start`` and not after ``end``."""
        low, high = (round(moment.timestamp() * 1e6) for moment in (start, end))
        return self.take((self["at"] > low) & (self["at"] <= high))

    @property
    def newest(self) -> datetime:
        """When the newest of these ratings was made."""
        return datetime.fromtimestamp(int(self["at"].max()) / 1e6, tz=UTC)

    def with_latest(self) -> "RatedRows":
        """Return the rows with ``latest``: which are the newest of their rater on their item under their conditions.

        As in a snapshot, a rater who rated an item again has changed their mind. Ratings of one item under two guidelines or
        instruments are two ratings.
        """
        pair = self["item"] * len(self.names["rater"]) + self["rater"]
        key = pair * len(np.unique(self.conditions)) + np.unique(self.conditions, return_inverse=True)[1]
        latest = np.zeros(len(self), dtype=bool)
        latest[np.unique(key, return_index=True)[1]] = True
        return RatedRows(columns={**self.columns, "latest": latest}, names=self.names)

    @property
    def conditions(self) -> np.ndarray:
        """One number for each combination of question, guideline and instrument."""
        return self._combined(("question", "guideline", "instrument"))

    def groups(self, by: Sequence[str]) -> Iterator[tuple[tuple[tuple[str, str], ...], "RatedRows"]]:
        """Return the rows of each combination of values of some groupings, in order of the values."""
        if not len(self):
            return
        key = self._combined(by)
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=key[order[0]] - 1))
        for rows in np.split(order, starts[1:]):
            values = tuple((name, self.names[name][self[name][rows[0]]]) for name in by)
            yield values, self.take(rows)

    def _combined(self, names: Sequence[str]) -> np.ndarray:
        key = np.zeros(len(self), dtype=np.int64)
        for name in names:
            key = key * len(self.names[name]) + self[name]
        return key


def rated_rows(tables: LabelTables, project: str, *, as_of: datetime | None = None) -> RatedRows:
    """Return every visible rating of a project that is not itself gold.

    Raises
    ------
    NoRatings
        When the project has none, by then.
    """
    with tables.views(project, as_of=as_of) as views:
        rows = rows_from(views)
    if not len(rows):
        raise NoRatings(f"project {project!r} has no ratings; import some, or name one that has: {', '.join(tables.projects())}")
    return rows


def rows_from(views: LabelViews, *, within: tuple[datetime, datetime] | None = None) -> RatedRows:
    """Return the ratings of open views that are not themselves gold.

    Parameters
    ----------
    within : (datetime, datetime), optional
        Only ratings made after the first and not after the second moment (imported, where that is not recorded).
    """
    made = "coalesce(r.created_at, r.imported_at)"
    limits = "true" if within is None else f"{made} > ? and {made} <= ?"
    table = views.table(_ROWS.format(within=limits), list(within or ()))
    # gold is in the codes of label: its names must be there too
    words = {name: table[name] for name in _CODED}
    words["label"] = pa.chunked_array([*table["label"].chunks, *table["gold"].chunks], pa.string())
    names = {name: pc.unique(column).sort() for name, column in words.items() if name not in _SHARED}
    coded = {name: pc.index_in(table[name], names[_SHARED.get(name, name)]).to_numpy().astype(np.int64) for name in _CODED}
    rest = {name: table[name].to_numpy() for name in ("skipped", "duration", "cost", "day", "at")}
    return RatedRows(
        columns={**coded, **rest, "latest": np.zeros(table.num_rows, dtype=bool)},
        names={name: tuple(values.to_pylist()) for name, values in names.items()},
    )


def check_groupings(names: Iterable[str]) -> None:
    """Refuse what ratings cannot be grouped by.

    Raises
    ------
    UnknownName
    """
    for name in names:
        if name not in GROUPINGS:
            raise UnknownName("grouping of ratings", name, GROUPINGS)
