"""Simulated years of a watched metric: what blessed runs and nights say when their labels overlap, and when nothing but that happens.

A run's value is its training seed plus its labels. Labels have day effects; a run draws part of the items of the 28 days before its
date, so that runs of neighbouring nights share most of theirs. Values are in standard deviations of the seed.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["NIGHTS", "NOISES", "WINDOW", "World", "Years", "draw_years"]

NIGHTS = 365
WINDOW = 28
"""Days of labels that a run draws from; the blessed runs' dates lie within as many days before the first night."""

NOISES = ("normal", "t4", "skewed", "tied")

_GRAIN = 1.0
"""A tied metric is rounded to a whole seed standard deviation: an accuracy on a few dozen items."""

_MISSED = 0.1
_OUTAGE = 14


@dataclass(frozen=True, kw_only=True)
class World:
    """One cell of the simulation.

    Attributes
    ----------
    noise : {"normal", "t4", "skewed", "tied"}
        Of the seed; skewed has a long lower tail.
    label_noise : float
        Standard deviation of what the draw of labels adds to a run, in those of the seed.
    shared : float
        Part of the labels' variance that belongs to the window, so that runs of one night have it in common: the share of the
        window's items that a run takes. 0 makes all runs independent.
    missed : bool
        Whether one night in ten, and a fortnight on end, has no run.
    blessed, runs : int
        Blessed runs, and runs a night.
    """

    noise: str
    label_noise: float
    shared: float
    missed: bool = False
    blessed: int = 20
    runs: int = 2

    @property
    def run_sd(self) -> float:
        """Standard deviation of one run's value."""
        return float(np.hypot(1.0, self.label_noise))


@dataclass(frozen=True, kw_only=True, eq=False)
class Years:
    """Blessed values (n_years, n_blessed), runs (n_years, n_nights, n_runs), which nights counted, and a uniform number a night."""

    blessed: np.ndarray
    runs: np.ndarray
    counted: np.ndarray
    uniforms: np.ndarray


def draw_years(world: World, years: int, rng: np.random.Generator, *, level: np.ndarray | float = 0.0) -> Years:
    """Draw so many years in which the metric's true level of each night is ``level`` (n_nights,), and 0 when it was blessed."""
    day = rng.standard_normal((years, 2 * WINDOW + NIGHTS)) * world.label_noise * np.sqrt(world.shared / WINDOW)
    sums = np.cumsum(np.pad(day, ((0, 0), (1, 0))), axis=1)
    window = sums[:, WINDOW:] - sums[:, :-WINDOW]  # (n_years, WINDOW + NIGHTS + 1): the labels of the days before each date
    own = world.label_noise * np.sqrt(1.0 - world.shared)
    dates = np.floor(np.linspace(0, WINDOW - 1, world.blessed)).astype(int)
    blessed = (
        window[:, dates] + own * rng.standard_normal((years, world.blessed)) + _seeds(world.noise, rng, (years, world.blessed))
    )
    shape = (years, NIGHTS, world.runs)
    runs = window[:, WINDOW : WINDOW + NIGHTS, None] + own * rng.standard_normal(shape) + _seeds(world.noise, rng, shape)
    runs += np.broadcast_to(level, NIGHTS)[:, None]
    if world.noise == "tied":
        blessed, runs = np.round(blessed / _GRAIN) * _GRAIN, np.round(runs / _GRAIN) * _GRAIN
    counted = np.ones((years, NIGHTS), dtype=bool)
    if world.missed:
        counted = rng.random((years, NIGHTS)) >= _MISSED
        begins = rng.integers(0, NIGHTS - _OUTAGE, years)[:, None]
        counted &= ~((np.arange(NIGHTS) >= begins) & (np.arange(NIGHTS) < begins + _OUTAGE))
    uniforms = rng.uniform(np.finfo(float).tiny, 1.0, (years, NIGHTS))
    return Years(blessed=blessed, runs=runs, counted=counted, uniforms=uniforms)


def _seeds(noise: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw seed effects of mean 0 and standard deviation 1."""
    if noise == "t4":
        return rng.standard_t(4, shape) / np.sqrt(2.0)
    if noise == "skewed":
        return (1.5 - rng.gamma(1.5, 1.0, shape)) / np.sqrt(1.5)
    return rng.standard_normal(shape)
