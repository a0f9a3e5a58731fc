"""Who owns a flip: on changes whose cause is known, and as a sum that is always whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit
from smo_pipelines.domain.label_changes import Component
from smo_pipelines.domain.labels import Aggregation, TieRule
from smo_pipelines.labels.changes.facts import LabelFacts
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.matching import match
from tests.examples.snapshots import many, snapshot_of


def owned(control, treatment, **options):
    shift = label_shift(match(control, treatment), **{"redraws": 60} | options)
    return shift, {(owner.component, owner.name): owner.count for owner in shift.ownership.owners}


def edit(clause, **options):
    return ClauseEdit(id=clause, change=ClauseChange.edited, before="old", after="new", **options)


def test_the_guideline_edit_is_owned_by_the_clause_that_changed_gold(operation):
    shift, owners = owned(operation.before, operation.after, edits=operation.edits)
    assert shift.ownership.refused is None
    assert {edit.id for edit in operation.edits} == {"3.2", "3.4"}  # 3.4 is reworded to no effect
    planted, decoy = owners[Component.clause, "3.2"], owners[Component.clause, "3.4"]
    assert planted.excess_interval.low > 0.9 * shift.total.flips > 200
    assert planted.net < -0.95 * planted.flips
    assert decoy.within_chance
    assert owners[Component.unexplained, ""].within_chance
    matching = match(operation.before, operation.after)
    flipped = operation.before.labels[matching.control_rows] != operation.after.labels[matching.treatment_rows]
    truth = operation.truth.loc[matching.item_ids[flipped]]
    assert truth.loc[truth["clause"] == "3.2", "changed"].mean() > 0.95


def test_a_pool_swap_is_owned_by_the_pool(operation):
    vendor = operation.snapshot(pool="vendor-lenient@1")
    shift, owners = owned(operation.after, vendor, facts=LabelFacts(raters={"pool": operation.raters}))
    assert shift.ownership.refused is None
    assert list(owners) == [(Component.pool, "pool core@1 → vendor-lenient@1")]
    # fewer flips than chance could make, but nearly all one way: the vendor does not see threats (clause 3.5)
    assert shift.total.net < shift.total.net_low
    worst = max(shift.by["clause"], key=lambda group: group.excess)
    assert (worst.group, worst.excess_interval.low > 0) == ("3.5", True)
    assert [group.group for group in shift.by["raters' pool"]] == ["core → vendor-lenient"]


@pytest.mark.parametrize(
    ("before", "after", "component"),
    [
        ({"ties": TieRule.negative}, {"ties": TieRule.positive}, Component.ties),
        ({}, {"overlap": 3}, Component.overlap),
        ({"pool": "all"}, {}, Component.pool),
    ],
)
def test_other_labels_from_the_same_ratings_are_all_owned(operation, before, after, component):
    shift, owners = owned(operation.snapshot(**before), operation.snapshot(**after))
    assert shift.ownership.refused is None
    (only,) = owners.values()
    assert [name for name, _ in owners] == [component]
    assert (only.flips, only.expected) == (shift.total.flips, 0)
    assert only.flips > 0


def test_nothing_is_named_when_only_who_rated_differs(operation):
    shift, _ = owned(operation.snapshot(rater_half=0), operation.snapshot(rater_half=1))
    assert shift.ownership.refused.code is WhyNot.within_chance
    assert "no flip needs a cause" in shift.ownership.refused.sentence


def test_two_changes_at_once_need_labels_with_one_of_them_alone(operation):
    both = operation.snapshot(pool="vendor-lenient@1")
    shift, owners = owned(operation.before, both, edits=operation.edits)
    assert shift.ownership.refused.code is WhyNot.several_changes
    assert "guideline and pool changed together" in shift.ownership.refused.sentence
    # under the clauses that were not edited only the pool can have flipped an item
    assert owners[Component.pool, "pool core@1 → vendor-lenient@1"].flips > 20
    told, apart = owned(operation.before, both, edits=operation.edits, swapped={frozenset({"guideline"}): operation.after})
    assert told.ownership.refused is None
    assert apart[Component.clause, "3.2"].excess_interval.low > 0.7 * told.total.flips
    # the vendor's blind spot lies in no edited clause
    assert apart[Component.pool, "pool core@1 → vendor-lenient@1"].excess_interval.low > 0


def test_an_aggregation_is_switched_on_the_ratings_at_hand():
    votes = {f"i{k:02}": [1, 1, 0, 0] if k < 8 else [1, 1, 1, 0] for k in range(20)}
    swapped_pool = {name: [0, 0, 0, 1] if name >= "i14" else given for name, given in votes.items()}
    raters = {name: ["v0", "v1", "v2", "v3"] for name in votes}
    control = snapshot_of(votes, ties=TieRule.negative)
    treatment = snapshot_of(swapped_pool, raters=raters, ties=TieRule.positive, pool="vendor@1")
    shift, owners = owned(control, treatment)
    assert owners[Component.ties, "ties negative → positive"].flips == 8
    assert owners[Component.pool, "pool all → vendor@1"].flips == 6
    assert shift.total.flips == 14


def test_a_clause_that_nobody_cites_is_found_by_its_predicate_or_left_to_the_guideline():
    kinds = {f"i{k:02}": "news" if k < 5 else "talk" for k in range(10)}
    control = snapshot_of({name: [1, 1, 1] for name in kinds}, attributes={"kind": kinds})
    treatment = snapshot_of({name: [0, 0, 0] for name in kinds}, guideline="hate@2")
    _, owners = owned(control, treatment, edits=[edit("1", items=(("kind", ("news",)),))])
    assert {key[0]: count.flips for key, count in owners.items()} == {Component.clause: 5, Component.guideline: 5}


def test_flips_outside_the_edited_clauses_are_not_explained_away():
    clauses = {f"i{k:02}": "1" if k < 3 else "2" for k in range(20)}
    control = snapshot_of({name: [1, 1, 1] for name in clauses}, attributes={"clause": clauses})
    treatment = snapshot_of({name: [0, 0, 0] for name in clauses}, attributes={"clause": clauses}, guideline="hate@2")
    shift, _ = owned(control, treatment, edits=[edit("1")])
    assert shift.ownership.refused.code is WhyNot.unexplained
    assert shift.ownership.refused.sentence.startswith("17 of the 20 flips beyond chance have no owner")


def test_two_ratings_an_item_say_nothing_about_chance():
    shift, _ = owned(many([1, 1], n=9), many([0, 0], n=9, instrument="B"))
    assert shift.ownership.refused.code is WhyNot.few_ratings


VOTES = st.lists(st.integers(0, 1), min_size=1, max_size=4)
NAMES = st.sampled_from("abcdefgh")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "guideline": st.just("hate@2"),
        "instrument": st.just("B"),
        "pool": st.just("vendor@1"),
        "ties": st.sampled_from(list(TieRule)),
        "aggregation": st.just(Aggregation.median),
        "overlap": st.just(3),
        "as_of": st.just("2026-01-01"),
        "items": st.just((("split", ("train",)),)),
    },
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(NAMES, VOTES, min_size=1), st.dictionaries(NAMES, VOTES, min_size=1), FIELDS, st.booleans())
def test_every_item_has_one_owner(before, after, fields, edited):
    control = snapshot_of(before, attributes={"clause": {name: "1" if name < "d" else "" for name in before}})
    treatment = snapshot_of(after, raters={name: ["r0", "r1", "x2", "x3"] for name in after}, **fields)
    swapped = {frozenset({"pool"}): treatment}
    shift, _ = owned(control, treatment, redraws=5, edits=[edit("1")] if edited else [], swapped=swapped)
    counts = [owner.count for owner in shift.ownership.owners]
    for part in ("items", "to_positive", "to_negative", "to_tie", "from_tie"):
        assert sum(getattr(count, part) for count in counts) == getattr(shift.total, part), part
    expected = [count.expected for count in counts if count.items]
    if shift.total.expected is not None and None not in expected:
        assert np.isclose(sum(expected), shift.total.expected)
