import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.analysis.compare import compare
from smo_pipelines.analysis.decide import decide
from smo_pipelines.analysis.guardrails import judge_guardrails
from smo_pipelines.analysis.notes import Note
from smo_pipelines.domain.decisions import Finding, FindingCode, GuardrailStatus, Verdict
from smo_pipelines.domain.effects import EffectEstimate, Estimand, Interval, NotEstimable, Role, WhyNot
from smo_pipelines.domain.experiments import Assignment, NullTest, RaterClaim
from smo_pipelines.experiment.decision_json import decision_from_json
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.noninferiority import p_beyond_margin

ESTIMAND = Estimand(
    items="items like those of demo",
    raters="these raters only",
    training_items="these training items",
    gold="gold of guideline hate@4",
    threshold="no threshold",
)


def effect(question, low, high, margin=None, **changes):
    """Return an effect whose 95% interval is (low, high) in the metric's own direction."""
    sd = (high - low) / 2 / 1.959963984540054
    difference = CombinedEstimate(estimate=(low + high) / 2, terms=(VarianceTerm(source="items", variance=sd**2, df=math.inf),))
    direction = get_metric(question.metric).direction
    fields = {
        "question": question,
        "direction": direction,
        "control": 0.7,
        "treatment": 0.7 + difference.estimate,
        "interval": Interval(low=low, high=high),
        "p": difference.p_two_sided(),
        "method": "by hand",
        "estimand": ESTIMAND,
        "n_items": 400,
        "n_clusters": 400,
        "n_runs": 8,
        "margin": margin,
        "p_beyond_margin": None if margin is None else p_beyond_margin(difference, margin, direction.sign),
        "components": {"runs": sd**2 * 0.25, "items": sd**2 * 0.75},
        "to_narrow": "More benchmark items would narrow the interval most: twice as many by 24%, twice the training runs by 3%",
    }
    return EffectEstimate(**{**fields, **changes})


FINE, UNSURE, HARMFUL = (-0.01, 0.02), (-0.02, 0.06), (0.08, 0.12)  # of a false positive rate with margin 0.05


def effects_of(experiment, primary, guardrail=FINE, **changes):
    rule = experiment.rule
    asked = replace(rule.primary.question, role=Role.primary)
    out = [primary if not isinstance(primary, tuple) else effect(asked, *primary, **changes)]
    for g, ends in zip(rule.guardrails, (guardrail, (-0.01, 0.02)), strict=True):
        out.append(effect(replace(g.question, role=Role.guardrail), *ends, margin=g.margin))
    return tuple(out)


@pytest.fixture
def experiment(scene):
    return scene.experiment()


def verdict(experiment, primary, guardrail=FINE, findings=(), **changes):
    return decide(effects_of(experiment, primary, guardrail, **changes), experiment=experiment, findings=findings)


GAIN, LOSS, NOTHING, SMALL = (0.020, 0.062), (-0.062, -0.020), (-0.030, 0.040), (-0.005, 0.015)


@pytest.mark.parametrize(
    ("primary", "guardrail", "expected"),
    [
        (GAIN, FINE, Verdict.ship),
        (GAIN, UNSURE, Verdict.hold),
        (GAIN, HARMFUL, Verdict.roll_back),
        (LOSS, FINE, Verdict.roll_back),
        (LOSS, HARMFUL, Verdict.roll_back),
        (NOTHING, FINE, Verdict.inconclusive),
        (NOTHING, UNSURE, Verdict.inconclusive),
        (NOTHING, HARMFUL, Verdict.roll_back),
        (SMALL, FINE, Verdict.hold),
        ((0.002, 0.015), FINE, Verdict.hold),
        (SMALL, HARMFUL, Verdict.roll_back),
    ],
)
def test_table_of_verdicts(experiment, primary, guardrail, expected):
    assert verdict(experiment, primary, guardrail).verdict is expected


