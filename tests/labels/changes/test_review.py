"""The items to look at again: the formula, the order, and what an item may say."""

import pytest

from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit
from smo_pipelines.domain.label_changes import ReviewReason
from smo_pipelines.labels.changes.facts import LabelFacts
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.changes.pairs import pair_labels
from smo_pipelines.labels.changes.redraws import chance_flips, draw_raters_again
from smo_pipelines.labels.changes.review import REVIEW_WEIGHTS
from smo_pipelines.labels.matching import match
from tests.examples.snapshots import many, snapshot_of


def reviewed(control, treatment, **options):
    items = label_shift(match(control, treatment), **{"redraws": 50} | options).review
    return {item.item_id: (item.priority, item.reasons) for item in items}


def test_the_weights_are_tenths():
    assert sum(REVIEW_WEIGHTS.values()) == 10


def test_a_flip_away_from_a_gold_that_did_not_change_comes_first():
    control = snapshot_of({name: [1, 1, 1] for name in "abcd"})
    treatment = snapshot_of({name: [0, 0, 0] for name in "abcd"}, guideline="hate@2")
    gold = ({"a": 0, "b": 1, "c": 1}, {"a": 0, "b": 1, "c": 0})
    found = reviewed(control, treatment, facts=LabelFacts(gold=gold))
    assert found["b"] == (pytest.approx(0.6), (ReviewReason.against_gold, ReviewReason.unexpected_flip))
    # a and c flipped to their gold; d has none, and no redraw of its unanimous raters flips it
    assert found["d"] == (0.2, (ReviewReason.unexpected_flip,))
    assert list(found) == ["b", "d"]


def test_a_flip_counts_the_less_the_more_redraws_make_it():
    control = snapshot_of({"a": [1, 1, 0], "b": [1, 1, 1]})
    treatment = snapshot_of({"a": [0, 0, 0], "b": [0, 0, 0]}, guideline="hate@2")
    matching = match(control, treatment)
    probability = chance_flips(draw_raters_again(pair_labels(matching), redraws=50)).probability
    found = reviewed(control, treatment)
    assert 0 < probability[0] < 1
    near = 1 - abs(2 * 2 / 3 - 1)
    assert found["a"][0] == pytest.approx((2 * (1 - probability[0]) + near) / 10)
    assert found["b"][0] == pytest.approx(0.2)


def test_an_item_that_the_edit_speaks_of_and_that_did_not_follow():
    clauses = {"clause": {"a": "1", "b": "1", "c": "2"}}
    control = snapshot_of({name: [1, 1, 1] for name in "abc"}, attributes=clauses)
    treatment = snapshot_of({"a": [1, 1, 1], "b": [0, 0, 0], "c": [1, 1, 1]}, attributes=clauses, guideline="hate@2")
    edit = ClauseEdit(id="1", change=ClauseChange.edited, before="x", after="y", expects_positive=False)
    assert reviewed(control, treatment, edits=[edit], redraws=0) == {"a": (0.2, (ReviewReason.not_as_edited,))}
    silent = ClauseEdit(id="1", change=ClauseChange.edited, before="x", after="y")
    assert reviewed(control, treatment, edits=[silent], redraws=0) == {}
    gold = (dict.fromkeys("abc", 1), dict.fromkeys("abc", 0))
    assert list(reviewed(control, treatment, edits=[silent], facts=LabelFacts(gold=gold), redraws=0)) == ["a"]


def test_groups_of_raters_that_disagree():
    control = snapshot_of({"a": [1, 1, 0, 0, 1], "b": [1, 1, 1, 1, 0]})
    pools = {"pool": {"r0": "core", "r1": "core", "r2": "vendor", "r3": "vendor", "r4": "one"}}
    found = reviewed(control, control, facts=LabelFacts(raters=pools))
    assert found["a"][1][0] is ReviewReason.near_tie or ReviewReason.groups_disagree in found["a"][1]
    assert found["a"][0] == pytest.approx((1 + (1 - abs(2 * 0.6 - 1))) / 10)
    assert ReviewReason.groups_disagree not in found["b"][1]  # the one rating against it is of a group of one


def test_the_list_is_short_and_its_order_does_not_hang_on_chance():
    control, treatment = many([1, 1, 1], n=80), many([0, 0, 0], n=80, guideline="hate@2")
    found = reviewed(control, treatment, review=7)
    assert list(found) == [f"i{k:04}" for k in range(7)]
    assert reviewed(control, control) == {}


def test_the_first_items_are_mostly_those_that_are_labelled_wrongly(operation):
    matching = match(operation.before, operation.after)
    columns = ("gold_before", "gold_after")
    gold = tuple({item: int(label == "violating") for item, label in operation.truth[column].items()} for column in columns)
    first = label_shift(matching, edits=operation.edits, facts=LabelFacts(gold=gold), redraws=30, review=20).review
    right = (operation.truth.loc[operation.after.item_ids, "gold_after"] == "violating").astype(int).to_numpy()
    wrong = dict(zip(operation.after.item_ids.tolist(), operation.after.labels != right, strict=True))
    assert sum(wrong.values()) / len(wrong) < 0.08
    assert sum(wrong[item.item_id] for item in first) >= 12
    assert all(wrong[item.item_id] for item in first[:5])
