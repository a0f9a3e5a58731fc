"""Whether the crossed interval holds the truth, over numbers of runs and items, with runs that share seeds or not.

One experiment draws ten runs an arm; K runs are the first K of them, so the cells of one world and size are not independent of each
other. Every run is measured by the library's metrics and every interval is the library's (``stats.crossed``). Beside it stand two rules
that see one source of variation only: items (a bootstrap of items with averaged runs has this width) and runs (Welch's t test of them).
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from scipy import special

from bench.coverage import ALPHA, Row, chunks, monte_carlo_error, share, spread_out
from bench.latent_scores import LatentScores, Trial
from smo_pipelines.stats.crossed import ArmMetrics, CrossedComponents, crossed_components
from smo_pipelines.stats.metrics import get_metric

__all__ = ["A_CHANGE", "METRICS", "NO_CHANGE", "Size", "clustered_rows", "crossed_rows", "measured_arms"]

METRICS = ("functional_pass_rate", "f1", "average_precision")
RUNS = (2, 3, 5, 10)
ITEMS = (200, 1000, 4000)
NO_CHANGE = LatentScores()
A_CHANGE = LatentScores(effect=0.12, heterogeneity=0.05)
"""1.1 points of accuracy, 2.4 of F1 and average precision; the arms also differ in which items they get right."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A world with the sizes that are simulated in it."""

    design: str
    world: LatentScores
    items: int
    runs: tuple[int, ...] = RUNS
    metrics: tuple[str, ...] = METRICS
    experiments: int


def measured_arms(trial: Trial, metric: str) -> tuple[ArmMetrics, ArmMetrics]:
    """Return the metric of every run with its influence values."""
    one = get_metric(metric)
    control, treatment = (
        ArmMetrics(
            np.array([one.value(scores, trial.references, 0.0) for scores in runs]),
            np.stack([one.influence(scores, trial.references, 0.0) for scores in runs]),
        )
        for runs in trial.scores
    )
    return control, treatment


def first(arm: ArmMetrics, runs: int) -> ArmMetrics:
    return ArmMetrics(arm.values[:runs], arm.influences[:runs])


def half_widths(parts: CrossedComponents) -> tuple[float, float, float]:
    """Return half the width of the interval, and by items alone and by runs alone."""
    by_items = float(special.ndtri(1.0 - ALPHA / 2.0)) * np.sqrt(parts.items_total)
    return parts.estimate().half_width(ALPHA), by_items, parts.estimate(fixed_items=True).half_width(ALPHA)


def counted(size: Size, which: range) -> np.ndarray:
    """Return the difference and its half-widths, shape (experiments, metrics, numbers of runs, 4)."""
    found = np.empty((len(which), len(size.metrics), len(size.runs), 4))
    for row, number in enumerate(which):
        trial = size.world.draw(np.random.default_rng([size.items, number]), max(size.runs), size.items)
        for column, metric in enumerate(size.metrics):
            arms = measured_arms(trial, metric)
            for cell, runs in enumerate(size.runs):
                parts = crossed_components(*(first(arm, runs) for arm in arms))
                found[row, column, cell] = parts.difference, *half_widths(parts)
    return found


def sizes(experiments: int, shared: int, items: tuple[int, ...]) -> Iterator[Size]:
    """Yield the grid: independent runs, shared seeds, and a treatment whose runs vary three times as much."""
    for n in items:
        for world, name in ((NO_CHANGE, "A/A"), (A_CHANGE, "A/B")):
            yield Size(design=name, world=world, items=n, experiments=experiments)
    for n in items:
        for correlation in (0.6, 0.9):
            for world, name in ((NO_CHANGE, "A/A"), (A_CHANGE, "A/B")):
                of = LatentScores(effect=world.effect, heterogeneity=world.heterogeneity, seed_correlation=correlation)
                yield Size(design=name, world=of, items=n, experiments=shared)
    uneven = LatentScores(effect=0.12, heterogeneity=0.05, treatment_spread=3.0)
    for n in items[-2:]:
        yield Size(design="A/B", world=uneven, items=n, runs=(5, 10), experiments=shared)


def crossed_rows(pool: Executor, *, experiments: int, shared: int, items: tuple[int, ...] = ITEMS) -> list[Row]:
    """Return a row for each world, size, metric and number of runs.

    Parameters
    ----------
    experiments, shared : int
        With independent runs; with shared seeds or a treatment whose runs vary more.
    """
    grid = list(sizes(experiments, shared, items))
    tasks = [(size, which) for size in grid for which in chunks(size.experiments)]
    parts: dict[Size, list[np.ndarray]] = {size: [] for size in grid}
    for (size, _), found in zip(tasks, spread_out(pool, counted, tasks), strict=True):
        parts[size].append(found)
    return [row for size, found in parts.items() for row in rows_of(size, np.concatenate(found))]


def rows_of(size: Size, found: np.ndarray) -> Iterator[Row]:
    for column, metric in enumerate(size.metrics):
        truth = size.world.true_difference(metric)
        for cell, runs in enumerate(size.runs):
            difference, half, by_items, by_runs = found[:, column, cell].T
            covered = share(np.abs(difference - truth) <= half)
            yield {
                "design": size.design,
                "seed_correlation": size.world.seed_correlation,
                "treatment_spread": size.world.treatment_spread,
                "metric": metric,
                "items": size.items,
                "runs": runs,
                "experiments": size.experiments,
                "truth": round(truth, 5),
                "coverage": covered,
                "coverage_error": monte_carlo_error(covered, size.experiments),
                "rejected": share(np.abs(difference) > half),
                "items_alone": share(np.abs(difference - truth) <= by_items),
                "runs_alone": share(np.abs(difference - truth) <= by_runs),
                "half_width": round(float(np.mean(half)), 5),
                "relative_width": round(float(np.mean(half) / (1.959964 * np.std(difference, ddof=1))), 3),
            }
