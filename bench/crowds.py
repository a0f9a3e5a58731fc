"""Raters whose errors are known: simulated ratings, with the truth behind them."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Crowd", "skilled_crowd", "strict_and_lenient_crowd"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Crowd:
    """Ratings as positions, in order of items: ``item``, ``rater``, ``label`` (n_ratings,); ``truth`` (n_items,)."""

    item: np.ndarray
    rater: np.ndarray
    label: np.ndarray
    truth: np.ndarray
    n_raters: int
    n_labels: int

    def __len__(self) -> int:
        return len(self.item)


def skilled_crowd(seed: int, *, n_items: int, n_raters: int, n_labels: int = 4, per_item: int = 3) -> Crowd:
    """Draw raters who are right with probability Beta(6, 3), two thirds on average, and else give any wrong label alike."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, n_items)
    right = rng.beta(6.0, 3.0, n_raters)
    item, rater = _assigned(rng, n_items, n_raters, per_item)
    wrong = (truth[item] + rng.integers(1, n_labels, len(item))) % n_labels
    label = np.where(rng.random(len(item)) < right[rater], truth[item], wrong).astype(np.int8)
    return Crowd(item=item, rater=rater, label=label, truth=truth, n_raters=n_raters, n_labels=n_labels)


def strict_and_lenient_crowd(seed: int, *, n_items: int, n_raters: int, prevalence: float = 0.3, per_item: int = 3) -> Crowd:
    """Draw raters who flag a violation with probability U(.45, .95) and a harmless item with U(.01, .25), each their own."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n_items) < prevalence).astype(np.int8)
    flags = np.stack([rng.uniform(0.01, 0.25, n_raters), rng.uniform(0.45, 0.95, n_raters)], axis=1)
    item, rater = _assigned(rng, n_items, n_raters, per_item)
    label = (rng.random(len(item)) < flags[rater, truth[item]]).astype(np.int8)
    return Crowd(item=item, rater=rater, label=label, truth=truth, n_raters=n_raters, n_labels=2)


def _assigned(rng: np.random.Generator, n_items: int, n_raters: int, per_item: int) -> tuple[np.ndarray, np.ndarray]:
    """Give each item so many different raters, drawn alike."""
    first = rng.integers(0, n_raters, (n_items, 1))
    step = rng.integers(1, max(n_raters // per_item, 2), (n_items, 1))
    rater = (first + step * np.arange(per_item)) % n_raters
    return np.repeat(np.arange(n_items, dtype=np.int32), per_item), rater.ravel().astype(np.int32)
