"""What is measured of ratings and raters: a number with its interval, or why there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from smo_pipelines.domain.effects import Direction, Interval, WhyNot

__all__ = [
    "FEWEST_RATERS_SHOWN",
    "MEASURES",
    "Measure",
    "MeasureInfo",
    "Measured",
    "NotMeasured",
    "QualityGroup",
    "value_in_words",
]

FEWEST_RATERS_SHOWN = 5
"""Groups with fewer raters are for the people who run the operation; a page that others read leaves them out."""


class Measure(StrEnum):
    """Everything that is measured of a group of ratings; ``vitality`` of one rater only."""

    alpha = "alpha"
    fleiss_kappa = "fleiss_kappa"
    ac1 = "ac1"
    agreement = "agreement"
    vitality = "vitality"
    positive_share = "positive_share"
    gold_accuracy = "gold_accuracy"
    skip_rate = "skip_rate"
    acceptance = "acceptance"
    fix_rate = "fix_rate"
    rejection_rate = "rejection_rate"
    median_duration = "median_duration"
    mean_duration = "mean_duration"
    throughput = "throughput"
    cost_per_label = "cost_per_label"
    cost_per_accepted_label = "cost_per_accepted_label"
    cost_per_consensus_item = "cost_per_consensus_item"


@dataclass(frozen=True, kw_only=True)
class MeasureInfo:
    """How a measure is said: ``unit`` is ``share`` (shown in percent), empty for a coefficient; money has its currency."""

    title: str
    unit: str
    direction: Direction | None
    definition: str


_UP, _DOWN = Direction.higher_is_better, Direction.lower_is_better


def _info(title: str, unit: str, direction: Direction | None, definition: str) -> MeasureInfo:
    return MeasureInfo(title=title, unit=unit, direction=direction, definition=definition)


MEASURES: Mapping[Measure, MeasureInfo] = {
    Measure.alpha: _info("Krippendorff's alpha", "", _UP, "agreement beyond chance of items with two ratings or more"),
    Measure.fleiss_kappa: _info("Fleiss' kappa", "", _UP, "as alpha, every item weighing the same"),
    Measure.ac1: _info("Gwet's AC1", "", _UP, "agreement beyond chance that stays meaningful when one label is rare"),
    Measure.agreement: _info("Agreement", "share", _UP, "pairs of ratings of an item that agree, chance included"),
    Measure.vitality: _info("Vitality", "", _UP, "alpha of all raters minus alpha without this one"),
    Measure.positive_share: _info("Positive share", "share", None, "ratings with the guideline's positive label"),
    Measure.gold_accuracy: _info("Gold accuracy", "share", _UP, "ratings equal to the item's gold under the same guideline"),
    Measure.skip_rate: _info("Skip rate", "share", _DOWN, "ratings that were skipped"),
    Measure.acceptance: _info("Acceptance score", "share", _UP, "reviewed ratings that were accepted as they were"),
    Measure.fix_rate: _info("Fixed", "share", _DOWN, "reviewed ratings that were fixed and accepted"),
    Measure.rejection_rate: _info("Rejected", "share", _DOWN, "reviewed ratings that were rejected"),
    Measure.median_duration: _info("Median time a label", "s", None, "seconds from opening to submitting"),
    Measure.mean_duration: _info("Mean time a label", "s", None, "the same, with both 5% tails drawn in to their quantiles"),
    Measure.throughput: _info("Throughput", "labels a rater-day", _UP, "labels over days on which a rater labelled (UTC)"),
    Measure.cost_per_label: _info("Cost a label", "money", _DOWN, "all that was paid over labels that count"),
    Measure.cost_per_accepted_label: _info("Cost an accepted label", "money", _DOWN, "cost a label over the acceptance score"),
    Measure.cost_per_consensus_item: _info(
        "Cost a consensus item", "money", _DOWN, "all that was paid over items on which more than half of two raters or more agree"
    ),
}
"""What each measure is, in the order in which they are shown."""


@dataclass(frozen=True, kw_only=True)
class NotMeasured:
    """A number, or the interval of one, that has no honest value here, and why."""

    code: WhyNot
    sentence: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measured number.

    Attributes
    ----------
    value : float
        In ``unit``.
    interval : Interval or NotMeasured
        Over items and raters like these (over items, for one rater), or why there is none.
    n : int
        Ratings, items or rater-days that the number is a mean over; what, its measure says.
    """

    value: float
    interval: Interval | NotMeasured
    n: int
    unit: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"a measured number cannot be {self.value!r}")


@dataclass(frozen=True, kw_only=True)
class QualityGroup:
    """What is measured of one group of ratings.

    Attributes
    ----------
    keys : tuple of (str, str)
        What the ratings have in common, e.g. ``(("pool", "core"),)``.
    ratings, items, raters : int
        Ratings that count (the latest of a rater on an item under one guideline and instrument; skipped ones included).
    """

    keys: tuple[tuple[str, str], ...]
    ratings: int
    items: int
    raters: int
    measures: Mapping[Measure, Measured | NotMeasured]

    @property
    def name(self) -> str:
        """The group in words."""
        return ", ".join(f"{name} {value or '(none)'}" for name, value in self.keys) or "all ratings"

    @property
    def shareable(self) -> bool:
        """Whether a page that others read may show it."""
        return self.raters >= FEWEST_RATERS_SHOWN


def value_in_words(value: float, unit: str) -> str:
    """Return a number of a measure with its unit.

    Examples
    --------
    >>> value_in_words(0.8312, "share"), value_in_words(0.8312, ""), value_in_words(12.34, "s"), value_in_words(0.7, "USD")
    ('83.1%', '0.831', '12.3 s', '0.7000 USD')
    """
    if unit == "share":
        return f"{100.0 * value:.1f}%"
    if not unit:
        return f"{value:.3f}"
    return f"{value:.1f} {unit}" if unit in ("s", "labels a rater-day", "ratings a day") else f"{value:#.4g} {unit}"
