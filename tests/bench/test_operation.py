"""The ways of working that the embedded operation's experiments compare."""

import numpy as np
import pytest

from bench.operation import LOCALES, Operation, halves, hate_items, rate
from smo_pipelines.simulate.raters import RATINGS_PER_ITEM, draw_raters, rate_items

ITEMS, RATERS = hate_items(7, 200), draw_raters(7)


def share(way: Operation) -> np.ndarray:
    rated = rate(7, ITEMS, RATERS, way)
    return np.bincount(rated.item, rated.positive, minlength=len(ITEMS)) / np.bincount(rated.item, minlength=len(ITEMS))


def test_the_edit_in_every_market_is_the_operations_own():
    before, after, vendor = rate_items(7, ITEMS, RATERS)
    none, edited = Operation(known=frozenset()), Operation(known=frozenset(), again=LOCALES)
    for way, own in ((none, before), (edited, after)):
        rated = rate(7, ITEMS, RATERS, way)
        assert np.array_equal(rated.item, own.item)
        assert np.array_equal(rated.rater, own.rater)
        assert np.array_equal(rated.positive, own.positive)
    assert np.array_equal(rate(7, ITEMS, RATERS, Operation(known=frozenset(), vendor=LOCALES)).positive, vendor.positive)


def test_an_edit_in_one_market_leaves_the_others_as_they_were():
    edited = Operation(known=frozenset(), again=frozenset({"en-GB"}))
    moved = share(Operation(known=frozenset())) != share(edited)
    elsewhere = np.array([item.locale != "en-GB" for item in ITEMS])
    assert moved[~elsewhere].any()
    assert not moved[elsewhere].any()


def test_where_the_guideline_is_known_a_second_round_moves_labels_both_ways():
    difference = share(Operation(again=LOCALES)) - share(Operation())
    assert (difference > 0).any()
    assert (difference < 0).any()
    assert abs(difference.mean()) < 0.02


def test_a_stricter_form_flags_more_and_a_panel_keeps_fewer():
    assert share(Operation(again=LOCALES, strictness=1.0)).mean() > share(Operation(again=LOCALES)).mean() + 0.05
    assert len(rate(7, ITEMS, RATERS, Operation(panel=2)).item) == 2 * len(ITEMS)


def test_halves_share_no_rater_and_lose_no_rating():
    rated = rate(7, ITEMS, RATERS, Operation())
    core = [rater for rater in RATERS if rater.pool == "core"]
    one, other = halves(rated, core, np.random.default_rng(0))
    assert not set(one.rater) & set(other.rater)
    assert len(one.item) + len(other.item) == len(rated.item) == RATINGS_PER_ITEM * len(ITEMS)


def test_careful_raters_are_the_half_with_fewer_lapses():
    kept = {int(k) for k in rate(7, ITEMS, RATERS, Operation(careful=True)).rater}
    dropped = {int(k) for k in rate(7, ITEMS, RATERS, Operation()).rater} - kept
    assert max(RATERS[k].lapse for k in kept) <= min(RATERS[k].lapse for k in dropped)


def test_the_vendor_does_not_rate_twice():
    with pytest.raises(ValueError, match="rates once"):
        Operation(vendor=LOCALES, again=LOCALES)
