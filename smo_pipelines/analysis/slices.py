"""Slices read together: there are many, so some look clear by luck."""

from collections.abc import Mapping, Sequence

from smo_pipelines.domain.effects import EffectEstimate, Question, Role
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.stats.multiplicity import benjamini_hochberg

__all__ = ["SLICE_RATE", "adjusted_slices"]

SLICE_RATE = 0.1
"""The share of false ones that is accepted among the slices that are pointed out."""


def adjusted_slices(effects: Sequence[Effect]) -> Mapping[Question, float]:
    """Return the p of each slice's effect after allowing for all of the experiment's slices (Benjamini and Hochberg 1995).

    Those of at most :data:`SLICE_RATE` are worth a look; they explain and decide nothing. A slice without an estimate is no test.
    """
    slices = [one for one in effects if isinstance(one, EffectEstimate) and one.question.role is Role.slice]
    adjusted = benjamini_hochberg([one.p for one in slices]).tolist()
    return dict(zip((one.question for one in slices), adjusted, strict=True))
