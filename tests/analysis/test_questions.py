from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from smo_pipelines.analysis.questions import USUAL_METRICS, asks_the_same, questions_of
from smo_pipelines.domain.effects import Question, Role, ThresholdKind
from smo_pipelines.errors import UnknownName
from smo_pipelines.stats.metrics import METRICS


def by_role(scene, experiment):
    asked = questions_of(experiment, scene.on)
    return {role: [q for q, _ in asked if q.role is role] for role in Role}


def test_the_primary_is_first_and_guardrails_carry_their_margins(scene):
    asked = questions_of(scene.experiment(), scene.on)
    assert asked[0] == (Question(metric="average_precision", on="demo", gold="hate@4", role=Role.primary), None)
    assert [margin for q, margin in asked if q.role is Role.guardrail] == [0.05, 0.03]
    assert all(margin is None for q, margin in asked if q.role is not Role.guardrail)


def test_a_guideline_edit_asks_the_primary_metric_under_both_golds(scene):
    assert [q.gold for q in by_role(scene, scene.experiment())[Role.gold_cell]] == ["hate@3", "hate@4"]
    experiment = scene.experiment()
    pool_swap = replace(experiment, treatment=replace(experiment.control, pool="vendor-b"))
    assert by_role(scene, pool_swap)[Role.gold_cell] == []


def test_the_usual_metrics_are_asked_on_every_benchmark_and_thresholded_ones_twice(scene):
    experiment = scene.experiment()
    asked = questions_of(experiment, scene.on)
    benchmarks = {b.name: b for b in scene.on}
    keys = Counter(asks_the_same(q, benchmarks[q.on], experiment) for q, _ in asked if q.role is not Role.gold_cell)
    assert max(keys.values()) == 1  # nothing is asked twice
    of_positives = {"average_precision", "auroc", "f1", "recall"}  # "look" holds no violating item, so they have no value there
    usual = set(USUAL_METRICS) - {"functional_pass_rate_macro"}  # no benchmark here says which functionality an item tests
    assert usual == {*of_positives, "false_positive_rate", "functional_pass_rate"}
    for name, metrics in {"demo": usual, "look": usual - of_positives}.items():
        for metric in METRICS:
            thresholds = ThresholdKind if METRICS[metric].thresholded else (ThresholdKind.tuned,)
            for threshold in thresholds:
                assert keys[(metric, name, "hate@4", "all", threshold)] == (metric in metrics)


def test_slices_ask_the_primary_metric_for_each_value(scene):
    assert [q.items for q in by_role(scene, scene.experiment())[Role.slice]] == ["slice:locale=de", "slice:locale=en"]
    assert {q.metric for q in by_role(scene, scene.experiment())[Role.slice]} == {"average_precision"}


def test_a_slice_the_benchmark_lacks_is_asked_once_and_not_dropped(scene):
    experiment = scene.experiment()
    asked = by_role(scene, replace(experiment, rule=replace(experiment.rule, slices=("clause",))))
    assert [q.items for q in asked[Role.slice]] == ["slice:clause="]


def test_extra_questions_are_shown_and_decide_nothing(scene):
    extra = (
        Question(metric="recall", on="demo", gold="hate@3", role=Role.primary),
        Question(metric="average_precision", on="demo", gold="hate@4"),  # already the primary
    )
    asked = by_role(scene, scene.experiment(extra=extra))
    assert Question(metric="recall", on="demo", gold="hate@3", role=Role.secondary) in asked[Role.secondary]
    assert len(asked[Role.primary]) == 1
    assert len(asked[Role.secondary]) == len(by_role(scene, scene.experiment())[Role.secondary]) + 1


def test_questions_do_not_depend_on_unknown_slice_values(scene):
    blank = replace(scene.demo, slices={"locale": np.where(np.arange(400) < 10, "", "en")})
    asked = questions_of(scene.experiment(), (blank, scene.look))
    assert [q.items for q, _ in asked if q.role is Role.slice] == ["slice:locale=en"]


def test_an_unknown_benchmark_is_refused(scene):
    with pytest.raises(UnknownName, match="benchmark 'demo'"):
        questions_of(scene.experiment(), (scene.look,))


def test_the_macro_pass_rate_is_asked_where_items_have_a_functionality(scene):
    suite = replace(scene.look, slices={"functionality": np.where(np.arange(200) < 100, "counter", "quote")})
    experiment = scene.experiment()
    asked = [q for q, _ in questions_of(experiment, (scene.demo, suite)) if q.metric == "functional_pass_rate_macro"]
    assert [(q.on, q.threshold) for q in asked] == [("look", ThresholdKind.tuned), ("look", ThresholdKind.control)]
    more = len(questions_of(experiment, (scene.demo, suite))) - len(questions_of(experiment, scene.on))
    assert more == 2


def test_a_group_against_the_rest_keeps_its_group_under_each_gold(scene):
    experiment = scene.experiment()
    question = replace(experiment.rule.primary.question, metric="bpsn_auc", items="slice:locale=de")
    primary = replace(experiment.rule.primary, question=question)
    cells = by_role(scene, replace(experiment, rule=replace(experiment.rule, primary=primary)))[Role.gold_cell]
    assert [(q.gold, q.items) for q in cells] == [("hate@3", "slice:locale=de"), ("hate@4", "slice:locale=de")]
