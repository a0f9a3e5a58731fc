"""What an experiment cost, as values: one line an arm, what the treatment costs beyond the control, and a point's price."""

from dataclasses import dataclass

from smo_pipelines.domain.phrases import money_words
from smo_pipelines.domain.price import ArmPrice, ComputeUse, ExperimentPrice, Money, PricePerPoint
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.domain.records import ExperimentRecord

__all__ = ["PriceRow", "PriceSection", "minus", "per_point_words", "price_section", "told"]


@dataclass(frozen=True, kw_only=True)
class PriceRow:
    """One arm."""

    arm: str
    labels: str
    ratings: str
    computing: str
    total: str


@dataclass(frozen=True, kw_only=True)
class PriceSection:
    """The section; a record without a price has none. ``labels_only`` says that computing has no price and is in no sum."""

    rows: tuple[PriceRow, ...]
    extra: str
    per_point: str
    why_none: str
    labels_only: bool


def price_section(record: ExperimentRecord) -> PriceSection | None:
    """Return what the experiment cost in words."""
    return None if record.price is None else told(record.price)


def told(price: ExperimentPrice) -> PriceSection:
    """Return a price in words."""
    found = price.per_point
    return PriceSection(
        rows=tuple(_row(arm) for arm in price.arms),
        extra=_extra(price),
        per_point=minus(found.sentence) if isinstance(found, PricePerPoint) else "",
        why_none=found.sentence if isinstance(found, NotMeasured) else "",
        labels_only=all(arm.computing is None for arm in price.arms),
    )


def per_point_words(price: ExperimentPrice | None) -> str:
    """Return the price of a point with its interval for a cell of a table, or why there is none."""
    if price is None:
        return "not recorded"
    found = price.per_point
    if isinstance(found, NotMeasured):
        return f"none: {found.sentence}"
    currency = found.price.currency
    low, high = (money_words(end, currency).removesuffix(f" {currency}") for end in (found.interval.low, found.interval.high))
    return minus(f"{money_words(found.price.amount, currency)} ({low} to {high})")


def minus(text: str) -> str:
    """Return a text with minus signs as wide as the plus."""
    return text.replace(" -", " −").replace("(-", "(−") if not text.startswith("-") else minus("−" + text[1:])  # noqa: RUF001


def _row(arm: ArmPrice) -> PriceRow:
    labels = arm.spending.labels
    return PriceRow(
        arm=arm.spending.arm.value,
        labels=_money(labels.total),
        ratings=f"{labels.ratings:,}",
        computing=_computing(arm),
        total=_money(arm.total),
    )


def _computing(arm: ArmPrice) -> str:
    use = arm.spending.compute
    if not isinstance(use, ComputeUse):
        return f"not known: {use.sentence}"
    minutes = 60.0 * use.hours
    took = f"{minutes:,.1f} {use.device} minutes" if minutes >= 0.1 else f"{60.0 * minutes:.1f} {use.device} seconds"
    said = f"{took}, {use.fits} fits"
    return f"{said}, {money_words(arm.computing.amount, arm.computing.currency)}" if isinstance(arm.computing, Money) else said


def _money(money: Money | NotMeasured) -> str:
    return f"not known: {money.sentence}" if isinstance(money, NotMeasured) else money_words(money.amount, money.currency)


def _extra(price: ExperimentPrice) -> str:
    if isinstance(price.extra, NotMeasured):
        return f"What the treatment costs beyond the control is not known: {price.extra.sentence}."
    if price.extra.amount == 0.0:
        return "The treatment costs what the control costs."
    more = "more" if price.extra.amount > 0 else "less"
    return f"The treatment costs {money_words(abs(price.extra.amount), price.extra.currency)} {more} than the control."
