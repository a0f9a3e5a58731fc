"""Since when a stream has been worse: the change point of the nights before an alarm, with an interval.

The alarm statistic is a sum over every night k on which a change may have begun of the bets won since, ``prod_{i >= k} e_i``. Divided
by their sum, those products weigh the nights k against each other: the posterior of a change that was as likely on any night, when
the normal quantile of the p-value falls by lambda.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtri

from smo_pipelines.errors import CannotEstimate

__all__ = ["BETS", "LEVEL", "ChangePoint", "change_point", "log_bets"]

BETS = np.array([0.5, 1.0, 1.5, 2.0])
"""Sizes of the drop that are bet on, in standard deviations of the normal quantile of a p-value."""

LEVEL = 0.95
"""Nominal level of the interval."""

_TAIL = 0.005
"""Weight left out at either end. The bets stop at 2, so a larger drop has its first nights weighed too lightly; leaving out less than
the level says makes up for it (simulated coverage: docs/nightly-calibration.md)."""


def log_bets(p: np.ndarray) -> np.ndarray:
    """Return the log of each bet on a p-value: shape (n_nights, n_bets). Under a uniform p each has the mean 1 before the log.

    Parameters
    ----------
    p : ndarray of shape (n_nights,)
        In (0, 1).
    """
    return np.asarray(-BETS * ndtri(p)[:, None] - BETS**2 / 2.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePoint:
    """The first night of a change, by position among the nights that were given.

    Attributes
    ----------
    night : int
        The likeliest.
    earliest, latest : int
        The interval of level :data:`LEVEL`, both ends in it.
    from_the_start : bool
        The interval reaches the first night, so that the change may be older: nothing before it is known.
    """

    night: int
    earliest: int
    latest: int
    from_the_start: bool


def change_point(p: np.ndarray) -> ChangePoint:
    """Return from which night on values were worse, given their p-values up to the alarm.

    Parameters
    ----------
    p : ndarray of shape (n_nights,)
        In order, from the night after the last restart to the night of the alarm; small speaks for a drop.

    Raises
    ------
    CannotEstimate
        With fewer than three nights, or when they do not speak for a change on any night more than for none.

    Examples
    --------
    >>> change_point(np.array([0.6, 0.5, 0.7, 0.4, 0.9, 0.02, 0.03, 0.01, 0.02])).night
    5
    """
    if len(p) < 3:
        raise CannotEstimate(
            "few_nights", f"{len(p)} nights are too few to say since when; at least 3 nights that count", n_nights=len(p)
        )
    won = np.cumsum(log_bets(p)[::-1], axis=0)[::-1]
    of_night = logsumexp(won, axis=1) - np.log(len(BETS))
    if of_night.max() <= 0.0:
        raise CannotEstimate("no_change", "no night stands out as the first of a drop", n_nights=len(p))
    below = np.cumsum(np.exp(of_night - logsumexp(of_night)))
    earliest = int(np.searchsorted(below, _TAIL))
    latest = min(int(np.searchsorted(below, 1.0 - _TAIL)), len(p) - 1)
    night = int(np.clip(np.argmax(of_night), earliest, latest))
    return ChangePoint(night=night, earliest=earliest, latest=latest, from_the_start=earliest == 0)
