"""Who is in a rater pool at a moment, and how two sets of raters and their work compare."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.domain.labels import LabelSnapshot, RaterPool
from smo_pipelines.domain.pools import GoldAccuracy, Period, PoolComparison, PoolRule, Volume
from smo_pipelines.errors import LabelError, NoRatings
from smo_pipelines.labels.views import LabelViews, predicate_sql
from smo_pipelines.stats.two_way import wilson

__all__ = ["PoolWork", "compare_work", "pool_work", "rater_attributes", "raters_of", "resolve_pool", "snapshot_work"]

_EVERYBODY = "(select rater_id from raters union select distinct rater_id from ratings)"

# Of the versions of a row the newest that was known at the moment; of rows that came later, in a bulk import of old work, the first.
_AS_KNOWN = "order by imported_at < $1 desc, case when imported_at < $1 then imported_at end desc nulls last, imported_at"
_GOLD_RECORD = f"""
with versions as (
    select * from all_ratings semi join imports using (import_id) where not is_gold and coalesce(created_at, imported_at) < $1
    qualify row_number() over (partition by rating_id {_AS_KNOWN}) = 1
), answers as (
    select rating_id, rater_id, label, guideline, item_id from versions where not skipped and label is not null
), right_labels as (
    select answers.rating_id, answers.rater_id, answers.label, all_items.imported_at,
        coalesce(gold[guideline], case when cardinality(gold) = 1 then map_values(gold)[1] end) as right_label
    from answers join all_items using (item_id) semi join imports using (import_id)
)
select rater_id, count(*) as n, sum((label = right_label)::integer)::integer as k from (
    select * from right_labels where right_label is not null
    qualify row_number() over (partition by rating_id {_AS_KNOWN}) = 1
) group by rater_id order by rater_id
"""  # noqa: S608 -- constants of this file


@dataclass(frozen=True, kw_only=True)
class PoolWork:
    """A set of raters by name, and how many ratings each of them gave; 0 for those who gave none."""

    name: str
    ratings: Mapping[str, int]


def resolve_pool(pool: RaterPool, views: LabelViews) -> RaterPool:
    """Return the pool as attributes and a list of raters, which a recipe can select by.

    A pool without rules is returned as it is, but that raters who were listed by a former name are listed by the present one.

    Raises
    ------
    NoRatings
        When nobody satisfies all of the pool's parts; the message says how many satisfy each.
    LabelError
        When a moment cannot be read.
    """
    if not isinstance(pool, PoolRule):
        return replace(pool, raters=_present(pool, views)) if pool.raters else pool
    return RaterPool(id=pool.id, where=pool.where, raters=raters_of(pool, views))


def raters_of(pool: RaterPool, views: LabelViews) -> tuple[str, ...]:
    """Return the pseudonyms of a pool's raters as the views show them, sorted.

    Raises
    ------
    NoRatings
        When there is none.
    LabelError
        When a moment cannot be read.
    """
    parts = _parts(pool, views)
    everybody = {rater for (rater,) in views.rows(f"select rater_id from {_EVERYBODY}")}  # noqa: S608 -- a constant
    found = everybody.intersection(*parts.values())
    if not found:
        said = "; ".join(f"{name}: {len(everybody & raters)}" for name, raters in parts.items())
        raise NoRatings(
            f"pool {pool.id!r} has no rater; of the {len(everybody)} raters there are, {said or 'all are in it'}. Widen one of these, or "
            "import the raters or ratings that it needs"
        )
    return tuple(sorted(found))


def _present(pool: RaterPool, views: LabelViews) -> tuple[str, ...]:
    """Return the listed raters by the names they have now; a list is older than a rotation of the key may be."""
    return tuple(views.names_now.get(name, name) for name in pool.raters)


def _parts(pool: RaterPool, views: LabelViews) -> dict[str, set[str]]:
    """Return the raters who satisfy each part of a pool, by the part in words."""
    parts: dict[str, set[str]] = {}
    if pool.where:
        where, parameters = predicate_sql(pool.where, "raters")
        asked = ", ".join(f"{name} in {list(values)}" for name, values in pool.where)
        parts[asked] = _ids(views, f"select rater_id from raters where {where}", parameters)  # noqa: S608 -- values are parameters
    if pool.raters:
        parts["listed"] = set(_present(pool, views))
    if not isinstance(pool, PoolRule):
        return parts
    if pool.gold_accuracy is not None:
        rule = pool.gold_accuracy
        parts[f"accurate on gold ({rule.at_least:.0%} at least, on {rule.on}, before {rule.before})"] = _accurate(rule, views)
    if pool.joined is not None:
        where, parameters = _within(pool.joined, "since", f"pool {pool.id!r}: joined")
        parts[f"joined {_said(pool.joined)}"] = _ids(views, f"select rater_id from raters where {where}", parameters)  # noqa: S608
    if pool.active is not None:
        parts[f"active {_said(pool.active)}"] = set(_ratings_by_rater(views, pool.active, f"pool {pool.id!r}: active"))
    if pool.volume is not None:
        parts[_said_of(pool.volume)] = _by_volume(pool.volume, views, f"pool {pool.id!r}: volume")
    return parts


def _by_volume(rule: Volume, views: LabelViews, what: str) -> set[str]:
    """Return the raters who had given as many ratings as the rule says; those without any count as none."""
    counts = _ratings_by_rater(views, Period(before=rule.before), what)
    everybody = _ids(views, f"select rater_id from {_EVERYBODY}", [])  # noqa: S608 -- a constant
    least, most = rule.at_least or 0, rule.fewer_than
    return {rater for rater in everybody if counts.get(rater, 0) >= least and (most is None or counts.get(rater, 0) < most)}


def _said_of(rule: Volume) -> str:
    bounds = [] if rule.at_least is None else [f"at least {rule.at_least:,}"]
    bounds += [] if rule.fewer_than is None else [f"fewer than {rule.fewer_than:,}"]
    return f"{' and '.join(bounds)} ratings before {rule.before}"


def _accurate(rule: GoldAccuracy, views: LabelViews) -> set[str]:
    """Return the raters whose record on gold, as it was known at the rule's moment, is good enough.

    Ratings of items with gold that were given before the moment count, against the gold of the guideline they were given under
    (an item's only gold where they name none). A rating or a gold label that was corrected later counts as it was.
    """
    record = views.rows(_GOLD_RECORD, [_moment(rule.before, "gold_accuracy.before")])
    enough = [(rater, n, k) for rater, n, k in record if n >= rule.on]
    return {rater for rater, n, k in enough if wilson(k / n, n).low >= rule.at_least}


def pool_work(pool: RaterPool, views: LabelViews, *, period: Period | None = None) -> PoolWork:
    """Return a pool's raters and the ratings (neither skipped nor gold) that each gave in a period; always, by default."""
    counts = _ratings_by_rater(views, period or Period(), "the period")
    name = pool.id if period is None else f"{pool.id} {_said(period)}"
    return PoolWork(name=name, ratings={rater: counts.get(rater, 0) for rater in raters_of(pool, views)})


def snapshot_work(snapshot: LabelSnapshot, *, name: str) -> PoolWork:
    """Return the raters behind a snapshot and the ratings of each."""
    votes = snapshot.votes
    counts = np.bincount(votes.rater, minlength=len(votes.rater_ids))
    return PoolWork(name=name, ratings=dict(zip(votes.rater_ids.tolist(), counts.tolist(), strict=True)))


def compare_work(before: PoolWork, after: PoolWork) -> PoolComparison | NotEstimable:
    """Compare two pools, one pool in two periods, or the raters of two arms."""
    totals = [sum(work.ratings.values()) for work in (before, after)]
    for work, total in zip((before, after), totals, strict=True):
        if not total:
            counts = {"raters": len(work.ratings), "ratings": total}
            question = Question(metric="shared_raters", on="ratings")
            sentence = f"the {len(work.ratings)} raters of {work.name} gave no rating, so there is no work to compare"
            return NotEstimable(question=question, code=WhyNot.no_raters, sentence=sentence, counts=counts)
    shared = before.ratings.keys() & after.ratings.keys()
    moved = sum(
        abs(before.ratings.get(rater, 0) / totals[0] - after.ratings.get(rater, 0) / totals[1])
        for rater in sorted(before.ratings.keys() | after.ratings.keys())
    )
    return PoolComparison(
        before=before.name,
        after=after.name,
        raters_before=len(before.ratings),
        raters_after=len(after.ratings),
        shared=len(shared),
        ratings_before=totals[0],
        ratings_after=totals[1],
        shared_ratings_before=sum(before.ratings[rater] for rater in shared) / totals[0],
        shared_ratings_after=sum(after.ratings[rater] for rater in shared) / totals[1],
        moved_ratings=moved / 2.0,
    )


def rater_attributes(views: LabelViews) -> dict[str, dict[str, str]]:
    """Return what is known of the raters: by attribute (``kind``, ``pool``, ``locale`` and their own) a value by pseudonym."""
    found: dict[str, dict[str, str]] = {}
    for rater, kind, pool, locale, own in views.rows(
        "select rater_id, kind, pool, locale, attributes from raters order by rater_id"
    ):
        for name, value in {**(own or {}), "kind": kind, "pool": pool, "locale": locale}.items():
            if value:
                found.setdefault(name, {})[rater] = str(value)
    return found


def _ids(views: LabelViews, sql: str, parameters: list[Any]) -> set[str]:
    return {rater for (rater,) in views.rows(sql, parameters)}


def _ratings_by_rater(views: LabelViews, period: Period, what: str) -> dict[str, int]:
    where, parameters = _within(period, "coalesce(created_at, imported_at)", what)
    sql = f"select rater_id, count(*) from ratings where not skipped and not is_gold and {where} group by rater_id"  # noqa: S608
    return dict(views.rows(sql, parameters))


def _within(period: Period, column: str, what: str) -> tuple[str, list[Any]]:
    """Return the condition that a moment lies in a period, and its parameters; a moment that is not known lies in none."""
    conditions, parameters = ["true"], []
    for sign, text in ((">=", period.start), ("<", period.before)):
        if text is not None:
            conditions.append(f"coalesce({column} {sign} ?, false)")
            parameters.append(_moment(text, what))
    return " and ".join(conditions), parameters


def _said(period: Period) -> str:
    start = "" if period.start is None else f"from {period.start}"
    before = "" if period.before is None else f"before {period.before}"
    return f"{start} {before}".strip() or "ever"


def _moment(text: str, what: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LabelError(f"{what}: {text!r} is not a moment such as 2026-01-31 or 2026-01-31T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
