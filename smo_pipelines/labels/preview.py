"""What an import would add, before it does."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.news import new_rows
from smo_pipelines.labels.tables import LabelTables

__all__ = ["ImportPreview", "preview"]


@dataclass(frozen=True, kw_only=True)
class ImportPreview:
    """What a batch holds, and what of it the tables do not have.

    Attributes
    ----------
    rows, new : mapping of str to int
        Of ``items``, ``raters`` and ``ratings``. A known item or rater of which more is said now is among the new.
    labels : mapping of str to mapping of str to int
        How many ratings gave each label, by question; skipped ones are under the empty label.
    gold, prelabelled : int
        Ratings that are gold, and ratings that began as a model's suggestion.
    """

    rows: Mapping[str, int]
    new: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    gold: int
    prelabelled: int


def preview(tables: LabelTables, batch: LabelBatch) -> ImportPreview:
    """Hold a batch against the tables, and write nothing.

    Raises
    ------
    ImportRefused
        When the import would be: an item known with another text, a rating of an item that is not known.
    """
    with tables.views(batch.project) as views:
        new = new_rows(batch, views)
    names = ("items", "raters", "ratings")
    ratings = batch.tables["ratings"]
    labels: dict[str, dict[str, int]] = {}
    counts = ratings.select(["question", "label"]).group_by(["question", "label"]).aggregate([([], "count_all")])
    for row in sorted(counts.to_pylist(), key=lambda row: -row["count_all"]):
        labels.setdefault(row["question"], {})[row["label"] or ""] = row["count_all"]
    return ImportPreview(
        rows={name: batch.tables[name].num_rows for name in names},
        new={name: new[name].num_rows for name in names},
        labels=labels,
        gold=pc.sum(ratings["is_gold"]).as_py() or 0,
        prelabelled=pc.sum(ratings["prelabelled"]).as_py() or 0,
    )
