"""Whether the crossed interval holds the truth, over numbers of runs and items, with runs that share seeds or not.

One experiment draws ten runs an arm; K runs are the first K of them, so the cells of one world and size are not independent of each
other. Every run is measured by the library's metrics and every interval is the library's (``stats.crossed``). Beside it stand rules that
see less: items alone (a bootstrap of items with averaged runs has this width), runs alone (a t test of the runs), and for items in
clusters the interval that takes them for independent.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from bench.coverage import ALPHA, Row, chunks, monte_carlo_error, share, spread_out
from bench.latent_scores import LatentScores, Trial
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics, CrossedComponents, crossed_components
from smo_pipelines.stats.metrics import get_metric

__all__ = ["A_CHANGE", "CORRELATIONS", "METRICS", "NO_CHANGE", "crossed_rows", "first", "measured_arms"]

METRICS = ("functional_pass_rate", "f1", "average_precision")
RUNS = (2, 3, 5, 10)
ITEMS = (200, 1000, 4000)
CORRELATIONS = (0.6, 0.9)
TEMPLATES = ((40, 25), (150, 10))
"""Templates of a functional test, and cases of each."""

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

    @property
    def shared_seeds(self) -> bool:
        """Whether run k of both arms had one seed."""
        return self.world.seed_correlation > 0.0


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
    """Return an arm of an experiment of so many runs."""
    return ArmMetrics(arm.values[:runs], arm.influences[:runs])


def half_widths(parts: CrossedComponents, apart: CrossedComponents) -> tuple[float, float, float, float]:
    """Return half the width of the interval, by items alone, by runs alone, and as if the items were independent of each other."""
    by_items = float(special.ndtri(1.0 - ALPHA / 2.0)) * np.sqrt(parts.items_total)
    by_runs = parts.estimate(fixed_items=True).half_width(ALPHA)
    return parts.estimate().half_width(ALPHA), by_items, by_runs, apart.estimate().half_width(ALPHA)


def simulated(size: Size, which: range) -> np.ndarray:
    """Return the difference and its half-widths, shape (experiments, metrics, numbers of runs, 5); not a number where refused."""
    found = np.full((len(which), len(size.metrics), len(size.runs), 5), np.nan)
    for row, number in enumerate(which):
        trial = size.world.draw(np.random.default_rng([size.items, number]), max(size.runs), size.items)
        clusters = trial.clusters if size.world.cluster_size > 1 else None
        for column, metric in enumerate(size.metrics):
            arms = measured_arms(trial, metric)
            for cell, runs in enumerate(size.runs):
                of = [first(arm, runs) for arm in arms]
                parts = crossed_components(*of, clusters, shared_seeds=size.shared_seeds)
                apart = parts if clusters is None else crossed_components(*of, shared_seeds=size.shared_seeds)
                try:
                    found[row, column, cell] = parts.difference, *half_widths(parts, apart)
                except CannotEstimate:  # all runs have the same metric: counted as refused
                    continue
    return found


def grid(experiments: int, others: int, items: tuple[int, ...]) -> Iterator[Size]:
    """Yield every world and size: independent runs, shared seeds, a treatment whose runs vary three times as much, and clusters."""
    worlds = (("A/A", NO_CHANGE), ("A/B", A_CHANGE))
    for n in items:
        for design, world in worlds:
            yield Size(design=design, world=world, items=n, experiments=experiments)
    for n in items:
        for correlation in CORRELATIONS:
            for design, world in worlds:
                shared = replace(world, seed_correlation=correlation)
                yield Size(design=design, world=shared, items=n, experiments=others)
    for n in items[-2:]:
        uneven = replace(A_CHANGE, treatment_spread=3.0)
        yield Size(design="A/B", world=uneven, items=n, runs=(5, 10), experiments=others)
    for templates, cases in TEMPLATES if len(items) > 1 else TEMPLATES[:1]:
        for design, world in worlds:
            clustered = replace(world, cluster_size=cases)
            yield Size(
                design=design,
                world=clustered,
                items=templates * cases,
                runs=(3, 5),
                metrics=("functional_pass_rate",),
                experiments=others,
            )


def crossed_rows(pool: Executor, *, experiments: int, others: int, items: tuple[int, ...] = ITEMS) -> list[Row]:
    """Return a row for each world, size, metric and number of runs.

    Parameters
    ----------
    experiments, others : int
        With independent runs and items; with shared seeds, a treatment whose runs vary more, or clusters.
    """
    sizes = list(grid(experiments, others, items))
    tasks = [(size, which) for size in reversed(sizes) for which in chunks(size.experiments)]  # the long ones first
    parts: dict[Size, list[np.ndarray]] = {size: [] for size in sizes}
    for (size, _), found in zip(tasks, spread_out(pool, simulated, tasks), strict=True):
        parts[size].append(found)
    return [row for size, found in parts.items() for row in rows_of(size, np.concatenate(found))]


def rows_of(size: Size, found: np.ndarray) -> Iterator[Row]:
    for column, metric in enumerate(size.metrics):
        truth = size.world.true_difference(metric)
        for cell, runs in enumerate(size.runs):
            of_cell = found[:, column, cell]
            known = of_cell[~np.isnan(of_cell[:, 0])]
            difference, half, by_items, by_runs, apart = known.T
            off = np.abs(difference - truth)
            covered = share(off <= half)
            row: Row = {
                "design": size.design,
                "seed_correlation": size.world.seed_correlation,
                "treatment_spread": size.world.treatment_spread,
                "cluster_size": size.world.cluster_size,
                "metric": metric,
                "items": size.items,
                "runs": runs,
                "experiments": size.experiments,
                "refused": size.experiments - len(known),
                "truth": round(truth, 5),
                "coverage": covered,
                "coverage_error": monte_carlo_error(covered, len(known)),
                "rejected": share(np.abs(difference) > half),
                "power": share(np.sign(truth) * difference > half),
                "items_alone": share(off <= by_items),
                "runs_alone": share(off <= by_runs),
                "half_width": round(float(np.mean(half)), 5),
                "relative_width": round(float(np.mean(half) / (special.ndtri(0.975) * np.std(difference, ddof=1))), 3),
            }
            if size.world.cluster_size > 1:
                row["unclustered"] = share(off <= apart)
            yield row
