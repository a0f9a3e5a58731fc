import math

import pytest

from smo_pipelines.analysis.variance import narrowing, split_variance, what_would_narrow
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm


def estimate(*terms):
    return CombinedEstimate(estimate=0.02, terms=tuple(VarianceTerm(source=s, variance=v, df=df) for s, v, df in terms))


def test_churn_is_taken_out_of_the_runs_and_the_parts_add_up():
    difference = estimate(("runs", 5e-4, 8.0), ("raters", 2e-4, 8.0), ("items", 3e-4, math.inf))
    assert split_variance(difference, 1e-4) == pytest.approx({"runs": 4e-4, "raters": 2e-4, "items": 3e-4, "runs_by_items": 1e-4})
    more_churn_than_spread = split_variance(difference, 9e-4)
    assert (more_churn_than_spread["runs"], more_churn_than_spread["runs_by_items"]) == (0.0, 5e-4)
    assert sum(more_churn_than_spread.values()) == pytest.approx(difference.variance)


def test_twice_as_many_by_hand():
    """t(.975) is 2.776445 at 4 degrees and 2.228139 at 10; z is 1.959964."""
    difference = estimate(("runs", 4e-4, 4.0), ("items", 2e-4, math.inf))
    found = narrowing(difference, 1e-4, 0.05)
    t4, t10, z = 2.7764451052, 2.2281388520, 1.9599639845
    now = math.sqrt(t4**2 * 4e-4 + z**2 * 2e-4)
    assert found["runs"] == pytest.approx(1 - math.sqrt(t10**2 * 2e-4 + z**2 * 2e-4) / now)
    assert found["items"] == pytest.approx(1 - math.sqrt(t4**2 * 3.5e-4 + z**2 * 1e-4) / now)  # half of the churn goes too


def test_a_claim_about_raters_keeps_its_degrees_of_freedom():
    difference = estimate(("runs", 1e-4, 9.0), ("raters", 4e-4, 9.0), ("items", 1e-4, math.inf))
    found = narrowing(difference, 0.0, 0.05)
    t9, z = 2.2621571628, 1.9599639845
    now = math.sqrt(t9**2 * 5e-4 + z**2 * 1e-4)
    assert found["raters"] == pytest.approx(1 - math.sqrt(t9**2 * 3e-4 + z**2 * 1e-4) / now)
    assert max(found, key=found.get) == "raters"
    assert what_would_narrow(found).startswith("More raters would narrow the interval most: twice as many by 19%")
    assert what_would_narrow({}) == ""
