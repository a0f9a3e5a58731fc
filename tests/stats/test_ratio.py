import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.ratio import fieller_interval

Z = float(stats.norm.ppf(0.975))


def test_of_a_known_numerator_the_ends_are_those_of_the_denominator_turned_over():
    low, high = fieller_interval(236.0, 0.0, 4.1, 1.4)
    assert (low, high) == pytest.approx((236.0 / 5.5, 236.0 / 2.7))


def test_a_textbook_form_of_the_theorem_gives_the_same():
    # Fieller with g = (z s_b / b)^2 and no covariance: (r +- z/b sqrt(s_a^2 (1 - g) + r^2 s_b^2)) / (1 - g)
    a, b, s_a, s_b = 12.0, 5.0, 1.5, 0.8
    ratio, g = a / b, (Z * s_b / b) ** 2
    root = Z / b * np.sqrt(s_a**2 * (1 - g) + ratio**2 * s_b**2)
    assert fieller_interval(a, Z * s_a, b, Z * s_b) == pytest.approx(((ratio - root) / (1 - g), (ratio + root) / (1 - g)))


numbers = st.floats(-50, 50).filter(lambda x: abs(x) > 0.01)


@given(a=st.floats(-50, 50), h_a=st.floats(0, 20), b=numbers, share=st.floats(0.0, 0.99))
@settings(max_examples=200, deadline=None)
def test_the_interval_holds_the_ratio_and_turns_with_its_signs(a, h_a, b, share):
    h_b = share * abs(b)
    low, high = fieller_interval(a, h_a, b, h_b)
    slack = 1e-9 * (1 + abs(low) + abs(high))
    assert low - slack <= a / b <= high + slack
    assert fieller_interval(-a, h_a, b, h_b) == pytest.approx((-high, -low))
    assert fieller_interval(a, h_a, -b, h_b) == pytest.approx((-high, -low))


@pytest.mark.parametrize("half", [4.1, 5.0])
def test_a_denominator_that_may_be_zero_has_no_bounded_ratio(half):
    with pytest.raises(CannotEstimate, match="no bounds"):
        fieller_interval(236.0, 0.0, 4.1, half)


def test_it_covers_the_true_ratio_as_often_as_it_says():
    # the set of ratios that are not told apart, bounded or not, holds the truth in 95%: that is the theorem
    rng = np.random.default_rng(20261126)
    a, b = rng.normal(30.0, 4.0, 20_000), rng.normal(3.0, 1.0, 20_000)
    covered = 0
    for x, y in zip(a, b, strict=True):
        try:
            low, high = fieller_interval(x, Z * 4.0, y, Z * 1.0)
            covered += low <= 10.0 <= high
        except CannotEstimate:
            covered += abs(x - 10.0 * y) <= Z * np.hypot(4.0, 10.0)
    assert 0.945 <= covered / 20_000 <= 0.955
