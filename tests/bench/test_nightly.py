"""The quick form can fail: every figure is bounded on the side on which a detector that is broken would miss it."""

import json

import pytest

from bench.nightly import main


@pytest.fixture(scope="module")
def result():
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["--quick", "--years", "8"])
    return json.loads(said.getvalue().splitlines()[-1])


def test_a_year_rarely_alarms_for_nothing_and_a_nightly_t_test_nearly_always(result):
    # eight years of twenty streams a cell and 160 of one: one alarm in eight is more than a rate of 5% explains in so many cells
    assert result["cells"] == 24
    assert result["false_alarm_year_max"] <= 0.125
    assert result["naive_false_alarm_year"] >= 0.75


def test_a_drop_of_twice_the_margin_is_noticed_within_days(result):
    assert 3 <= result["delay_median_2x_margin"] <= 8.5
    assert result["delay_median_first_night"]["40"] < result["delay_median_first_night"]["20"] <= 15


def test_the_interval_of_its_first_night_holds_it(result):
    assert result["since_coverage_min"] >= 0.8
