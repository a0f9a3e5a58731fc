"""A stream of nightly values watched for a year at one false alarm rate: the rank Shiryaev-Roberts e-detector of one night's values.

What is tested is that a night is **not worse than the blessed runs by more than a margin**. A night has one value, the mean of its
runs; larger is better throughout (turn the sign of a metric that is better when low). Each night's value plus the margin is ranked
among the blessed values and the nights before it; the rank is turned into a p-value, ties broken by a uniform number of the night's
own, and the p-value into bets that it is small::

    p = (#{reference < y} + u (#{reference = y} + 1)) / (N + 1),  y = night + margin
    S_lambda <- (S_lambda + 1) exp(-lambda z - lambda^2 / 2),     z = the normal quantile of p
    M = mean of S_lambda over lambda = 1/2, 1, 3/2, 2;     alarm when M >= c = H m / alpha

Nights of one run that stand exactly a margin below the blessed runs are exchangeable with them, so their p-values are independent and
uniform whatever the distribution, E[M] after t nights is t, and an alarm on any of m streams within H nights has a probability of at
most alpha. (The mean of several runs spreads less and alarms less, by simulation.) A night enters the reference as
``min(night + margin, lower quartile of the blessed values)``: never above what was ranked, so the bound holds for nights that keep any
level down to the margin; and never above the baseline's own lower part, so that levels which move inside the margin, or come back from
above, stay silent too (by simulation, not by proof). Why not the night itself, which would be more silent still: a drop that is there
on the first night, or comes slowly, would teach the detector to accept it.

Everything here is a pure fold over stored nights: the same values give the same bits.

References
----------
J. Shin, A. Ramdas and A. Rinaldo (2022). E-detectors: a nonparametric framework for sequential change detection. arXiv:2203.03532.
V. Vovk, A. Gammerman and G. Shafer (2005). Algorithmic learning in a random world (smoothed conformal p-values are uniform).
"""

from dataclasses import dataclass

import numpy as np

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.change_point import BETS, ChangePoint, change_point, log_bets

__all__ = ["FEWEST_BLESSED", "FoldedNights", "Watch", "fold", "since"]

FEWEST_BLESSED = 10
"""Fewest blessed values: with fewer, the smallest p-value is so large that an early drop is found after weeks or never."""

_TIE = 1e-9
"""Values this close are one value: sums and means of the same runs may differ in their last bits."""

_OVER = 10.0
"""The statistic stops growing at so many thresholds, so that an episode that is over can be seen to be over."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How a set of streams is watched.

    Attributes
    ----------
    margin : float
        By how much a night may be worse than the blessed runs, in the metric's unit; at least 0.
    streams : int
        How many streams are watched at once, each with its own margin: the alarm rate is shared among them (Bonferroni).
    alpha : float
        Probability of a false alarm on any stream within the horizon.
    horizon : int
        Nights.
    """

    margin: float
    streams: int = 1
    alpha: float = 0.05
    horizon: int = 365

    def __post_init__(self) -> None:
        if not (np.isfinite(self.margin) and self.margin >= 0.0):
            raise ValueError(f"a margin is a finite number of at least 0; got {self.margin}")
        if self.streams < 1 or self.horizon < 1 or not 0.0 < self.alpha < 1.0:
            raise ValueError(f"needs streams and horizon of at least 1 and 0 < alpha < 1; got {self}")

    @property
    def threshold(self) -> float:
        """The statistic's value at which a stream alarms."""
        return self.horizon * self.streams / self.alpha


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedNights:
    """What a fold over nights gave, by stream and night: arrays of shape (n_streams, n_nights).

    Attributes
    ----------
    p, e_value : masked arrays of float64
        Masked where a night did not count. The e-value is that night's mean bet: above 1 speaks for a drop.
    statistic : float64
        M after the night.
    alarm : bool
        True on the night on which an episode opens.
    in_episode : bool
        From that night to its acknowledgement or its recovery.
    """

    p: np.ma.MaskedArray
    e_value: np.ma.MaskedArray
    statistic: np.ndarray
    alarm: np.ndarray
    in_episode: np.ndarray


