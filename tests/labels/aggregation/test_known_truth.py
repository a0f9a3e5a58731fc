"""Aggregations against known truth, on the sets of Zheng et al. (2017), "Truth inference in crowdsourcing", PVLDB 10(5), 541-552.

The majority's figures are those that data/README.md gives of the same files. Where labels are tied for most votes, each earns its
share: a tie of two, one of them right, counts half, which is what breaking ties at random gives on average. (Lowest label first gives
81.78 and 63.01 on Dog and Face, highest first 82.65 and 64.04.) The figures of Dawid and Skene's estimator are of this one, and guard
it against change.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import Aggregation, RaterPool, SnapshotRecipe
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.stats.dawid_skene import fit_dawid_skene, label_shares

pytestmark = pytest.mark.real_data

FOLDERS = {
    "D_Product": "d_jn-product",
    "Duck": "d_Duck_Identification",
    "Dog": "s4_Dog_data",
    "Face": "s4_Face_Sentiment_Identification",
    "Emotion": "f201_Emotion_FULL",
}


class Answers(NamedTuple):
    item: np.ndarray
    rater: np.ndarray
    label: np.ndarray
    names: list[str]
    truth: np.ndarray  # by its position in names


def batch_of(folder, name):
    """Import the answers; the items have no texts here, so their names stand for them."""
    columns = {"item_id": "question", "text": "question", "rater_id": "worker", "label": "answer"}
    options = {"project": "crowds", "columns": columns, "constants": {"question": "truth", "guideline": "truth@1"}}
    batch = read("mapped", folder / "crowd-truth-infer" / FOLDERS[name] / "answer.csv", options=options, key=b"k" * 32)
    assert batch.quarantine == ()
    return batch


def truth_of(folder, name):
    """Return the true label, as the file has it, by item."""
    return pd.read_csv(folder / "crowd-truth-infer" / FOLDERS[name] / "truth.csv", dtype=str).set_index("question")["truth"]


def answers_of(folder, name):
    ratings = batch_of(folder, name).tables["ratings"].to_pandas()
    item, items = pd.factorize(ratings["item_id"], sort=True)
    label, names = pd.factorize(ratings["label"], sort=True)
    order = np.argsort(item, kind="stable")
    rater = pd.factorize(ratings["rater_id"], sort=True)[0]
    truth = pd.Index(names).get_indexer(truth_of(folder, name).loc[items])
    return Answers(item[order], rater[order], label[order], list(names), truth)


def labelled(folder, tmp_path, name, aggregation):
    """Import the answers into tables, take a snapshot, and return its labels beside the true ones."""
    tables = LabelTables(tmp_path / str(aggregation))
    tables.append(batch_of(folder, name), imported_at=datetime(2026, 3, 1, tzinfo=UTC))
    recipe = SnapshotRecipe(project="crowds", question="truth", aggregation=aggregation)
    guideline = GuidelineVersion(id="truth@1", question="truth", labels=("0", "1"), positive="1", clauses=())
    snapshot = build_snapshot(tables, recipe, guideline=guideline, pool=RaterPool(id="all"))
    return snapshot.labels, truth_of(folder, name).loc[snapshot.item_ids.tolist()].to_numpy().astype(int)


def percent_right(probability, truth):
    """Return the accuracy of the likeliest label, labels tied for it sharing the credit."""
    likeliest = probability == probability.max(axis=1, keepdims=True)
    return round(100 * float(np.mean(likeliest[np.arange(len(truth)), truth] / likeliest.sum(axis=1))), 2)


def percent_f1(labels, truth):
    return round(200 * float(np.sum((labels == 1) & (truth == 1)) / (np.sum(labels == 1) + np.sum(truth == 1))), 2)


@pytest.mark.parametrize(("name", "plain", "modelled"), [("D_Product", 89.66, 93.73), ("Duck", 75.93, 88.89)])
def test_two_labels(name, plain, modelled, real_data, tmp_path):
    found = {a: labelled(real_data, tmp_path, name, a) for a in (Aggregation.majority, Aggregation.dawid_skene)}
    accuracy = {aggregation: round(100 * float(np.mean(labels == truth)), 2) for aggregation, (labels, truth) in found.items()}
    assert accuracy == {Aggregation.majority: plain, Aggregation.dawid_skene: modelled}
    if name == "D_Product":
        assert percent_f1(*found[Aggregation.majority]) == 59.05
        assert percent_f1(*found[Aggregation.dawid_skene]) > 70.0


@pytest.mark.parametrize(("name", "plain", "modelled"), [("Dog", 82.22, 84.26), ("Face", 63.67, 64.04)])
def test_four_labels(name, plain, modelled, real_data):
    answers = answers_of(real_data, name)
    sizes = {"n_items": len(answers.truth), "n_labels": len(answers.names)}
    assert percent_right(label_shares(answers.item, answers.label, **sizes), answers.truth) == plain
    fit = fit_dawid_skene(answers.item, answers.rater, answers.label, **sizes, n_raters=answers.rater.max() + 1)
    assert fit.converged
    assert percent_right(fit.posterior, answers.truth) == modelled


def test_the_mean_of_a_scale_is_the_mean_under_its_shares(real_data):
    answers = answers_of(real_data, "Emotion")
    truth = truth_of(real_data, "Emotion").sort_index().astype(float).to_numpy()
    scale = np.array([float(name) for name in answers.names])
    error = label_shares(answers.item, answers.label, n_items=700, n_labels=len(scale)) @ scale - truth
    assert round(float(np.abs(error).mean()), 2) == 12.02
    assert round(float(np.sqrt((error**2).mean())), 2) == 17.84
