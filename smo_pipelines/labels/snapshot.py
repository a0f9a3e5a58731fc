"""From ratings to one label an item: a recipe, applied."""

from collections.abc import Mapping, Sequence

import numpy as np

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import TIE, Aggregation, LabelSnapshot, RaterPool, SnapshotRecipe, TieRule, Votes
from smo_pipelines.errors import LabelError, NoRatings
from smo_pipelines.labels.aggregation import AGGREGATIONS
from smo_pipelines.labels.selection import Condition, conditions, moment
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.labels.views import LabelViews

__all__ = ["apply_tie_rule", "build_snapshot"]

# A rater who rated an item again has changed their mind: the latest rating counts.
_LATEST = "round desc nulls last, created_at desc nulls last, imported_at desc, label desc"
_CODES = """
create or replace temp table item_codes as
    select item_id, (row_number() over (order by item_id) - 1)::integer as item from (select distinct item_id from chosen);
create or replace temp table rater_codes as
    select rater_id, (row_number() over (order by rater_id) - 1)::integer as rater from (select distinct rater_id from chosen);
"""
_VOTES = """
select item, rater, value from chosen join item_codes using (item_id) join rater_codes using (rater_id) order by item, rater
"""
_CLAUSES = """
select item, clause from (select item, clause, count(*) as n from chosen join item_codes using (item_id)
    where clause is not null group by item, clause)
qualify row_number() over (partition by item order by n desc, clause) = 1
"""


def build_snapshot(tables: LabelTables, recipe: SnapshotRecipe, *, guideline: GuidelineVersion, pool: RaterPool) -> LabelSnapshot:
    """Apply a recipe to the label tables.

    Skipped and gold ratings never count. Of several ratings of one item by one rater the latest counts. With ``overlap`` an item
    keeps that many of its ratings, drawn by a hash of the item and the rating's place among the item's ratings in order of content:
    every rating has the same chance whatever its label, a smaller overlap is a part of a larger one, and pseudonyms play no role.
    ``rater_half`` is drawn by hash of the rater's pseudonym.

    Parameters
    ----------
    tables : LabelTables
    recipe : SnapshotRecipe
    guideline : GuidelineVersion
        Says which labels are legal and which is positive.
    pool : RaterPool
        The selection that the recipe's ``pool`` names.

    Raises
    ------
    NoRatings
        When a part of the recipe selects nothing; the message says which, and what there is.
    LabelError
        When selected ratings have labels that the guideline does not know, or the recipe cannot be read.
    """
    if recipe.pool != pool.id:
        raise LabelError(f"the recipe asks for pool {recipe.pool!r} and was given pool {pool.id!r}")
    with tables.views(recipe.project, as_of=moment(recipe)) as views:
        _choose(views, conditions(recipe, pool, views), recipe, guideline)
        return _snapshot(views, recipe)


def apply_tie_rule(labels: np.ndarray, ties: TieRule) -> np.ndarray:
    """Return labels with ties as the rule wants them: apart, positive or negative."""
    if ties is TieRule.apart:
        return labels
    return np.where(labels == TIE, 1 if ties is TieRule.positive else 0, labels).astype(np.int8)


def _choose(views: LabelViews, wanted: Sequence[Condition], recipe: SnapshotRecipe, guideline: GuidelineVersion) -> None:
    """Make the table ``chosen``: the ratings that count, each with its value (1 positive)."""
    where = " and ".join(f"({condition.sql})" for condition in wanted)
    parameters = [value for condition in wanted for value in condition.parameters]
    views.run(
        "create temp table chosen as select item_id, rater_id, label, clause, created_at, round, "  # noqa: S608
        f"list_contains(?, label)::tinyint as value from ratings where {where} "
        f"qualify row_number() over (partition by item_id, rater_id, question order by {_LATEST}) = 1",
        [_positive_labels(recipe.aggregation, guideline), *parameters],
    )
    if views.rows("select count(*) from chosen")[0][0] == 0:
        raise NoRatings(_what_is_missing(views, wanted, recipe))
    _check_labels(views, guideline)
    if recipe.overlap is not None:
        _thin(views, recipe.overlap)