def test_a_ship_can_be_forwarded_as_it_is(experiment):
    decision = verdict(experiment, GAIN)
    assert decision.sentence == (
        "SHIP: average precision on demo under gold hate@4 rose by 4.1 points (95% interval 2.0 to 6.2), caused by the change; "
        "all 2 guardrails passed; these raters only."
    )
    pool = verdict(replace(experiment, raters=RaterClaim.random), GAIN)
    assert "these raters only" not in pool.sentence


def test_a_loss_is_said_with_its_size(experiment):
    decision = verdict(experiment, LOSS)
    assert decision.sentence.startswith(
        "ROLL BACK: average precision on demo under gold hate@4 fell by 4.1 points (95% interval 2.0 to 6.2), caused by the change"
    )


def test_a_metric_that_should_fall_gains_by_falling(experiment):
    rule = experiment.rule
    falling = replace(rule, primary=replace(rule.primary, question=replace(rule.primary.question, metric="false_positive_rate")))
    better, worse = (verdict(replace(experiment, rule=falling), ends) for ends in (LOSS, GAIN))
    assert better.verdict is Verdict.ship
    assert "false positive rate on demo under gold hate@4 fell by 4.1 points" in better.sentence
    assert worse.verdict is Verdict.roll_back
    assert "rose by 4.1 points (95% interval 2.0 to 6.2), caused by the change, which is worse" in worse.sentence


def test_a_gain_too_small_to_matter_says_so(experiment):
    assert "any gain is below the smallest effect of interest of 2.0 points" in verdict(experiment, SMALL).sentence


def test_inconclusive_says_what_would_settle_it(experiment):
    decision = verdict(experiment, NOTHING)
    assert "; more benchmark items would narrow the interval most: twice as many by 24%" in decision.sentence
    assert "a repetition with more runs would settle it" in verdict(experiment, NOTHING, to_narrow="").sentence
    assert "moved by +0.5 points (95% interval -3.0 to +4.0)" in decision.sentence


def finding(*, passed, blocking):
    return Finding(
        code=FindingCode.leakage,
        passed=passed,
        blocking=blocking,
        sentence="3.0% of the benchmark is also trained on",
        actual=0.03,
        limit=0.01,
    )


def test_a_failed_blocking_check_shows_no_effect(experiment):
    decision = verdict(experiment, GAIN, findings=(finding(passed=False, blocking=True),))
    assert decision.verdict is Verdict.invalid
    assert decision.effects == ()
    assert decision.guardrails == ()
    said = " ".join((decision.sentence, *decision.reasons))
    assert "3.0% of the benchmark" in said
    assert "average precision" not in said


def test_checks_that_passed_or_do_not_block_let_the_rule_decide(experiment):
    assert verdict(experiment, GAIN, findings=(finding(passed=True, blocking=True),)).verdict is Verdict.ship
    warned = verdict(experiment, GAIN, findings=(finding(passed=False, blocking=False),))
    assert warned.verdict is Verdict.ship
    assert "3.0% of the benchmark is also trained on." in warned.reasons


def test_a_primary_that_could_not_be_estimated_is_inconclusive_with_the_reason(experiment):
    question = replace(experiment.rule.primary.question, role=Role.primary)
    decision = verdict(experiment, NotEstimable(question=question, code=WhyNot.one_run, sentence="one run says nothing"))
    assert decision.verdict is Verdict.inconclusive
    assert "one run says nothing" in decision.sentence
    assert decision.counts["not_estimable"] == 1


def test_harm_rolls_back_even_where_the_primary_could_not_be_estimated(experiment):
    question = replace(experiment.rule.primary.question, role=Role.primary)
    primary = NotEstimable(question=question, code=WhyNot.one_run, sentence="one run says nothing")
    decision = verdict(experiment, primary, guardrail=HARMFUL)
    assert decision.verdict is Verdict.roll_back
    assert any("one run says nothing" in reason for reason in decision.reasons)


