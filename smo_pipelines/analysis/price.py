"""From what was spent to what a point of the primary metric cost."""

import math
from collections.abc import Callable, Sequence

from scipy import special

from smo_pipelines.domain.effects import EffectEstimate, Interval, WhyNot
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.domain.phrases import amount, money_words, unit_of
from smo_pipelines.domain.price import ArmPrice, ArmSpending, ComputePrice, ComputeUse, ExperimentPrice, Money, PricePerPoint
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.ratio import fieller_interval

__all__ = ["price_of"]


def price_of(spending: Sequence[ArmSpending], effect: Effect | None, price: ComputePrice) -> ExperimentPrice:
    """Return what an experiment's arms cost, and the price of a point.

    The price of a point is the extra cost of the treatment over the improvement of the primary metric: of these labels, as they were
    paid, on the items that both arms label, and of fits like these. Money that was paid is known; the time of the fits varies from one
    to the next, and so does the improvement, so the interval is Fieller's. It is left out while the improvement's interval holds 0,
    and where the treatment is better and cheaper, or worse and dearer: a ratio below 0 orders nothing.

    Parameters
    ----------
    spending : sequence of ArmSpending
        The control's first, then the treatment's.
    effect : EffectEstimate or NotEstimable or None
        Of the primary metric; None where no effect is shown.
    """
    arms = tuple(_arm_price(one, price) for one in spending)
    control, treatment = arms
    extra = _or_why_not(lambda: _known(treatment.total) - _known(control.total))
    per_point: PricePerPoint | NotMeasured
    try:
        per_point = _per_point(_known(extra), arms, effect)
    except CannotEstimate as error:
        per_point = _why_not(error)
    return ExperimentPrice(arms=arms, extra=extra, per_point=per_point)


def _arm_price(spending: ArmSpending, price: ComputePrice) -> ArmPrice:
    labels, compute = spending.labels.total, spending.compute
    if isinstance(compute, NotMeasured) or (price.an_hour or {}).get(compute.device) is None:
        # unpriced computing is told in hours; computing that was priced and not measured leaves the sum unknown
        unknown = compute if isinstance(compute, NotMeasured) and price.an_hour else None
        return ArmPrice(spending=spending, computing=unknown, total=unknown or labels)
    paid = Money(amount=compute.hours * (price.an_hour or {})[compute.device], currency=price.currency)
    return ArmPrice(spending=spending, computing=paid, total=_or_why_not(lambda: _known(labels) + paid))


def _half_width(arms: Sequence[ArmPrice], level: float) -> float:
    """Return how far the extra cost may be off at a level: what the time of the fits varies by."""
    variance = weighted = 0.0
    for arm in arms:
        use = arm.spending.compute
        if isinstance(arm.computing, Money) and isinstance(use, ComputeUse) and use.hours:
            part = use.variance * (arm.computing.amount / use.hours) ** 2
            if use.df:
                variance, weighted = variance + part, weighted + part**2 / use.df
    if not weighted:
        return 0.0
    df = variance**2 / weighted  # Satterthwaite 1946
    return float(-special.stdtrit(df, 0.5 * (1.0 - level))) * math.sqrt(variance)


def _per_point(extra: Money, arms: Sequence[ArmPrice], effect: Effect | None) -> PricePerPoint:
    if not isinstance(effect, EffectEstimate):
        raise CannotEstimate(WhyNot.within_noise, "no effect is shown, so no point has a price")
    better = effect.improvement_interval
    if better.low <= 0.0 <= better.high:
        raise CannotEstimate(WhyNot.within_noise, "the effect is within noise, so the price has no bounds")
    extra_half = _half_width(arms, better.level)
    gained, certain = effect.improvement > 0.0, abs(extra.amount) > extra_half
    if certain and gained is (extra.amount < 0.0):
        said = "better and cheaper" if gained else "worse and dearer"
        raise CannotEstimate(WhyNot.not_comparable, f"the treatment is {said}, and a price below 0 a point orders nothing")
    metric = effect.question.metric
    gain, half = amount(metric, effect.improvement), amount(metric, (better.high - better.low) / 2.0)
    low, high = fieller_interval(extra.amount, extra_half, gain, half)
    price = Money(amount=extra.amount / gain, currency=extra.currency)
    interval = Interval(low=low, high=high, level=better.level)
    unit = "point" if unit_of(metric) else f"unit of {metric.replace('_', ' ')}"
    ends = " to ".join(money_words(end, extra.currency) for end in (low, high))
    said = f"each {unit} gained cost" if gained else f"each {unit} lost saved"
    if not extra.amount and not extra_half:
        said = f"the {unit}s gained cost nothing" if gained else f"the {unit}s lost saved nothing"
        return PricePerPoint(price=price, interval=interval, unit=unit, sentence=said)
    sentence = f"{said} {money_words(price.amount, extra.currency)} ({100.0 * better.level:.4g}% interval {ends})"
    return PricePerPoint(price=price, interval=interval, unit=unit, sentence=sentence)


def _known(money: Money | NotMeasured) -> Money:
    if isinstance(money, NotMeasured):
        raise CannotEstimate(money.code, money.sentence, **money.counts)
    return money


def _or_why_not(compute: Callable[[], Money]) -> Money | NotMeasured:
    try:
        return compute()
    except CannotEstimate as error:
        return _why_not(error)


def _why_not(error: CannotEstimate) -> NotMeasured:
    return NotMeasured(code=WhyNot(error.code), sentence=error.sentence, counts=error.counts)
