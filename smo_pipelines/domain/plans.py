"""What is planned before an experiment is trained: the spread that its numbers will have, the power that follows, and what it costs."""

import math
from dataclasses import dataclass

from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.effects import Interval, NotEstimable, Question

__all__ = [
    "TARGET_POWER",
    "CheapestDesign",
    "ClassifierComponents",
    "MeasuredComponents",
    "NotReachable",
    "Plan",
    "PlanCost",
    "PlannedDesign",
    "PlannedQuestion",
    "VarianceComponents",
]

TARGET_POWER = 0.8
"""The power that a design is asked for."""


@dataclass(frozen=True, kw_only=True)
class VarianceComponents:
    """Where the difference of one metric between two arms gets its spread from, each part for one run and one unit.

    Attributes
    ----------
    sd_seed : float
        Standard deviation between the runs of one arm on endless items, in the metric's unit.
    sd_item : float
        Standard deviation over units of the difference of the arms' mean influence values, without churn.
    sd_seed_by_item : float
        Churn: the standard deviation of one run's influence value around its arm's mean for that unit.
    sd_rater : float, optional
        Standard deviation of one arm's metric when its raters are drawn again; of the difference it is ``sqrt(2)`` of that. None
        where raters were never redrawn.
    effective_raters : float, optional
        Of an arm, when ``sd_rater`` was measured.
    same_raters : bool
        Whether ``sd_rater`` is that of arms rated by the same raters, in whose difference a part of it cancels.
    seed_correlation : float
        Between the metrics of two arms' runs with one seed; 0 where it was not measured, which plans for too much spread.
    run_df, redraw_df : float
        Degrees of freedom of the run and the rater variance: from how many fits the components are known.
    units : int
        Independent units of the benchmark they were measured on: items, or clusters of items.
    """

    sd_seed: float
    sd_item: float
    sd_seed_by_item: float
    sd_rater: float | None = None
    effective_raters: float | None = None
    same_raters: bool = False
    seed_correlation: float = 0.0
    run_df: float
    redraw_df: float | None = None
    units: int

    def __post_init__(self) -> None:
        sds = [self.sd_seed, self.sd_item, self.sd_seed_by_item, *([] if self.sd_rater is None else [self.sd_rater])]
        if not all(math.isfinite(sd) and sd >= 0.0 for sd in sds):
            raise ValueError(f"a standard deviation is a finite number of at least 0: {self}")
        if (self.sd_rater is None) != (self.effective_raters is None) or (self.sd_rater is None) != (self.redraw_df is None):
            raise ValueError("a rater standard deviation goes with the effective raters and the redraws it was measured with")
        if not (-1.0 <= self.seed_correlation <= 1.0 and self.run_df > 0.0 and self.units >= 2):
            raise ValueError(f"not a measurement of at least two runs on at least two units: {self}")


@dataclass(frozen=True, kw_only=True)
class MeasuredComponents:
    """Variance components with what they hold for: one question, by one classifier, trained on so many items of one project.

    Attributes
    ----------
    change : ChangeKind
        The kind of change between the arms whose items were compared; ``none`` where only the raters differed.
    benchmark : str
        The beginning of the digest of the benchmark's version.
    source : str
        What they were measured on, in words.
    """

    question: Question
    change: ChangeKind
    project: str
    benchmark: str
    training_items: int
    components: VarianceComponents
    source: str


@dataclass(frozen=True, kw_only=True)
class ClassifierComponents:
    """What was measured of one classifier: ``classifier`` is the beginning of its configuration's digest."""

    classifier: str
    measured: tuple[MeasuredComponents, ...]
    seconds_a_fit: float | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedDesign:
    """How an experiment is run: what more money or time could change.

    Attributes
    ----------
    replicates, redraws : int
        Fits of each arm on its actual labels, and on redraws of its raters.
    items : int
        Of the benchmark that answers the question.
    ratings_an_item : float
        Of the training items, in each arm.
    """

    replicates: int
    redraws: int
    items: int
    ratings_an_item: float

    @property
    def fits(self) -> int:
        """Of both arms."""
        return 2 * (self.replicates + self.redraws)


@dataclass(frozen=True, kw_only=True)
class PlanCost:
    """What a design costs beyond the labels that are there.

    Attributes
    ----------
    minutes : float or None
        Of training and scoring on this machine; None where no fit was timed.
    labels : int
        Ratings that have to be made: of training items and of new benchmark items.
    money : float or None
        For those; None where ``labels`` is above 0 and no cost of a label is known.
    currency : str
    """

    minutes: float | None
    labels: int
    money: float | None
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class CheapestDesign:
    """The cheapest design that reaches the target power."""

    design: PlannedDesign
    power: float
    cost: PlanCost


@dataclass(frozen=True, kw_only=True)
class NotReachable:
    """No design that was searched reaches the target power.

    Attributes
    ----------
    best : PlannedDesign
        The largest design that was searched, with the most power.
    needed : float
        The distance that even this one needs.
    limited_by : str
        The largest part of its variance: ``runs``, ``items`` or ``raters``.
    share : float
        That part's share of the variance.
    """

    best: PlannedDesign
    power: float
    needed: float
    limited_by: str
    share: float


@dataclass(frozen=True, kw_only=True)
class PlannedQuestion:
    """The power of the registered design for one question, and the cheapest design that has enough.

    Attributes
    ----------
    distance : float
        What has to be shown: the smallest effect of interest of a primary, the margin of a guardrail.
    power : float
        For the primary the chance of an interval wholly above 0 when the effect is ``distance``; for a guardrail that of an interval
        wholly above minus the margin when nothing changes.
    interval : Interval
        Of that power, given how few fits the components are known from.
    needed : float
        The distance that the design has the target power for: the minimum detectable effect, or the least margin.
    half_width : float
        The median half-width of the interval to come.
    components : VarianceComponents
    source : str
        Where the components were measured, in words.
    """

    question: Question
    distance: float
    power: float
    interval: Interval
    needed: float
    half_width: float
    components: VarianceComponents
    source: str
    design: PlannedDesign
    cost: PlanCost
    cheapest: CheapestDesign | NotReachable

    @property
    def enough(self) -> bool:
        """Whether the registered design reaches the target power."""
        return self.power >= TARGET_POWER


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was expected of an experiment before it was trained; the primary's answer stands first."""

    experiment: str
    spec_hash: str
    alpha: float
    target: float
    questions: tuple[PlannedQuestion | NotEstimable, ...]

    @property
    def primary(self) -> PlannedQuestion | NotEstimable:
        """The answer on the primary metric."""
        return self.questions[0]
