"""The intervals are right as often as they say, on experiments whose truth is known.

A rate over N experiments whose true value is 5% lies within 3 standard errors, ``3 sqrt(.05 * .95 / N)``, in all but 0.3% of
repetitions; the seeds are fixed, so a pass stays a pass. The crossed interval must lie inside that band on both sides (its A/A
error was between 3% and 6% in a grid of 2,000 experiments a cell). The interval over raters is built to err on the wide side, so
only its upper limit is a band; that it is not uselessly wide is asked for directly.
"""

import numpy as np
import pytest
from scipy import stats

from bench.latent_scores import LatentScores
from bench.rater_panel import RaterPanel
from smo_pipelines.stats.crossed import ArmMetrics, crossed_components, crossed_estimate
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.random_raters import RaterDesign, random_raters_estimate


def three_standard_errors(experiments, rate=0.05):
    return 3.0 * np.sqrt(rate * (1.0 - rate) / experiments)


FIXED_EXPERIMENTS, RATER_EXPERIMENTS = 1000, 400


def measured(metric, trial):
    return [
        ArmMetrics(
            np.array([metric.value(s, trial.references, 0.0) for s in runs]),
            np.stack([metric.influence(s, trial.references, 0.0) for s in runs]),
        )
        for runs in trial.scores
    ]


@pytest.mark.parametrize("name", ["functional_pass_rate", "average_precision"])
@pytest.mark.parametrize("world", [LatentScores(), LatentScores(effect=0.12, heterogeneity=0.05)], ids=["no change", "a change"])
def test_crossed_interval_covers_the_truth(world, name):
    metric, truth, rng = get_metric(name), world.true_difference(name), np.random.default_rng(7)
    missed = missed_by_items_alone = 0
    for _ in range(FIXED_EXPERIMENTS):
        arms = measured(metric, world.draw(rng, n_runs=3, n_items=1000))
        low, high = crossed_estimate(*arms).interval(0.05)
        missed += not low <= truth <= high
        parts = crossed_components(*arms)
        missed_by_items_alone += abs(parts.difference - truth) > 1.96 * np.sqrt(parts.items_total)
    band = three_standard_errors(FIXED_EXPERIMENTS)
    assert missed / FIXED_EXPERIMENTS == pytest.approx(0.05, abs=band)
    assert missed_by_items_alone / FIXED_EXPERIMENTS > 0.05 + band  # an item bootstrap of the averaged runs forgets the runs


@pytest.mark.parametrize(("n_runs", "n_redraws"), [(5, 5), (3, 6)])
@pytest.mark.parametrize("same_raters", [False, True], ids=["disjoint pools", "same raters"])
@pytest.mark.parametrize(("n_raters", "effect"), [(20, 0.0), (20, 0.5), (40, 0.5)])
def test_interval_over_raters_covers_the_truth_of_the_pool(n_raters, effect, same_raters, n_runs, n_redraws):
    panel = RaterPanel(n_raters=n_raters, effect=effect)
    names = ("functional_pass_rate", "false_positive_rate")
    truth = panel.true_difference(np.random.default_rng(3), pools=1500) if effect else dict.fromkeys(names, 0.0)
    design = RaterDesign.same if same_raters else RaterDesign.disjoint
    rng = np.random.default_rng(11)
    missed, naive = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    differences: dict[str, list[float]] = {name: [] for name in names}
    widths: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(RATER_EXPERIMENTS):
        for name, (control, treatment) in panel.experiment(rng, n_runs, n_redraws, same_raters=same_raters).items():
            estimate = random_raters_estimate(control, treatment, design, shared_seeds=same_raters)
            half = estimate.half_width(0.05)
            missed[name] += abs(estimate.estimate - truth[name]) > half
            runs_only = (np.var(control.values, ddof=1) + np.var(treatment.values, ddof=1)) / n_runs
            naive[name] += abs(estimate.estimate - truth[name]) > stats.t.ppf(0.975, 2 * (n_runs - 1)) * np.sqrt(runs_only)
            differences[name].append(estimate.estimate)
            widths[name].append(half)
    limit = 0.05 + three_standard_errors(RATER_EXPERIMENTS)
    for name in names:
        assert missed[name] / RATER_EXPERIMENTS <= limit
        assert np.median(widths[name]) < 2.5 * 1.96 * np.std(differences[name])
    assert max(naive.values()) / RATER_EXPERIMENTS > limit  # runs on one set of labels cannot see other raters
