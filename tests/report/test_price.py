from dataclasses import replace

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.report import render
from smo_pipelines.report.price import per_point_words, price_section
from tests.examples.records import example_price, example_record


def test_the_page_says_what_both_arms_and_a_point_cost() -> None:
    page = render(example_record())
    assert "What it cost" in page
    assert "The treatment costs 236.00 EUR more than the control." in page
    # 236 EUR for 4.1 points of which the interval is 2.7 to 5.5
    assert "Each point gained cost 57.56 EUR (95% interval 42.91 EUR to 87.41 EUR)." in page
    assert "9.0 core minutes, 9 fits, 0.0060 EUR" in page


def test_without_a_price_a_point_the_reason_stands_there() -> None:
    record = example_record()
    within = NotMeasured(code=WhyNot.within_noise, sentence="the effect is within noise, so the price has no bounds")
    assert record.price is not None
    record = replace(record, price=replace(record.price, per_point=within))
    page = render(record)
    assert "A price a point is left out: the effect is within noise" in page
    assert "Each point" not in page
    assert per_point_words(record.price) == "none: the effect is within noise, so the price has no bounds"
    assert per_point_words(None) == "not recorded"


def test_what_is_not_known_is_said_and_a_record_without_a_price_has_no_section() -> None:
    record = example_record()
    price = example_price()
    unknown = NotMeasured(code=WhyNot.not_recorded, sentence="3 of 9 ratings have no cost")
    arms = tuple(replace(arm, total=unknown) for arm in price.arms)
    section = price_section(replace(record, price=replace(price, arms=arms, extra=unknown)))
    assert section is not None
    assert section.extra == "What the treatment costs beyond the control is not known: 3 of 9 ratings have no cost."
    assert {row.total for row in section.rows} == {"not known: 3 of 9 ratings have no cost"}
    assert price_section(replace(record, price=None)) is None
    assert "What it cost" not in render(replace(record, price=None))


def test_a_saving_has_a_minus_sign_as_wide_as_the_plus() -> None:
    price = example_price()
    assert price.per_point is not None
    assert per_point_words(price) == "57.56 EUR (42.91 to 87.41)"