def test_a_missing_primary_or_guardrail_is_no_ship(experiment):
    assert decide((), experiment=experiment, findings=()).verdict is Verdict.inconclusive
    only_primary = effects_of(experiment, GAIN)[:1]
    decision = decide(only_primary, experiment=experiment, findings=())
    assert decision.verdict is Verdict.hold
    assert {g.status for g in decision.guardrails} == {GuardrailStatus.not_estimable}


def test_a_guardrail_that_could_not_be_estimated_holds_a_gain(experiment):
    effects = list(effects_of(experiment, GAIN))
    effects[1] = NotEstimable(question=effects[1].question, code=WhyNot.one_cluster, sentence="one template", margin=0.05)
    decision = decide(effects, experiment=experiment, findings=())
    assert decision.verdict is Verdict.hold
    assert "one template" in decision.sentence


@pytest.mark.parametrize("assignment", [Assignment.before_after, Assignment.unknown])
def test_a_gain_that_may_have_another_cause_is_held_and_called_an_association(experiment, assignment):
    decision = verdict(replace(experiment, assignment=assignment), GAIN)
    assert decision.verdict is Verdict.hold
    assert "associated with the change" in decision.sentence
    assert "caused by the change;" not in decision.sentence


@pytest.mark.parametrize("note", [Note.disjoint_fixed_raters, Note.diagnostic_benchmark])
def test_a_gain_that_its_design_cannot_carry_is_held(experiment, note):
    decision = verdict(experiment, GAIN, notes=(note,))
    assert decision.verdict is Verdict.hold
    assert str(note) in decision.sentence


def test_a_null_test_never_ships_and_fails_when_it_finds_something(experiment):
    null = replace(experiment, treatment=experiment.control, null_test=NullTest.disjoint_seeds)
    for found in (GAIN, LOSS):
        decision = verdict(null, found)
        assert decision.verdict is Verdict.invalid
        assert "the null test failed" in decision.sentence
    assert verdict(null, NOTHING, HARMFUL).verdict is Verdict.invalid
    passed = verdict(null, NOTHING)
    assert passed.verdict is Verdict.hold
    assert "the null test passed" in passed.sentence
    assert "caused" not in passed.sentence


def test_a_loss_inside_the_margin_passes_with_a_sentence(experiment):
    decision = verdict(experiment, GAIN, guardrail=(0.01, 0.03))  # a false positive rate: up is worse
    assert decision.verdict is Verdict.ship
    assert decision.guardrails[0].status is GuardrailStatus.passed
    assert "worse, but by less than its margin of 5.0 points" in decision.guardrails[0].sentence
    assert decision.guardrails[0].sentence in decision.reasons


def test_harm_is_judged_with_holm_over_the_guardrails(experiment):
    # The whole interval is beyond the margin by a hair: p is just below 2.5%, and Holm over two guardrails asks for 1.25%.
    narrow = (0.0501, 0.13)
    (alone,) = judge_guardrails(experiment.rule.guardrails[:1], effects_of(experiment, GAIN, narrow), 0.05)
    assert alone.status is GuardrailStatus.harm
    both = judge_guardrails(experiment.rule.guardrails, effects_of(experiment, GAIN, narrow), 0.05)
    assert both[0].status is GuardrailStatus.not_shown
    assert "allowing for 2 guardrails" in both[0].sentence


