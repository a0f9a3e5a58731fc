"""Whether a metric is shown to be not worse, or shown to be worse, than a margin allows.

Both are read from the same interval of the improvement (positive is better), each on its own side of ``-margin``; in between
nothing is shown. Several guardrails that must all be non-inferior need no correction (intersection-union, Berger 1982).
"""

from smo_pipelines.stats.intervals import CombinedEstimate

__all__ = ["is_beyond_margin", "is_non_inferior", "p_beyond_margin", "p_non_inferior"]


def _checked(margin: float) -> float:
    if not margin > 0.0:
        raise ValueError(f"a margin must be above 0, got {margin}")
    return margin


def is_non_inferior(improvement_low: float, margin: float) -> bool:
    """Whether the whole interval of the improvement lies above ``-margin``."""
    return improvement_low > -_checked(margin)


def is_beyond_margin(improvement_high: float, margin: float) -> bool:
    """Whether the whole interval of the improvement lies below ``-margin``."""
    return improvement_high < -_checked(margin)


def p_non_inferior(difference: CombinedEstimate, margin: float, sign: int) -> float:
    """Return the one-sided p of "worse by the margin or more": small when non-inferiority is shown.

    Parameters
    ----------
    difference : CombinedEstimate
        Treatment minus control in the metric's own direction.
    sign : {1, -1}
        +1 where higher is better.
    """
    margin = _checked(margin)
    return difference.p_above(-margin) if sign > 0 else difference.p_below(margin)


def p_beyond_margin(difference: CombinedEstimate, margin: float, sign: int) -> float:
    """Return the one-sided p of "not worse than the margin": small when the loss exceeds it (arguments as above)."""
    margin = _checked(margin)
    return difference.p_below(-margin) if sign > 0 else difference.p_above(margin)
