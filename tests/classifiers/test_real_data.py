import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TrainingSet

FOLDER = os.environ.get("SMO_REAL_DATA")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not FOLDER, reason="SMO_REAL_DATA does not name a folder with the real data"),
]


def majority(name):
    """Tweets of condition A and whether most raters called each offensive."""
    votes, texts = defaultdict(list), {}
    with (Path(FOLDER) / "kern2023" / f"full_{name}_s.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["version"] == "A" and row["offensive.language"]:
                votes[row["tweet.id"]].append(float(row["offensive.language"]))
                texts[row["tweet.id"]] = row["tweet_hashed"]
    ids = sorted(votes)
    labels = np.array([int(np.mean(votes[name]) > 0.5) for name in ids])
    return np.array(ids), np.array([texts[name] for name in ids], dtype=object), labels


def area_under_the_curve(scores, labels):
    """Mann and Whitney's statistic: how often a positive item outscores a negative one, ties counting half."""
    gap = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def test_tfidf_ranks_offensive_tweets(tfidf_config, tmp_path):
    ids, texts, labels = majority("train")
    test_ids, test_texts, test_labels = majority("test")
    assert (len(ids), len(test_ids)) == (2250, 750)
    training = TrainingSet(item_ids=ids, texts=texts, labels=labels, dev=hash_to_unit("dev", ids) < 0.15)
    areas = [
        area_under_the_curve(api.fit(tfidf_config, training, seed=seed, cache_dir=tmp_path).score(test_texts), test_labels)
        for seed in range(3)
    ]
    # word-level TF-IDF with logistic regression gives .834 here; the standard error of one area is about .014
    assert np.mean(areas) > 0.82
    assert len(set(areas)) == 3
