"""Runs whose scores are Gaussian with known components: the truth of any metric's difference can be computed.

The score of item i by run k of arm a is ``alpha_ak + beta_ak y_i + b_i + h_ai + e_aki``: runs move the level (alpha) and the
separation (beta), ``b`` is an item's difficulty shared by all runs, ``h`` what an arm's labels did to an item, and ``e`` the churn
of one run. The item terms have total variance 1. A score at or above 0 is flagged.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

__all__ = ["LatentScores", "Trial"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, eq=False)
class Trial:
    """One experiment: scores of shape (2, n_runs, n_items), arms control and treatment; references and clusters (n_items,)."""

    scores: np.ndarray
    references: np.ndarray
    clusters: np.ndarray


@dataclass(frozen=True, kw_only=True)
class LatentScores:
    """A population of experiments.

    Attributes
    ----------
    effect : float
        What the treatment's separation is lowered by.
    heterogeneity, churn : float
        Variances of h and of e.
    seed_correlation : float
        Between run k of the control and run k of the treatment, of everything that a run moves: level, separation and churn.
    treatment_spread : float
        The treatment's standard deviations of level and separation, in those of the control.
    cluster_size : int
        Items to a cluster: they have one reference, and ``cluster_share`` of the variances of b and h in common.
    """

    effect: float = 0.0
    heterogeneity: float = 0.0
    prevalence: float = 0.30
    level: float = -1.10
    separation: float = 2.05
    level_sd: float = 0.07
    separation_sd: float = 0.06
    churn: float = 0.05
    seed_correlation: float = 0.0
    treatment_spread: float = 1.0
    cluster_size: int = 1
    cluster_share: float = 0.70

    def draw(self, rng: np.random.Generator, n_runs: int, n_items: int) -> Trial:
        """Draw fresh items and fresh runs in both arms."""
        clusters = np.arange(n_items) // self.cluster_size
        references = (rng.random(clusters[-1] + 1) < self.prevalence).astype(np.int8)[clusters]
        shared = self._items(rng, 1.0 - self.heterogeneity - self.churn, clusters)
        arms: list[np.ndarray] = []
        noise: list[np.ndarray] = []
        for separation, spread in ((self.separation, 1.0), (self.separation - self.effect, self.treatment_spread)):
            moved = [rng.normal(size=(n_runs, 1)), rng.normal(size=(n_runs, 1))]
            items = shared + self._items(rng, self.heterogeneity, clusters)
            moved.append(rng.normal(size=(n_runs, n_items)))
            if noise and self.seed_correlation:
                own = np.sqrt(1.0 - self.seed_correlation**2)
                moved = [self.seed_correlation * first + own * fresh for first, fresh in zip(noise, moved, strict=True)]
            noise = moved
            level = self.level + spread * self.level_sd * moved[0]
            slope = separation + spread * self.separation_sd * moved[1]
            arms.append(level + slope * references + items + np.sqrt(self.churn) * moved[2])
        return Trial(np.stack(arms), references, clusters)

    def _items(self, rng: np.random.Generator, variance: float, clusters: np.ndarray) -> np.ndarray:
        own = rng.normal(0.0, np.sqrt(variance), len(clusters))
        if self.cluster_size == 1:
            return own
        common = rng.normal(0.0, np.sqrt(variance), clusters[-1] + 1)[clusters]
        return np.asarray(np.sqrt(self.cluster_share) * common + np.sqrt(1.0 - self.cluster_share) * own)

    @cached_property
    def _arms(self) -> tuple["_Arm", "_Arm"]:
        control = _Arm(self.prevalence, self.level, self.separation, self.level_sd, self.separation_sd)
        spread = self.treatment_spread
        sds = spread * self.level_sd, spread * self.separation_sd
        return control, _Arm(self.prevalence, self.level, self.separation - self.effect, *sds)

    def true_difference(self, metric: str) -> float:
        """Return treatment - control of a metric's expectation over runs, on a large benchmark of independent items."""
        control, treatment = (_EXPECTED[metric](arm) for arm in self._arms)
        return treatment - control


@dataclass(frozen=True)
class _Arm:
    """The runs of one arm: prevalence, then the means and standard deviations of level and separation."""

    prevalence: float
    level: float
    separation: float
    level_sd: float
    separation_sd: float


def _accuracy(arm: _Arm) -> float:
    """Scores are normal in each class, over items and runs together."""
    wrong_negative = special.ndtr(arm.level / np.sqrt(1.0 + arm.level_sd**2))
    positive_sd = np.sqrt(1.0 + arm.level_sd**2 + arm.separation_sd**2)
    right_positive = special.ndtr((arm.level + arm.separation) / positive_sd)
    return float((1.0 - arm.prevalence) * (1.0 - wrong_negative) + arm.prevalence * right_positive)


def _f1(arm: _Arm) -> float:
    """By quadrature over runs of ``2 p TPR / (p TPR + (1 - p) FPR + p)``."""
    level = arm.level + arm.level_sd * _NODES[:, None]
    caught = arm.prevalence * special.ndtr(level + arm.separation + arm.separation_sd * _NODES)
    alarms = (1.0 - arm.prevalence) * special.ndtr(level)
    return float(_WEIGHTS @ (2.0 * caught / (caught + alarms + arm.prevalence)) @ _WEIGHTS)


def _average_precision(arm: _Arm) -> float:
    """By quadrature over scores and runs."""
    cut = np.linspace(-9.0, 12.0, 8001)
    slope = arm.separation + arm.separation_sd * _NODES[:, None]
    caught = arm.prevalence * special.ndtr(slope - cut)
    precision = caught / (caught + (1.0 - arm.prevalence) * special.ndtr(-cut))
    density = np.exp(-0.5 * (cut - slope) ** 2) / np.sqrt(2.0 * np.pi)
    return float(_WEIGHTS @ np.trapezoid(density * precision, cut, axis=1))


def _auroc(arm: _Arm) -> float:
    """From the difference of a positive's and a negative's score of one run, normal with variance 2 over items."""
    return float(special.ndtr(arm.separation / np.sqrt(2.0 + arm.separation_sd**2)))


def _recall_at_5_per_cent(arm: _Arm) -> float:
    """Positives lie the separation above negatives of the same run, both normal with variance 1 over items."""
    return float(special.ndtr((arm.separation - special.ndtri(0.95)) / np.sqrt(1.0 + arm.separation_sd**2)))


_EXPECTED = {
    "functional_pass_rate": _accuracy,
    "f1": _f1,
    "average_precision": _average_precision,
    "auroc": _auroc,
    "recall_at_fpr_05": _recall_at_5_per_cent,
}
