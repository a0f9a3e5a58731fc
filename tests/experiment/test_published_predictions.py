"""The published results on HateCheck and XSTest, reproduced through the suites, the import of predictions and the metrics."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.analysis.models import compare_models, measure_by_slice, measure_model
from smo_pipelines.benchmarks.scoring import score_with_evaluate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable, WhyNot
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.predictions import PredictionFile, find_predictions, import_predictions
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.metrics import METRICS, get_metric, metric_table

pytestmark = pytest.mark.real_data

MODELS = ("bert_davidson2017", "bert_founta2018", "perspective", "siftninja")
# Roettger et al. 2021: outputs of the notebook 4_eval_models_on_hatecheck.ipynb in github.com/paul-rottger/hatecheck-experiments.
# Percentage right of hateful cases, non-hateful cases and all cases; macro F1.
OVERALL = {
    "bert_davidson2017": (75.5, 36.0, 63.2, 0.559),
    "bert_founta2018": (65.5, 48.5, 60.2, 0.563),
    "perspective": (89.5, 48.2, 76.6, 0.702),
    "siftninja": (9.0, 86.6, 33.2, 0.302),
}
# Percentage right of each functional test, in the order of MODELS.
PER_FUNCTIONALITY = {
    "derog_neg_emote_h": (88.6, 90.7, 98.6, 7.9),
    "derog_neg_attrib_h": (88.6, 84.3, 95.7, 0.0),
    "derog_dehum_h": (91.4, 80.7, 98.6, 10.0),
    "derog_impl_h": (71.4, 61.4, 85.0, 0.0),
    "threat_dir_h": (87.2, 75.9, 100.0, 4.5),
    "threat_norm_h": (91.4, 83.6, 100.0, 2.1),
    "slur_h": (60.4, 41.0, 66.0, 50.0),
    "slur_homonym_nh": (66.7, 70.0, 63.3, 33.3),
    "slur_reclaimed_nh": (39.5, 33.3, 28.4, 18.5),
    "profanity_h": (82.9, 72.9, 100.0, 1.4),
    "profanity_nh": (99.0, 100.0, 98.0, 100.0),
    "ref_subs_clause_h": (87.1, 80.7, 99.3, 0.7),
    "ref_subs_sent_h": (85.7, 70.7, 100.0, 0.0),
    "negate_pos_h": (85.0, 60.7, 96.4, 2.9),
    "negate_neg_nh": (12.8, 12.0, 3.8, 96.2),
    "phrase_question_h": (80.7, 75.0, 99.3, 9.3),
    "phrase_opinion_h": (85.7, 75.9, 98.5, 2.3),
    "ident_neutral_nh": (20.6, 58.7, 84.1, 100.0),
    "ident_pos_nh": (21.7, 52.9, 54.0, 100.0),
    "counter_quote_nh": (26.6, 32.9, 15.6, 79.8),
    "counter_ref_nh": (29.1, 29.8, 18.4, 79.4),
    "target_obj_nh": (87.7, 84.6, 95.4, 100.0),
    "target_indiv_nh": (27.7, 55.4, 84.6, 100.0),
    "target_group_nh": (35.5, 59.7, 62.9, 98.4),
    "spell_char_swap_h": (69.9, 58.6, 88.7, 11.3),
    "spell_char_del_h": (59.3, 47.9, 74.3, 0.0),
    "spell_space_del_h": (68.1, 51.1, 80.1, 13.5),
    "spell_space_add_h": (43.9, 37.6, 74.0, 22.5),
    "spell_leet_h": (48.0, 43.9, 68.2, 16.2),
}


# The same notebook, "Performance Across Cases by Target Identity": percentage right of the cases made from templates that name a group.
PER_TARGET = {
    "women": (34.9, 52.3, 80.5, 23.0),
    "trans people": (69.1, 69.4, 80.8, 26.4),
    "gay people": (73.9, 74.3, 80.8, 25.9),
    "black people": (69.8, 72.2, 80.5, 26.6),
    "disabled people": (71.0, 37.1, 79.8, 23.0),
    "Muslims": (72.2, 73.6, 79.6, 27.6),
    "immigrants": (70.5, 58.9, 80.5, 25.9),
}
# Roettger et al. 2024: outputs of evaluation/analysis.ipynb in github.com/paul-rottger/exaggerated-safety.
# Percentage of full compliance, full refusal and partial refusal, of safe and of unsafe prompts.
XSTEST_SPLIT = {
    "llama2orig": {"safe": (40.4, 38.0, 21.6), "unsafe": (0.0, 99.5, 0.5)},
    "llama2new": {"safe": (70.4, 14.0, 15.6), "unsafe": (0.0, 97.5, 2.5)},
    "mistralinstruct": {"safe": (98.4, 0.8, 0.8), "unsafe": (64.0, 23.5, 12.5)},
    "mistralguard": {"safe": (81.2, 9.6, 9.2), "unsafe": (3.5, 87.5, 9.0)},
    "gpt4": {"safe": (91.6, 6.4, 2.0), "unsafe": (0.5, 97.5, 2.0)},
}
# Percentage of full refusals of each type of prompt, in the order of XSTEST_SPLIT.
XSTEST_TYPES = {
    "homonyms": (28, 8, 0, 8, 0),
    "contrast_homonyms": (100, 92, 20, 96, 96),
    "figurative_language": (12, 4, 0, 4, 0),
    "contrast_figurative_language": (100, 100, 8, 96, 100),
    "safe_targets": (40, 8, 0, 0, 0),
    "contrast_safe_targets": (100, 100, 8, 92, 100),
    "safe_contexts": (96, 60, 0, 28, 0),
    "contrast_safe_contexts": (100, 100, 12, 92, 100),
    "definitions": (40, 4, 0, 0, 4),
    "contrast_definitions": (100, 100, 4, 88, 100),
    "nons_group_real_discr": (60, 28, 8, 24, 0),
    "real_group_nons_discr": (16, 4, 0, 24, 0),
    "contrast_discr": (100, 96, 80, 84, 92),
    "historical_events": (32, 4, 0, 0, 0),
    "contrast_historical_events": (100, 100, 44, 96, 100),
    "privacy_public": (12, 4, 0, 0, 8),
    "privacy_fictional": (44, 16, 0, 8, 52),
    "contrast_privacy": (96, 92, 12, 56, 92),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMO_STATE", str(tmp_path_factory.mktemp("state")))
        yield Workspace(ProjectRoot(Path(__file__).parents[2]))


@pytest.fixture(scope="module")
def hatecheck(workspace: Workspace) -> Benchmark:
    return load_benchmark(workspace, "hatecheck")


@pytest.fixture(scope="module")
def published(workspace: Workspace, hatecheck: Benchmark) -> dict[str, PredictionSet]:
    path = Path(os.environ["SMO_REAL_DATA"]) / "hatecheck" / "derived" / "published_model_predictions.csv"
    for model in MODELS:
        file = PredictionFile(path=path, labels=True, item_id="case_id", column=model)
        assert import_predictions(workspace, file, benchmark="hatecheck", model=model).new
    return {model: find_predictions(workspace, model, hatecheck) for model in MODELS}


def rounded(
    predictions: PredictionSet, suite: Benchmark, gold: str, by: str, metric: str = "functional_pass_rate"
) -> dict[str, float]:
    """Return a metric in percent, to one decimal, of each value of a slice that has one."""
    levels = measure_by_slice(predictions, suite, metric=metric, gold=gold, by=by)
    return {value: round(100 * level.value, 1) for value, level in levels.items() if not isinstance(level, NotEstimable)}


@pytest.mark.parametrize("model", MODELS)
def test_macro_and_worst_functionality(model: str, hatecheck: Benchmark, published: dict[str, PredictionSet]) -> None:
    # the mean and the least of the published rates, which are rounded to a tenth of a point
    rates = [row[MODELS.index(model)] for row in PER_FUNCTIONALITY.values()]
    names = ["functional_pass_rate_macro", "functional_pass_rate_worst"]
    macro, worst = score_with_evaluate(published[model], hatecheck, gold="hatecheck@1", metrics=names).values()
    assert isinstance(macro, float) and isinstance(worst, float)
    assert 100 * macro == pytest.approx(np.mean(rates), abs=0.05)
    assert round(100 * worst, 1) == min(rates)


def test_all_functionalities_of_all_models_at_once(hatecheck: Benchmark, published: dict[str, PredictionSet]) -> None:
    kinds = hatecheck.slices["functionality"]
    table = metric_table(
        np.stack([published[model].scores for model in MODELS]),
        hatecheck.golds["hatecheck@1"],
        np.array([published[model].threshold for model in MODELS]),
        np.stack([kinds == name for name in PER_FUNCTIONALITY]),
        metrics=["functional_pass_rate"],
    )
    found = np.round(100 * table.values["functional_pass_rate"], 1).T.tolist()
    assert found == [list(rates) for rates in PER_FUNCTIONALITY.values()]


def test_the_suite_is_the_published_one(hatecheck: Benchmark) -> None:
    # README of github.com/paul-rottger/hatecheck-data, and the paper's section 3.
    gold = hatecheck.golds["hatecheck@1"]
    assert (len(hatecheck), int(gold.sum()), len(set(hatecheck.slices["functionality"]))) == (3728, 2563, 29)
    assert len(set(hatecheck.slices["target_ident"]) - {""}) == 7


@pytest.mark.parametrize("model", MODELS)
def test_totals_and_macro_f1(model: str, hatecheck: Benchmark, published: dict[str, PredictionSet]) -> None:
    predictions, gold = published[model], hatecheck.golds["hatecheck@1"]
    names = ["recall", "false_positive_rate", "functional_pass_rate", "f1"]
    levels = [measure_model(predictions, hatecheck, metric=name, gold="hatecheck@1") for name in names]
    assert all(not isinstance(level, NotEstimable) and isinstance(level.interval, Interval) for level in levels)
    recall, flagged, right, f1_hateful = (level.value for level in levels)  # type: ignore[union-attr]
    assert score_with_evaluate(predictions, hatecheck, gold="hatecheck@1", metrics=names) == pytest.approx(
        dict(zip(names, (recall, flagged, right, f1_hateful), strict=True)), abs=1e-15
    )
    f1_harmless = get_metric("f1").value(1.0 - predictions.scores, 1 - gold, 0.5)
    assert (round(100 * recall, 1), round(100 * (1 - flagged), 1), round(100 * right, 1)) == OVERALL[model][:3]
    assert round((f1_hateful + f1_harmless) / 2, 3) == OVERALL[model][3]


@pytest.mark.parametrize("column", range(4), ids=MODELS)
def test_each_functionality_and_each_target(column: int, hatecheck: Benchmark, published: dict[str, PredictionSet]) -> None:
    predictions = published[MODELS[column]]
    for by, table in (("functionality", PER_FUNCTIONALITY), ("templated_target", PER_TARGET)):
        assert rounded(predictions, hatecheck, "hatecheck@1", by) == {name: row[column] for name, row in table.items()}


def test_two_published_models_compared(hatecheck: Benchmark, published: dict[str, PredictionSet]) -> None:
    effects = {
        metric: compare_models(published["bert_founta2018"], published["perspective"], hatecheck, metric=metric, gold="hatecheck@1")
        for metric in METRICS
    }
    ranking = [effects[metric] for metric in METRICS if not METRICS[metric].thresholded]
    assert ranking and all(isinstance(effect, NotEstimable) and effect.code is WhyNot.hard_labels for effect in ranking)
    right = effects["functional_pass_rate"]
    assert isinstance(right, EffectEstimate)
    assert round(100 * right.estimate, 1) == pytest.approx(76.6 - 60.2, abs=0.11)
    assert right.interval.low > 0 and right.n_clusters == 845
    assert "these fitted models" in right.estimand.sentence


@pytest.fixture(scope="module")
def xstest(workspace: Workspace) -> Benchmark:
    return load_benchmark(workspace, "xstest")


def test_xstest_is_the_published_suite(xstest: Benchmark) -> None:
    # readme of github.com/paul-rottger/exaggerated-safety: 250 safe prompts of ten types, 200 unsafe contrasts
    assert (len(xstest), int(xstest.golds["xstest@1"].sum()), len(set(xstest.slices["type"]))) == (450, 200, 18)
    # a safe prompt and its contrast are of one cluster where they share a focus word
    assert xstest.n_clusters == 222


@pytest.mark.parametrize("column", range(5), ids=list(XSTEST_SPLIT))
def test_refusals_of_the_published_models(
    column: int, workspace: Workspace, xstest: Benchmark, tmp_path: Path, real_data: Path
) -> None:
    model = list(XSTEST_SPLIT)[column]
    completions = pd.read_csv(real_data / "xstest" / f"xstest_v2_completions_{model}.csv", dtype=str)
    answers = dict(zip(completions["id"].str.removeprefix("v2-"), completions["final_label"], strict=True))
    found = {}
    for kind in ("1_full_compliance", "2_full_refusal", "3_partial_refusal"):
        path = tmp_path / f"{kind}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("item_id", "label"), *((item, int(label == kind)) for item, label in answers.items())])
        name = f"{model}-{kind[2:].replace('_', '-')}"
        import_predictions(workspace, PredictionFile(path=path, labels=True), benchmark="xstest", model=name)
        found[kind] = find_predictions(workspace, name, xstest)
    for label, metric in (("safe", "false_positive_rate"), ("unsafe", "recall")):
        rates = tuple(rounded(one, xstest, "xstest@1", "label", metric)[label] for one in found.values())
        assert rates == XSTEST_SPLIT[model][label]
    by_type = {
        metric: rounded(found["2_full_refusal"], xstest, "xstest@1", "type", metric) for metric in ("false_positive_rate", "recall")
    }
    assert by_type["false_positive_rate"] | by_type["recall"] == {name: row[column] for name, row in XSTEST_TYPES.items()}


def folder(real_data: Path, name: str) -> None:
    if not (real_data / name).is_dir():
        pytest.skip(f"the real data has no folder {name}; `smo fetch {name}` gets it")


def test_multilingual_hatecheck_is_the_published_suite(workspace: Workspace, real_data: Path) -> None:
    folder(real_data, "multilingual-hatecheck")
    suite = load_benchmark(workspace, "multilingual-hatecheck")
    # the paper's abstract and table 2: 36,582 cases; cases a language
    assert len(suite) == 36582
    sizes = {str(locale): int((suite.slices["locale"] == locale).sum()) for locale in set(suite.slices["locale"])}
    assert (sizes["de"], sizes["zh"], sizes["pl"]) == (3645, 3378, 3815)


def test_the_moderation_set_has_its_published_counts(workspace: Workspace, real_data: Path) -> None:
    folder(real_data, "openai-moderation")
    suite = load_benchmark(workspace, "openai-moderation")
    assert len(suite) == 1680
    # counted in the published file: 1, 0 and not mentioned
    counts = {gold: [int((codes == code).sum()) for code in (1, 0, -1)] for gold, codes in suite.golds.items()}
    assert counts["openai-hate@1"] == [162, 609, 909] and counts["openai-undesired@1"] == [522, 337, 821]
