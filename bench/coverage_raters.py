"""Whether the interval of a claim about a rater pool holds the truth, with the same raters in both arms or disjoint pools.

Every experiment draws its raters, their ratings, K runs and B redraws (``bench.rater_panel``); the truth of a change is the mean over many
fresh pools. The naive rule beside it is the pooled t test of the runs, which all share one draw of the raters.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from itertools import product

import numpy as np
from scipy import special

from bench.coverage import ALPHA, Row, chunks, monte_carlo_error, share, spread_out
from bench.rater_panel import RaterPanel
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.random_raters import RaterDesign, random_raters_estimate

__all__ = ["rater_rows"]

METRICS = ("functional_pass_rate", "false_positive_rate")
RUNS, REDRAWS = 5, 10
RATERS = (20, 60)
PANELS = {
    "3": RaterPanel(effect=0.5),
    "5, most agree": RaterPanel(n_ratings=5, clear=1.5, strictness_sd=1.2, max_lapse=0.1, effect=1.5),
    "6, most agree": RaterPanel(n_ratings=6, clear=1.5, strictness_sd=1.2, max_lapse=0.1, effect=1.5),
}
"""By what an item's raters are: how many, and whether most items are clear to most of them; each with the edit of its A/B."""
POOLS_AT_ONCE = 250
"""Fresh pools of one task of the truth."""


def simulated(panel: RaterPanel, design: RaterDesign, which: range) -> np.ndarray:
    """Return the difference, half the width of its interval and of the naive one, shape (experiments, metrics, 3); NaN where there is none.

    None where raters agree so well that no run and no redraw of both arms moves the difference.
    """
    found = np.full((len(which), len(METRICS), 3), np.nan)
    same = design is RaterDesign.same
    t = -float(special.stdtrit(2 * (RUNS - 1), ALPHA / 2.0))
    for row, number in enumerate(which):
        key = [panel.n_raters, panel.world, same, number]
        rng = np.random.default_rng(key if panel.n_ratings == PANELS["3"].n_ratings else [*key, panel.n_ratings])
        for name, (control, treatment) in panel.experiment(rng, RUNS, REDRAWS, same_raters=same).items():
            try:
                estimate = random_raters_estimate(control, treatment, design, shared_seeds=same)
            except CannotEstimate as error:
                if error.code != WhyNot.no_run_variance:
                    raise
                continue
            runs_alone = (np.var(control.values, ddof=1) + np.var(treatment.values, ddof=1)) / RUNS
            found[row, METRICS.index(name)] = estimate.estimate, estimate.half_width(ALPHA), t * np.sqrt(runs_alone)
    return found


def truth_of(panel: RaterPanel, seed: int) -> np.ndarray:
    """Return the mean difference of each metric over some fresh pools."""
    found = panel.true_difference(np.random.default_rng([3, seed]), POOLS_AT_ONCE)
    return np.array([found[name] for name in METRICS])


def rater_rows(pool: Executor, *, experiments: int, pools: int, raters: tuple[int, ...] = RATERS) -> list[Row]:
    """Return a row for each panel, design, number of raters, metric, and change or none.

    Parameters
    ----------
    pools : int
        Fresh pools that the truth of a change is the mean of, a multiple of 250.
    """
    rows: list[Row] = []
    for ratings, n_raters, effective in product(PANELS, raters, (False, True)):
        panel = replace(PANELS[ratings], n_raters=n_raters)
        panel = panel if effective else replace(panel, effect=0.0)
        tasks = [(panel, seed) for seed in range(pools // POOLS_AT_ONCE)]
        means = np.stack(list(spread_out(pool, truth_of, tasks))) if effective else np.zeros((2, len(METRICS)))
        for design in RaterDesign:
            work = [(panel, design, which) for which in chunks(experiments)]
            found = np.concatenate(list(spread_out(pool, simulated, work)))
            rows += [{"ratings": ratings} | row for row in rows_of(panel, design, found, means)]
    return rows


def rows_of(panel: RaterPanel, design: RaterDesign, found: np.ndarray, means: np.ndarray) -> Iterator[Row]:
    for column, metric in enumerate(METRICS):
        known = found[~np.isnan(found[:, column, 0]), column]
        difference, half, naive = known.T
        truth = float(means[:, column].mean())
        missed = share(np.abs(difference - truth) > half)
        yield {
            "design": "A/B" if panel.effect else "A/A",
            "raters": panel.n_raters,
            "pools": str(design),
            "metric": metric,
            "experiments": len(known),
            "truth": round(truth, 5),
            "truth_error": round(float(means[:, column].std(ddof=1) / np.sqrt(len(means))), 5),
            "missed": missed,
            "missed_error": monte_carlo_error(missed, len(known)),
            "missed_by_naive": share(np.abs(difference - truth) > naive),
            "relative_width": round(float(np.median(half) / (special.ndtri(0.975) * np.std(difference, ddof=1))), 3),
        }
