from dataclasses import replace

import pytest

from smo_pipelines.analysis.price import price_of
from smo_pipelines.domain.effects import Direction, EffectEstimate, Interval, NotEstimable, WhyNot
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.phrases import primary_effect
from smo_pipelines.domain.price import ArmSpending, ComputePrice, ComputeUse, LabelSpending, Money, PricePerPoint
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import CannotEstimate
from tests.examples.records import PRIMARY, example_record

FREE = ComputePrice()
PRICED = ComputePrice(currency="EUR", an_hour={"core": 2.0})
NO_COST = NotMeasured(code=WhyNot.not_recorded, sentence="12 of 300 ratings have no cost")


def effect(change=0.04, half=0.02, direction=Direction.higher_is_better) -> EffectEstimate:
    known = primary_effect(example_record().decision)
    assert isinstance(known, EffectEstimate)
    ends = Interval(low=change - half, high=change + half)
    return replace(known, treatment=known.control + change, interval=ends, direction=direction)


def arm(name, labels=100.0, hours=3.0, variance=0.0, currency="EUR"):
    total = labels if isinstance(labels, NotMeasured) else Money(amount=labels, currency=currency)
    use = ComputeUse(device="core", fits=5, hours=hours, variance=variance, df=4) if isinstance(hours, float) else hours
    return ArmSpending(arm=name, labels=LabelSpending(total=total, ratings=300), compute=use)


def arms(control=None, treatment=None):
    return arm(ArmName.control, **(control or {})), arm(ArmName.treatment, **(treatment or {"labels": 180.0}))


def test_a_point_costs_the_extra_money_over_the_gain():
    price = price_of(arms(), effect(), FREE)
    assert price.extra == Money(amount=80.0, currency="EUR")
    found = price.per_point
    assert isinstance(found, PricePerPoint)
    # 80 EUR for 4 points, of which the interval is 2 to 6
    assert found.price.amount == pytest.approx(20.0)
    assert (found.interval.low, found.interval.high) == pytest.approx((80 / 6, 40.0))
    assert found.sentence == "each point gained cost 20.00 EUR (95% interval 13.33 EUR to 40.00 EUR)"


def test_a_rate_that_falls_gains_by_falling():
    found = price_of(arms(), effect(-0.04, 0.02, Direction.lower_is_better), FREE).per_point
    assert isinstance(found, PricePerPoint)
    assert found.price.amount == pytest.approx(20.0)


def test_computing_is_added_where_an_hour_has_a_price_and_its_spread_widens_the_interval():
    still = price_of(arms(treatment={"labels": 180.0, "hours": 5.0}), effect(), PRICED)
    assert still.extra == Money(amount=84.0, currency="EUR")
    assert price_of(arms(treatment={"labels": 180.0, "hours": 5.0}), effect(), FREE).extra.amount == 80.0
    shaky = price_of(arms({"variance": 4.0}, {"labels": 180.0, "hours": 5.0, "variance": 4.0}), effect(), PRICED)
    assert isinstance(still.per_point, PricePerPoint)
    assert isinstance(shaky.per_point, PricePerPoint)
    assert shaky.per_point.interval.low < still.per_point.interval.low < still.per_point.interval.high
    assert still.per_point.interval.high < shaky.per_point.interval.high


@pytest.mark.parametrize("change", [0.0, 0.01, -0.019])
def test_an_effect_within_noise_has_no_price_a_point(change):
    price = price_of(arms(), effect(change), FREE)
    assert isinstance(price.per_point, NotMeasured)
    assert price.per_point.code is WhyNot.within_noise
    assert isinstance(price.extra, Money)


@pytest.mark.parametrize(
    "missing", [None, NotEstimable(question=PRIMARY, code=WhyNot.one_run, sentence="one run says nothing")], ids=["invalid", "none"]
)
def test_without_an_effect_the_cost_is_shown_and_a_point_has_no_price(missing):
    price = price_of(arms(), missing, FREE)
    assert isinstance(price.per_point, NotMeasured)
    assert price.extra == Money(amount=80.0, currency="EUR")


@pytest.mark.parametrize(("labels", "change", "said"), [(60.0, 0.04, "better and cheaper"), (180.0, -0.04, "worse and dearer")])
def test_a_ratio_below_zero_orders_nothing(labels, change, said):
    price = price_of(arms(treatment={"labels": labels}), effect(change), FREE)
    assert isinstance(price.per_point, NotMeasured)
    assert price.per_point.code is WhyNot.not_comparable
    assert said in price.per_point.sentence


def test_a_saving_that_loses_points_says_what_each_one_saved():
    found = price_of(arms(treatment={"labels": 20.0}), effect(-0.04), FREE).per_point
    assert isinstance(found, PricePerPoint)
    assert found.sentence.startswith("each point lost saved 20.00 EUR")


def test_what_costs_no_more_costs_nothing_a_point():
    found = price_of(arms(treatment={"labels": 100.0}), effect(), FREE).per_point
    assert isinstance(found, PricePerPoint)
    assert found.sentence == "the points gained cost nothing"
    assert (found.price.amount, found.interval.low, found.interval.high) == (0.0, 0.0, 0.0)


def test_two_currencies_are_not_added_up():
    with pytest.raises(CannotEstimate, match="EUR and USD"):
        Money(amount=1.0, currency="EUR") + Money(amount=1.0, currency="USD")
    between_arms = price_of(arms(treatment={"currency": "USD"}), effect(), FREE)
    within_an_arm = price_of(arms(), effect(), ComputePrice(currency="USD", an_hour={"core": 2.0}))
    for price in (between_arms, within_an_arm):
        assert isinstance(price.extra, NotMeasured)
        assert price.extra.code is WhyNot.mixed_currencies
        assert isinstance(price.per_point, NotMeasured)
        assert price.per_point.code is WhyNot.mixed_currencies


def test_a_sum_with_an_unknown_part_is_unknown():
    unpaid = price_of(arms({"labels": NO_COST}), effect(), FREE)
    assert isinstance(unpaid.extra, NotMeasured)
    assert "12 of 300" in unpaid.extra.sentence
    untimed = NotMeasured(code=WhyNot.not_recorded, sentence="2 of 5 fits were made before their time was kept")
    assert isinstance(price_of(arms({"hours": untimed}), effect(), PRICED).extra, NotMeasured)
    # without a price, time is in no sum: that it is not known changes nothing
    assert price_of(arms({"hours": untimed}), effect(), FREE).extra == Money(amount=80.0, currency="EUR")
