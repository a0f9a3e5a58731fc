"""Planned against achieved, on the page and in the tracker."""

from dataclasses import replace

import pytest

from smo_pipelines.analysis.achieved import achieved
from smo_pipelines.analysis.plan_words import cheapest_in_words, cost_in_words, plan_sentence
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable, WhyNot
from smo_pipelines.domain.plans import (
    CheapestDesign,
    NotReachable,
    Plan,
    PlanCost,
    PlannedDesign,
    PlannedQuestion,
    VarianceComponents,
)
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.report.page import render
from smo_pipelines.report.plan import plan_section
from smo_pipelines.tracking.log_items import final_items
from tests.examples.records import PRIMARY, example_record

DESIGN = PlannedDesign(replicates=5, redraws=4, items=1500, ratings_an_item=3.0)
COST = PlanCost(minutes=12.4, labels=0, money=0.0)


def planned(**changes: object) -> PlannedQuestion:
    values = {
        "question": PRIMARY,
        "distance": 0.02,
        "power": 0.86,
        "interval": Interval(low=0.61, high=0.94),
        "needed": 0.018,
        "half_width": 0.013,
        "components": VarianceComponents(sd_seed=0.01, sd_item=0.2, sd_seed_by_item=0.1, run_df=8.0, units=1490),
        "source": "an earlier study",
        "design": DESIGN,
        "cost": COST,
        "cheapest": CheapestDesign(design=DESIGN, power=0.81, cost=COST),
    }
    return PlannedQuestion(**{**values, **changes})  # type: ignore[arg-type]


def planned_record(*questions: PlannedQuestion | NotEstimable) -> ExperimentRecord:
    record = example_record()
    plan = Plan(
        experiment=record.experiment.id,
        spec_hash=record.experiment.spec_hash,
        alpha=0.05,
        target=0.8,
        questions=questions or (planned(),),
    )
    return replace(record, plan=plan)


def primary_of(record: ExperimentRecord) -> EffectEstimate:
    found = next(e for e in record.decision.effects if e.question == PRIMARY)
    assert isinstance(found, EffectEstimate)
    return found


def test_achieved_power_is_that_of_the_measured_interval_for_the_planned_size() -> None:
    effect = primary_of(example_record())
    found = achieved(effect, 0.02)
    assert found.half_width == pytest.approx(0.014)
    sd = (3e-6 + 2e-5 + 1.4e-5 + 1e-6) ** 0.5
    assert found.needed == pytest.approx(0.014 + 0.841621 * sd, rel=1e-5)
    assert achieved(effect, found.needed).power == pytest.approx(0.8)
    larger = replace(effect, treatment=effect.treatment + 0.05)
    assert achieved(larger, 0.02).power == pytest.approx(found.power), "whatever was found"


def test_the_page_shows_what_was_planned_beside_what_came() -> None:
    section = plan_section(planned_record())
    assert section is not None
    (row,) = section.rows
    assert row.power == "86% (61% to 94%) → 83%"
    assert (row.half_width, row.least) == ("1.3 points → 1.4 points", "1.8 points → 1.9 points")
    page = render(planned_record())
    assert "Planned against achieved" in page and "86% (61% to 94%) → 83%" in page
    assert "12 minutes, no new label" in page


def test_an_experiment_that_was_decided_before_plans_is_shown_as_it_was() -> None:
    assert plan_section(example_record()) is None
    assert "Planned against achieved" not in render(example_record())
    assert not [m.key for m in final_items(example_record()).metrics if m.key.startswith("6 power/")]


def test_a_power_that_is_not_known_is_a_reason_and_no_number() -> None:
    unknown = NotEstimable(question=PRIMARY, code=WhyNot.one_run, sentence="1 run an arm says nothing")
    record = planned_record(unknown)
    section = plan_section(record)
    assert section is not None and section.rows[0].why_not == "1 run an arm says nothing"
    assert "Not known before training: 1 run an arm says nothing" in render(record)
    assert not [m.key for m in final_items(record).metrics if m.key.startswith("6 power/")]
    assert plan_sentence(record.plan) == (  # type: ignore[arg-type]
        "The power of counter-speech is not known: average precision on demo-gold under gold hate@4: 1 run an arm says nothing."
    )


def test_the_tracker_has_planned_and_achieved_power_and_the_plan_whole() -> None:
    items = final_items(planned_record())
    sent = {m.key: m.value for m in items.metrics if m.key.startswith("6 power/")}
    assert sent == {
        "6 power/planned pct": pytest.approx(86.0),
        "6 power/planned mde pp": pytest.approx(1.8),
        "6 power/achieved pct": pytest.approx(83.48, abs=0.01),
        "6 power/achieved mde pp": pytest.approx(1.92, abs=0.01),
    }
    assert "plan/power.json" in {artifact.path for artifact in items.artifacts}


def test_an_invalid_experiment_shows_its_plan_and_nothing_achieved() -> None:
    record = planned_record()
    invalid = replace(record, decision=replace(record.decision, verdict=Verdict.invalid, effects=()))
    section = plan_section(invalid)
    assert section is not None and section.rows[0].power == "86% (61% to 94%)"


def test_sentences_of_a_plan() -> None:
    low = planned(power=0.42, needed=0.031)
    assert plan_sentence(planned_record(low).plan) == (  # type: ignore[arg-type]
        "A change of 2.0 points in average precision on demo-gold under gold hate@4 would be shown with a probability of 42%, "
        "less than 80%; 3.1 points is the least that this design shows so often."
    )
    best = PlannedDesign(replicates=40, redraws=30, items=12000, ratings_an_item=12.0)
    limited = planned(cheapest=NotReachable(best=best, power=0.31, needed=0.055, limited_by="raters", share=0.91))
    assert cheapest_in_words(limited) == (
        "not reachable: 40 replicates and 30 redraws an arm, 12,000 items, 12 ratings an item have a power of 31%, because other raters "
        "would label too differently (91% of the variance); 5.5 points is the least that even those can be expected to show"
    )
    assert (
        cost_in_words(PlanCost(minutes=None, labels=1200, money=96.0, currency="EUR"))
        == "time not known, 1,200 new labels for 96.00 EUR"
    )
    assert cost_in_words(PlanCost(minutes=0.4, labels=3, money=None)) == "under a minute, 3 new labels at a price not known"
