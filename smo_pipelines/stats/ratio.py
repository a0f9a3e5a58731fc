"""The interval of a ratio whose denominator is not known exactly."""

import math

from smo_pipelines.errors import CannotEstimate

__all__ = ["fieller_interval"]


def fieller_interval(
    numerator: float, numerator_half_width: float, denominator: float, denominator_half_width: float
) -> tuple[float, float]:
    """Return the interval of ``numerator / denominator`` of two independent estimates, each with a symmetric interval.

    It holds every ratio r for which ``numerator - r denominator`` is not told apart from 0. The half-width of that difference is
    ``sqrt(h_a^2 + r^2 h_b^2)`` (Graybill and Wang 1980, as for the sums of :mod:`smo_pipelines.stats.intervals`), so the ends solve

        r^2 (b^2 - h_b^2) - 2 a b r + a^2 - h_a^2 = 0

    which for equal quantiles is Fieller's theorem with no covariance. Of a numerator that is known, the ends are ``a / (b + h_b)`` and
    ``a / (b - h_b)``.

    Parameters
    ----------
    numerator_half_width : float
        0 where the numerator is known.
    denominator_half_width : float

    Raises
    ------
    CannotEstimate
        When the denominator's interval holds 0: the set of such ratios has no bounds.

    References
    ----------
    Fieller, E. C. (1954). Some problems in interval estimation. J. R. Statist. Soc. B 16, 175-185.
    Graybill, F. A. and Wang, C.-M. (1980). Confidence intervals on nonnegative linear combinations of variances. JASA 75, 869-873.

    Examples
    --------
    >>> fieller_interval(12.0, 0.0, 4.0, 2.0)
    (2.0, 6.0)
    """
    a, b = numerator, denominator
    bounded = b * b - denominator_half_width**2
    if not bounded > 0.0:
        raise CannotEstimate("within_noise", "the denominator's interval holds 0, so the ratio has no bounds")
    # the discriminant a^2 h_b^2 + h_a^2 (b^2 - h_b^2) is a sum of what is not negative
    root = math.sqrt((a * denominator_half_width) ** 2 + numerator_half_width**2 * bounded)
    return (a * b - root) / bounded, (a * b + root) / bounded
