"""Aggregations against known truth, on the sets of Zheng et al. (2017), "Truth inference in crowdsourcing", PVLDB 10(5), 541-552.

The majority's figures are those that data/README.md gives of the same files. Where labels are tied for most votes, each earns its
share: a tie of two, one of them right, counts half, which is what breaking ties at random gives on average. (Lowest label first gives
81.78 and 63.01 on Dog and Face, highest first 82.65 and 64.04.) The figures of Dawid and Skene's estimator are of this one, and guard
it against change.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.domain.labels import Votes
from smo_pipelines.labels.aggregation import dawid_skene, majority
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


def answers_of(folder, name):
    answers, truths = (
        pd.read_csv(folder / "crowd-truth-infer" / FOLDERS[name] / f"{file}.csv", dtype=str) for file in ("answer", "truth")
    )
    item, items = pd.factorize(answers["question"], sort=True)
    label, names = pd.factorize(answers["answer"], sort=True)
    truth = truths.set_index("question")["truth"].loc[items].to_numpy()
    order = np.argsort(item, kind="stable")
    rater = pd.factorize(answers["worker"], sort=True)[0]
    return Answers(item[order], rater[order], label[order], list(names), pd.Index(names).get_indexer(truth))


def votes_of(answers):
    ids = np.array([f"r{n:04}" for n in range(answers.rater.max() + 1)])
    order = np.lexsort((answers.rater, answers.item))
    columns = {"item": answers.item[order], "rater": answers.rater[order], "label": answers.label[order]}
    return Votes(**columns, rater_ids=ids, labels=("0", "1"), positives=("1",))


def percent_right(probability, truth):
    """Return the accuracy of the likeliest label, labels tied for it sharing the credit."""
    likeliest = probability == probability.max(axis=1, keepdims=True)
    return round(100 * float(np.mean(likeliest[np.arange(len(truth)), truth] / likeliest.sum(axis=1))), 2)


def percent_f1(labels, truth):
    return round(200 * float(np.sum((labels == 1) & (truth == 1)) / (np.sum(labels == 1) + np.sum(truth == 1))), 2)


@pytest.mark.parametrize(("name", "plain", "modelled"), [("D_Product", 89.66, 93.73), ("Duck", 75.93, 88.89)])
def test_two_labels(name, plain, modelled, real_data):
    answers = answers_of(real_data, name)
    votes, n_items = votes_of(answers), len(answers.truth)
    accuracy = {a: round(100 * float(np.mean(a(votes, n_items).labels == answers.truth)), 2) for a in (majority, dawid_skene)}
    assert accuracy == {majority: plain, dawid_skene: modelled}


def test_f1_of_the_rare_label(real_data):
    answers = answers_of(real_data, "D_Product")
    votes, n_items = votes_of(answers), len(answers.truth)
    assert percent_f1(majority(votes, n_items).labels, answers.truth) == 59.05
    assert percent_f1(dawid_skene(votes, n_items).labels, answers.truth) > 70.0


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
    truth = pd.read_csv(real_data / "crowd-truth-infer" / FOLDERS["Emotion"] / "truth.csv", dtype={"question": str}).set_index(
        "question"
    )
    items = sorted(truth.index)
    scale = np.array([float(name) for name in answers.names])
    error = (
        label_shares(answers.item, answers.label, n_items=700, n_labels=len(scale)) @ scale - truth["truth"].loc[items].to_numpy()
    )
    assert round(float(np.abs(error).mean()), 2) == 12.02
    assert round(float(np.sqrt((error**2).mean())), 2) == 17.84
