import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.benchmarks import scoring
from smo_pipelines.benchmarks.metric_module import card_of, module_of
from smo_pipelines.benchmarks.scoring import EVALUATE_MODULES, score_with_evaluate
from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark, PredictionSet
from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.errors import BenchmarkError, CannotEstimate, UnknownName
from smo_pipelines.stats.metrics import METRICS, Needs

Make = Callable[..., Benchmark]
Predict = Callable[..., PredictionSet]


def benchmark_of(gold: list[int]) -> Benchmark:
    n = len(gold)
    return Benchmark(
        name="b",
        item_ids=np.asarray([f"i{i}" for i in range(n)]),
        texts=np.asarray(["t"] * n, dtype=object),
        golds={"g@1": np.asarray(gold)},
        clusters=np.arange(n),
        slices={"functionality": np.arange(n) % 3, "who": np.where(np.arange(n) % 2 == 0, "women", "")},
    )


@settings(deadline=None, max_examples=50)  # the first example imports evaluate
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=30), st.floats(0, 1))
def test_every_answer_is_the_pure_functions_number_or_its_reason(rows: list[tuple[float, int]], threshold: float) -> None:
    scores, gold = np.asarray([score for score, _ in rows]), np.asarray([code for _, code in rows], dtype=np.int8)
    benchmark = benchmark_of(gold.tolist())
    predictions = PredictionSet(
        classifier_key="k", benchmark="b", benchmark_digest=benchmark.digest, scores=scores, threshold=threshold
    )
    answers = score_with_evaluate(predictions, benchmark, gold="g@1", metrics=list(METRICS), group="who=women")
    assert list(answers) == list(METRICS)
    for name, metric in METRICS.items():
        answer = answers[name]
        try:
            groups = {Needs.members: np.arange(len(gold)) % 2 == 0, Needs.functionality: np.arange(len(gold)) % 3}.get(metric.needs)
            value = metric.value(scores, gold, threshold, groups)
        except CannotEstimate as undefined:
            assert isinstance(answer, NotEstimable)
            assert (answer.code, answer.sentence, dict(answer.counts)) == (undefined.code, undefined.sentence, undefined.counts)
            assert (answer.question.metric, answer.question.on, answer.question.gold) == (name, "b", "g@1")
        else:
            assert isinstance(answer, float)
            assert answer == pytest.approx(value, abs=1e-12, rel=0)


def test_scores_keep_all_their_digits(make_benchmark: Make, predict: Predict) -> None:
    # Equal in 32 bits and ranked in 64: the positive item is the higher one.
    benchmark = make_benchmark({"g@1": [0, 1]})
    answers = score_with_evaluate(
        predict(benchmark, [0.5, 0.5 + 1e-12], 0.5 + 5e-13), benchmark, gold="", metrics=["auroc", "recall"]
    )
    assert answers == {"auroc": 1.0, "recall": 1.0}
    assert score_with_evaluate(predict(benchmark, [0.5, 0.5 + 1e-12], 0.6), benchmark, gold="", metrics=["recall"]) == {
        "recall": 0.0
    }


def test_items_that_the_guideline_does_not_decide_are_left_out(make_benchmark: Make, predict: Predict) -> None:
    benchmark = make_benchmark({"g@1": [1, 0, UNKNOWN_GOLD], "g@2": [UNKNOWN_GOLD] * 3})
    predictions = predict(benchmark, [0.9, 0.1, 0.9])
    assert score_with_evaluate(predictions, benchmark, gold="g@1", metrics=["functional_pass_rate"]) == {
        "functional_pass_rate": 1.0
    }
    undecided = score_with_evaluate(predictions, benchmark, gold="g@2", metrics=["f1"])["f1"]
    assert isinstance(undecided, NotEstimable)
    assert undecided.code is WhyNot.no_gold


def test_one_undefined_metric_does_not_silence_the_others(make_benchmark: Make, predict: Predict) -> None:
    benchmark = make_benchmark({"g@1": [0, 0, 0, 0]})
    answers = score_with_evaluate(
        predict(benchmark, [0.9, 0.1, 0.2, 0.3]), benchmark, gold="g@1", metrics=["auroc", "false_positive_rate", "f1"]
    )
    assert isinstance(answers["auroc"], NotEstimable)
    assert isinstance(answers["f1"], NotEstimable)
    assert answers["false_positive_rate"] == 0.25
    # A refusal must leave nothing behind for the next classifier.
    again = make_benchmark({"g@1": [0, 1, 0, 1]})
    assert score_with_evaluate(predict(again, [0.1, 0.9, 0.2, 0.8]), again, gold="g@1", metrics=["auroc"]) == {"auroc": 1.0}


