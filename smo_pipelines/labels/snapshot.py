"""From ratings to one label an item: a recipe, applied."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from smo_pipelines.domain.columns import Categories
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import TIE, Aggregation, GoldAnswers, LabelSnapshot, RaterPool, SnapshotRecipe, TieRule, Votes
from smo_pipelines.errors import LabelError, NoRatings
from smo_pipelines.labels.aggregation import AGGREGATIONS, LEARN_FROM_GOLD
from smo_pipelines.labels.items import ItemTable
from smo_pipelines.labels.pools import resolve_pool
from smo_pipelines.labels.selection import Condition, conditions, moment
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.labels.views import LabelViews
from smo_pipelines.labels.votes import choose_ratings

__all__ = ["apply_tie_rule", "build_snapshot", "ratings_by_import", "snapshot_from"]

_GOLD_ANSWERS = """
select rater, count(*) filter (label = gold) as n_right, count(*) as answered
from ratings join (select item_id, gold[?] as gold from items where gold[?] is not null) using (item_id) join rater_codes using (rater_id)
where guideline = ? and question = ? and not skipped and not is_gold group by rater
"""


def build_snapshot(
    tables: LabelTables,
    recipe: SnapshotRecipe,
    *,
    guideline: GuidelineVersion,
    pool: RaterPool,
    window_end: datetime | None = None,
) -> LabelSnapshot:
    """Apply a recipe to the label tables.

    Skipped and gold ratings never count. Of several ratings of one item by one rater the latest counts. With ``overlap`` an item
    keeps that many of its ratings, drawn by a hash of the item and the rating's place among the item's ratings in order of content:
    every rating has the same chance whatever its label, a smaller overlap is a part of a larger one, and pseudonyms play no role.
    ``rater_half`` is drawn by hash of what the rater rated in the first import that has ratings of theirs.

    Parameters
    ----------
    tables : LabelTables
    recipe : SnapshotRecipe
    guideline : GuidelineVersion
        Says which labels are legal and which is positive.
    pool : RaterPool
        The selection that the recipe's ``pool`` names.
    window_end : datetime, optional
        Where the recipe's window ends, when that is not its ``as_of``: a window of the past, with all that was imported since.

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
        return snapshot_from(views, recipe, guideline=guideline, pool=pool, window_end=window_end)


def snapshot_from(
    views: LabelViews,
    recipe: SnapshotRecipe,
    *,
    guideline: GuidelineVersion,
    pool: RaterPool,
    window_end: datetime | None = None,
) -> LabelSnapshot:
    """Apply a recipe to the label tables that are open as of its moment; the rest is as for :func:`build_snapshot`."""
    wanted = conditions(recipe, resolve_pool(pool, views), views, window_end=window_end)
    chosen = choose_ratings(views, wanted, guideline.labels, overlap=recipe.overlap)
    if chosen is None:
        raise NoRatings(_what_is_missing(views, wanted, recipe))
    votes = Votes(
        item=chosen.item,
        rater=chosen.rater,
        label=chosen.label,
        rater_ids=chosen.rater_ids,
        labels=guideline.labels,
        positives=tuple(_positive_labels(recipe.aggregation, guideline)),
    )
    items = views.item_table("item_id in (select item_id from kept_items)")
    gold = _gold_answers(views, recipe, votes, items) if recipe.aggregation in LEARN_FROM_GOLD else None
    imports = tuple(name for (name,) in views.rows("select import_id from imports order by imported_at, import_id"))
    cited = None if "clause" in items.attributes else chosen.clause_of_items()
    aggregated = AGGREGATIONS[recipe.aggregation](votes, len(items), None, gold)
    return LabelSnapshot(
        recipe=recipe,
        item_ids=items.item_ids,
        texts=items.texts,
        labels=apply_tie_rule(aggregated.labels, recipe.ties),
        share=aggregated.share,
        soft=aggregated.soft,
        n_ratings=np.bincount(votes.item, minlength=len(items)),
        votes=votes,
        attributes={**items.attributes, **({} if cited is None else {"clause": Categories.of(cited)})},
        gold=gold,
        imports=imports,
    )


