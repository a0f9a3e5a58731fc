"""Whether the interval holds the truth for a metric whose items' part comes from a bootstrap, and for AUROC, which has influence values.

Recall at a false positive rate of 5% has no influence values, so ``stats.bootstrap`` weighs the items anew: 200 weightings here, of the
1,000 of the library's default. Calibration error, the other such metric, is not simulated: it is biased upwards on few items, so a
difference of two arms has no truth that does not depend on their number.
"""

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np

from bench.coverage import ALPHA, Row, chunks, monte_carlo_error, share, spread_out
from bench.coverage_crossed import A_CHANGE, NO_CHANGE, first, measured_arms
from bench.latent_scores import LatentScores, Trial
from smo_pipelines.stats.bootstrap import BootstrapArm, bootstrap_components, item_weights
from smo_pipelines.stats.crossed import CrossedComponents, crossed_components
from smo_pipelines.stats.metrics import get_metric

__all__ = ["bootstrap_rows"]

BOOTSTRAP, INFLUENCE = "recall_at_fpr_05", "auroc"
ITEMS = 1000
RUNS = (2, 3, 5)
WEIGHTINGS = 200


def bootstrap_arms(trial: Trial, seed: int) -> tuple[BootstrapArm, BootstrapArm]:
    """Return recall of every run, and under every weighting of the items."""
    metric = get_metric(BOOTSTRAP)
    weights = np.concatenate(list(item_weights(len(trial.references), seed, WEIGHTINGS)), axis=1)
    assert metric.weighted is not None
    control, treatment = (
        BootstrapArm(
            np.array([metric.value(scores, trial.references, 0.0) for scores in runs]),
            metric.weighted(runs, trial.references, weights),
        )
        for runs in trial.scores
    )
    return control, treatment


def parts_of(trial: Trial, seed: int) -> Iterator[tuple[int, int, CrossedComponents]]:
    """Yield the metric's and the number of runs' positions with the parts of the variance."""
    drawn, expanded = bootstrap_arms(trial, seed), measured_arms(trial, INFLUENCE)
    for cell, runs in enumerate(RUNS):
        of = [BootstrapArm(arm.values[:runs], arm.draws[:runs]) for arm in drawn]
        yield 0, cell, bootstrap_components(*of, len(trial.references))
        yield 1, cell, crossed_components(*(first(arm, runs) for arm in expanded))


def simulated(world: LatentScores, which: range) -> np.ndarray:
    """Return the difference and half the width of its interval, shape (experiments, 2, numbers of runs, 2)."""
    found = np.empty((len(which), 2, len(RUNS), 2))
    for row, number in enumerate(which):
        trial = world.draw(np.random.default_rng([7, number]), max(RUNS), ITEMS)
        for metric, cell, parts in parts_of(trial, number):
            found[row, metric, cell] = parts.difference, parts.estimate().half_width(ALPHA)
    return found


def bootstrap_rows(pool: Executor, *, experiments: int) -> list[Row]:
    """Return a row for each metric, number of runs, and change or none."""
    rows: list[Row] = []
    for design, world in (("A/A", NO_CHANGE), ("A/B", A_CHANGE)):
        tasks = [(world, which) for which in chunks(experiments)]
        found = np.concatenate(list(spread_out(pool, simulated, tasks)))
        for column, metric in enumerate((BOOTSTRAP, INFLUENCE)):
            truth = world.true_difference(metric)
            for cell, runs in enumerate(RUNS):
                difference, half = found[:, column, cell].T
                covered = share(np.abs(difference - truth) <= half)
                rows.append(
                    {
                        "design": design,
                        "metric": metric,
                        "items": ITEMS,
                        "runs": runs,
                        "experiments": experiments,
                        "truth": round(truth, 5),
                        "coverage": covered,
                        "coverage_error": monte_carlo_error(covered, experiments),
                        "rejected": share(np.abs(difference) > half),
                    }
                )
    return rows
