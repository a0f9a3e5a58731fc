import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from smo_pipelines.analysis.compare import alpha_of, compare
from smo_pipelines.analysis.notes import Note
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question, Role, ThresholdKind, WhyNot
from smo_pipelines.domain.experiments import NullTest, RaterClaim, ReplicateKind
from smo_pipelines.domain.runs import ArmRuns, RaterFacts
from smo_pipelines.errors import BenchmarkError, ConfigError
from smo_pipelines.stats.crossed import ArmMetrics, crossed_components, crossed_estimate
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.metrics.sorted_slices import SortedRun
from smo_pipelines.stats.noninferiority import p_beyond_margin
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign, random_raters_estimate


def found(effects, **wanted):
    matches = [e for e in effects if all(getattr(e.question, name) == value for name, value in wanted.items())]
    assert len(matches) == 1, [e.question.label for e in matches]
    return matches[0]


def with_question(experiment, **changes):
    primary = experiment.rule.primary
    return replace(
        experiment, rule=replace(experiment.rule, primary=replace(primary, question=replace(primary.question, **changes)))
    )


@pytest.fixture(scope="module")
def fixed(scene):
    experiment = scene.experiment()
    return experiment, *scene.runs(experiment, shift=0.6)


@pytest.fixture(scope="module")
def random(scene, twenty_raters):
    experiment = scene.experiment(raters=RaterClaim.random, redraws=5)
    return experiment, *scene.runs(experiment, shift=0.6, raters=twenty_raters)


def test_the_primary_by_sklearn_and_the_crossed_interval(scene, fixed):
    experiment, control, treatment = fixed
    primary = compare(control, treatment, on=scene.on, experiment=experiment)[0]
    known = scene.demo.golds["hate@4"] >= 0
    gold = scene.demo.golds["hate@4"][known]
    arms = []
    for arm, mean in ((control, primary.control), (treatment, primary.treatment)):
        scores = [r.predictions["demo"].scores[known] for r in arm.results]
        values = np.array([sk.average_precision_score(gold, s) for s in scores])
        assert mean == pytest.approx(values.mean())
        arms.append(ArmMetrics(values, np.stack([get_metric("average_precision").influence(s, gold, 0.0) for s in scores])))
    expected = crossed_estimate(*arms, shared_seeds=True)
    assert (primary.interval.low, primary.interval.high) == pytest.approx(expected.interval(0.05))
    assert primary.p == pytest.approx(expected.p_two_sided())
    assert (primary.n_items, primary.n_clusters, primary.n_runs, primary.n_redraws) == (396, 396, 8, 0)
    assert primary.estimand.raters == "these raters only"
    assert primary.estimand.gold == "gold of guideline hate@4"
    parts = crossed_components(*arms, shared_seeds=True)
    assert primary.components == pytest.approx(
        {"runs": parts.runs - parts.churn, "items": parts.items, "runs_by_items": parts.churn}, rel=1e-9
    )
    assert sum(primary.components.values()) == pytest.approx(expected.variance)
    assert primary.estimate in primary.interval
    assert primary.method == "crossed interval over runs and items, runs paired by seed"
    assert list(primary.checks) == ["unpaired", "Satterthwaite"]
    assert primary.checks["unpaired"].low == pytest.approx(parts.checks()["unpaired"].interval(0.05)[0])
    assert primary.to_narrow.startswith("More ")


def test_runs_are_paired_by_their_seed_and_not_by_their_place(scene, fixed):
    experiment, control, treatment = fixed
    one = compare(control, treatment, on=scene.on, experiment=experiment)[0]
    other = compare(control, replace(treatment, results=treatment.results[::-1]), on=scene.on, experiment=experiment)[0]
    assert (other.interval.low, other.interval.high) == pytest.approx((one.interval.low, one.interval.high), rel=1e-12)


def test_runs_of_other_seeds_are_not_paired(scene, fixed):
    experiment, control, treatment = fixed
    moved = tuple(replace(run, id=replace(run.id, seed=run.id.seed + 50)) for run in treatment.results)
    effects = compare(control, replace(treatment, results=moved), on=scene.on, experiment=experiment)
    assert effects[0].method == "crossed interval over runs and items, pooled degrees of freedom"
    assert list(effects[0].checks) == ["Welch", "Satterthwaite"]


