"""What was paid for the ratings behind a snapshot."""

from typing import Any

import numpy as np
import pyarrow as pa

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.labels import LabelSnapshot, RaterPool
from smo_pipelines.domain.price import LabelSpending, Money
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.labels.pools import resolve_pool
from smo_pipelines.labels.selection import conditions, moment
from smo_pipelines.labels.tables import LabelTables

__all__ = ["label_spending"]

_PAID = """
select item_id, count(*) as ratings, coalesce(sum(cost), 0) as paid, count(*) filter (cost is null) as without_cost,
    count(distinct rater_id) filter ({counts}) as raters, list(distinct currency) filter (cost is not null) as currencies
from ratings semi join wanted_items using (item_id) where not is_gold and {where} group by item_id order by item_id
"""


def label_spending(tables: LabelTables, snapshot: LabelSnapshot, pool: RaterPool, item_ids: np.ndarray) -> LabelSpending:
    """Return what the ratings of some of a snapshot's items cost.

    Counted is what was bought for these labels: ratings that were skipped, given again by the same rater, or dropped by the recipe's
    quality filter too. Where an overlap keeps some of an item's ratings, the item costs that share of what was paid for it.

    Parameters
    ----------
    tables : LabelTables
        Imports that came after those the snapshot saw are not looked at.
    pool : RaterPool
        The selection that the recipe's ``pool`` names.
    item_ids : ndarray of str
        Sorted.
    """
    recipe, seen = snapshot.recipe, set(snapshot.imports)
    moments = [facts.imported_at for facts in tables.imports(recipe.project) if facts.import_id in seen]
    with tables.views(recipe.project, as_of=moment(recipe) or max(moments, default=None)) as views:
        asked = conditions(recipe, resolve_pool(pool, views), views)
        wanted = [one for one in asked if not one.paid_all_the_same]
        where = " and ".join(f"({one.on_ratings})" for one in wanted) or "true"
        counts = " and ".join(f"({one.sql})" for one in asked if one.paid_all_the_same)
        views.lend("wanted_items", pa.table({"item_id": pa.array(item_ids.tolist(), pa.string())}))
        parameters: list[Any] = [value for one in wanted for value in one.parameters]
        rows = views.table(_PAID.format(where=where, counts=counts), parameters)
    ratings, without = (int(np.sum(rows[name].to_numpy())) for name in ("ratings", "without_cost"))
    if not ratings or without:
        said = "no rating is left to be paid for" if not ratings else f"{without:,} of {ratings:,} ratings have no cost"
        return LabelSpending(
            total=NotMeasured(code=WhyNot.not_recorded, sentence=said, counts={"without": without}), ratings=ratings
        )
    currencies = sorted({name or "(none)" for names in rows["currencies"].to_pylist() for name in names or [""]})
    if len(currencies) > 1 or currencies == ["(none)"]:
        code = WhyNot.mixed_currencies if len(currencies) > 1 else WhyNot.not_recorded
        said = f"costs are in {', '.join(currencies)}; amounts of several currencies, or of none, are not added up"
        return LabelSpending(total=NotMeasured(code=code, sentence=said, counts={"currencies": len(currencies)}), ratings=ratings)
    place = np.searchsorted(snapshot.item_ids, np.array(rows["item_id"].to_pylist(), dtype=str))
    kept = snapshot.n_ratings[place] / rows["raters"].to_numpy() if recipe.overlap is not None else np.ones(len(place))
    return LabelSpending(total=Money(amount=float(np.sum(rows["paid"].to_numpy() * kept)), currency=currencies[0]), ratings=ratings)
