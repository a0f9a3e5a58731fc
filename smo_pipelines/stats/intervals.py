"""An estimate whose variance is a sum of parts with their own degrees of freedom, and the interval and p values it gives."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

__all__ = ["CombinedEstimate", "VarianceTerm"]

_SMALLEST_LOG_P = -690.0  # e^-690 is about 1e-300: below it floating point ends


def _quantile(df: float, tail: float) -> float:
    """Return the point that t with ``df`` degrees of freedom (normal when infinite) exceeds with probability ``tail``."""
    return float(-special.ndtri(tail)) if math.isinf(df) else float(-special.stdtrit(df, tail))


@dataclass(frozen=True, kw_only=True)
class VarianceTerm:
    """One source's part of an estimate's variance; ``df`` is infinite where the variance counts as known."""

    source: str
    variance: float
    df: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.variance) and self.variance >= 0.0 and self.df > 0.0):
            raise ValueError(f"not a variance with degrees of freedom: {self}")


@dataclass(frozen=True, kw_only=True)
class CombinedEstimate:
    """A point estimate with variance terms, combined as Banerjee (1961) does for two.

    The half-width at level alpha is ``sqrt(sum_j q_j(1 - alpha/2)^2 V_j)`` with each term's own t quantile. It falls as alpha
    grows, so a p value is the alpha at which the interval just touches the null value.

    References
    ----------
    Banerjee, S. (1961). On confidence interval for two-means problem based on separate estimates of variances and tabulated
    values of t-table. Sankhya A 23, 359-378.
    """

    estimate: float
    terms: tuple[VarianceTerm, ...]

    @property
    def variance(self) -> float:
        """The sum of the terms."""
        return math.fsum(term.variance for term in self.terms)

    def half_width(self, alpha: float) -> float:
        """Return half the width of the two-sided interval at level ``1 - alpha``."""
        if not 0.0 < alpha <= 1.0:
            raise ValueError(f"alpha must be above 0 and at most 1, got {alpha}")
        return math.sqrt(math.fsum(_quantile(term.df, alpha / 2.0) ** 2 * term.variance for term in self.terms if term.variance))

    def satterthwaite(self, units: int) -> "CombinedEstimate":
        """Return the same estimate with one t quantile for its whole variance, as a check.

        ``df = V^2 / sum_j (V_j^2 / nu_j)`` (Satterthwaite 1946) over the terms, where terms with equal degrees of freedom are parts of
        one estimate and count as their sum, and a term whose degrees are infinite has those of ``units`` values.
        """
        parts: dict[float, float] = {}
        for term in self.terms:
            df = float(units - 1) if math.isinf(term.df) else term.df
            parts[df] = parts.get(df, 0.0) + term.variance
        df = self.variance**2 / math.fsum(variance**2 / df for df, variance in parts.items())
        return CombinedEstimate(estimate=self.estimate, terms=(VarianceTerm(source="all", variance=self.variance, df=df),))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the two-sided interval at level ``1 - alpha``."""
        half = self.half_width(alpha)
        return self.estimate - half, self.estimate + half

    def p_two_sided(self, null: float = 0.0) -> float:
        """Return the alpha at which ``null`` lies on the edge of the interval (bisection on log alpha)."""
        distance = abs(self.estimate - null)
        if distance == 0.0:
            return 1.0
        low, high = _SMALLEST_LOG_P, 0.0
        if self.half_width(math.exp(low)) <= distance:
            return math.exp(low)
        for _ in range(80):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.half_width(math.exp(middle)) <= distance else (middle, high)
        return float(np.exp(0.5 * (low + high)))

    def p_below(self, null: float) -> float:
        """Return the one-sided p of "at least ``null``": small when the estimate lies clearly below it.

        The one-sided bound at level a is the two-sided one at 2a, so this is half the two-sided p on that side.
        """
        half = 0.5 * self.p_two_sided(null)
        return half if self.estimate < null else 1.0 - half

    def p_above(self, null: float) -> float:
        """Return the one-sided p of "at most ``null``": small when the estimate lies clearly above it."""
        half = 0.5 * self.p_two_sided(null)
        return half if self.estimate > null else 1.0 - half
