"""What of a batch is not in the label tables yet, and what must not come in."""

import pyarrow as pa

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.schema import ITEMS, QUARANTINE, RATERS
from smo_pipelines.labels.views import LabelViews

__all__ = ["new_rows"]

_KNOWN_ITEMS = "select i.* from items i semi join batch_items b using (item_id)"
_KNOWN_RATERS = "select r.* from raters r semi join batch_raters b using (rater_id)"
_NEW_RATINGS = """
select b.position from batch_ratings b anti join all_ratings r
on r.import_id in (select import_id from imports) and r.rating_id = b.rating_id and r.skipped = b.skipped
   and r.label is not distinct from b.label and r.review is not distinct from b.review
order by b.position
"""
_UNKNOWN_ITEMS = """
select item_id, count(*) over () from (select distinct item_id from batch_ratings)
anti join batch_items using (item_id) anti join items using (item_id) order by item_id limit 1
"""


def new_rows(batch: LabelBatch, views: LabelViews) -> dict[str, pa.Table]:
    """Return, by table, a batch's rows that the visible tables do not hold.

    Raises
    ------
    ImportRefused
        When an item is known with another text, or a rating is of an item that is neither known nor in the batch.
    """
    ratings = batch.tables["ratings"]
    views.lend("batch_items", batch.tables["items"].select(["item_id"]))
    views.lend("batch_raters", batch.tables["raters"].select(["rater_id"]))
    keys = ratings.select(["rating_id", "item_id", "label", "skipped", "review"])
    views.lend("batch_ratings", keys.append_column("position", pa.array(range(keys.num_rows), pa.int64())))
    for item_id, count in views.rows(_UNKNOWN_ITEMS):
        raise ImportRefused(
            f"{count} items of the ratings of {batch.source!r} are not known to project {batch.project!r} and not in the import "
            f"(one is {item_id!r}); import the items with their texts first, or map a text column"
        )
    positions = views.table(_NEW_RATINGS)["position"]
    return {
        "quarantine": _quarantine(batch),
        "items": _new_items(batch, views.table(_KNOWN_ITEMS)),
        "raters": _new_raters(batch, views.table(_KNOWN_RATERS)),
        "ratings": ratings.take(positions),
    }


def _new_items(batch: LabelBatch, known: pa.Table) -> pa.Table:
    """Return the items that are new, and the known ones about which the batch says more."""
    table = batch.tables["items"]
    if known.num_rows == 0:
        return table
    before = {row["item_id"]: row for row in known.to_pylist(maps_as_pydicts="strict")}
    rows = []
    for row in table.to_pylist(maps_as_pydicts="strict"):
        old = before.get(row["item_id"])
        if old is not None and old["text_digest"] != row["text_digest"]:
            raise ImportRefused(
                f"item {row['item_id']!r} of project {batch.project!r} is known with another text than {batch.source!r} has; a "
                "changed text is another item: give it an id of its own, or import into another project"
            )
        merged = _merged(old, row)
        if merged is not None:
            rows.append(merged)
    return pa.Table.from_pylist(rows, schema=ITEMS)


def _new_raters(batch: LabelBatch, known: pa.Table) -> pa.Table:
    table = batch.tables["raters"]
    if known.num_rows == 0:
        return table
    before = {row["rater_id"]: row for row in known.to_pylist(maps_as_pydicts="strict")}
    merged = [_merged(before.get(row["rater_id"]), row) for row in table.to_pylist(maps_as_pydicts="strict")]
    return pa.Table.from_pylist([row for row in merged if row is not None], schema=RATERS)


def _merged(old: dict[str, object] | None, new: dict[str, object]) -> dict[str, object] | None:
    """Lay a new description over the known one; None when nothing changes."""
    if old is None:
        return new
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
