from dataclasses import fields, replace

import pytest

from smo_pipelines.domain.changes import ChangeKind, changed_fields, kind_of_change
from smo_pipelines.domain.labels import Aggregation, SnapshotRecipe, TieRule

RECIPE = SnapshotRecipe(project="demo", question="hate", guideline="hate@3")

# every field of a recipe, another value for it, and the kind of change that is
TABLE = {
    "project": ("other", ChangeKind.compound),
    "question": ("threats", ChangeKind.compound),
    "items": ((("split", ("train",)),), ChangeKind.item_mix_change),
    "guideline": ("hate@4", ChangeKind.guideline_edit),
    "instrument": ("B", ChangeKind.instrument_change),
    "pool": ("core@1", ChangeKind.rater_pool_swap),
    "aggregation": (Aggregation.median, ChangeKind.aggregation_change),
    "ties": (TieRule.positive, ChangeKind.aggregation_change),
    "overlap": (3, ChangeKind.overlap_change),
    "qa": ("not_rejected", ChangeKind.qa_policy),
    "as_of": ("2026-01-31T00:00:00Z", ChangeKind.item_mix_change),
    "window_days": (30, ChangeKind.item_mix_change),
    "rater_half": (1, ChangeKind.none),
}


def test_the_table_is_complete() -> None:
    assert list(TABLE) == [field.name for field in fields(SnapshotRecipe)]


@pytest.mark.parametrize("name", TABLE)
def test_the_kind_of_one_changed_field(name: str) -> None:
    value, kind = TABLE[name]
    treatment = replace(RECIPE, **{name: value})
    assert changed_fields(RECIPE, treatment) == (name,)
    assert kind_of_change(RECIPE, treatment) is kind
    assert kind_of_change(treatment, RECIPE) is kind


def test_no_change_two_fields_of_one_kind_and_two_kinds() -> None:
    assert kind_of_change(RECIPE, RECIPE) is ChangeKind.none
    both = replace(RECIPE, aggregation=Aggregation.median, ties=TieRule.negative)
    assert kind_of_change(RECIPE, both) is ChangeKind.aggregation_change
    assert kind_of_change(RECIPE, replace(RECIPE, guideline="hate@4", pool="core@1")) is ChangeKind.compound
