"""Which design is the cheapest, what limits one that reaches nothing, and when power is not known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from smo_pipelines.analysis.measure import Asked
from smo_pipelines.analysis.plan import PlanFacts, plan_experiment, plan_findings
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.decisions import FindingCode
from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.domain.experiments import Experiment, RaterClaim
from smo_pipelines.domain.plans import CheapestDesign, NotReachable, Plan, PlannedQuestion, VarianceComponents
from smo_pipelines.errors import CannotEstimate
from tests.examples.records import example_experiment

FACTS = PlanFacts(
    training_items=1000,
    ratings_an_item=3.0,
    max_ratings_an_item=3,
    effective_raters=40.0,
    same_raters=True,
    seconds_a_fit=30.0,
    workers=2,
    cost_of_a_label=0.1,
    currency="EUR",
)
PARTS = VarianceComponents(
    sd_seed=0.004, sd_item=0.1, sd_seed_by_item=0.1, sd_rater=0.002, effective_raters=40.0, run_df=8.0, redraw_df=8.0, units=600
)


def benchmark(name: str) -> Benchmark:
    rng, n = np.random.default_rng(0), 600
    gold = (rng.random(n) < 0.4).astype(np.int8)
    ids = np.array([f"{name}-{k}" for k in range(n)])
    return Benchmark(
        name=name,
        item_ids=ids,
        texts=np.array([f"text {k}" for k in range(n)], dtype=object),
        golds={"hate@3": gold, "hate@4": gold},
        clusters=np.arange(n),
        slices={"locale": np.array(["en-GB"] * n)},
    )


def experiment() -> Experiment:
    plain = example_experiment()
    primary = replace(plain.rule.primary, question=replace(plain.rule.primary.question, gold="hate@4"))
    rails = tuple(replace(g, question=replace(g.question, gold="hate@4")) for g in plain.rule.guardrails)
    return replace(plain, rule=replace(plain.rule, primary=primary, guardrails=rails))


def plan(
    parts: VarianceComponents | Callable[[Asked], VarianceComponents] = PARTS,
    *,
    facts: PlanFacts = FACTS,
    of: Experiment | None = None,
) -> Plan:
    def components_of(asked: Asked) -> tuple[VarianceComponents, str]:
        return (parts(asked) if callable(parts) else parts), "a test"

    on = [benchmark("demo-gold"), benchmark("demo-lookalikes")]
    return plan_experiment(of or experiment(), on, facts=facts, components_of=components_of)


def primary_of(found: Plan) -> PlannedQuestion:
    assert isinstance(found.primary, PlannedQuestion)
    return found.primary


def test_the_primary_and_every_guardrail_are_planned() -> None:
    found = plan()
    assert [str(one.question.role) for one in found.questions] == ["primary", "guardrail", "guardrail"]
    assert [one.distance for one in found.questions if isinstance(one, PlannedQuestion)] == [0.02, 0.05, 0.03]


def test_the_cheapest_design_reaches_the_target_and_costs_no_label_where_fits_are_enough() -> None:
    one = primary_of(plan(replace(PARTS, sd_item=0.05)))
    assert isinstance(one.cheapest, CheapestDesign)
    assert one.cheapest.power >= 0.8
    assert one.cheapest.cost.labels == 0 and one.cheapest.cost.money == 0.0
    design = one.cheapest.design
    assert one.cheapest.cost.minutes == pytest.approx(2 * (design.replicates + design.redraws) * 30.0 / 2 / 60.0)


def test_labels_are_asked_for_where_fits_are_not_enough_and_have_their_price() -> None:
    one = primary_of(plan(replace(PARTS, sd_rater=0.0055)))
    assert isinstance(one.cheapest, CheapestDesign)
    cost, design = one.cheapest.cost, one.cheapest.design
    assert design.ratings_an_item > 3.0 and cost.labels > 0
    more_ratings, more_items = 2 * 1000 * (design.ratings_an_item - 3.0), (design.items - 600) * 3.0
    assert cost.labels == round(more_ratings + more_items)
    assert (cost.money, cost.currency) == (pytest.approx(0.1 * cost.labels), "EUR")
    unpriced = primary_of(plan(replace(PARTS, sd_rater=0.0055), facts=replace(FACTS, cost_of_a_label=None)))
    assert isinstance(unpriced.cheapest, CheapestDesign)
    assert unpriced.cheapest.design == design and unpriced.cheapest.cost.money is None


@pytest.mark.parametrize(
    ("part", "limit"), [({"sd_rater": 0.2}, "raters"), ({"sd_item": 4.0}, "items"), ({"sd_seed": 0.4}, "runs")]
)
def test_what_cannot_be_reached_says_what_limits_it(part: dict[str, float], limit: str) -> None:
    found = primary_of(plan(replace(PARTS, **part))).cheapest
    assert isinstance(found, NotReachable)
    assert found.power < 0.8 and found.needed > 0.02
    assert found.limited_by == limit and found.share > 0.5


def test_more_ratings_do_not_help_a_claim_about_these_raters() -> None:
    fixed = replace(experiment(), raters=RaterClaim.fixed, redraws=0)
    found = primary_of(plan(replace(PARTS, sd_item=0.15), of=fixed))
    assert isinstance(found.cheapest, CheapestDesign)
    assert found.cheapest.design.ratings_an_item == 3.0 and found.cheapest.design.redraws == 0


def test_a_component_that_cannot_be_had_is_a_reason_in_its_place() -> None:
    def of(asked: Asked) -> VarianceComponents:
        if asked.question.metric == "false_positive_rate":
            raise CannotEstimate(WhyNot.no_run_variance, "all runs are alike", runs=4)
        return PARTS

    found = plan(of)
    rail = found.questions[1]
    assert isinstance(rail, NotEstimable)
    assert (rail.code, rail.margin, rail.counts) == (WhyNot.no_run_variance, 0.05, {"runs": 4})
    (warned,) = plan_findings(found)
    assert not warned.passed and not warned.blocking and "all runs are alike" in warned.sentence


@pytest.mark.parametrize(
    ("facts", "changes", "code"),
    [
        (replace(FACTS, effective_raters=7.0), {}, WhyNot.few_raters),
        (replace(FACTS, max_ratings_an_item=1), {}, WhyNot.one_rating_an_item),
        (FACTS, {"replicates": 1}, WhyNot.one_run),
        (FACTS, {"redraws": 2}, WhyNot.few_redraws),
    ],
)
def test_a_design_without_an_interval_blocks(facts: PlanFacts, changes: dict[str, int], code: WhyNot) -> None:
    found = plan(facts=facts, of=replace(experiment(), **changes))
    assert isinstance(found.primary, NotEstimable) and found.primary.code is code
    (blocked,) = plan_findings(found)
    assert blocked.code is FindingCode.power_unknown and blocked.blocking and not blocked.passed


def test_a_component_that_was_only_not_measured_blocks_nothing() -> None:
    def of(_: Asked) -> VarianceComponents:
        raise CannotEstimate(WhyNot.not_recorded, "nothing was measured before")

    (warned,) = plan_findings(plan(of))
    assert warned.code is FindingCode.power_unknown and not warned.blocking and not warned.passed


def test_a_finding_holds_no_time_and_no_money() -> None:
    slow = plan(facts=replace(FACTS, seconds_a_fit=9000.0, cost_of_a_label=55.0))
    assert plan_findings(slow) == plan_findings(plan())


def test_a_question_on_nothing_is_not_planned() -> None:
    bare = experiment()
    nothing = Question(
        metric="average_precision", on="demo-gold", gold="hate@4", items="slice:locale=mt-MT", role=bare.rule.primary.question.role
    )
    found = plan(of=replace(bare, rule=replace(bare.rule, primary=replace(bare.rule.primary, question=nothing))))
    assert isinstance(found.primary, NotEstimable) and found.primary.code is WhyNot.no_items
