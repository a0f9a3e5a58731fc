"""Published agreement of public rater-level data sets, from their files, through the project's own functions."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.labels.formats import read
from smo_pipelines.stats.agreement import AGREEMENT, FLEISS, MAJORITY_SHARE, alpha_of, coefficient_value, counts_of

pytestmark = pytest.mark.real_data

KEY = b"a key for tests, 32 bytes long.."


def ratings_of(form, path, **options):
    """Import an export and return its ratings that are not skipped."""
    ratings = read(form, path, options=options, key=KEY).tables["ratings"].to_pandas()
    return ratings[~ratings["skipped"]]


def pairs_of(ratings):
    """Return the item and the label of each rating."""
    return list(zip(ratings["item_id"], ratings["label"], strict=True))


def table(ratings):
    """Count (unit, label) pairs: one row a unit, one column a label."""
    unit, label = zip(*ratings, strict=True)
    units, labels = np.unique(unit, return_inverse=True)[1], np.unique(label, return_inverse=True)[1]
    return counts_of(units, labels, labels.max() + 1)


@pytest.fixture(scope="module")
def roettger():
    """Ratings (tweet, label) of each group of raters."""
    ratings = ratings_of("roettger2022", Path(os.environ["SMO_REAL_DATA"]) / "roettger2022")
    return {group: pairs_of(ratings[ratings["instrument"] == group]) for group in ("g1", "g2", "g3")}


# Roettger et al. (2022), 1_agreement_analysis.ipynb of the authors' repository: Fleiss' kappa and percent agreement.
ROETTGER = {
    ("g1",): (0.19762597248876537, 73.9),
    ("g2",): (0.7780866026522338, 93.72),
    ("g3",): (0.1476217606352577, 72.5),
    ("g1", "g2"): (0.36, 79.04),
    ("g2", "g3"): (0.34, 78.61),
    ("g1", "g3"): (0.18, 72.9),
}


@pytest.mark.parametrize("groups", sorted(ROETTGER), ids="+".join)
def test_roettger_2022(roettger, groups):
    kappa, percent = ROETTGER[groups]
    counts = table([rating for group in groups for rating in roettger[group]])
    assert counts.shape == (200, 2) and set(counts.sum(axis=1)) == {20 * len(groups)}
    assert coefficient_value(FLEISS, counts) == pytest.approx(kappa, abs=1e-12 if len(groups) == 1 else 0.005)
    # their percent agreement is the share of ratings that give the tweet's majority label, not of pairs that agree
    assert 100 * coefficient_value(MAJORITY_SHARE, counts) == pytest.approx(percent, abs=0.0051)


# Roettger et al. (2024), evaluation/analysis.ipynb of the authors' repository: agreement in percent and Fleiss' kappa.
XSTEST = {
    "llama2orig": (96.4, 0.93),
    "llama2new": (95.8, 0.93),
    "mistralinstruct": (97.6, 0.92),
    "mistralguard": (93.8, 0.89),
    "gpt4": (98.4, 0.97),
}


@pytest.mark.parametrize("model", sorted(XSTEST))
def test_xstest(real_data, model):
    file = real_data / "xstest" / f"xstest_v2_completions_{model}.csv"
    columns = {"item_id": "id", "text": "completion"}
    wide = {"columns": ["annotation_1", "annotation_2"]}
    ratings = ratings_of("mapped", file, project="xstest", columns=columns, wide=wide, constants={"question": "refusal"})
    percent, kappa = XSTEST[model]
    counts = table(pairs_of(ratings))
    assert counts.sum() == 900
    assert 100 * coefficient_value(AGREEMENT, counts) == pytest.approx(percent, abs=0.051)
    assert coefficient_value(FLEISS, counts) == pytest.approx(kappa, abs=0.0051)


def test_hatecheck(real_data):  # 3,901 cases of which 3,879 have at least four of five raters agreeing; kappa of the file
    options = {
        "project": "hatecheck",
        "columns": {"item_id": "case_id", "text": "test_case"},
        "wide": {"columns": "label_[0-9]*"},
        "constants": {"question": "hate"},
    }
    everything = ratings_of("mapped", real_data / "hatecheck" / "all_annotations.csv", **options)
    suite = ratings_of("mapped", real_data / "hatecheck" / "test_suite_annotations.csv", **options)
    # README of the data: ten raters, five a case; 173 of 3,901 cases did not get into the suite of 3,728
    assert everything["rater_id"].nunique() == 10
    assert suite["item_id"].nunique() == 3728
    assert len(set(everything["item_id"]) - set(suite["item_id"])) == 173
    assert coefficient_value(FLEISS, table(pairs_of(suite))) == pytest.approx(0.9390, abs=5e-5)  # computed from the file
    counts = table(pairs_of(everything))
    assert counts.shape == (3901, 2) and set(counts.sum(axis=1)) == {5}
    assert int((counts.max(axis=1) >= 4).sum()) == 3879
    assert coefficient_value(FLEISS, counts) == pytest.approx(0.9285, abs=5e-5)


def test_davidson_2017(real_data):  # computed from the file's votes: alpha .5428, unanimous 70.5%
    ratings = ratings_of("davidson2017", real_data / "davidson2017")
    assert pd.Series(ratings.groupby("item_id")["label"].size()).between(3, 9).all()
    counts = table(pairs_of(ratings))
    assert len(counts) == 24783 and counts.sum() == 80383
    assert coefficient_value(alpha_of(), counts) == pytest.approx(0.5428, abs=5e-5)
    assert (counts.max(axis=1) == counts.sum(axis=1)).mean() == pytest.approx(0.705, abs=5e-4)


# Kern et al. (2023), table 2: Krippendorff's alpha between conditions.
KERN = {
    "offensive": "AB .653 AC .646 BC .731 AD .629 BD .695 CD .707 AE .655 BE .740 CE .740 DE .724",
    "hate": "AB .596 AC .545 BC .536 AD .559 BD .579 CD .539 AE .477 BE .505 CE .484 DE .510",
}


def test_kern_2023_agreement_between_conditions(real_data):
    ratings = ratings_of("kern2023", real_data / "kern2023")
    for question, published in KERN.items():
        mine = ratings[ratings["question"] == question]
        # the median of two ratings that disagree is 0.5, which is a label of its own here
        medians = mine["label"].astype(float).groupby([mine["item_id"], mine["instrument"]]).median().unstack()
        found = {}
        for pair in published.split()[::2]:
            chosen = medians[list(pair)]
            cells = [(item, value) for name in pair for item, value in chosen[name].items() if not pd.isna(value)]
            found[pair] = coefficient_value(alpha_of(), table(cells))
        words = published.split()
        expected = {pair: float(value) for pair, value in zip(words[::2], words[1::2], strict=True)}
        assert found == pytest.approx(expected, abs=5.1e-4)
