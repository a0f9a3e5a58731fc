import io
from dataclasses import replace

import pytest
from matplotlib.image import imread

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate
from smo_pipelines.report.diff import clause_diffs
from smo_pipelines.report.dots import dots_of
from smo_pipelines.report.forest import Forest, forest_of, forest_png
from tests.examples.records import example_experiment, example_record


def forest(verdict: Verdict = Verdict.ship) -> Forest:
    found = forest_of(example_record(verdict=verdict))
    assert found is not None
    return found


def test_better_is_to_the_right_whatever_the_metric() -> None:
    rows = {row.label: row for row in forest().rows}
    rate = rows["False positive rate on demo-lookalikes (lower is better)"].mark
    assert rate is not None
    # the rate rises from 18.2 to 19.6: worse, so left of zero, and its margin of 5 points further left
    assert rate.point == pytest.approx(-1.4)
    assert rate.limit == pytest.approx(-5.0)
    assert rate.x_limit is not None
    assert rate.x_limit < rate.x_low < rate.x < forest().x_zero < rate.x_high


def test_places_are_linear_and_everything_is_on_the_axis() -> None:
    plot = forest()
    marks = [row.mark for row in plot.rows if row.mark]
    scale = {round((mark.x - plot.x_zero) / mark.point, 2) for mark in marks}
    assert max(scale) - min(scale) < 0.05
    for mark in marks:
        assert 0 < mark.x_low <= mark.x <= mark.x_high < 100


def test_order_is_primary_guardrails_then_the_rest() -> None:
    groups = [row.group for row in forest().rows if row.first]
    assert groups == ["Primary", "Guardrails", "Also measured", "Slices (exploratory)"]


def test_what_has_no_number_has_no_mark() -> None:
    (row,) = [row for row in forest().rows if "mt-MT" in row.label]
    assert row.mark is None
    assert row.value == "could not be computed"


def test_an_invalid_experiment_has_no_plot() -> None:
    record = example_record(verdict=Verdict.invalid)
    assert forest_of(record) is None
    assert dots_of(record) is None


@pytest.mark.parametrize("verdict", [Verdict.ship, Verdict.invalid])
def test_the_picture_is_a_png_that_opens(verdict: Verdict) -> None:
    record = example_record(verdict=verdict, experiment=example_experiment(what="costs $5 & $x^2_ \\frac more"))
    assert imread(io.BytesIO(forest_png(record))).ndim == 3


def test_effects_of_zero_width_do_not_break_the_axis() -> None:
    record = example_record()
    effects = [effect for effect in record.decision.effects if isinstance(effect, EffectEstimate)]
    flat = replace(effects[0], treatment=effects[0].control, interval=replace(effects[0].interval, low=0.0, high=0.0))
    plot = forest_of(replace(record, decision=replace(record.decision, effects=(flat,))))
    assert plot is not None
    assert plot.rows[0].value == "+0.0 (+0.0 to +0.0)"


def test_every_fit_is_a_dot() -> None:
    record = example_record()
    plot = dots_of(record)
    assert plot is not None
    assert len(plot.dots) == len(record.replicates)
    assert [arm for _, arm in plot.means] == ["control", "treatment"]
    assert all(0 < dot.x < 100 for dot in plot.dots)


def test_a_diff_gives_both_texts_back() -> None:
    (edit,) = example_record().clause_edits
    (diff,) = clause_diffs([edit])
    before = "".join(text for kind, text in diff.pieces if kind != "ins")
    after = "".join(text for kind, text in diff.pieces if kind != "del")
    assert (before, after) == (edit.before, edit.after)
