"""What of a batch is not in the label tables yet, and what must not come in."""

import numpy as np
import pyarrow as pa

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.rotation import under_known_names
from smo_pipelines.labels.schema import ITEMS, QUARANTINE, RATERS, RATINGS
from smo_pipelines.labels.views import LabelViews

__all__ = ["new_rows"]

_SCHEMAS = {"items": ITEMS, "raters": RATERS}
_CHANGED = {
    "items": "b.text_digest is distinct from k.text_digest or b.locale is distinct from k.locale or b.created_at is distinct from "
    "k.created_at or b.attributes is distinct from k.attributes or b.gold is distinct from k.gold",
    "raters": "b.kind is distinct from k.kind or b.pool is distinct from k.pool or b.locale is distinct from k.locale or "
    "b.since is distinct from k.since or b.attributes is distinct from k.attributes",
}
_UNKNOWN_ITEMS = """
select item_id, count(*) over () from (select distinct item_id from batch_ratings)
anti join batch_items using (item_id) anti join items using (item_id) order by item_id limit 1
"""
_SEEN = """
create temp table seen as select item_id, rating_id, label, skipped, review from all_ratings
    semi join batch_ratings using (item_id, rating_id)
    where item_id >= (select min(item_id) from batch_ratings) and item_id <= (select max(item_id) from batch_ratings)
"""
_NEW_RATINGS = """
select b.position, known.rating_id is not null or twice.rating_id is not null as revises
from batch_ratings b
left join (select distinct item_id, rating_id from seen) known using (item_id, rating_id)
left join (select item_id, rating_id from batch_ratings group by all having count(*) > 1) twice using (item_id, rating_id)
anti join seen s on s.item_id = b.item_id and s.rating_id = b.rating_id and s.skipped = b.skipped
    and s.label is not distinct from b.label and s.review is not distinct from b.review
order by b.position
"""


def new_rows(batch: LabelBatch, views: LabelViews) -> dict[str, pa.Table]:
    """Return, by table, a batch's rows that the visible tables do not hold.

    Raises
    ------
    ImportRefused
        When an item is known with another text, or a rating is of an item that is neither known nor in the batch.
    """
    views.lend("batch_items", batch.tables["items"])
    ratings, raters = under_known_names(views, batch.tables["ratings"], batch.tables["raters"])
    views.lend("batch_raters", raters)
    keys = ratings.select(["rating_id", "item_id", "label", "skipped", "review"])
    views.lend("batch_ratings", keys.append_column("position", pa.array(np.arange(keys.num_rows))))
    for item_id, count in views.rows(_UNKNOWN_ITEMS):
        raise ImportRefused(
            f"{count} items of the ratings of {batch.source!r} are not known to project {batch.project!r} and not in the import "
            f"(one is {item_id!r}); import the items with their texts first, or map a text column"
        )
    return {
        "quarantine": _quarantine(batch),
        "items": _described(views, batch, "items", "item_id"),
        "raters": _described(views, batch, "raters", "rater_id"),
        "ratings": _new_ratings(views, ratings),
    }


def _new_ratings(views: LabelViews, ratings: pa.Table) -> pa.Table:
    """Return the ratings that are not there, each with whether a rating of its id is."""
    views.run(_SEEN)
    new = views.table(_NEW_RATINGS)
    kept = ratings if new.num_rows == ratings.num_rows else ratings.take(new["position"])
    return kept.set_column(kept.schema.get_field_index("revises"), RATINGS.field("revises"), new["revises"])


def _described(views: LabelViews, batch: LabelBatch, what: str, name: str) -> pa.Table:
    """Return the items or raters that are new, and the known ones about which the batch says more."""
    schema = _SCHEMAS[what]
    new = views.table(f"select b.* from batch_{what} b anti join {what} k using ({name})").cast(schema)  # noqa: S608
    pairs = views.table(f"select b, k from batch_{what} b join {what} k using ({name}) where {_CHANGED[what]} order by {name}")  # noqa: S608
    rows = []
    for pair in pairs.to_pylist(maps_as_pydicts="strict"):
        before, after = pair["k"], pair["b"]
        if after.get("text_digest") != before.get("text_digest"):
            raise ImportRefused(
                f"item {after['item_id']!r} of project {batch.project!r} is known with another text than {batch.source!r} has; a "
                "changed text is another item: give it an id of its own, or import into another project"
            )
        merged = _merged(before, after)
        if merged is not None:
            rows.append(merged)
    return pa.concat_tables([new, pa.Table.from_pylist(rows, schema=schema)])


def _merged(old: dict[str, object], new: dict[str, object]) -> dict[str, object] | None:
    """Lay a new description over the known one; None when nothing changes."""
    merged = dict(new)
    for name, value in old.items():
        if isinstance(value, dict):
            merged[name] = {**value, **(new[name] if isinstance(new[name], dict) else {})}  # type: ignore[dict-item]
        elif new[name] is None:
            merged[name] = value
    return None if all(merged[name] == value for name, value in old.items()) else merged


def _quarantine(batch: LabelBatch) -> pa.Table:
    rows = [
        {"project": batch.project, "source": batch.source, "file": row.file, "line": row.line, "reason": row.reason}
        for row in batch.quarantine
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE)
