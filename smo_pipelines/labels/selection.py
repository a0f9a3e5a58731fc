"""Which ratings a recipe selects, as a list of conditions in SQL that can be counted one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import ItemPredicate, RaterPool, SnapshotRecipe
from smo_pipelines.errors import LabelError, UnknownName
from smo_pipelines.labels.views import LabelViews, predicate_sql

__all__ = ["QA_FILTERS", "Condition", "conditions", "conditions_on", "moment"]

QA_FILTERS: Mapping[str, str] = {
    "not_prelabelled": "not prelabelled",
    "not_rejected": "coalesce(review, '') <> 'rejected'",
}
"""The quality filters on ratings that a recipe may name."""


_FIRST_WORK = """
with seen as (select * from all_ratings semi join imports using (import_id))
select rater_id, sum(md5_number_lower(concat_ws(chr(31), item_id, question, coalesce(label, ''), coalesce(guideline, ''), coalesce(round, 0))))
from seen join (select rater_id, min(imported_at) as imported_at from seen group by rater_id) using (rater_id, imported_at)
group by rater_id order by rater_id
"""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One part of a recipe as a condition on the rows of one view: ``ratings``, ``items`` or ``raters``.

    ``asked`` is the part in words; ``shows`` is an SQL query ``(value, ratings)`` of what there is instead, given a view ``rest``.
    ``paid_all_the_same`` says that ratings which it drops were bought with those that it keeps.
    """

    asked: str
    sql: str
    on: Literal["ratings", "items", "raters"] = "ratings"
    parameters: tuple[Any, ...] = ()
    shows: str | None = None
    paid_all_the_same: bool = False

    @property
    def on_ratings(self) -> str:
        """The same condition on ratings, whichever view it is on."""
        if self.on == "ratings":
            return self.sql
        name = "item_id" if self.on == "items" else "rater_id"
        return f"{name} in (select {name} from {self.on} where {self.sql})"  # noqa: S608 -- values are parameters, names are quoted


def conditions_on(view: str, wanted: Sequence[Condition]) -> tuple[str, list[Any]]:
    """Return the conditions on one view as one, with their parameters."""
    chosen = [condition for condition in wanted if condition.on == view]
    where = " and ".join(f"({condition.sql})" for condition in chosen) or "true"
    return where, [value for condition in chosen for value in condition.parameters]


def moment(recipe: SnapshotRecipe) -> datetime | None:
    """Return a recipe's ``as_of``; without a zone it is UTC.

    Raises
    ------
    LabelError
        When it is not an ISO-8601 moment.
    """
    if recipe.as_of is None:
        return None
    try:
        parsed = datetime.fromisoformat(recipe.as_of)
    except ValueError as error:
        raise LabelError(f"as_of {recipe.as_of!r} is not a moment such as 2026-01-31T00:00:00Z") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def conditions(
    recipe: SnapshotRecipe, pool: RaterPool, views: LabelViews, *, window_end: datetime | None = None
) -> tuple[Condition, ...]:
    """Return a recipe's conditions on ratings, in the order in which a reader would check them.

    Its window ends at ``window_end``, else at its ``as_of``, else with the newest import.

    Raises
    ------
    UnknownName
        When the recipe names a quality filter that does not exist.
    """
    fixed = (
        Condition(
            asked="any rating that is not skipped and not gold",
            sql="not skipped and not is_gold and label is not null",
            paid_all_the_same=True,
        ),
        *_named(recipe),
        *_items(recipe.items),
        *_pool(pool),
    )
    return (*fixed, *_qa(recipe.qa), *_half(recipe.rater_half, views), *_window(recipe, views, window_end))


def _named(recipe: SnapshotRecipe) -> Iterator[Condition]:
    for name in ("question", "guideline", "instrument"):
        value = getattr(recipe, name)
        if value is not None:
            yield Condition(
                asked=f"{name} {value!r}", sql=f"{name} = ?", parameters=(value,), shows=_count_of(f"coalesce({name}, '')")
            )


def _items(predicate: ItemPredicate) -> Iterator[Condition]:
    for name, values in predicate:
        where, parameters = predicate_sql(((name, values),), "items")
        column = name if name == "locale" else f"attributes['{name.replace(chr(39), chr(39) * 2)}']"
        shows = (
            None
            if name == "item_id"
            else _count_of(f"coalesce({column}, '')", "join items using (item_id)").replace("locale", "items.locale")
        )
        yield Condition(
            asked=f"items with {name} in {list(values)}",
            sql=where,
            on="items",
            parameters=tuple(parameters),
            shows=shows,
        )


def _pool(pool: RaterPool) -> Iterator[Condition]:
    if pool.raters:
        yield Condition(
            asked=f"the {len(pool.raters)} raters listed by pool {pool.id!r}",
            sql="rater_id in (select unnest(?))",
            on="raters",
            parameters=(list(pool.raters),),
        )
    if pool.where:
        where, parameters = predicate_sql(pool.where, "raters")
        facts = "concat('kind=', raters.kind, ' pool=', coalesce(raters.pool, ''), ' locale=', coalesce(raters.locale, ''))"
        yield Condition(
            asked=f"raters of pool {pool.id!r} ({', '.join(f'{name} in {list(values)}' for name, values in pool.where)})",
            sql=where,
            on="raters",
            parameters=tuple(parameters),
            shows=_count_of(facts, "join raters using (rater_id)"),
        )


def _qa(name: str | None) -> Iterator[Condition]:
    if name is None:
        return
    if name not in QA_FILTERS:
        raise UnknownName("quality filter", name, QA_FILTERS)
    shows = _count_of("coalesce(review, 'no review')")
    yield Condition(asked=f"ratings that are {name}", sql=QA_FILTERS[name], shows=shows, paid_all_the_same=True)


def _half(half: int | None, views: LabelViews) -> Iterator[Condition]:
    """Draw a half of the raters by what they rated in the first import that has ratings of theirs.

    That content stays what it is when more is imported, and no key of pseudonyms changes it.
    """
    if half is None:
        return
    works = views.rows(_FIRST_WORK)
    units = hash_to_unit("rater-half", [str(work) for _, work in works])
    chosen = [rater for (rater, _), unit in zip(works, units, strict=True) if int(unit >= 0.5) == half]
    yield Condition(asked=f"raters of half {half}", sql="rater_id in (select unnest(?))", on="raters", parameters=(chosen,))


def _window(recipe: SnapshotRecipe, views: LabelViews, window_end: datetime | None) -> Iterator[Condition]:
    if recipe.window_days is None:
        return
    end = window_end or moment(recipe) or views.rows("select max(imported_at) from imports")[0][0]
    if end is not None:
        yield Condition(
            asked=f"ratings created in the {recipe.window_days} days before {end.astimezone(UTC).isoformat()}",
            sql="created_at > ? and created_at <= ?",
            parameters=(end - timedelta(days=recipe.window_days), end),
            shows=_count_of("coalesce(strftime(created_at, '%Y-%m'), 'no date')"),
        )


def _count_of(expression: str, join: str = "") -> str:
    return f"select {expression} as value, count(*) as n from rest {join} group by value order by n desc, value limit 8"  # noqa: S608
