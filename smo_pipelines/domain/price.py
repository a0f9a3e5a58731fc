"""What the labels and the computing of an experiment cost, and what a point of its metric cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import CannotEstimate

__all__ = ["ArmPrice", "ArmSpending", "ComputePrice", "ComputeUse", "ExperimentPrice", "LabelSpending", "Money", "PricePerPoint"]


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount of one currency; amounts of two are never added up.

    Examples
    --------
    >>> Money(amount=3.0, currency="EUR") - Money(amount=1.0, currency="EUR")
    Money(amount=2.0, currency='EUR')
    """

    amount: float
    currency: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.amount) or not self.currency:
            raise ValueError(f"not an amount of money: {self.amount!r} {self.currency!r}")

    def __add__(self, other: "Money") -> "Money":
        self._refuse_other_currency(other)
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._refuse_other_currency(other)
        return Money(amount=self.amount - other.amount, currency=self.currency)

    def _refuse_other_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CannotEstimate(
                WhyNot.mixed_currencies,
                f"amounts of {self.currency} and {other.currency} are not added up; give the ratings' costs and configs/costs.yaml "
                "in one currency",
                currencies=2,
            )


@dataclass(frozen=True, kw_only=True)
class LabelSpending:
    """What was paid for the ratings of one arm, on the items that both arms label.

    Attributes
    ----------
    total : Money or NotMeasured
        Ratings that were skipped, given again or rejected in review were paid too and are in it.
    ratings : int
        How many ratings that is.
    """

    total: Money | NotMeasured
    ratings: int


@dataclass(frozen=True, kw_only=True)
class ComputeUse:
    """How long the fits of one arm took on what they ran on, as measured when each was made.

    Attributes
    ----------
    device : {"core", "gpu"}
        What is counted: processor cores (seconds times threads), or GPUs.
    hours : float
        Of all fits together, in core hours or GPU hours.
    variance : float
        Of ``hours``, in squared hours: the spread between fits of one kind, times their number.
    df : int
        Its degrees of freedom; 0 where no kind has two fits.
    """

    device: str
    fits: int
    hours: float
    variance: float
    df: int


@dataclass(frozen=True, kw_only=True)
class ArmSpending:
    """One arm's labels and computing, before anything has a price."""

    arm: ArmName
    labels: LabelSpending
    compute: ComputeUse | NotMeasured


@dataclass(frozen=True, kw_only=True)
class ComputePrice:
    """``configs/costs.yaml``: what an hour costs, by device; a device without a price is told in hours alone."""

    currency: str = ""
    an_hour: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class ArmPrice:
    """What one arm cost.

    Attributes
    ----------
    computing : Money or NotMeasured or None
        None where an hour has no price: then ``total`` is the labels alone.
    """

    spending: ArmSpending
    computing: Money | NotMeasured | None
    total: Money | NotMeasured


@dataclass(frozen=True, kw_only=True)
class PricePerPoint:
    """The treatment's extra cost over the improvement of the primary metric.

    Attributes
    ----------
    price : Money
        Of one unit of improvement; below 0 where the treatment costs less.
    interval : Interval
        Of ``price.amount``, by Fieller's theorem.
    unit : str
        ``"point"``, or the metric's own unit.
    sentence : str
        The same in words.
    """

    price: Money
    interval: Interval
    unit: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class ExperimentPrice:
    """What both arms cost, what the treatment costs beyond the control, and what that is a point; it decides nothing."""

    arms: tuple[ArmPrice, ...]
    extra: Money | NotMeasured
    per_point: PricePerPoint | NotMeasured
