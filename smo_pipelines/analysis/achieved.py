"""What an experiment turned out to be able to show, beside what was planned."""

import math
from dataclasses import dataclass

from scipy import special

from smo_pipelines.domain.effects import EffectEstimate
from smo_pipelines.domain.plans import TARGET_POWER

__all__ = ["Achieved", "achieved"]


@dataclass(frozen=True, kw_only=True)
class Achieved:
    """Half-width, power and least distance of an interval that was measured.

    Attributes
    ----------
    half_width : float
        Half the width of the interval.
    power : float
        The chance that an interval as wide, of an estimate with this variance, shows the planned distance. It asks nothing of the
        effect that was found: power at the found effect would only say its p value again (Hoenig and Heisey 2001).
    needed : float
        The distance for which that chance is the target power.
    """

    half_width: float
    power: float
    needed: float


def achieved(effect: EffectEstimate, distance: float) -> Achieved:
    """Return what an estimate could have shown, for a distance that was fixed before: an effect, or a margin.

    References
    ----------
    Hoenig, J. M. and Heisey, D. M. (2001). The abuse of power. The American Statistician 55, 19-24.
    """
    half = 0.5 * (effect.interval.high - effect.interval.low)
    sd = math.sqrt(math.fsum(effect.components.values()))
    return Achieved(
        half_width=half,
        power=float(special.ndtr((distance - half) / sd)) if sd > 0.0 else float(distance > half),
        needed=half + float(special.ndtri(TARGET_POWER)) * sd,
    )
