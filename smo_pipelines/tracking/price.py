"""What an experiment cost, as the tracker is told: amounts as numbers; a price a point only where there is one."""

from collections.abc import Iterator

from smo_pipelines.domain.phrases import money_words
from smo_pipelines.domain.price import ComputeUse, Money, PricePerPoint
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.tracking.items import cut, key_part

__all__ = ["price_metrics", "price_tags"]

_LONGEST = 300


def price_metrics(record: ExperimentRecord) -> Iterator[tuple[str, float]]:
    """Give each arm's labels, computing and sum, the treatment's extra cost, and the price of a point with the ends of its interval.

    What is not known, and a price a point of an effect within noise, is in the tag ``cost`` alone: never a number.
    """
    price = record.price
    if price is None:
        return
    for arm in price.arms:
        name, use = arm.spending.arm, arm.spending.compute
        for what, money in (("labels", arm.spending.labels.total), ("computing", arm.computing), ("total", arm.total)):
            if isinstance(money, Money):
                yield f"7 cost/{name} {what} {key_part(money.currency)}", money.amount
        if isinstance(use, ComputeUse):
            yield f"7 cost/{name} computing {use.device} hours", use.hours
    if isinstance(price.extra, Money):
        yield f"7 cost/extra {key_part(price.extra.currency)}", price.extra.amount
    found = price.per_point
    if isinstance(found, PricePerPoint):
        head = f"7 cost/{key_part(found.price.currency)} per {key_part(found.unit)}"
        yield head, found.price.amount
        yield f"{head} ci low", found.interval.low
        yield f"{head} ci high", found.interval.high


def price_tags(record: ExperimentRecord) -> dict[str, str]:
    """Return ``cost``: the treatment's extra cost and the price of a point in words, or why there is none."""
    price = record.price
    if price is None:
        return {}
    extra = (
        f"{money_words(price.extra.amount, price.extra.currency)} extra"
        if isinstance(price.extra, Money)
        else f"extra not known: {price.extra.sentence}"
    )
    found = price.per_point
    said = found.sentence if isinstance(found, PricePerPoint) else f"no price a point: {found.sentence}"
    return {"cost": cut(f"{extra}; {said}", _LONGEST)}
