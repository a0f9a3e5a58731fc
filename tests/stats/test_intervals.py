import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm

positive = st.floats(1e-6, 1.0)
estimates = st.builds(
    lambda estimate, runs, items, df: CombinedEstimate(
        estimate=estimate,
        terms=(VarianceTerm(source="runs", variance=runs, df=df), VarianceTerm(source="items", variance=items, df=math.inf)),
    ),
    st.floats(-1.0, 1.0),
    positive,
    positive,
    st.floats(1.5, 40.0),
)


def test_one_term_is_the_t_test():
    one = CombinedEstimate(estimate=0.031, terms=(VarianceTerm(source="runs", variance=0.0001, df=4.0),))
    assert one.half_width(0.05) == pytest.approx(stats.t.ppf(0.975, 4) * 0.01)
    assert one.p_two_sided() == pytest.approx(2 * stats.t.sf(3.1, 4), rel=1e-9)
    assert one.p_above(0.0) == pytest.approx(stats.t.sf(3.1, 4), rel=1e-9)


def test_two_terms_by_the_formula():
    both = CombinedEstimate(
        estimate=0.02,
        terms=(VarianceTerm(source="runs", variance=4e-5, df=8.0), VarianceTerm(source="items", variance=3e-5, df=math.inf)),
    )
    expected = math.sqrt(stats.t.ppf(0.975, 8) ** 2 * 4e-5 + stats.norm.ppf(0.975) ** 2 * 3e-5)
    assert both.half_width(0.05) == pytest.approx(expected)
    assert both.interval(0.05) == pytest.approx((0.02 - expected, 0.02 + expected))
    assert both.variance == pytest.approx(7e-5)


@given(estimates, st.floats(0.001, 0.5))
@settings(max_examples=150, deadline=None)
def test_p_is_below_alpha_exactly_when_zero_is_outside_the_interval(estimate, alpha):
    low, high = estimate.interval(alpha)
    assert low <= estimate.estimate <= high
    p = estimate.p_two_sided()
    if abs(p - alpha) > 1e-9:
        assert (p < alpha) == (not low <= 0.0 <= high)


@given(estimates, st.floats(-1.0, 1.0), st.floats(0.001, 0.4))
@settings(max_examples=150, deadline=None)
def test_one_sided_p_inverts_the_one_sided_bound(estimate, null, alpha):
    low, high = estimate.interval(2 * alpha)
    above, below = estimate.p_above(null), estimate.p_below(null)
    assert above + below == pytest.approx(1.0)
    if abs(above - alpha) > 1e-9:
        assert (above < alpha) == (low > null)
    if abs(below - alpha) > 1e-9:
        assert (below < alpha) == (high < null)


def test_a_hopeless_null_has_a_tiny_p_and_not_zero():
    sure = CombinedEstimate(estimate=1.0, terms=(VarianceTerm(source="items", variance=1e-8, df=math.inf),))
    assert 0.0 < sure.p_two_sided() < 1e-290


@pytest.mark.parametrize(("variance", "df"), [(-1e-9, 3.0), (float("nan"), 3.0), (1.0, 0.0)])
def test_a_variance_must_be_one(variance, df):
    with pytest.raises(ValueError, match="not a variance"):
        VarianceTerm(source="runs", variance=variance, df=df)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.5])
def test_alpha_must_be_a_level(alpha):
    with pytest.raises(ValueError, match="alpha"):
        CombinedEstimate(estimate=0.0, terms=()).half_width(alpha)


def test_half_width_grows_without_end_as_alpha_falls():
    estimate = CombinedEstimate(estimate=0.0, terms=(VarianceTerm(source="runs", variance=1.0, df=4.0),))
    widths = [estimate.half_width(a) for a in (1.0, 0.5, 0.05, 1e-6, 1e-30)]
    assert widths[0] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(widths) > 0)
