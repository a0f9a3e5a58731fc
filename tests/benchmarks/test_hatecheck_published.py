"""The four published models' HateCheck results, reproduced through the suite and the metrics."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.benchmarks.scoring import score_with_evaluate
from smo_pipelines.benchmarks.suites import hatecheck
from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.stats.metrics import get_metric, metric_table

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("SMO_REAL_DATA" not in os.environ, reason="SMO_REAL_DATA does not name a folder of real data"),
]

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


@pytest.fixture(scope="module")
def suite() -> Benchmark:
    return hatecheck.load(Path(os.environ["SMO_REAL_DATA"]) / "hatecheck" / "test_suite_cases.csv")


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    path = Path(os.environ["SMO_REAL_DATA"]) / "hatecheck" / "derived" / "published_model_predictions.csv"
    return pd.read_csv(path, dtype=str).set_index("case_id")


def scores_of(published: pd.DataFrame, model: str, suite: Benchmark) -> np.ndarray:
    return (published.loc[suite.item_ids.tolist(), model] == "hateful").to_numpy(dtype=np.float64)


def test_the_suite_is_the_published_one(suite: Benchmark) -> None:
    # README of github.com/paul-rottger/hatecheck-data, and the paper's section 3.
    gold = suite.golds["hatecheck@1"]
    assert (len(suite), int(gold.sum()), len(set(suite.slices["functionality"]))) == (3728, 2563, 29)
    assert len(set(suite.slices["target_ident"]) - {""}) == 7


@pytest.mark.parametrize("model", MODELS)
def test_totals_and_macro_f1(model: str, suite: Benchmark, published: pd.DataFrame) -> None:
    scores, gold = scores_of(published, model, suite), suite.golds["hatecheck@1"]
    predictions = PredictionSet(
        classifier_key=model, benchmark=suite.name, benchmark_digest=suite.digest, scores=scores, threshold=0.5
    )
    names = ["recall", "false_positive_rate", "functional_pass_rate", "f1"]
    answers = score_with_evaluate(predictions, suite, gold="hatecheck@1", metrics=names)
    recall, flagged, right, f1_hateful = (float(answers[name]) for name in names)  # type: ignore[arg-type]
    f1_harmless = get_metric("f1").value(1.0 - scores, 1 - gold, 0.5)
    assert (round(100 * recall, 1), round(100 * (1 - flagged), 1), round(100 * right, 1)) == OVERALL[model][:3]
    assert round((f1_hateful + f1_harmless) / 2, 3) == OVERALL[model][3]


@pytest.mark.parametrize("column", range(4), ids=MODELS)
def test_each_functionality(column: int, suite: Benchmark, published: pd.DataFrame) -> None:
    scores, gold = scores_of(published, MODELS[column], suite), suite.golds["hatecheck@1"]
    groups = suite.slices["functionality"]
    pass_rate = get_metric("functional_pass_rate").value
    found = {name: round(100 * pass_rate(scores[groups == name], gold[groups == name], 0.5), 1) for name in PER_FUNCTIONALITY}
    assert found == {name: row[column] for name, row in PER_FUNCTIONALITY.items()}


@pytest.mark.parametrize("column", range(4), ids=MODELS)
def test_macro_and_worst_functionality(column: int, suite: Benchmark, published: pd.DataFrame) -> None:
    # The mean and the least of the published rates, which are rounded to a tenth of a point.
    rates = [row[column] for row in PER_FUNCTIONALITY.values()]
    assert len(rates) == 29
    predictions = PredictionSet(
        classifier_key="k",
        benchmark=suite.name,
        benchmark_digest=suite.digest,
        scores=scores_of(published, MODELS[column], suite),
        threshold=0.5,
    )
    names = ["functional_pass_rate_macro", "functional_pass_rate_worst"]
    macro, worst = score_with_evaluate(predictions, suite, gold="hatecheck@1", metrics=names).values()
    assert 100 * macro == pytest.approx(np.mean(rates), abs=0.05)  # type: ignore[operator]
    assert round(100 * worst, 1) == min(rates)  # type: ignore[operator, arg-type]


def test_slices_of_the_suite_at_once_are_the_published_rates(suite: Benchmark, published: pd.DataFrame) -> None:
    kinds = suite.slices["functionality"]
    names = list(PER_FUNCTIONALITY)
    scores = np.stack([scores_of(published, model, suite) for model in MODELS])
    table = metric_table(
        scores,
        suite.golds["hatecheck@1"],
        np.full(4, 0.5),
        np.stack([kinds == name for name in names]),
        metrics=["functional_pass_rate"],
    )
    assert np.round(100 * table.values["functional_pass_rate"], 1).T.tolist() == [list(PER_FUNCTIONALITY[name]) for name in names]
