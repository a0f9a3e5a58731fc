"""What was asked of an experiment, and the two kinds of answer: an estimate, or why there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Direction",
    "EffectEstimate",
    "Estimand",
    "Interval",
    "NotEstimable",
    "Question",
    "Role",
    "ThresholdKind",
    "WhyNot",
]


class Role(StrEnum):
    """What an effect is for."""

    primary = "primary"
    guardrail = "guardrail"
    secondary = "secondary"
    gold_cell = "gold_cell"
    slice = "slice"


class ThresholdKind(StrEnum):
    """Where a thresholded metric is read: each fit's own tuned threshold, or the control's mean threshold for every fit."""

    tuned = "tuned"
    control = "control"


class Direction(StrEnum):
    """Which way a metric is better."""

    higher_is_better = "higher"
    lower_is_better = "lower"

    @property
    def sign(self) -> int:
        """+1 where higher is better, else -1."""
        return 1 if self is Direction.higher_is_better else -1


@dataclass(frozen=True, kw_only=True, order=True)
class Question:
    """Which number is asked for: one metric on one benchmark under one gold, on some of its items.

    Parameters
    ----------
    gold : str
        Guideline id of the gold; empty for the only gold of the benchmark.
    items : str
        ``"all"``, ``"gold_unchanged"`` (items whose gold is equal in both arms' guidelines) or ``"slice:<name>=<value>"``.
    """

    metric: str
    on: str
    gold: str = ""
    items: str = "all"
    threshold: ThresholdKind = ThresholdKind.tuned
    role: Role = Role.secondary

    @property
    def label(self) -> str:
        """A short name, unique within an experiment apart from the role."""
        parts = [self.metric, "on", self.on]
        if self.gold:
            parts.append(f"[gold {self.gold}]")
        if self.items != "all":
            parts.append(f"({self.items})")
        if self.threshold is ThresholdKind.control:
            parts.append("at control's threshold")
        return " ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A two-sided confidence interval."""

    low: float
    high: float
    level: float = 0.95

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"not an interval: [{self.low}, {self.high}]")

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Estimand:
    """What an estimate is about: printed with every number."""

    items: str
    raters: str
    training_items: str
    gold: str
    threshold: str

    @property
    def sentence(self) -> str:
        """One line for a report."""
        return f"{self.items}; {self.raters}; {self.training_items}; {self.gold}; {self.threshold}"


@dataclass(frozen=True, kw_only=True)
class EffectEstimate:
    """The change of one metric from control to treatment, with its uncertainty.

    Attributes
    ----------
    estimate : float
        Treatment minus control, in the metric's own unit and direction.
    improvement : float
        The same with the sign that makes positive better (property).
    p : float
        Two-sided, of "no effect".
    p_beyond_margin : float or None
        Guardrails: one-sided p of "not worse than the margin", small when the loss exceeds it.
    components : mapping of str to float
        Variance of the estimate by source (``runs``, ``items``, ``runs_by_items``, ``raters``), in squared units of the metric; the
        parts add up to the variance.
    narrowing : mapping of str to float
        By which share the interval would narrow with twice as many ``runs``, ``items`` or ``raters``.
    to_narrow : str
        The same in one sentence, the largest first.
    checks : mapping of str to Interval
        Intervals of the same change by other rules, shown beside the interval and never in its place.
    """

    question: Question
    direction: Direction
    control: float
    treatment: float
    interval: Interval
    p: float
    method: str
    estimand: Estimand
    n_items: int
    n_clusters: int
    n_runs: int
    n_redraws: int = 0
    effective_raters: float | None = None
    margin: float | None = None
    p_beyond_margin: float | None = None
    components: Mapping[str, float] = field(default_factory=dict)
    narrowing: Mapping[str, float] = field(default_factory=dict)
    to_narrow: str = ""
    checks: Mapping[str, Interval] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("control", "treatment", "p"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"an effect estimate cannot hold {name} = {getattr(self, name)!r}")
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"p = {self.p} is not a probability")

    @property
    def estimate(self) -> float:
        """Treatment minus control."""
        return self.treatment - self.control

    @property
    def improvement(self) -> float:
        """The estimate with positive meaning better."""
        return self.direction.sign * self.estimate

    @property
    def improvement_interval(self) -> Interval:
        """The interval with positive meaning better."""
        if self.direction is Direction.higher_is_better:
            return self.interval
        return Interval(low=-self.interval.high, high=-self.interval.low, level=self.interval.level)


class WhyNot(StrEnum):
    """Why a number could not be computed."""

    one_run = "one_run"
    no_run_variance = "no_run_variance"
    no_item_variance = "no_item_variance"
    hard_labels = "hard_labels"
    few_positives = "few_positives"
    one_class = "one_class"
    few_items = "few_items"
    one_cluster = "one_cluster"
    constant_scores = "constant_scores"
    few_raters = "few_raters"
    one_rating_an_item = "one_rating_an_item"
    few_redraws = "few_redraws"
    few_runs = "few_runs"
    few_nights = "few_nights"
    no_change = "no_change"
    no_gold = "no_gold"
    no_items = "no_items"
    no_disagreement = "no_disagreement"
    no_common_ground = "no_common_ground"
    anonymous_raters = "anonymous_raters"
    several_questions = "several_questions"
    mixed_currencies = "mixed_currencies"
    leaked = "leaked"
    not_recorded = "not_recorded"
    no_raters = "no_raters"
    no_flips = "no_flips"
    few_ratings = "few_ratings"
    within_chance = "within_chance"
    several_changes = "several_changes"
    unexplained = "unexplained"
    no_interval = "no_interval"
    no_group = "no_group"
    not_probabilities = "not_probabilities"


@dataclass(frozen=True, kw_only=True)
class NotEstimable:
    """A question that has no honest answer here, and why."""

    question: Question
    code: WhyNot
    sentence: str
    counts: Mapping[str, int] = field(default_factory=dict)
    margin: float | None = None