def test_each_set_is_computed_once_as_a_whole(make_benchmark: Make, predict: Predict, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = make_benchmark({"g@1": [0, 1, 0, 1]})
    names = ("auroc", "f1")
    combined = scoring._combined(names)
    calls: list[int] = []
    original = combined.compute

    def counted(**data: object) -> object:
        calls.append(len(data["predictions"]))  # type: ignore[arg-type]
        return original(**data)

    monkeypatch.setattr(combined, "compute", counted)
    score_with_evaluate(predict(benchmark, [0.1, 0.9, 0.2, 0.8]), benchmark, gold="g@1", metrics=names)
    assert calls == [4]


def test_predictions_of_another_version_are_refused(make_benchmark: Make, predict: Predict) -> None:
    old, new = make_benchmark({"g@1": [0, 1]}), make_benchmark({"g@1": [1, 1]})
    with pytest.raises(BenchmarkError, match="score the classifier on this version"):
        score_with_evaluate(predict(old, [0.1, 0.9]), new, gold="g@1", metrics=["f1"])


def test_a_gold_or_metric_that_does_not_exist_is_named(make_benchmark: Make, predict: Predict) -> None:
    benchmark = make_benchmark({"hate@3": [0, 1], "hate@4": [1, 1]})
    predictions = predict(benchmark, [0.1, 0.9])
    with pytest.raises(BenchmarkError, match="did you mean 'hate@4'"):
        score_with_evaluate(predictions, benchmark, gold="hate@44", metrics=["f1"])
    with pytest.raises(BenchmarkError, match="no gold of ''"):
        score_with_evaluate(predictions, benchmark, gold="", metrics=["f1"])
    with pytest.raises(UnknownName, match="did you mean 'auroc'"):
        score_with_evaluate(predictions, benchmark, gold="hate@3", metrics=["auroch"])


OFFLINE = """
import json
import os
import pathlib
import socket
import numpy as np

def refuse(*_):
    raise OSError("this test has no network")

socket.socket.connect = socket.getaddrinfo = refuse

from smo_pipelines.benchmarks.metric_module import card_of, module_of
from smo_pipelines.benchmarks.scoring import EVALUATE_MODULES, score_with_evaluate
from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.stats.metrics import METRICS

scores, gold, kinds = [0.9, 0.4, 0.6, 0.1] * 500, [1, 1, 0, 0] * 500, np.asarray(["a", "a", "a", "b"] * 500)
inside = np.asarray([True, False, True, False] * 500)
ids = np.arange(2000).astype(str)
slices = {"functionality": kinds, "who": np.where(inside, "women", "")}
benchmark = Benchmark(name="b", item_ids=ids, texts=ids, golds={"g": np.asarray(gold)}, clusters=np.arange(2000), slices=slices)
predictions = PredictionSet(
    classifier_key="k", benchmark="b", benchmark_digest=benchmark.digest, scores=np.asarray(scores), threshold=0.3
)
scored = score_with_evaluate(predictions, benchmark, gold="g", metrics=list(METRICS), group="who=women")
written = [str(path) for path in pathlib.Path(os.environ["HF_HOME"]).parent.rglob("*") if path.is_file()]

import evaluate

options = {"threshold": 0.3, "members": inside, "functionality": kinds}
data = {"predictions": scores, "references": gold, **options}
paths = [str(EVALUATE_MODULES / name) for name in METRICS]
alone, added, cards = {}, {}, {}
for path in paths:
    module = evaluate.load(path, keep_in_memory=True)
    alone |= module.compute(**data)
    for half in (slice(0, 700), slice(700, 2000)):
        module.add_batch(predictions=scores[half], references=gold[half])
    added |= module.compute(**options)
    cards[module.name] = [module.description, module.citation, module.inputs_description]
combined = evaluate.combine(paths).compute(**data)
print(json.dumps({"scored": scored, "written": written, "alone": alone, "added": added, "combined": combined, "cards": cards}))
"""


def test_offline_in_silence_and_with_no_file_written_until_a_module_is_loaded_by_path(tmp_path: Path) -> None:
    root = Path(scoring.__file__).parents[2]
    offline = {"HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    environment = {**os.environ, **offline, "HF_HOME": str(tmp_path / "hf"), "TMPDIR": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    # By hand, each of the four items five hundred times: threshold 0.3 flags three of four, "a" fails one of three and "b" none; the
    # precision at the two positives' scores is 1 and 2/3; of the benign items, those at 0.6 cannot be flagged at 5%.
    expected = {
        "average_precision": (1 + 2 / 3) / 2,
        "auroc": 0.75,
        "recall_at_fpr_01": 0.5,
        "recall_at_fpr_05": 0.5,
        "f1": 0.8,
        "recall": 1.0,
        "precision": 2 / 3,
        "false_positive_rate": 0.5,
        "balanced_accuracy": 0.75,
        "expected_calibration_error": (0.1 + 0.6 + 0.6 + 0.1) / 4,
        "brier_score": (0.01 + 0.36 + 0.36 + 0.01) / 4,
        "functional_pass_rate": 0.75,
        "functional_pass_rate_macro": (2 / 3 + 1) / 2,
        "functional_pass_rate_worst": 2 / 3,
        "subgroup_auc": 1.0,
        "bpsn_auc": 0.0,
        "bnsp_auc": 1.0,
    }
    assert said["alone"] == pytest.approx(expected, abs=1e-12)
    assert said["scored"] == said["combined"] == said["alone"] == said["added"]
    assert said["written"] == []
    assert set(said["cards"]) == set(METRICS)
    for name, card in said["cards"].items():
        assert all(card)
        assert METRICS[name].title in card[0]
        assert f"{METRICS[name].direction.value} is better" in card[0]


def test_there_is_a_module_for_each_metric_and_no_other() -> None:
    assert {path.parent.name for path in EVALUATE_MODULES.glob("*/*.py") if path.stem == path.parent.name} == set(METRICS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_card_beside_each_module_is_the_metrics_own(name: str) -> None:
    written = (EVALUATE_MODULES / name / "README.md").read_text(encoding="utf-8")
    assert written == card_of(METRICS[name]), "run python -m smo_pipelines.benchmarks.metric_module"
    for fact in (METRICS[name].about, METRICS[name].reference, f"| better | {METRICS[name].direction.value} |"):
        assert fact in written


def test_a_module_is_named_like_its_metric() -> None:
    assert module_of("recall_at_fpr_01").__name__ == "recall_at_fpr_01"
    with pytest.raises(UnknownName, match="did you mean 'auroc'"):
        module_of("aurok")


def test_a_group_and_functionalities_are_read_from_the_benchmarks_slices() -> None:
    benchmark = benchmark_of([1, 0, 1, 0, UNKNOWN_GOLD, 1])  # women: items 0, 2, 4; functionalities 0, 1, 2, 0, 1, 2
    predictions = PredictionSet(
        classifier_key="k",
        benchmark="b",
        benchmark_digest=benchmark.digest,
        scores=np.asarray([0.9, 0.95, 0.2, 0.1, 0.0, 0.7]),
        threshold=0.5,
    )
    names = ["functional_pass_rate_macro", "functional_pass_rate_worst", "bnsp_auc"]
    answers = score_with_evaluate(predictions, benchmark, gold="g@1", metrics=names, group="who=women")
    # 0: both right; 1: the only known one wrong; 2: one of two. Women's violations at 0.9, 0.2 against others' benign at 0.95, 0.1.
    assert answers == {"functional_pass_rate_macro": 0.5, "functional_pass_rate_worst": 0.0, "bnsp_auc": 0.5}
    unasked = score_with_evaluate(predictions, benchmark, gold="g@1", metrics=["bnsp_auc"])["bnsp_auc"]
    assert isinstance(unasked, NotEstimable) and unasked.code is WhyNot.no_group
    with pytest.raises(BenchmarkError, match="no group 'whoo=women'"):
        score_with_evaluate(predictions, benchmark, gold="g@1", metrics=["bnsp_auc"], group="whoo=women")


def test_scoring_does_not_import_transformers_and_leaves_it_importable():
    code = """
import sys
from smo_pipelines.benchmarks.scoring import _combined
_combined(("auroc", "f1"))
assert not {name for name in sys.modules if name.split(".")[0] == "transformers"}
from transformers import AutoTokenizer
print(AutoTokenizer.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "AutoTokenizer"), done.stderr