def test_swapping_the_arms_flips_every_sign(scene, fixed):
    experiment, control, treatment = fixed
    one = compare(control, treatment, on=scene.on, experiment=experiment)
    other = compare(treatment, control, on=scene.on, experiment=experiment)
    checked = 0
    for a, b in zip(one, other, strict=True):
        if isinstance(a, EffectEstimate) and a.question.threshold is ThresholdKind.tuned:
            assert b.estimate == pytest.approx(-a.estimate)
            assert b.p == pytest.approx(a.p)
            checked += 1
    assert checked > 8


def test_guardrails_have_their_margin_and_a_one_sided_p(scene, fixed):
    experiment, control, treatment = fixed
    effect = found(compare(control, treatment, on=scene.on, experiment=experiment), role=Role.guardrail, on="look")
    assert effect.margin == 0.05
    metric = get_metric("false_positive_rate")
    arms = []
    for arm in (control, treatment):
        scores = [(r.predictions["look"].scores, scene.look.golds["hate@4"], r.threshold) for r in arm.results]
        arms.append(ArmMetrics(np.array([metric.value(*s) for s in scores]), np.stack([metric.influence(*s) for s in scores])))
    difference = crossed_estimate(*arms, scene.look.clusters, shared_seeds=True)
    assert (effect.n_items, effect.n_clusters) == (200, 50)
    assert effect.interval.low == pytest.approx(difference.interval(0.05)[0])
    assert effect.p_beyond_margin == pytest.approx(p_beyond_margin(difference, 0.05, -1))


def test_gold_unchanged_keeps_the_items_both_guidelines_agree_on(scene, fixed):
    experiment, control, treatment = fixed
    effect = found(compare(control, treatment, on=scene.on, experiment=experiment), items="gold_unchanged")
    assert effect.n_items == 400 - 40 - 4
    assert effect.estimand.gold == "gold of guideline hate@4"


def test_the_two_by_two_of_model_and_gold(scene, fixed):
    experiment, control, treatment = fixed
    effects = compare(control, treatment, on=scene.on, experiment=experiment)
    old, new = (found(effects, role=Role.gold_cell, gold=g) for g in ("hate@3", "hate@4"))
    assert (old.n_items, new.n_items) == (400, 396)
    assert new.treatment > new.control
    assert new.control == effects[0].control  # the primary is this cell


def test_slices_split_the_items(scene, fixed):
    experiment, control, treatment = fixed
    effects = compare(control, treatment, on=scene.on, experiment=experiment)
    sizes = [e.n_items for e in effects if e.question.role is Role.slice]
    assert sum(sizes) == 396


def test_the_controls_threshold_is_given_to_every_run(scene, fixed):
    experiment, control, treatment = fixed
    effect = found(
        compare(control, treatment, on=scene.on, experiment=experiment), metric="recall", on="demo", threshold=ThresholdKind.control
    )
    at = np.mean([r.threshold for r in control.results])
    known = scene.demo.golds["hate@4"] == 1
    for arm, mean in ((control, effect.control), (treatment, effect.treatment)):
        assert mean == pytest.approx(np.mean([np.mean(r.predictions["demo"].scores[known] >= at) for r in arm.results]))
    assert f"{at:.4g}" in effect.estimand.threshold


def test_raters_random_by_the_formula_and_never_a_point_from_redraws(scene, random):
    experiment, control, treatment = random
    primary = compare(control, treatment, on=scene.on, experiment=experiment)[0]
    gold = scene.demo.golds["hate@4"]
    known = gold >= 0
    measured = []
    for arm, mean in ((control, primary.control), (treatment, primary.treatment)):
        values = {
            kind: np.array(
                [sk.average_precision_score(gold[known], r.predictions["demo"].scores[known]) for r in arm.of_kind(kind)]
            )
            for kind in ReplicateKind
        }
        assert mean == pytest.approx(values[ReplicateKind.snapshot].mean())
        measured.append(RaterArm(values[ReplicateKind.snapshot], values[ReplicateKind.redraw], 20.0, 3))
    over_raters = random_raters_estimate(*measured, RaterDesign.same, shared_seeds=True)
    assert primary.components["raters"] == pytest.approx(over_raters.terms[1].variance)
    assert primary.components["runs"] + primary.components["runs_by_items"] == pytest.approx(over_raters.terms[0].variance)
    assert set(primary.components) == set(primary.narrowing) | {"runs_by_items"} == {"runs", "raters", "items", "runs_by_items"}
    assert list(primary.checks) == ["Satterthwaite"]
    assert primary.interval.high - primary.estimate >= over_raters.half_width(0.05)
    assert "shared seeds" in primary.method
    assert (primary.n_runs, primary.n_redraws, primary.effective_raters) == (8, 10, 20.0)
    assert primary.estimand.raters == "raters like these"


