from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.analysis.kpis import judge_kpi, kpi_status, kpi_trend
from smo_pipelines.domain.effects import Direction, Interval, WhyNot
from smo_pipelines.domain.kpis import Kpi, KpiStatus, KpiTrend, KpiWindow, kpi_counts
from smo_pipelines.domain.quality import Measure, Measured, NotMeasured

ACCURACY = Kpi(
    name="accuracy",
    measure=Measure.gold_accuracy,
    target=0.9,
    limit=0.8,
    direction=Direction.higher_is_better,
    owner="team:quality",
    window_days=7,
    where=(("pool", ("core",)),),
)
SKIPS = replace(ACCURACY, measure=Measure.skip_rate, target=0.05, limit=0.1, direction=Direction.lower_is_better)
SUNDAY = datetime(2026, 3, 8, tzinfo=UTC)
FEW = NotMeasured(code=WhyNot.few_raters, sentence="4 raters cannot show how far other raters would differ; 5 are needed")


def told(low, high, value=None):
    return Measured(value=0.5 * (low + high) if value is None else value, interval=Interval(low=low, high=high), n=9, unit="share")


def windows(*numbers):
    ends = [SUNDAY - timedelta(days=7 * k) for k in range(len(numbers))]
    return [KpiWindow(start=end - timedelta(days=7), end=end, told=one) for end, one in zip(ends, numbers, strict=True)]


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.91, 0.95, "met"),
        (0.90, 0.95, "met"),
        (0.89, 0.95, "not known"),
        (0.79, 0.95, "not known"),
        (0.82, 0.89, "missed target"),
        (0.70, 0.81, "missed target"),
        (0.70, 0.79, "beyond limit"),
    ],
)
def test_the_whole_interval_decides(low, high, status):
    assert kpi_status(ACCURACY, told(low, high)) == status
    mirrored = replace(ACCURACY, target=0.1, limit=0.2, direction=Direction.lower_is_better)
    assert kpi_status(mirrored, told(1 - high, 1 - low)) == status


def test_a_value_without_an_interval_calls_nobody():
    bare = replace(told(0.9, 0.9), interval=FEW)
    assert kpi_status(ACCURACY, bare) is KpiStatus.met
    assert kpi_status(ACCURACY, replace(bare, value=0.1)) is KpiStatus.missed_target
    assert kpi_status(ACCURACY, FEW) is KpiStatus.not_known


def test_without_a_limit_nothing_is_beyond_it():
    assert kpi_status(replace(ACCURACY, limit=None), told(0.1, 0.2)) is KpiStatus.missed_target


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.3))
def test_a_wider_interval_never_turns_not_known_into_an_alarm(one, other, more):
    low, high = sorted((one, other))
    if kpi_status(ACCURACY, told(low, high)) is KpiStatus.not_known:
        assert kpi_status(ACCURACY, told(max(0, low - more), min(1, high + more))) is KpiStatus.not_known


def test_a_limit_better_than_the_target_is_refused():
    with pytest.raises(ValueError, match=r"higher is better, so the limit 0\.95 must not be better than the target 0\.9"):
        replace(ACCURACY, limit=0.95)
    with pytest.raises(ValueError, match="lower is better"):
        replace(SKIPS, limit=0.01)


@pytest.mark.parametrize(
    ("numbers", "trend"),
    [
        ([told(0.90, 0.94), told(0.80, 0.84), told(0.80, 0.84)], "improving"),
        ([told(0.80, 0.84), told(0.90, 0.94)], "worsening"),
        ([told(0.80, 0.84), told(0.82, 0.86)], "no clear change"),
        ([told(0.80, 0.84)], "no history"),
        ([told(0.80, 0.84), FEW, replace(told(0.9, 0.9), interval=FEW)], "no history"),
        ([FEW, told(0.80, 0.84), told(0.90, 0.94)], "no history"),
    ],
)
def test_the_trend_is_against_its_own_earlier_windows(numbers, trend):
    assert kpi_trend(ACCURACY, windows(*numbers)) == trend
    opposite = {"improving": "worsening", "worsening": "improving"}
    lower = replace(ACCURACY, target=0.1, limit=0.2, direction=Direction.lower_is_better)
    assert kpi_trend(lower, windows(*numbers)) == opposite.get(trend, trend)


def test_a_change_of_currency_is_no_trend():
    dollars = replace(told(0.1, 0.2), unit="USD")
    assert kpi_trend(SKIPS, windows(dollars, replace(told(10, 20), unit="JPY"))) is KpiTrend.no_history


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            told(0.82, 0.86),
            "Gold accuracy of pool core, locale ja in the 7 days to 2026-03-08 was 84.0% (95% interval 82.0% to 86.0%); "
            "the target is at least 90.0%, the limit 80.0%.",
        ),
        (told(0.82, 0.96), "the limit 80.0%, which the interval leaves open."),
        (replace(told(0.84, 0.84), interval=FEW), "judged on the value alone: 4 raters cannot show"),
        (FEW, "Gold accuracy of pool core, locale ja in the 7 days to 2026-03-08 is not known: 4 raters cannot show"),
    ],
)
def test_the_sentence_says_what_was_measured_of_what_and_when(one, said):
    outcome = judge_kpi(ACCURACY, windows(one), keys=(("locale", "ja"),), raters=7)
    assert said in outcome.sentence
    assert (outcome.keys, outcome.raters, outcome.trend) == ((("locale", "ja"),), 7, KpiTrend.no_history)
    assert kpi_counts((outcome,))[outcome.status] == 1
