"""What could not be computed stays words from the comparison to what the tracker is sent, whichever condition fails."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.analysis.compare import compare
from smo_pipelines.analysis.decide import decide
from smo_pipelines.domain.benchmarks import PredictionSet
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question, WhyNot
from smo_pipelines.domain.experiments import RaterClaim
from smo_pipelines.domain.runs import ArmRuns, RaterFacts
from smo_pipelines.tracking.items import key_part
from smo_pipelines.tracking.log_items import effects_table, final_items
from tests.examples.records import example_record

FAULTS = {
    "one run": WhyNot.one_run,
    "no run variance": WhyNot.no_run_variance,
    "few positives": WhyNot.few_positives,
    "one cluster": WhyNot.one_cluster,
    "constant scores": WhyNot.constant_scores,
    "few raters": WhyNot.few_raters,
}
"""Each fault and the reason that it alone gives the primary, an average precision."""


def broken(scene, faults, seed=0):
    """Return an experiment's effects with these faults, and the experiment; metrics of every route and an extreme are asked."""
    random = RaterClaim.random if "few raters" in faults else RaterClaim.fixed
    names = ("recall_at_fpr_05", "expected_calibration_error", "brier_score", "auroc", "functional_pass_rate_worst")
    experiment = scene.experiment(
        raters=random,
        redraws=4 if random is RaterClaim.random else 0,
        extra=tuple(Question(metric=name, on="demo", gold="hate@4") for name in names),
    )
    demo = replace(scene.demo, slices={**scene.demo.slices, "functionality": scene.demo.slices["locale"]})
    if "few positives" in faults:
        gold = np.where(np.cumsum(demo.golds["hate@4"] == 1) <= 9, demo.golds["hate@4"], 0).astype(np.int8)
        demo = replace(demo, golds={**demo.golds, "hate@4": gold})
    if "one cluster" in faults:
        demo = replace(demo, clusters=np.zeros(len(demo), dtype=np.int64))
    facts = RaterFacts(rater_ids=frozenset("abcde"), effective_raters=4.5, max_ratings_an_item=3)
    arms = []
    for arm in scene.runs(experiment, shift=0.4, seed=5 + seed):
        results = []
        for result in arm.results[:1] if "one run" in faults else arm.results:
            of = arm.results[0] if "no run variance" in faults else result
            scores = np.full(len(demo), 0.3) if "constant scores" in faults else of.predictions["demo"].scores
            new = PredictionSet(
                classifier_key=result.key, benchmark="demo", benchmark_digest=demo.digest, scores=scores, threshold=of.threshold
            )
            results.append(replace(result, threshold=of.threshold, predictions={**of.predictions, "demo": new}))
        arms.append(ArmRuns(results=tuple(results), raters=facts if random is RaterClaim.random else None))
    return compare(*arms, on=(demo, scene.look), experiment=experiment), experiment


@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
def test_each_condition_that_fails_is_named(scene, fault, code):
    primary = broken(scene, {fault})[0][0]
    assert isinstance(primary, NotEstimable) and primary.code is code
    assert len(primary.sentence) > 20


@pytest.mark.parametrize("fault", ["one run", "no run variance", "few positives", "one cluster", "constant scores", "few raters"])
def test_the_bootstrap_route_fails_by_the_same_names(scene, fault):
    effects = broken(scene, {fault})[0]
    recall = next(e for e in effects if e.question.metric == "recall_at_fpr_05")
    assert isinstance(recall, NotEstimable) and recall.code is FAULTS[fault]


def test_an_extreme_has_none_even_when_nothing_fails(scene):
    effects, _ = broken(scene, set())
    worst = next(e for e in effects if e.question.metric == "functional_pass_rate_worst")
    assert isinstance(worst, NotEstimable) and worst.code is WhyNot.no_interval
    assert isinstance(effects[0], EffectEstimate)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(faults=st.sets(st.sampled_from(sorted(FAULTS)), max_size=3), seed=st.integers(0, 3))
def test_what_could_not_be_computed_is_a_number_nowhere(scene, faults, seed):
    effects, experiment = broken(scene, faults, seed)
    decision = decide(effects, experiment=experiment, findings=())
    record = replace(example_record(), experiment=experiment, decision=decision)
    items = final_items(record)
    assert all(math.isfinite(metric.value) for metric in items.metrics)
    keys = {metric.key for metric in items.metrics}
    for effect in effects:
        if isinstance(effect, EffectEstimate):
            assert all(math.isfinite(v) for v in (effect.estimate, effect.interval.low, effect.interval.high, effect.p))
            continue
        name = key_part(effect.question.label)
        assert not [key for key in keys if key.startswith((f"2 guardrail/{name} ch", f"5 other/{name} ch"))]
    missing = [row for row in effects_table(record)["data"] if row[-1]]
    assert len(missing) == sum(isinstance(effect, NotEstimable) for effect in effects)
    assert all(cell is None for row in missing for cell in row[3:9])
    if isinstance(effects[0], NotEstimable):
        assert not [key for key in keys if key.startswith("1 effect/")]
        assert "not estimable" in {tag.key: tag.value for tag in items.last_tags}["effect"]
