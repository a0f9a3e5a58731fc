"""How many majorities another panel of raters would flip, and how spread the weights of a redraw must be to flip twice as many.

A redraw weighs each rater at random; an item's label is the side with more weight. Under weights with a gamma distribution of shape a
and mean 1, the share of weight behind k of n ratings is beta distributed with parameters ``a k`` and ``a (n - k)``, so that the redraw
flips with probability ``P(Beta <= 1/2)``. Exp(1) weights, a = 1, are the Bayesian bootstrap; they make a panel of n as noisy as one of
about n / 2. Where most raters agree, that flips clear items which another panel would hardly ever flip.

What another panel would do is estimated from the votes. Raters who are drawn at random give an item's positive ratings a binomial
distribution with the item's own probability q, whatever they have in common elsewhere; the distribution of q over items is the
nonparametric maximum likelihood estimate of the mixture (Laird 1978, Journal of the American Statistical Association 73(364),
805-811), by expectation and maximisation on a grid.
"""

from collections.abc import Mapping

import numpy as np
from scipy import special

__all__ = ["ALLOWANCE", "MAX_SHAPE", "flips_of_other_panels", "flips_of_redraws", "matching_shape"]

MAX_SHAPE = 32.0
"""Largest shape returned: weights that hardly differ."""

ALLOWANCE = 2.0
"""Flips of a redraw over those of another panel, at least. Raters move items together, by their strictness, and more so than a redraw that flips no
more than they do: with 1 the interval held the truth of 90% of simulated changes, with 1.5 of 93%, with 2 of 95%
(``docs/decisions/014-how-much-a-redraw-flips.md``)."""

_GRID = (np.arange(200) + 0.5) / 200
_ROUNDS = 200
_BISECTIONS = 40

Panels = Mapping[int, np.ndarray]


def flips_of_other_panels(panels: Panels) -> float:
    """Return on how many items the majorities of two independent panels of the same size are expected to differ, neither being a tie.

    Parameters
    ----------
    panels : mapping of int to ndarray of shape (size + 1,)
        By panel size, from 2: the number of items with 0, 1, ... size positive ratings.
    """
    chances = {size: _binomial(size) for size in panels}
    mixture = _mixture(panels, chances)
    flips = 0.0
    for size, items in panels.items():
        positives = 2 * np.arange(size + 1)
        yes, no = (chances[size][side].sum(axis=0) for side in (positives > size, positives < size))
        flips += float(items.sum() * (mixture * 2.0 * yes * no).sum())
    return flips


def flips_of_redraws(panels: Panels, shape: float) -> float:
    """Return on how many items with a majority two redraws with weights of this shape are expected to differ."""
    flips = 0.0
    for size, items in panels.items():
        split = np.arange(1, size)
        majority = np.where(2 * split == size, 0.0, items[1:size])
        positive = 1.0 - special.betainc(shape * split, shape * (size - split), 0.5)
        flips += float((majority * 2.0 * positive * (1.0 - positive)).sum())
    return flips


def matching_shape(panels: Panels) -> float:
    """Return the shape, 1 or more, at which redraws flip :data:`ALLOWANCE` times as many majorities as other panels would.

    Never below 1, Exp(1) weights, for which intervals were calibrated on three ratings an item. Three significant digits are kept, so
    that rounding of one machine and another gives the same weights.
    """
    if not panels:
        return 1.0
    wanted = ALLOWANCE * flips_of_other_panels(panels)
    if flips_of_redraws(panels, 1.0) <= wanted:
        return 1.0
    low, high = 1.0, MAX_SHAPE
    for _ in range(_BISECTIONS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if flips_of_redraws(panels, middle) > wanted else (low, middle)
    return float(f"{low:.3g}")


def _binomial(size: int) -> np.ndarray:
    """Return the probability of each number of positive ratings at each q: shape (size + 1, grid)."""
    positives = np.arange(size + 1)[:, np.newaxis]
    return np.asarray(special.comb(size, positives) * _GRID**positives * (1.0 - _GRID) ** (size - positives))


def _mixture(panels: Panels, chances: Mapping[int, np.ndarray]) -> np.ndarray:
    mixture = np.full(len(_GRID), 1.0 / len(_GRID))
    for _ in range(_ROUNDS):
        held = np.zeros(len(_GRID))
        for size, items in panels.items():
            joint = chances[size] * mixture
            held += items @ (joint / joint.sum(axis=1, keepdims=True))
        mixture = held / held.sum()
    return mixture
