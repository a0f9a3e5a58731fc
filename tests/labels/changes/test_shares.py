"""The change of the positive share: by hand, in its parts, and refused where it would mislead."""

import numpy as np
import pytest

from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.changes.pairs import pair_labels
from smo_pipelines.labels.changes.redraws import draw_raters_again
from smo_pipelines.labels.changes.shares import matched_shift
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.redraw import redraw_labels
from smo_pipelines.stats.random_raters import rater_inflation
from tests.examples.snapshots import many, snapshot_of

RATERS = {f"i{k:03}": [f"r{(3 * k + j) % 30:02}" for j in range(3)] for k in range(120)}
OTHERS = {name: [rater.replace("r", "x") for rater in given] for name, given in RATERS.items()}


def arm(positive, **options):
    votes = {name: [1, 1, 0] if k < positive else [0, 0, 1] for k, name in enumerate(RATERS)}
    return snapshot_of(votes, **{"raters": RATERS} | options)


def test_the_change_and_its_variance_by_hand():
    control, treatment = arm(50), arm(65, guideline="hate@2")
    shift = label_shift(match(control, treatment), redraws=40).matched_shift
    assert (shift.control, shift.treatment) == (50 / 120, 65 / 120)
    assert shift.change == pytest.approx(15 / 120)
    change = np.repeat([1.0, 0.0], [15, 105])
    assert shift.variances["items"] == pytest.approx(change.var(ddof=1) / 120)
    redrawn = [float(redraw_labels(treatment, redraw=b).mean() - redraw_labels(control, redraw=b).mean()) for b in range(40)]
    assert shift.variances["raters"] == pytest.approx(rater_inflation(30) * np.var(redrawn, ddof=1))
    assert (shift.n_items, shift.effective_raters, shift.redraws) == (120, 30, 40)
    assert shift.interval.low < shift.change < shift.interval.high


def test_what_the_same_raters_do_in_both_arms_cancels():
    same = label_shift(match(arm(50), arm(55, guideline="hate@2")), redraws=60).matched_shift
    other = label_shift(match(arm(50), arm(55, guideline="hate@2", raters=OTHERS)), redraws=60).matched_shift
    assert same.change == other.change
    assert same.variances["raters"] < 0.5 * other.variances["raters"]


def test_matched_change_and_mix_are_the_whole_difference():
    control = arm(50)
    votes = {name: [1, 1, 0] if k < 60 else [0, 0, 1] for k, name in enumerate(RATERS) if k < 110}
    votes |= {f"new{k}": [1, 1, 0] for k in range(30)}
    raters = RATERS | {f"new{k}": [f"r{k:02}", "r29", "r00"] for k in range(30)}
    treatment = snapshot_of(votes, raters=raters, as_of="2026-04-01")
    shift = label_shift(match(control, treatment), redraws=30)
    whole = float(treatment.labels.mean() - control.labels.mean())
    assert shift.matched_shift.change + shift.mix_shift.change == pytest.approx(whole)
    assert shift.mix_shift.change > 0.1
    assert (shift.mix_shift.control, shift.mix_shift.treatment) == (control.labels.mean(), treatment.labels.mean())


def test_equal_item_sets_have_no_mix():
    mix = label_shift(match(arm(50), arm(60)), redraws=5).mix_shift
    assert isinstance(mix, NotEstimable)
    assert mix.code is WhyNot.no_items


@pytest.mark.parametrize(
    ("control", "treatment", "redraws", "code"),
    [
        (arm(50), arm(60), 2, WhyNot.few_redraws),
        (many([1, 1, 0], n=40), many([0, 0, 0], n=40), 10, WhyNot.few_raters),
        (arm(50), snapshot_of({name: [1] for name in RATERS}, raters=RATERS), 10, WhyNot.few_ratings),
        (arm(50), snapshot_of({"else": [1, 1, 1]}), 10, WhyNot.no_items),
        (arm(50), arm(50), 10, WhyNot.no_run_variance),
    ],
)
def test_no_interval_is_made_where_it_would_mislead(control, treatment, redraws, code):
    shift = label_shift(match(control, treatment), redraws=redraws).matched_shift
    assert isinstance(shift, NotEstimable)
    assert shift.code is code


def test_the_edit_moves_the_share_and_two_halves_of_the_raters_leave_too_few_ratings(operation):
    edited = matched_shift(draw_raters_again(pair_labels(match(operation.before, operation.after)), redraws=60))
    assert edited.interval.high < -0.1
    halves = match(operation.snapshot(rater_half=0), operation.snapshot(rater_half=1))
    nothing = matched_shift(draw_raters_again(pair_labels(halves), redraws=60))
    assert nothing.code is WhyNot.few_ratings  # six ratings an item in two halves: most items have fewer than three in one of them
