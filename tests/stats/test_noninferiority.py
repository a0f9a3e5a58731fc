import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm
from smo_pipelines.stats.noninferiority import is_beyond_margin, is_non_inferior, p_beyond_margin, p_non_inferior


def difference(estimate, sd=0.01):
    return CombinedEstimate(
        estimate=estimate,
        terms=(
            VarianceTerm(source="runs", variance=sd**2 / 2, df=4.0),
            VarianceTerm(source="items", variance=sd**2 / 2, df=math.inf),
        ),
    )


@given(st.floats(-0.2, 0.2), st.floats(0.005, 0.1), st.sampled_from([1, -1]))
@settings(max_examples=200, deadline=None)
def test_p_values_agree_with_the_interval_in_both_directions(estimate, margin, sign):
    asked = difference(estimate)
    low, high = asked.interval(0.05)
    improvement = (low, high) if sign > 0 else (-high, -low)
    p_safe, p_harm = p_non_inferior(asked, margin, sign), p_beyond_margin(asked, margin, sign)
    assert p_safe + p_harm == pytest.approx(1.0)
    if abs(p_safe - 0.025) > 1e-9:
        assert (p_safe < 0.025) == is_non_inferior(improvement[0], margin)
    if abs(p_harm - 0.025) > 1e-9:
        assert (p_harm < 0.025) == is_beyond_margin(improvement[1], margin)


def test_at_the_margin_neither_is_shown():
    assert p_non_inferior(difference(-0.03), 0.03, 1) == pytest.approx(0.5)
    assert p_beyond_margin(difference(0.03), 0.03, -1) == pytest.approx(0.5)


@pytest.mark.parametrize("margin", [0.0, -0.01])
def test_a_margin_is_above_zero(margin):
    with pytest.raises(ValueError, match="margin"):
        is_non_inferior(0.0, margin)
    with pytest.raises(ValueError, match="margin"):
        p_beyond_margin(difference(0.0), margin, 1)