ends = st.tuples(st.floats(-0.3, 0.3), st.floats(0.001, 0.2)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(primary=ends, guardrail=ends, causal=st.booleans())
@settings(max_examples=80, deadline=None)
def test_the_rule_is_total_repeatable_and_never_ships_against_itself(scene, primary, guardrail, causal):
    experiment = scene.experiment(assignment=Assignment.randomised if causal else Assignment.unknown)
    decision = verdict(experiment, primary, guardrail)
    assert decision.to_json() == verdict(experiment, primary, guardrail).to_json()
    assert all(reason.endswith(".") for reason in decision.reasons)
    if decision.verdict is Verdict.ship:
        assert causal
        assert primary[0] > 0.0
        assert {g.status for g in decision.guardrails} == {GuardrailStatus.passed}
    if primary[1] < 0.0:
        assert decision.verdict is Verdict.roll_back


@st.composite
def answers(draw, experiment):
    """Any answers to an experiment's questions: estimates with notes, reasons why not, or nothing; in any order."""
    effects = []
    for effect in effects_of(experiment, draw(ends), draw(ends)):
        what = draw(st.sampled_from(["estimate", "why not", "nothing"]))
        if what == "estimate":
            effects.append(replace(effect, notes=tuple(draw(st.sets(st.sampled_from(list(Note)), max_size=2)))))
        elif what == "why not":
            code = draw(st.sampled_from(list(WhyNot)))
            effects.append(NotEstimable(question=effect.question, code=code, sentence="it has no answer", margin=effect.margin))
    return draw(st.permutations(effects))


def shipped_or_rolled_back_for_cause(decision, primary, experiment):
    found = isinstance(primary, EffectEstimate) and 0.0 not in primary.interval
    if decision.verdict is Verdict.ship:
        assert experiment.assignment.causal and experiment.null_test is None and found
        assert primary.improvement > 0.0 and not {Note.disjoint_fixed_raters, Note.diagnostic_benchmark} & set(primary.notes)
        assert {g.status for g in decision.guardrails} == {GuardrailStatus.passed}
    if decision.verdict is Verdict.roll_back:
        harmed = any(g.status is GuardrailStatus.harm for g in decision.guardrails)
        assert harmed or (found and primary.improvement < 0.0)


@given(
    data=st.data(),
    assignment=st.sampled_from(list(Assignment)),
    raters=st.sampled_from(list(RaterClaim)),
    null_test=st.sampled_from([None, *NullTest]),
    looks=st.integers(1, 3),
    checks=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_any_combination_of_answers_and_checks_gives_one_verdict_and_the_same_bytes(
    scene, *, data, assignment, raters, null_test, looks, checks
):
    experiment = scene.experiment(assignment=assignment, raters=raters, null_test=null_test, looks=looks)
    effects = data.draw(answers(experiment))
    findings = tuple(finding(passed=passed, blocking=blocking) for passed, blocking in checks)
    decision = decide(effects, experiment=experiment, findings=findings)
    assert decision.to_json() == decide(tuple(effects), experiment=experiment, findings=list(findings)).to_json()
    assert decision_from_json(decision.to_json()) == decision
    assert decision.verdict in Verdict
    assert decision.sentence.endswith(".")
    assert decision.reasons or decision.verdict is Verdict.ship
    primary = next((e for e in effects if e.question.role is Role.primary), None)
    blocked = any(blocking and not passed for passed, blocking in checks)
    assert len(decision.guardrails) == (0 if blocked else 2)
    harmed = any(g.status is GuardrailStatus.harm for g in decision.guardrails)
    found = isinstance(primary, EffectEstimate) and 0.0 not in primary.interval
    if blocked:
        assert decision.verdict is Verdict.invalid and decision.effects == ()
    elif null_test is not None and isinstance(primary, EffectEstimate):
        assert decision.verdict is (Verdict.invalid if found or harmed else Verdict.hold)
    else:
        assert decision.verdict is not Verdict.invalid
    shipped_or_rolled_back_for_cause(decision, primary, experiment)
    if not assignment.causal:
        assert "caused by the change" not in decision.sentence
    if raters is RaterClaim.fixed and isinstance(primary, EffectEstimate) and not blocked:
        assert decision.sentence.endswith("; these raters only.")


def test_from_runs_to_a_decision(scene, twenty_raters):
    experiment = scene.experiment(raters=RaterClaim.random, redraws=5)
    control, treatment = scene.runs(experiment, shift=1.5, raters=twenty_raters)
    decision = decide(compare(control, treatment, on=scene.on, experiment=experiment), experiment=experiment, findings=())
    assert decision.verdict is Verdict.ship
    assert decision.counts["runs"] == 8
    assert decision.digest == decide(decision.effects, experiment=experiment, findings=()).digest
