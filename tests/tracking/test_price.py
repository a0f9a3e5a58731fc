import math
from dataclasses import replace

import pytest

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.tracking.change_digest import digest_items
from smo_pipelines.tracking.log_items import final_items
from tests.examples.changes import example_digest
from tests.examples.records import example_record


def costs(record) -> dict[str, float]:
    return {metric.key: metric.value for metric in final_items(record).metrics if metric.key.startswith("7 cost/")}


def cost_tag(record) -> str:
    return next(tag.value for tag in final_items(record).tags if tag.key == "cost")


def test_costs_are_numbers_with_their_unit() -> None:
    found = costs(example_record())
    assert found["7 cost/control labels EUR"] == 1180.0
    assert found["7 cost/extra EUR"] == pytest.approx(236.0)
    assert found["7 cost/control computing core hours"] == pytest.approx(0.15)
    assert found["7 cost/EUR per point"] == pytest.approx(236.0 / 4.1)
    assert found["7 cost/EUR per point ci low"] < found["7 cost/EUR per point"] < found["7 cost/EUR per point ci high"]
    assert cost_tag(example_record()).startswith("236.00 EUR extra; each point gained cost 57.56 EUR")


def test_a_price_that_does_not_exist_is_words_and_never_a_number() -> None:
    record = example_record()
    assert record.price is not None
    none = NotMeasured(code=WhyNot.within_noise, sentence="the effect is within noise, so the price has no bounds")
    within = replace(record, price=replace(record.price, per_point=none))
    assert not [name for name in costs(within) if "per point" in name]
    assert cost_tag(within) == "236.00 EUR extra; no price a point: the effect is within noise, so the price has no bounds"
    unknown = replace(record, price=replace(record.price, per_point=none, extra=none))
    assert "7 cost/extra EUR" not in costs(unknown)
    assert costs(replace(record, price=None)) == {}
    assert all(math.isfinite(value) for one in (record, within, unknown) for value in costs(one).values())


def test_the_time_that_fits_took_does_not_make_another_result() -> None:
    record = example_record()
    assert final_items(record).record_digest == final_items(replace(record, price=None)).record_digest


def test_a_digest_is_named_by_its_decisions_and_area() -> None:
    one = digest_items(example_digest(), "hate", ("said",), {"report/digest.html": b"page"})
    assert one == digest_items(example_digest(), "hate", ("said",), {"report/digest.html": b"page"})
    assert one.experiment_name == "smo/hate/changes" and one.role == "digest"
    other = digest_items(example_digest(), "scams", ("said",), {})
    # both may wait in one outbox
    assert other.spec_hash[:12] != one.spec_hash[:12]
    metrics = {metric.key: metric.value for metric in one.metrics}
    assert metrics["0 digest/false ships expected at most"] == pytest.approx(0.15)
    assert metrics["0 digest/ship count"] == 2