def ratings_by_import(tables: LabelTables, recipe: SnapshotRecipe, *, pool: RaterPool, imports: Sequence[str]) -> dict[str, int]:
    """Return how many ratings that a recipe selects came with each of some imports: the newest version of each rating.

    Of these the latest of a rater and item counts, and with ``overlap`` so many an item: a snapshot can hold fewer.
    """
    moments = {facts.import_id: facts.imported_at for facts in tables.imports(recipe.project)}
    seen = [moments[name] for name in imports if name in moments]
    with tables.views(recipe.project, as_of=max(seen, default=None)) as views:
        wanted = conditions(recipe, resolve_pool(pool, views), views)
        where = " and ".join(f"({condition.on_ratings})" for condition in wanted)
        parameters = [value for condition in wanted for value in condition.parameters]
        sql = f"select import_id, count(*) from ratings where {where} group by import_id order by import_id"  # noqa: S608
        counts = dict(views.rows(sql, parameters))
    return {name: int(counts[name]) for name in imports if name in counts}


def apply_tie_rule(labels: np.ndarray, ties: TieRule) -> np.ndarray:
    """Return labels with ties as the rule wants them: apart, positive or negative."""
    if ties is TieRule.apart:
        return labels
    return np.where(labels == TIE, 1 if ties is TieRule.positive else 0, labels).astype(np.int8)


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


def _gold_answers(views: LabelViews, recipe: SnapshotRecipe, votes: Votes, items: ItemTable) -> GoldAnswers:
    """Return the items' gold under the recipe's guideline, and each rater's record on all gold of the project."""
    gold = items.gold.get(recipe.guideline or "")
    code = {label: place for place, label in enumerate(votes.labels)}
    labels = np.full(len(items), -1) if gold is None else np.array([code.get(str(value), -1) for value in gold.values])[gold.codes]
    views.lend("rater_codes_now", pa.table({"rater_id": votes.rater_ids.tolist(), "rater": np.arange(len(votes.rater_ids))}))
    views.run("create or replace temp table rater_codes as select * from rater_codes_now")
    record = views.table(_GOLD_ANSWERS, [recipe.guideline, recipe.guideline, recipe.guideline, recipe.question])
    right, answered = (np.zeros(len(votes.rater_ids), dtype=np.int64) for _ in range(2))
    right[record["rater"].to_numpy()] = record["n_right"].to_numpy()
    answered[record["rater"].to_numpy()] = record["answered"].to_numpy()
    return GoldAnswers(label=labels, right=right, answered=answered)


def _what_is_missing(views: LabelViews, wanted: Sequence[Condition], recipe: SnapshotRecipe) -> str:
    """Say which part of a recipe selects nothing, and what there is at that point."""
    if views.rows("select count(*) from ratings")[0][0] == 0:
        return f"project {recipe.project!r} has no ratings; import some, or name one that has"
    kept = "true"
    parameters: list[Any] = []
    for condition in wanted:
        rest, given = kept, list(parameters)
        kept, parameters = f"{kept} and ({condition.on_ratings})", [*parameters, *condition.parameters]
        if views.rows(f"select count(*) from ratings where {kept}", parameters)[0][0] == 0:  # noqa: S608
            asked = f"the recipe selects no rating of project {recipe.project!r}: it asks for {condition.asked}"
            there = [] if condition.shows is None else _what_is_there(views, condition.shows, rest, given)
            if not there:
                return f"{asked}, and none is left after its other conditions; widen it or import such ratings"
            values = ", ".join(f"{value!r} ({count})" for value, count in there)
            return f"{asked}; the ratings that its other conditions leave have {values}"
    return f"the recipe selects no rating of project {recipe.project!r}"


def _what_is_there(views: LabelViews, shows: str, rest: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    views.run(f"create or replace temp table rest as select * from ratings where {rest}", parameters)  # noqa: S608
    return views.rows(shows)
