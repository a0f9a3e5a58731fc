import math

import numpy as np
import pytest
from scipy import stats

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.one_arm import arm_estimate, fitted_estimate


def test_a_share_of_independent_items_gets_the_interval_of_a_share() -> None:
    scores, gold = np.repeat([1.0, 0.0], [70, 30]), np.ones(100, dtype=np.int8)
    metric = get_metric("functional_pass_rate")
    estimate = fitted_estimate(0.7, metric.influence(scores, gold, 0.5))
    half = 1.959963984540054 * math.sqrt(0.7 * 0.3 / 99)  # Wald's interval with the sample variance
    assert estimate.interval(0.05) == pytest.approx((0.7 - half, 0.7 + half), abs=1e-12)


def test_copies_of_an_item_are_one_observation() -> None:
    rng = np.random.default_rng(3)
    right = (rng.random(40) < 0.6).astype(float)
    once, clusters = right - right.mean(), np.arange(40)
    five = fitted_estimate(right.mean(), np.repeat(once, 5), np.repeat(clusters, 5))
    # the same variance as without copies, and t with 39 degrees in place of the normal
    half = stats.t.ppf(0.975, 39) * math.sqrt(np.var(right, ddof=1) / 40)
    assert five.half_width(0.05) == pytest.approx(half, rel=1e-12)
    assert fitted_estimate(right.mean(), np.repeat(once, 5)).half_width(0.05) < half / 2


def test_an_arm_adds_the_spread_of_its_runs_and_takes_the_churn_off_once() -> None:
    rng = np.random.default_rng(5)
    cells = rng.normal(size=(4, 60)) + rng.normal(size=60)
    values = cells.mean(axis=1)
    arm = ArmMetrics(values, cells - values[:, None])
    estimate = arm_estimate(arm)
    by_item, residual = cells.mean(axis=0), cells - values[:, None] - (cells.mean(axis=0) - cells.mean())
    churn = float(np.sum(residual**2)) / (3 * 59 * 60 * 4)  # the interaction of a two-way layout, over 60 items and 4 runs
    expected = {"runs": np.var(values, ddof=1) / 4, "items": np.var(by_item, ddof=1) / 60 - churn}
    assert {term.source: term.variance for term in estimate.terms} == pytest.approx(expected, rel=1e-9)
    assert [term.df for term in estimate.terms] == [3.0, math.inf]
    assert estimate.estimate == pytest.approx(cells.mean())


@pytest.mark.parametrize(("runs", "items", "run_sd", "item_sd", "churn_sd"), [(3, 200, 0.02, 0.4, 0.3), (5, 60, 0.0, 0.5, 0.5)])
def test_the_interval_of_an_arm_covers(runs: int, items: int, run_sd: float, item_sd: float, churn_sd: float) -> None:
    rng = np.random.default_rng(17)
    covered = 0
    for _ in range(1500):
        cells = run_sd * rng.normal(size=(runs, 1)) + item_sd * rng.normal(size=items) + churn_sd * rng.normal(size=(runs, items))
        values = cells.mean(axis=1)
        low, high = arm_estimate(ArmMetrics(values, cells - values[:, None])).interval(0.05)
        covered += low <= 0.0 <= high
    assert 0.935 <= covered / 1500 <= 0.99  # nominal 0.95, Monte Carlo error 0.006; conservative where t and z add up


@pytest.mark.parametrize(
    ("influence", "clusters", "code"),
    [
        (np.zeros(1), None, WhyNot.few_items),
        (np.zeros(50), None, WhyNot.no_item_variance),
        (np.arange(50.0), np.zeros(50), WhyNot.one_cluster),
    ],
)
def test_what_has_no_interval(influence: np.ndarray, clusters: np.ndarray | None, code: WhyNot) -> None:
    with pytest.raises(CannotEstimate) as refused:
        fitted_estimate(1.0, influence, clusters)
    assert refused.value.code == code


def test_an_arm_without_spread_has_no_interval() -> None:
    influences = np.tile(np.arange(20.0) - 9.5, (2, 1))
    for values, code in ((np.array([0.5]), WhyNot.one_run), (np.array([0.5, 0.5]), WhyNot.no_run_variance)):
        with pytest.raises(CannotEstimate) as refused:
            arm_estimate(ArmMetrics(values, influences[: len(values)]))
        assert refused.value.code == code
