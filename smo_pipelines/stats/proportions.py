"""Bounds of a proportion."""

import numpy as np
from scipy import special

__all__ = ["wilson_lower"]


def wilson_lower(successes: np.ndarray, trials: np.ndarray, *, level: float = 0.95) -> np.ndarray:
    """Return the lower end of Wilson's two-sided interval of each proportion.

    With ``p = k / n`` and z the normal quantile: ``(p + z^2 / 2n - z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`` [1]_.

    Parameters
    ----------
    successes, trials : ndarray of shape (n,)
        Counts; trials above 0.

    References
    ----------
    .. [1] E. B. Wilson (1927). Probable inference, the law of succession, and statistical inference. Journal of the American
       Statistical Association 22(158), 209-212.
    """
    n = np.asarray(trials, dtype=np.float64)
    if bool((n <= 0).any()):
        raise ValueError("a proportion needs at least one trial")
    p, z = np.asarray(successes, dtype=np.float64) / n, float(-special.ndtri((1.0 - level) / 2.0))
    spread = z * np.sqrt(p * (1.0 - p) / n + z**2 / (4.0 * n**2))
    return np.asarray(np.maximum((p + z**2 / (2.0 * n) - spread) / (1.0 + z**2 / n), 0.0))
