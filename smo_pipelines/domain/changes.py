"""Operational changes, and how the kind of a change follows from two recipes."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from smo_pipelines.domain.labels import SnapshotRecipe

__all__ = ["ChangeKind", "OpsChange", "changed_fields", "kind_of_change", "kind_of_fields"]


class ChangeKind(StrEnum):
    """What kind of operational change two recipes differ by."""

    guideline_edit = "guideline_edit"
    rater_pool_swap = "rater_pool_swap"
    aggregation_change = "aggregation_change"
    overlap_change = "overlap_change"
    qa_policy = "qa_policy"
    instrument_change = "instrument_change"
    item_mix_change = "item_mix_change"
    compound = "compound"
    none = "none"


_KIND_OF_FIELD = {
    "guideline": ChangeKind.guideline_edit,
    "pool": ChangeKind.rater_pool_swap,
    "aggregation": ChangeKind.aggregation_change,
    "ties": ChangeKind.aggregation_change,
    "overlap": ChangeKind.overlap_change,
    "qa": ChangeKind.qa_policy,
    "instrument": ChangeKind.instrument_change,
    "items": ChangeKind.item_mix_change,
    "as_of": ChangeKind.item_mix_change,
    "window_days": ChangeKind.item_mix_change,
}


@dataclass(frozen=True, kw_only=True)
class OpsChange:
    """One change to how labels are made."""

    id: str
    what: str
    why: str = ""
    owner: str = ""
    ticket: str = ""


def changed_fields(control: SnapshotRecipe, treatment: SnapshotRecipe) -> tuple[str, ...]:
    """Return the names of the recipe fields in which two arms differ, in the recipe's order."""
    names = [f.name for f in fields(SnapshotRecipe)]
    return tuple(n for n in names if getattr(control, n) != getattr(treatment, n))


def kind_of_change(control: SnapshotRecipe, treatment: SnapshotRecipe) -> ChangeKind:
    """Return the kind of change between two recipes: ``none`` for equal ones, ``compound`` for more than one kind."""
    return kind_of_fields(changed_fields(control, treatment))


def kind_of_fields(changed: Iterable[str]) -> ChangeKind:
    """Return the kind of a change of these recipe fields."""
    kinds = {_KIND_OF_FIELD.get(name, ChangeKind.compound) for name in changed if name != "rater_half"}
    if not kinds:
        return ChangeKind.none
    return kinds.pop() if len(kinds) == 1 else ChangeKind.compound