def raters(names, effective, ratings=3):
    return RaterFacts(rater_ids=frozenset(names), effective_raters=effective, max_ratings_an_item=ratings)


def test_the_design_follows_from_who_rated(scene, random):
    experiment, control, treatment = random
    control = replace(control, raters=raters("abcdefghijkl", 12.0))

    def primary(facts):
        return compare(control, replace(treatment, raters=facts), on=scene.on, experiment=experiment)[0]

    disjoint, partly = primary(raters("mnopqrstuvwx", 12.0)), primary(raters("lmnopqrstuvw", 12.0))
    assert "disjoint raters" in disjoint.method
    assert Note.partly_shared_raters in partly.notes
    assert Note.partly_shared_raters not in primary(control.raters).notes
    assert Note.few_raters in disjoint.notes
    assert Note.few_raters not in compare(*random[1:], on=scene.on, experiment=experiment)[0].notes


def test_an_a_a_test_has_disjoint_seeds_and_is_not_paired(scene, twenty_raters):
    experiment = scene.experiment(raters=RaterClaim.random, redraws=5, null_test=NullTest.disjoint_seeds)
    primary = compare(*scene.runs(experiment, raters=twenty_raters), on=scene.on, experiment=experiment)[0]
    assert "shared seeds" not in primary.method
    assert isinstance(primary, EffectEstimate)


def test_disjoint_raters_under_a_fixed_claim_are_noted(scene, fixed):
    experiment, control, treatment = fixed
    control, treatment = replace(control, raters=raters("ab", 2.0)), replace(treatment, raters=raters("cd", 2.0))
    assert Note.disjoint_fixed_raters in compare(control, treatment, on=scene.on, experiment=experiment)[0].notes
    together = replace(treatment, raters=raters("ab", 2.0))
    assert Note.disjoint_fixed_raters not in compare(control, together, on=scene.on, experiment=experiment)[0].notes
    unknown = (replace(control, raters=None), replace(treatment, raters=None))
    swap = replace(experiment, treatment=replace(experiment.treatment, pool="vendor-b"))
    assert Note.disjoint_fixed_raters in compare(*unknown, on=scene.on, experiment=swap)[0].notes


def test_a_diagnostic_benchmark_is_noted(scene, fixed):
    experiment, control, treatment = fixed
    effects = compare(control, treatment, on=(replace(scene.demo, diagnostic=True), scene.look), experiment=experiment)
    assert Note.diagnostic_benchmark in effects[0].notes
    assert Note.diagnostic_benchmark not in found(effects, role=Role.guardrail, on="look").notes


def test_a_steadier_arm_is_noted(scene, fixed):
    experiment, control, treatment = fixed
    steady = [replace(control.results[0], id=r.id, threshold=r.threshold) for r in control.results]
    wild = compare(ArmRuns(results=tuple(steady)), treatment, on=scene.on, experiment=experiment)[0]
    assert Note.unequal_run_variance in wild.notes


def test_a_second_look_halves_alpha(scene, fixed):
    experiment, control, treatment = fixed
    second = replace(experiment, looks=2)
    assert alpha_of(second) == 0.025
    one, two = (compare(control, treatment, on=scene.on, experiment=e)[0] for e in (experiment, second))
    assert two.interval.level == pytest.approx(0.975)
    assert two.interval.low < one.interval.low
    assert two.p == one.p


def why_not(effect):
    assert isinstance(effect, NotEstimable), effect
    assert effect.sentence
    return effect.code