class _References:
    """What the nights of each stream are ranked among: its blessed values, then a place for each night that may enter."""

    def __init__(self, blessed: np.ndarray, nights: int) -> None:
        if blessed.ndim != 2 or not np.isfinite(blessed).all():
            raise ValueError(f"blessed values are finite, of shape (n_streams, n_blessed); got shape {blessed.shape}")
        self._blessed = blessed.shape[1]
        if self._blessed < FEWEST_BLESSED:
            raise CannotEstimate(
                "few_runs",
                f"a baseline of {self._blessed} blessed runs cannot be watched: at least {FEWEST_BLESSED}, better 40",
                n_runs=self._blessed,
            )
        self._values = np.full((len(blessed), self._blessed + nights), np.inf)  # infinity: nothing there, and below nothing
        self._values[:, : self._blessed] = blessed
        self._size = np.full(len(blessed), self._blessed)
        self._highest = blessed.max(axis=1)
        self._ceiling = np.quantile(blessed, 0.25, axis=1)

    def p_values(self, streams: np.ndarray, ranked: np.ndarray, uniforms: np.ndarray, night: int) -> np.ndarray:
        """Return the smoothed conformal p-value of each value: small where it is low, uniform under exchangeability."""
        below, equal = self._size[streams], np.zeros(len(streams), dtype=np.int64)
        within = np.flatnonzero(ranked <= self._highest[streams] + _TIE)  # most nights lie above all: nothing to count
        among, value = self._values[streams[within], : self._blessed + night], ranked[within, None]
        below[within] = (among < value - _TIE).sum(axis=1)
        equal[within] = (among <= value + _TIE).sum(axis=1) - below[within]
        return np.asarray((below + uniforms * (equal + 1)) / (self._size[streams] + 1))

    def enter(self, streams: np.ndarray, ranked: np.ndarray, night: int) -> None:
        """Add what was ranked, but no more than the lower quartile of the blessed values."""
        self._values[streams, self._blessed + night] = np.minimum(ranked, self._ceiling[streams])
        self._size[streams] += 1

    def take_out(self, stream: int, first: int, last: int) -> None:
        """Forget a range of a stream's nights, both ends included."""
        nights = slice(self._blessed + first, self._blessed + last + 1)
        self._size[stream] -= np.isfinite(self._values[stream, nights]).sum()
        self._values[stream, nights] = np.inf