def _positive_labels(aggregation: Aggregation, guideline: GuidelineVersion) -> list[str]:
    """Return the labels that count as positive: the positive one, and for a median on a longer scale those above it."""
    if aggregation is not Aggregation.median or len(guideline.labels) == 2:
        return [guideline.positive]
    rank = guideline.labels.index(guideline.positive)
    if rank == 0:
        raise LabelError(
            f"a median needs the labels of guideline {guideline.id} in rising order with the positive one above the first; "
            f"they are {list(guideline.labels)} with {guideline.positive!r} positive"
        )
    return list(guideline.labels[rank:])


def _check_labels(views: LabelViews, guideline: GuidelineVersion) -> None:
    sql = "select label, count(*) from chosen where label not in (select unnest(?)) group by label order by label"
    strange = views.rows(sql, [list(guideline.labels)])
    if strange:
        found = ", ".join(f"{label!r} ({count} ratings)" for label, count in strange[:8])
        raise LabelError(f"guideline {guideline.id} has the labels {list(guideline.labels)}; the ratings also hold {found}")


def _thin(views: LabelViews, overlap: int) -> None:
    """Keep at most so many ratings an item.

    Ratings are numbered in order of content, and the numbers are then shuffled by hash: the content decides nothing but which of
    equal chances a rating holds, so the draw is blind to the label although it needs no rater id.
    """
    if overlap < 1:
        raise LabelError(f"overlap {overlap} leaves no rating; 1 or more is legal")
    views.run(
        "create or replace temp table chosen as select * exclude (place) from (select *, row_number() over "
        "(partition by item_id order by label, created_at, round, clause, rater_id) as place from chosen) "
        "qualify row_number() over (partition by item_id order by sha256(concat('overlap:', item_id, ':', place))) <= ?",
        [overlap],
    )


def _snapshot(views: LabelViews, recipe: SnapshotRecipe) -> LabelSnapshot:
    for statement in _CODES.split(";")[:-1]:
        views.run(statement)
    columns = views.table(_VOTES)
    raters = views.table("select rater_id from rater_codes order by rater")["rater_id"]
    votes = Votes(
        item=columns["item"].to_numpy(),
        rater=columns["rater"].to_numpy(),
        value=columns["value"].to_numpy(),
        rater_ids=np.array(raters.to_pylist(), dtype=str),
    )
    items = views.item_table("item_id in (select item_id from item_codes)")
    aggregated = AGGREGATIONS[recipe.aggregation](votes, len(items), None)
    return LabelSnapshot(
        recipe=recipe,
        item_ids=items.item_ids,
        texts=items.texts,
        labels=apply_tie_rule(aggregated.labels, recipe.ties),
        share=aggregated.share,
        n_ratings=np.bincount(votes.item, minlength=len(items)),
        votes=votes,
        attributes={**items.attributes, **_clauses(views, items.attributes, len(items))},
    )


def _clauses(views: LabelViews, attributes: Mapping[str, np.ndarray], n_items: int) -> dict[str, np.ndarray]:
    """Return the clause that most of an item's ratings cite, unless the items say it themselves."""
    if "clause" in attributes:
        return {}
    found = views.table(_CLAUSES)
    if found.num_rows == 0:
        return {}
    clauses = np.full(n_items, "", dtype=object)
    clauses[found["item"].to_numpy()] = found["clause"].to_pylist()
    return {"clause": clauses.astype(str)}


def _what_is_missing(views: LabelViews, wanted: Sequence[Condition], recipe: SnapshotRecipe) -> str:
    """Say which part of a recipe selects nothing, and what there is at that point."""
    if views.rows("select count(*) from ratings")[0][0] == 0:
        return f"project {recipe.project!r} has no ratings; import some, or name one that has"
    views.run("create temp table rest as select * from ratings")
    for condition in wanted:
        views.run(f"create or replace temp table kept as select * from rest where {condition.sql}", condition.parameters)  # noqa: S608
        if views.rows("select count(*) from kept")[0][0] == 0:
            asked = f"the recipe selects no rating of project {recipe.project!r}: it asks for {condition.asked}"
            there = [] if condition.shows is None else views.rows(condition.shows)
            if not there:
                return f"{asked}, and none is left after its other conditions; widen it or import such ratings"
            values = ", ".join(f"{value!r} ({count})" for value, count in there)
            return f"{asked}; the ratings that its other conditions leave have {values}"
        views.run("create or replace temp table rest as select * from kept")
    return f"the recipe selects no rating of project {recipe.project!r}"
