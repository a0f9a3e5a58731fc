"""Which model raters gave the right answers of a benchmark: a model that also labelled the training items would grade its own work."""

from typing import Any

import numpy as np
import pyarrow as pa

from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.labels.pools import resolve_pool
from smo_pipelines.labels.selection import conditions, moment
from smo_pipelines.labels.tables import LabelTables

__all__ = ["models_behind_gold", "models_behind_labels"]

_MODELS = """
select distinct rater_id from ratings semi join wanted_items using (item_id)
where rater_id in (select rater_id from raters where kind = 'model') and {where} order by rater_id
"""


def models_behind_gold(tables: LabelTables, project: str, item_ids: np.ndarray) -> tuple[str, ...]:
    """Return the model raters whose gold ratings a project has on some items, by pseudonym."""
    with tables.views(project) as views:
        views.lend("wanted_items", pa.table({"item_id": pa.array(item_ids.tolist(), pa.string())}))
        return tuple(rater for (rater,) in views.rows(_MODELS.format(where="is_gold")))


def models_behind_labels(tables: LabelTables, recipe: SnapshotRecipe, pool: RaterPool, item_ids: np.ndarray) -> tuple[str, ...]:
    """Return the model raters of whose ratings a recipe makes the labels of some items, by pseudonym."""
    with tables.views(recipe.project, as_of=moment(recipe)) as views:
        wanted = conditions(recipe, resolve_pool(pool, views), views)
        parameters: list[Any] = [value for one in wanted for value in one.parameters]
        views.lend("wanted_items", pa.table({"item_id": pa.array(item_ids.tolist(), pa.string())}))
        where = " and ".join(f"({one.on_ratings})" for one in wanted)
        return tuple(rater for (rater,) in views.rows(_MODELS.format(where=where), parameters))
