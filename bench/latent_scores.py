"""Runs whose scores are Gaussian with known components: the truth of any metric's difference can be computed.

The score of item i by run k of arm a is ``alpha_ak + beta_ak y_i + b_i + h_ai + e_aki``: runs move the level (alpha) and the
separation (beta), ``b`` is an item's difficulty shared by all runs, ``h`` what an arm's labels did to an item, and ``e`` the churn
of one run. The item terms have total variance 1. A score at or above 0 is flagged.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

__all__ = ["LatentScores", "Trial"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One experiment: scores of shape (2, n_runs, n_items), arms control and treatment; references (n_items,)."""

    scores: np.ndarray
    references: np.ndarray


@dataclass(frozen=True, kw_only=True)
class LatentScores:
    """A population of experiments; ``effect`` lowers the treatment's separation, ``heterogeneity`` is the variance of h."""

    effect: float = 0.0
    heterogeneity: float = 0.0
    prevalence: float = 0.30
    level: float = -1.10
    separation: float = 2.05
    level_sd: float = 0.07
    separation_sd: float = 0.06
    churn: float = 0.05

    def draw(self, rng: np.random.Generator, n_runs: int, n_items: int) -> Trial:
        """Draw fresh items and fresh, independent runs in both arms."""
        references = (rng.random(n_items) < self.prevalence).astype(np.int8)
        shared = rng.normal(0.0, np.sqrt(1.0 - self.heterogeneity - self.churn), n_items)
        arms = []
        for separation in (self.separation, self.separation - self.effect):
            level = self.level + self.level_sd * rng.normal(size=(n_runs, 1))
            slope = separation + self.separation_sd * rng.normal(size=(n_runs, 1))
            items = shared + rng.normal(0.0, np.sqrt(self.heterogeneity), n_items)
            arms.append(level + slope * references + items + rng.normal(0.0, np.sqrt(self.churn), (n_runs, n_items)))
        return Trial(np.stack(arms), references)

    def true_accuracy(self, separation: float) -> float:
        """Return the expected accuracy of a run: scores are normal in each class, over items and runs together."""
        wrong_negative = special.ndtr(self.level / np.sqrt(1.0 + self.level_sd**2))
        positive_sd = np.sqrt(1.0 + self.level_sd**2 + self.separation_sd**2)
        right_positive = special.ndtr((self.level + separation) / positive_sd)
        return float((1.0 - self.prevalence) * (1.0 - wrong_negative) + self.prevalence * right_positive)

    def true_average_precision(self, separation: float) -> float:
        """Return the expected average precision of a run on a large benchmark, by quadrature over scores and runs."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(21)
        cut = np.linspace(-9.0, 12.0, 8001)
        slope = separation + self.separation_sd * nodes[:, None]
        caught = self.prevalence * special.ndtr(slope - cut)
        precision = caught / (caught + (1.0 - self.prevalence) * special.ndtr(-cut))
        density = np.exp(-0.5 * (cut - slope) ** 2) / np.sqrt(2.0 * np.pi)
        each = np.trapezoid(density * precision, cut, axis=1)
        return float(weights @ each / weights.sum())

    def true_difference(self, metric: str) -> float:
        """Return treatment - control of ``functional_pass_rate`` or ``average_precision``."""
        truth = {"functional_pass_rate": self.true_accuracy, "average_precision": self.true_average_precision}[metric]
        return truth(self.separation - self.effect) - truth(self.separation)
