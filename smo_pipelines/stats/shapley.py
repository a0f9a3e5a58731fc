"""The exact Shapley value of each part of a change, with what each does alone and what its reversal does.

A coalition is a set of parts that are switched to the treatment; it is written as a bit mask, bit i for part i, so that 0 is the
control and ``2**n - 1`` the treatment. The value of a coalition is a metric of runs fitted on its labels. Every share is a linear
contrast of coalition values, so the contrast of run metrics and of influence values is measured like a metric of one arm: the crossed
interval applies to it as it stands, with the same seeds and the same items in every coalition.

References
----------
L. S. Shapley (1953). A value for n-person games. Contributions to the Theory of Games II, 307-317.
H. Zhang, H. Singh, M. Ghassemi and S. Joshi (2023). "Why did the model fail?": attributing model performance changes to distribution
shifts. ICML; arXiv:2210.10769 (the same game, over data distributions).
"""

from collections.abc import Sequence
from math import factorial

import numpy as np

from smo_pipelines.stats.crossed import ArmMetrics, crossed_components
from smo_pipelines.stats.intervals import CombinedEstimate
from smo_pipelines.stats.one_arm import arm_estimate
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign, random_raters_estimate

__all__ = ["MOST_PLAYERS", "contrast_estimate", "first_in", "group_smallest", "shapley", "swap_back"]

MOST_PLAYERS = 6
"""Most parts of one exact game: 64 coalitions, each fitted with every seed."""


def _players(values: np.ndarray) -> int:
    n = len(values).bit_length() - 1
    if len(values) != 1 << n or not 1 <= n <= MOST_PLAYERS:
        raise ValueError(
            f"a game of 1 to {MOST_PLAYERS} players has 2 to {1 << MOST_PLAYERS} coalitions, a power of two; got {len(values)}"
        )
    return n


def shapley(values: np.ndarray) -> np.ndarray:
    """Return each player's Shapley value: its mean marginal contribution over all orders in which players can join.

    ``phi_j = sum_S |S|! (n - |S| - 1)! / n! (v(S + j) - v(S))``. Marginal contributions are taken first, so a player who changes no
    value has exactly 0.

    Parameters
    ----------
    values : ndarray of shape (2**n, ...)
        A value of each coalition, by its bit mask; further axes (runs, items, redraws) are carried along.

    Returns
    -------
    ndarray of shape (n, ...)

    Examples
    --------
    >>> shapley(np.array([0.0, 1.0, 2.0, 5.0]))  # together they give 2 more than apart
    array([2., 3.])
    """
    n = _players(values)
    weight = [factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)]
    shares = np.zeros((n, *values.shape[1:]))
    for player in range(n):
        for without in range(1 << n):
            if not without >> player & 1:
                shares[player] += weight[without.bit_count()] * (values[without | 1 << player] - values[without])
    return shares


def first_in(values: np.ndarray) -> np.ndarray:
    """Return what each part does alone in the control: shape (n, ...); parameters are those of :func:`shapley`."""
    return np.stack([values[1 << player] - values[0] for player in range(_players(values))])


def swap_back(values: np.ndarray) -> np.ndarray:
    """Return what is lost when each part alone is taken back in the treatment: shape (n, ...), with the sign of its effect."""
    whole = len(values) - 1
    return np.stack([values[whole] - values[whole ^ 1 << player] for player in range(_players(values))])


def group_smallest(sizes: Sequence[int], most: int = MOST_PLAYERS) -> tuple[tuple[int, ...], ...]:
    """Return which parts play together so that there are at most so many players: the smallest are put together.

    Parameters
    ----------
    sizes : sequence of int
        A size of each part; of equal ones the later is grouped first.
    most : int
        At least 1.

    Returns
    -------
    tuple of tuple of int
        Positions of the parts by player, in order of the first part; one group of several at most.

    Examples
    --------
    >>> group_smallest([5, 1, 9, 2], most=3)
    ((0,), (1, 3), (2,))
    """
    if most < 1:
        raise ValueError(f"a game needs a player; got most={most}")
    alone = len(sizes) if len(sizes) <= most else most - 1
    ranked = sorted(range(len(sizes)), key=lambda part: (-sizes[part], part))
    groups = [(part,) for part in ranked[:alone]]
    rest = tuple(sorted(ranked[alone:]))
    return tuple(sorted([*groups, rest] if rest else groups))


def contrast_estimate(
    runs: ArmMetrics,
    clusters: np.ndarray | None = None,
    *,
    redraws: np.ndarray | None = None,
    effective_raters: float = 0.0,
    max_ratings_an_item: int = 0,
) -> CombinedEstimate:
    """Return a contrast of coalitions with its interval over runs and items, and over raters where it was redrawn.

    A contrast of coalitions that share seeds is one number a run, so it is measured as one arm is. With redraws of the raters, which
    all coalitions share too, its spread is that of the difference between two arms with the same raters and seeds
    (:mod:`smo_pipelines.stats.random_raters`), of which one stands still.

    Parameters
    ----------
    runs : ArmMetrics
        The contrast of each run's metric and influence values.
    clusters : ndarray of shape (n_items,), optional
        Items with one id are not independent of each other.
    redraws : ndarray of shape (n_redraws,), optional
        The contrast on labels from redrawn raters; None for a claim about these raters only.
    effective_raters : float
        Of the arm that has fewer; needed with redraws, as is ``max_ratings_an_item``.

    Raises
    ------
    CannotEstimate
        With one run, runs that do not differ, fewer than two items, one cluster, too few raters or redraws.
    """
    if redraws is None:
        return arm_estimate(runs, clusters)

    def arm(values: np.ndarray, drawn: np.ndarray) -> RaterArm:
        return RaterArm(values, drawn, effective_raters, max_ratings_an_item)

    still = ArmMetrics(np.zeros_like(runs.values), np.zeros_like(runs.influences))
    items = crossed_components(still, runs, clusters).item_term
    return random_raters_estimate(
        arm(still.values, np.zeros_like(redraws)), arm(runs.values, redraws), RaterDesign.same, shared_seeds=True, items=items
    )
