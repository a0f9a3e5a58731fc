"""Put a simulated operation into the label tables, through the door that every export takes."""

import datetime as dt
from typing import TYPE_CHECKING

from smo_pipelines.simulate.operation import PROJECT, SimulatedOperation

if TYPE_CHECKING:
    from smo_pipelines.labels.batch import ImportReceipt, LabelBatch
    from smo_pipelines.labels.tables import LabelTables

__all__ = ["label_batch", "write_operation"]


def label_batch(operation: SimulatedOperation) -> "LabelBatch":
    """Return the operation's tables as one import."""
    from smo_pipelines.labels.batch import LabelBatch

    return LabelBatch(
        project=PROJECT, source="simulate", items=operation.items, raters=operation.raters, ratings=operation.ratings, quarantine=()
    )


def write_operation(tables: "LabelTables", operation: SimulatedOperation, *, imported_at: dt.datetime) -> "ImportReceipt":
    """Append the operation to the label tables; a second call with the same operation adds nothing.

    Parameters
    ----------
    imported_at : datetime
        The moment that later as-of recipes compare with.
    """
    return tables.append(label_batch(operation), imported_at=imported_at)
