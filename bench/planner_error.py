"""How far the planned power lies from the share of simulated experiments whose interval excludes no change, on the right side.

The planner (``stats.power``) gets variance components from a pilot of many experiments by the library (``stats.components``), so that what
is left is the error of its formula and not of a small pilot; the experiments it is held against are those of ``bench.coverage_crossed``.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from bench.coverage import ALPHA, Row, spread_out
from bench.coverage_crossed import A_CHANGE, CORRELATIONS, METRICS, measured_arms
from smo_pipelines.domain.plans import VarianceComponents
from smo_pipelines.stats.components import components_of_arms, pooled
from smo_pipelines.stats.power import PowerDesign, power

__all__ = ["planner_rows"]

PILOT_RUNS, PILOT_ITEMS, PILOTS_AT_ONCE = 10, 4000, 5


def pilots(correlation: float, seed: int) -> list[list[VarianceComponents]]:
    """Return the components of each metric from a few pilot experiments."""
    world, rng = replace(A_CHANGE, seed_correlation=correlation), np.random.default_rng([11, seed])
    trials = [world.draw(rng, PILOT_RUNS, PILOT_ITEMS) for _ in range(PILOTS_AT_ONCE)]
    return [
        [components_of_arms(*measured_arms(trial, metric), shared_seeds=correlation > 0.0) for trial in trials]
        for metric in METRICS
    ]


def pilot_components(pool: Executor, correlation: float, experiments: int) -> dict[str, VarianceComponents]:
    tasks = [(correlation, seed) for seed in range(max(experiments // PILOTS_AT_ONCE, 1))]
    of_tasks = list(spread_out(pool, pilots, tasks))
    return {metric: pooled([one for task in of_tasks for one in task[column]]) for column, metric in enumerate(METRICS)}


def planner_rows(pool: Executor, coverage: Sequence[Row], *, pilot: int) -> list[Row]:
    """Return planned and simulated power of every cell with a change, with independent and with shared seeds.

    Parameters
    ----------
    coverage : sequence of Row
        Those of ``bench.coverage_crossed.crossed_rows``.
    pilot : int
        Experiments that the components are pooled from.
    """
    known = {correlation: pilot_components(pool, correlation, pilot) for correlation in (0.0, *CORRELATIONS)}
    rows: list[Row] = []
    for cell in coverage:
        if cell["design"] != "A/B" or cell["treatment_spread"] != 1.0 or cell["cluster_size"] != 1:
            continue
        components = known[cell["seed_correlation"]][cell["metric"]]
        design = PowerDesign(runs=cell["runs"], units=cell["items"], shared_seeds=cell["seed_correlation"] > 0.0)
        planned = round(power(components, design, abs(cell["truth"]), ALPHA), 4)
        named = {name: cell[name] for name in ("metric", "items", "runs", "seed_correlation", "experiments")}
        rows.append({**named, "planned": planned, "simulated": cell["power"], "error": round(planned - cell["power"], 4)})
    return rows
