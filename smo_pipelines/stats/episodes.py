"""The history of one watched stream: each night's evidence, and the episodes, one alarm each however many nights they last."""

from dataclasses import dataclass

import numpy as np

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.change_point import ChangePoint
from smo_pipelines.stats.sequential import FoldedNights, Watch, fold, since

__all__ = ["Episode", "NightEvidence", "StreamHistory", "watch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NightEvidence:
    """One night of one stream; ``p`` and ``e_value`` are None where the night did not count."""

    p: float | None
    e_value: float | None
    statistic: float
    alarm: bool
    in_episode: bool


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One alarm and what belongs to it.

    Attributes
    ----------
    alarm : int
        Position of the night on which the statistic reached its threshold.
    last : int
        Position of the last night of the episode so far.
    open : bool
        Neither acknowledged nor over when the stored nights end.
    since : ChangePoint or CannotEstimate
        From which night on the stream was worse than its margin allows, by position; or why the nights do not say.
    """

    alarm: int
    last: int
    open: bool
    since: ChangePoint | CannotEstimate


@dataclass(frozen=True, kw_only=True)
class StreamHistory:
    """One stream's nights since its baseline was blessed, with its episodes in order."""

    threshold: float
    nights: tuple[NightEvidence, ...]
    episodes: tuple[Episode, ...]


def watch(
    blessed: np.ndarray,
    nights: np.ndarray,
    uniforms: np.ndarray,
    rule: Watch,
    *,
    counted: np.ndarray | None = None,
    restarts: np.ndarray | None = None,
) -> StreamHistory:
    """Return the history of one stream since its baseline was blessed.

    Parameters
    ----------
    blessed : ndarray of shape (n_blessed,)
        Values of the blessed runs, larger is better.
    nights, uniforms : ndarray of shape (n_nights,)
        In order of date; see :func:`fold`.
    rule : Watch
    counted, restarts : ndarray of bool of shape (n_nights,), optional
        See :func:`fold`.

    Raises
    ------
    CannotEstimate
        With fewer than :data:`FEWEST_BLESSED` blessed runs.
    ValueError
        When shapes do not fit, a value that counts is not finite, or a uniform number is outside (0, 1).
    """
    counted = np.ones(len(nights), dtype=bool) if counted is None else counted
    restarts = np.zeros(len(nights), dtype=bool) if restarts is None else restarts
    found = fold(blessed[None], nights[None], uniforms, rule, counted=counted[None], restarts=restarts[None])
    evidence = tuple(
        NightEvidence(
            p=float(found.p[0, t]) if counted[t] else None,
            e_value=float(found.e_value[0, t]) if counted[t] else None,
            statistic=float(found.statistic[0, t]),
            alarm=bool(found.alarm[0, t]),
            in_episode=bool(found.in_episode[0, t]),
        )
        for t in range(len(nights))
    )
    return StreamHistory(threshold=rule.threshold, nights=evidence, episodes=_episodes(found, counted, restarts))


def _episodes(found: FoldedNights, counted: np.ndarray, restarts: np.ndarray) -> tuple[Episode, ...]:
    """Return the episodes of the one stream of a fold."""
    inside, nights = found.in_episode[0], len(counted)
    begun, episodes = 0, []
    for t in range(nights):
        if restarts[t] or (t > 0 and inside[t - 1] and not inside[t]):
            begun = t
        if found.alarm[0, t]:
            ends = [k for k in range(t + 1, nights) if restarts[k] or not inside[k]]
            episodes.append(
                Episode(
                    alarm=t,
                    last=ends[0] - 1 if ends else nights - 1,
                    open=not ends,
                    since=since(found.p.data[0], counted, begun, t),
                )
            )
    return tuple(episodes)