def primary_of(scene, experiment, control, treatment):
    return compare(control, treatment, on=scene.on, experiment=experiment)[0]


def test_gold_that_is_not_there(scene, fixed):
    experiment, control, treatment = fixed
    assert why_not(primary_of(scene, with_question(experiment, gold="hate@9"), control, treatment)) is WhyNot.no_gold
    assert why_not(primary_of(scene, with_question(experiment, gold=""), control, treatment)) is WhyNot.no_gold  # there are two
    assert why_not(primary_of(scene, with_question(experiment, on="look", gold="hate@3"), control, treatment)) is WhyNot.no_gold


def test_items_that_are_not_there(scene, fixed):
    experiment, control, treatment = fixed
    for items in ("slice:locale=fr", "slice:planet=mars"):
        assert why_not(primary_of(scene, with_question(experiment, items=items), control, treatment)) is WhyNot.no_items
    with pytest.raises(ConfigError, match="'gold_unchanged'"):
        primary_of(scene, with_question(experiment, items="the_good_ones"), control, treatment)


def test_a_class_that_is_not_there(scene, fixed):
    experiment, control, treatment = fixed
    question = {"on": "look", "gold": "hate@4"}  # all negative
    assert why_not(primary_of(scene, with_question(experiment, **question), control, treatment)) is WhyNot.one_class


def test_one_run_or_identical_runs(scene, fixed):
    experiment, control, treatment = fixed
    one = [ArmRuns(results=arm.results[:1]) for arm in (control, treatment)]
    assert why_not(primary_of(scene, experiment, *one)) is WhyNot.one_run
    none = [ArmRuns(results=()) for _ in range(2)]
    assert why_not(primary_of(scene, experiment, *none)) is WhyNot.one_run
    same = [
        ArmRuns(results=tuple(replace(arm.results[0], id=r.id, threshold=0.5) for r in arm.results)) for arm in (control, treatment)
    ]
    assert why_not(primary_of(scene, experiment, *same)) is WhyNot.no_run_variance


def test_one_cluster(scene, fixed):
    experiment, control, treatment = fixed
    lump = replace(scene.look, clusters=np.zeros(200))
    rescored = [
        ArmRuns(
            results=tuple(
                replace(r, predictions={**r.predictions, "look": replace(r.predictions["look"], benchmark_digest=lump.digest)})
                for r in arm.results
            )
        )
        for arm in (control, treatment)
    ]
    effects = compare(*rescored, on=(scene.demo, lump), experiment=experiment)
    assert why_not(found(effects, role=Role.guardrail, on="look")) is WhyNot.one_cluster


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (None, WhyNot.few_raters),
        (raters("abc", 3.0), WhyNot.few_raters),
        (raters("abcdefghij", 10.0, ratings=1), WhyNot.one_rating_an_item),
    ],
)
def test_raters_that_cannot_carry_the_claim(scene, random, facts, code):
    experiment, control, treatment = random
    assert why_not(primary_of(scene, experiment, replace(control, raters=facts), treatment)) is code


def test_few_redraws(scene, twenty_raters):
    experiment = scene.experiment(raters=RaterClaim.random, redraws=2)
    assert why_not(primary_of(scene, experiment, *scene.runs(experiment, raters=twenty_raters))) is WhyNot.few_redraws