def fold(
    blessed: np.ndarray,
    nights: np.ndarray,
    uniforms: np.ndarray,
    rule: Watch,
    *,
    counted: np.ndarray | None = None,
    restarts: np.ndarray | None = None,
) -> FoldedNights:
    """Fold nights, in order, into the evidence that each of many streams with one margin is worse than it allows.

    Parameters
    ----------
    blessed : ndarray of shape (n_streams, n_blessed)
        Values of the blessed runs, larger is better.
    nights : ndarray of shape (n_streams, n_nights)
        Each the mean of the night's runs; what stands where a night does not count is not read.
    uniforms : ndarray of shape (n_streams, n_nights) or (n_nights,)
        One number in (0, 1) a night, from a hash of its id: drawn again, the fold would not be the same.
    rule : Watch
    counted : ndarray of bool of shape (n_streams, n_nights), optional
        False for a night that was missed, could not be measured, or had the inputs of the night before (whose equality is checked
        elsewhere; the same value counted twice would be evidence counted twice). All count by default.
    restarts : ndarray of bool of shape (n_streams, n_nights), optional
        True where an alarm was acknowledged since the night before: the episode is closed and the evidence starts from nothing.

    Raises
    ------
    CannotEstimate
        With fewer than :data:`FEWEST_BLESSED` blessed runs.
    ValueError
        When shapes do not fit, a value that counts is not finite, or a uniform number is outside (0, 1).
    """
    nights = np.asarray(nights, dtype=np.float64)
    blessed = np.asarray(blessed, dtype=np.float64)
    shape = nights.shape
    counted = np.ones(shape, dtype=bool) if counted is None else counted
    restarts = np.zeros(shape, dtype=bool) if restarts is None else restarts
    uniforms = np.broadcast_to(uniforms, shape)
    _check(blessed, nights, uniforms, counted, restarts)
    references = _References(blessed, shape[1])
    sums = np.zeros((shape[0], len(BETS)))
    begun = np.zeros(shape[0], dtype=np.int64)
    is_open = np.zeros(shape[0], dtype=bool)
    p, e_value, statistic = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    alarm, in_episode = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for t in range(shape[1]):
        again = restarts[:, t]
        sums[again], begun[again], is_open[again] = 0.0, t, False
        live = np.flatnonzero(counted[:, t])
        ranked = nights[live, t] + rule.margin
        p[live, t] = references.p_values(live, ranked, uniforms[live, t], t)
        bets = np.exp(log_bets(p[live, t]))
        e_value[live, t] = bets.mean(axis=1)
        sums[live] = np.minimum((sums[live] + 1.0) * bets, _OVER * rule.threshold)
        statistic[:, t] = sums.mean(axis=1)
        alarm[:, t] = ~is_open & counted[:, t] & (statistic[:, t] >= rule.threshold)
        over = is_open & counted[:, t] & (statistic[:, t] < 1.0)
        begun[over] = t
        is_open = (is_open | alarm[:, t]) & ~over
        in_episode[:, t] = is_open
        references.enter(live[~is_open[live]], ranked[~is_open[live]], t)
        for stream in np.flatnonzero(alarm[:, t]).tolist():
            references.take_out(stream, _run_up(p[stream], counted[stream], int(begun[stream]), t), t)
    return FoldedNights(
        p=np.ma.array(p, mask=~counted),
        e_value=np.ma.array(e_value, mask=~counted),
        statistic=statistic,
        alarm=alarm,
        in_episode=in_episode,
    )


def _check(blessed: np.ndarray, nights: np.ndarray, uniforms: np.ndarray, counted: np.ndarray, restarts: np.ndarray) -> None:
    if nights.ndim != 2 or len(blessed) != len(nights) or counted.shape != nights.shape or restarts.shape != nights.shape:
        raise ValueError(
            f"blessed has a row a stream, and nights, counted and restarts are of shape (n_streams, n_nights); got "
            f"{blessed.shape}, {nights.shape}, {counted.shape}, {restarts.shape}"
        )
    if not np.isfinite(nights[counted]).all():
        raise ValueError("a night that counts has a finite value; mark one that could not be measured as not counted")
    if not ((uniforms[counted] > 0.0) & (uniforms[counted] < 1.0)).all():
        raise ValueError("uniform numbers lie in (0, 1)")


def since(p: np.ndarray, counted: np.ndarray, begun: int, alarm: int) -> ChangePoint | CannotEstimate:
    """Return the change point by position among all nights of one stream, or why there is none.

    Parameters
    ----------
    p, counted : ndarray of shape (n_nights,)
        p-values and whether they count, as :func:`fold` gives and takes them.
    begun, alarm : int
        Positions of the first night of the evidence and of the alarm.
    """
    positions = begun + np.flatnonzero(counted[begun : alarm + 1])
    try:
        found = change_point(p[positions])
    except CannotEstimate as reason:
        return reason
    return ChangePoint(
        night=int(positions[found.night]),
        earliest=int(positions[found.earliest]),
        latest=int(positions[found.latest]),
        from_the_start=found.from_the_start,
    )


def _run_up(p: np.ndarray, counted: np.ndarray, begun: int, alarm: int) -> int:
    """Return from which night on values are taken out of the reference at an alarm: those of the drop itself."""
    found = since(p, counted, begun, alarm)
    return found.night if isinstance(found, ChangePoint) else alarm
