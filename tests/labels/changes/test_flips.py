"""Flips by group, and those that chance makes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.effects import Interval
from smo_pipelines.domain.labels import Aggregation, TieRule
from smo_pipelines.labels.changes.facts import LabelFacts
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.redraw import rater_weights
from tests.examples.snapshots import many, snapshot_of


def test_flips_are_counted_by_direction_and_group():
    places = {"locale": {"a": "ja", "b": "ja", "c": "id", "d": "id"}, "url": dict.fromkeys("abcd", "")}
    control = snapshot_of({"a": [1, 1, 1], "b": [0, 0, 0], "c": [0, 0, 0], "d": [1, 1, 0]}, attributes=places)
    treatment = snapshot_of({"a": [0, 0, 0], "b": [1, 1, 1], "c": [1, 1, 1], "d": [1, 1, 1]}, attributes=places)
    shift = label_shift(match(control, treatment), redraws=50)
    assert (shift.total.items, shift.total.to_positive, shift.total.to_negative) == (4, 2, 1)
    assert [(g.group, g.items, g.to_positive, g.to_negative) for g in shift.by["locale"]] == [("id", 2, 1, 0), ("ja", 2, 1, 1)]
    assert "url" not in shift.by
    # only d can flip when raters are redrawn: r2 outweighs r0 and r1 in one redraw and not in the one before
    weights = [rater_weights(control.votes.rater_ids, redraw=redraw) for redraw in (49, *range(50))]
    outweighed = np.array([w[2] > w[0] + w[1] for w in weights])
    assert shift.total.expected == shift.by["locale"][0].expected == pytest.approx(np.mean(outweighed[1:] != outweighed[:-1]))
    assert shift.by["locale"][1].expected == 0
    assert (shift.total.raters, [group.raters for group in shift.by["locale"]]) == (3, [3, 3])


def test_the_raters_behind_a_group_are_those_of_the_arm_that_has_fewer():
    places = {"locale": {"a": "ja", "b": "id"}}
    control = snapshot_of({"a": [1, 1, 1, 1], "b": [0]}, attributes=places)
    treatment = snapshot_of({"a": [0, 0], "b": [1, 1, 1]}, attributes=places)
    shift = label_shift(match(control, treatment), redraws=0)
    assert {group.group: group.raters for group in shift.by["locale"]} == {"ja": 2, "id": 1}
    assert shift.total.raters == 3


@pytest.mark.parametrize(("votes", "known"), [([1], False), ([1, 1], False), ([1, 1, 0], True)])
def test_nothing_is_expected_where_a_redraw_can_flip_nothing(votes, known):
    control = many(votes, n=20)
    total = label_shift(match(control, many([0], n=20)), redraws=10).total
    assert (total.expected is not None, total.expected_low is not None, total.expected_high is not None) == (known,) * 3
    assert total.flips == 20


def test_no_redraws_expect_nothing():
    control = many([1, 1, 0], n=20)
    assert label_shift(match(control, control), redraws=0).total.expected is None


def test_attributes_of_too_many_values_are_no_groups():
    names = {f"i{k:04}": f"v{k}" for k in range(51)}
    control = many([1], n=51, attributes={"id": names, "half": {name: name[-1:] for name in names}})
    assert set(label_shift(match(control, control), redraws=0).by) == {"half"}


VOTES = st.lists(st.integers(0, 1), min_size=1, max_size=4)
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "g"])
PARTS = ("items", "to_positive", "to_negative", "to_tie", "from_tie", "flips")


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(NAMES, VOTES, min_size=1),
    st.dictionaries(NAMES, VOTES, min_size=1),
    st.fixed_dictionaries({f"r{k}": st.sampled_from(["core", "vendor", ""]) for k in range(4)}),
)
def test_every_table_sums_to_the_total(before, after, pools):
    control = snapshot_of(before, attributes={"locale": {name: "ja" if name < "d" else "id" for name in before}})
    shift = label_shift(match(control, snapshot_of(after)), facts=LabelFacts(raters={"pool": pools}), redraws=5)
    for groups in shift.by.values():
        for part in PARTS:
            assert sum(getattr(group, part) for group in groups) == getattr(shift.total, part), part
        known = [group.expected for group in groups]
        if shift.total.expected is not None and None not in known:
            assert sum(known) == pytest.approx(shift.total.expected)
    assert shift.total.flips + shift.total.to_tie + shift.total.from_tie <= len(before.keys() & after.keys())


def test_ties_are_counted_beside_the_flips():
    control = snapshot_of({"a": [1, 0], "b": [1, 1], "c": [1, 0], "d": [1]})
    treatment = snapshot_of({"a": [1, 1], "b": [1, 0], "c": [0, 1], "d": [0]})
    total = label_shift(match(control, treatment), redraws=0).total
    assert (total.items, total.flips, total.to_tie, total.from_tie) == (1, 1, 1, 1)


def test_an_item_belongs_to_the_group_that_all_its_raters_share():
    raters = {"a": ["c1", "c2"], "b": ["c1", "v1"], "c": ["v1", "v2"], "d": ["c1", "x1"]}
    control = snapshot_of({name: [1, 1] for name in raters}, raters=raters)
    treatment = snapshot_of({name: [0, 0] for name in raters}, raters=raters | {"a": ["v1", "v2"]})
    pools = {"pool": {"c1": "core", "c2": "core", "v1": "vendor", "v2": "vendor"}, "none": {}}
    shift = label_shift(match(control, treatment), facts=LabelFacts(raters=pools), redraws=0)
    assert {group.group: group.flips for group in shift.by["raters' pool"]} == {"core → vendor": 1, "mixed": 2, "vendor": 1}
    assert "raters' none" not in shift.by


def test_the_excess_is_what_chance_leaves():
    control, treatment = many([1, 1, 0], n=40), many([0, 0, 0], n=40, guideline="hate@2")
    total = label_shift(match(control, treatment), redraws=60).total
    assert total.excess == 40 - total.expected
    assert total.excess_interval == Interval(low=40 - total.expected_high, high=40 - total.expected_low)
    unknown = label_shift(match(control, treatment), redraws=0).total
    assert (unknown.excess, unknown.excess_interval) == (None, None)


@pytest.mark.parametrize(
    "recipe", [{"ties": TieRule.positive}, {"aggregation": Aggregation.median}, {"overlap": 3}, {"qa": "not_rejected"}]
)
def test_ratings_that_both_arms_use_are_not_drawn_again(recipe):
    control, treatment = many([1, 1, 0, 0, 1], n=30), many([1, 1, 0], n=30, **recipe)
    total = label_shift(match(control, treatment), redraws=20).total
    assert (total.expected, total.expected_low, total.expected_high) == (0, 0, 0)


def test_another_guideline_means_other_ratings_even_where_they_agree():
    control, treatment = many([1, 1, 0], n=30), many([1, 1, 0], n=30, guideline="hate@2")
    assert label_shift(match(control, treatment), redraws=50).total.expected > 0
