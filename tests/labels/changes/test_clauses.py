"""The items an edited clause is about."""

import pytest

from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.matching import match
from tests.examples.snapshots import snapshot_of

NAMES = [f"i{k}" for k in range(8)]


def edit(clause, **options):
    return ClauseEdit(id=clause, change=ClauseChange.edited, before="old", after="new", **options)


def arm(vote, clauses="", kinds="", **recipe):
    attributes = {
        "clause": dict(zip(NAMES, clauses or " " * 8, strict=True)),
        "kind": dict(zip(NAMES, kinds or " " * 8, strict=True)),
    }
    attributes = {name: {item: value.strip() for item, value in of.items()} for name, of in attributes.items()}
    return snapshot_of({name: [vote] * 3 for name in NAMES}, attributes=attributes, **recipe)


def touches(control, treatment, *edits):
    return label_shift(match(control, treatment), edits=edits, redraws=5).clauses


def test_items_are_the_clauses_by_citation_in_either_arm():
    # 1 was edited: cited in the control (i0, i1), in the treatment alone (i4), and not where the control cites another that was edited
    control, treatment = arm(1, "112 3  3"), arm(0, "    1  1", guideline="hate@2")
    first, second = touches(control, treatment, edit("1"), edit("2"))
    assert (first.inside.items, first.outside.items) == (4, 4)
    assert (second.inside.items, second.inside.flips, second.outside.flips) == (1, 1, 7)
    assert first.known_by == {"clause": 4, "items": 0}


def test_a_predicate_speaks_for_items_of_which_no_clause_is_known():
    control, treatment = arm(1, "12      ", "nnnn    "), arm(0, guideline="hate@2")
    (first,) = touches(control, treatment, edit("1", items=(("kind", ("n",)),)))
    # i0 cites the clause, i2 and i3 are of the kind; i1 is of the kind and cites another clause
    assert first.known_by == {"clause": 1, "items": 2}
    (none,) = touches(control, treatment, edit("1", items=(("colour", ("red",)),)))
    assert none.known_by == {"clause": 1, "items": 0}


def test_the_edited_clause_moves_its_own_items(operation):
    shift = label_shift(match(operation.before, operation.after), edits=operation.edits, redraws=60)
    planted, decoy = sorted(shift.clauses, key=lambda touch: -touch.inside.flips)
    assert (planted.edit.id, decoy.edit.id) == ("3.2", "3.4")
    assert planted.shift.interval.high < -0.4
    assert planted.inside.excess_interval.low > 0
    assert planted.outside.within_chance
    assert 0 in decoy.shift.interval
    for touch in shift.clauses:
        assert touch.inside.flips + touch.outside.flips == shift.total.flips
        assert touch.inside.expected + touch.outside.expected == pytest.approx(shift.total.expected)


def test_without_edits_no_clause_is_touched(operation):
    assert label_shift(match(operation.before, operation.after), redraws=3).clauses == ()
