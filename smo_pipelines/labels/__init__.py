"""From exports to ratings, and from ratings to immutable label snapshots.

The names below are loaded when they are first used: the table engines behind them take a second that a code location should not
wait.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smo_pipelines.labels.batch import ImportReceipt, LabelBatch, QuarantinedRow
    from smo_pipelines.labels.changes.label_shift import label_shift
    from smo_pipelines.labels.export import export_ratings
    from smo_pipelines.labels.fetch import fetch_set
    from smo_pipelines.labels.formats import FORMATS, read
    from smo_pipelines.labels.formats.detect import detect
    from smo_pipelines.labels.guidelines import clause_edits
    from smo_pipelines.labels.items import ItemTable
    from smo_pipelines.labels.matching import Matching, match
    from smo_pipelines.labels.pseudonyms import PseudonymKey, key_from_environment, pseudonym
    from smo_pipelines.labels.public_sets import PUBLIC_SETS
    from smo_pipelines.labels.redraw import redraw_labels
    from smo_pipelines.labels.snapshot import build_snapshot
    from smo_pipelines.labels.tables import LabelTables

__all__ = [
    "FORMATS",
    "PUBLIC_SETS",
    "ImportReceipt",
    "ItemTable",
    "LabelBatch",
    "LabelTables",
    "Matching",
    "PseudonymKey",
    "QuarantinedRow",
    "build_snapshot",
    "clause_edits",
    "detect",
    "export_ratings",
    "fetch_set",
    "key_from_environment",
    "label_shift",
    "match",
    "pseudonym",
    "read",
    "redraw_labels",
]

_MODULES = {
    "batch": ("ImportReceipt", "LabelBatch", "QuarantinedRow"),
    "changes.label_shift": ("label_shift",),
    "export": ("export_ratings",),
    "fetch": ("fetch_set",),
    "formats": ("FORMATS", "read"),
    "formats.detect": ("detect",),
    "guidelines": ("clause_edits",),
    "matching": ("Matching", "match"),
    "pseudonyms": ("PseudonymKey", "key_from_environment", "pseudonym"),
    "public_sets": ("PUBLIC_SETS",),
    "redraw": ("redraw_labels",),
    "snapshot": ("build_snapshot",),
    "tables": ("LabelTables",),
    "items": ("ItemTable",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