def test_scores_of_another_version_of_the_benchmark_are_refused(scene, fixed):
    experiment, control, treatment = fixed
    other = replace(scene.demo, clusters=np.arange(400) // 2)
    with pytest.raises(BenchmarkError, match="another version of demo"):
        compare(control, treatment, on=(other, scene.look), experiment=experiment)
    extra = scene.experiment(extra=(Question(metric="recall", on="elsewhere"),))
    with pytest.raises(BenchmarkError, match="no predictions on elsewhere"):
        compare(control, treatment, on=(*scene.on, replace(scene.look, name="elsewhere")), experiment=extra)


def test_same_inputs_same_answers(scene, random):
    experiment, control, treatment = random
    assert compare(control, treatment, on=scene.on, experiment=experiment) == compare(
        control, treatment, on=scene.on, experiment=experiment
    )


def test_a_group_is_compared_with_the_rest_of_the_benchmark(scene, fixed):
    experiment, control, treatment = fixed
    asked = Question(metric="bpsn_auc", on="demo", gold="hate@4", items="slice:locale=de")
    effects = compare(control, treatment, on=scene.on, experiment=replace(experiment, extra=(asked,)))
    effect = found(effects, metric="bpsn_auc")
    known = scene.demo.golds["hate@4"] >= 0
    gold, inside = scene.demo.golds["hate@4"][known], scene.demo.slices["locale"][known] == "de"
    some = (inside & (gold == 0)) | (~inside & (gold == 1))
    for arm, mean in ((control, effect.control), (treatment, effect.treatment)):
        values = [sk.roc_auc_score(gold[some], r.predictions["demo"].scores[known][some]) for r in arm.results]
        assert mean == pytest.approx(np.mean(values), abs=1e-12)
    assert effect.n_items == 396  # the background counts too
    assert effect.estimate in effect.interval
    assert effect.estimand.items == "items like those of demo with locale de, against the rest"


@pytest.mark.parametrize(
    ("question", "code", "said"),
    [
        (Question(metric="bpsn_auc", on="demo", gold="hate@4"), WhyNot.no_group, "names no group"),
        (Question(metric="bpsn_auc", on="demo", gold="hate@4", items="slice:locale=xx"), WhyNot.no_items, "no item with locale xx"),
        (Question(metric="functional_pass_rate_worst", on="demo", gold="hate@4"), WhyNot.no_group, "it has locale|demo has locale"),
        (Question(metric="recall_at_fpr_01", on="demo", gold="hate@4"), WhyNot.few_items, "needs 1000 negative items"),
    ],
)
def test_a_metric_that_lacks_what_it_needs_says_so(scene, fixed, question, code, said):
    experiment, control, treatment = fixed
    effects = compare(control, treatment, on=scene.on, experiment=replace(experiment, extra=(question,)))
    effect = found(effects, metric=question.metric)
    assert why_not(effect) is code
    assert re.search(said, effect.sentence)


def test_pass_rates_by_functionality_are_read_by_that_slice_and_the_worst_is_a_point(scene, fixed):
    experiment, control, treatment = fixed
    kinds = np.array(["counter", "quote", "slur", "spell"])[np.arange(200) % 4]
    suite = replace(scene.look, slices={"functionality": kinds})
    worst = Question(metric="functional_pass_rate_worst", on="look", gold="hate@4")
    effects = compare(control, treatment, on=(scene.demo, suite), experiment=replace(experiment, extra=(worst,)))
    macro = found(effects, metric="functional_pass_rate_macro", threshold=ThresholdKind.tuned)
    means = {}
    for name, arm in (("control", control), ("treatment", treatment)):
        passed = [r.predictions["look"].scores < r.threshold for r in arm.results]  # every look-alike is benign
        rates = np.array([[np.mean(one[kinds == kind]) for kind in np.unique(kinds)] for one in passed])
        assert getattr(macro, name) == pytest.approx(rates.mean(), abs=1e-12)
        means[name] = rates.min(axis=1).mean()
    effect = found(effects, metric="functional_pass_rate_worst")
    assert why_not(effect) is WhyNot.no_interval
    assert "a bootstrap of an extreme is wrong too" in effect.sentence
    assert effect.sentence.startswith(f"{means['control']:.3f} in the control and {means['treatment']:.3f} in the treatment")


def asking(experiment, *metrics):
    asked = tuple(Question(metric=name, on="demo", gold="hate@4") for name in metrics)
    return replace(experiment, extra=asked)


def test_a_metric_without_influence_values_gets_its_items_part_from_shared_weights(scene, fixed):
    experiment, control, treatment = fixed
    asked = asking(experiment, "recall_at_fpr_05", "expected_calibration_error")
    effects = compare(control, treatment, on=scene.on, experiment=asked)
    known = scene.demo.golds["hate@4"] >= 0
    gold = scene.demo.golds["hate@4"][known]
    scores = [np.stack([r.predictions["demo"].scores[known] for r in arm.results]) for arm in (control, treatment)]
    rng = np.random.default_rng(int(scene.demo.digest[:16], 16))
    weights = rng.standard_exponential((1000, 400))[:, known]
    for name, weighted in (("recall_at_fpr_05", weighted_recall), ("expected_calibration_error", None)):
        effect = found(effects, metric=name)
        metric = get_metric(name)
        values = [[metric.value(s, gold, 0.0) for s in arm] for arm in scores]
        assert (effect.control, effect.treatment) == pytest.approx([np.mean(v) for v in values])
        assert effect.method.endswith("; items by 1,000 bootstrap weightings")
        assert sum(effect.components.values()) > 0 and effect.estimate in effect.interval
        if weighted is None:
            continue
        draws = [[[weighted(gold, s, w) for w in weights] for s in arm] for arm in scores]
        net = np.mean(draws[1], axis=0) - np.mean(draws[0], axis=0)
        total = np.var(net, ddof=1) * 397 / 395  # Exp(1) weights fall short of the unbiased variance by (n - 1) / (n + 1)
        of_pairs = np.cov(np.array(draws[1]) - np.array(draws[0]))
        churn = (np.trace(of_pairs) / 4 - (of_pairs.sum() - np.trace(of_pairs)) / 12) / 4 * 397 / 395
        assert effect.components["items"] == pytest.approx(max(total - churn, 0.0), rel=1e-6)
        runs = np.var(np.subtract(*values), ddof=1) / 4
        assert effect.components["runs_by_items"] == pytest.approx(min(churn, runs), rel=1e-6)  # it is within the runs' part
        assert effect.components["runs"] == pytest.approx(max(runs - churn, 0.0), rel=1e-6)


def weighted_recall(gold, scores, weights):
    order = np.argsort(-scores)  # no two scores are equal here
    hits, alarms = np.cumsum((weights * gold)[order]), np.cumsum((weights * (1 - gold))[order])
    return hits[alarms / alarms[-1] <= 0.05].max() / hits[-1]


def test_arms_with_unequal_numbers_of_runs(scene, random):
    experiment, control, treatment = random
    kept = [r for r in treatment.results if r.id.index not in (1, 3)]  # of four runs and five redraws
    fewer = replace(treatment, results=tuple(kept))
    primary = compare(control, fewer, on=scene.on, experiment=experiment)[0]
    assert (primary.n_runs, primary.n_redraws) == (6, 8)
    assert "runs (4 of the control, 2 of the treatment)" in primary.method
    assert "shared seeds" in primary.method
    known = scene.demo.golds["hate@4"] >= 0
    gold = scene.demo.golds["hate@4"][known]

    def values(arm, kind, numbers):
        fits = {r.id.index: r.predictions["demo"].scores[known] for r in arm.of_kind(kind)}
        return np.array([sk.average_precision_score(gold, fits[k]) for k in numbers])

    snapshot, redraw = ReplicateKind.snapshot, ReplicateKind.redraw
    arms = (
        RaterArm(values(control, snapshot, [0, 2, 1, 3]), values(control, redraw, [0, 2, 4]), 20.0, 3),
        RaterArm(values(fewer, snapshot, [0, 2]), values(fewer, redraw, [0, 2, 4]), 20.0, 3),
    )
    expected = random_raters_estimate(*arms, RaterDesign.same, shared_seeds=True)
    assert primary.estimate == pytest.approx(expected.estimate)
    assert primary.components["raters"] == pytest.approx(expected.terms[1].variance)
    swapped = compare(fewer, control, on=scene.on, experiment=experiment)[0]
    assert swapped.interval.low == pytest.approx(-primary.interval.high)
    plain = compare(control, fewer, on=scene.on, experiment=replace(experiment, raters=RaterClaim.fixed))[0]
    assert plain.method.startswith("crossed interval over runs (4 of the control, 2 of the treatment) and items, pooled")


def test_each_run_is_measured_once_however_many_questions_it_answers(scene, fixed, monkeypatch):
    experiment, control, treatment = fixed
    sorted_runs = []
    real = SortedRun.of_run.__func__
    monkeypatch.setattr(SortedRun, "of_run", classmethod(lambda cls, *a: (sorted_runs.append(1), real(cls, *a))[1]))
    effects = compare(control, treatment, on=scene.on, experiment=experiment)
    assert len(effects) > 15
    assert len(sorted_runs) == 2 * 8  # eight runs; of the demo under both golds, and of no score on look, where nothing ranks
