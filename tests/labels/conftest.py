from datetime import UTC, datetime

import pandas as pd
import pytest

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import RaterPool
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.tables import LabelTables

KEY = b"a key for tests, 32 bytes long.."
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# item -> the votes of raters r0, r1, ... ; None is a skipped rating
VOTES = {"a": [1, 1, 0], "b": [0, 0, 1], "c": [1, 0], "d": [1, 1, 1], "e": [0, None, 0]}


def _batch(votes=VOTES, *, project="demo", guideline="hate@1", rater=str, text="text of {}", source="test", **columns):
    ratings = [
        {
            "item_id": item,
            "rater_id": rater(f"r{number}"),
            "question": "hate",
            "label": None if vote is None else str(vote),
            "skipped": vote is None,
            "guideline": guideline,
            **columns,
        }
        for item, given in votes.items()
        for number, vote in enumerate(given)
    ]
    items = [
        {"item_id": item, "text": text.format(item), "locale": "ja" if item < "c" else "id", "attributes": {"split": "train"}}
        for item in votes
    ]
    return LabelBatch(
        project=project, source=source, items=pd.DataFrame(items), raters=pd.DataFrame(), ratings=pd.DataFrame(ratings)
    )


@pytest.fixture(scope="session")
def make_batch():
    return _batch


@pytest.fixture(scope="session")
def noon():
    return NOON


@pytest.fixture(scope="session")
def key():
    return KEY


@pytest.fixture(scope="session")
def guideline():
    return GuidelineVersion(id="hate@1", question="hate", labels=("0", "1"), positive="1", clauses=())


@pytest.fixture(scope="session")
def everybody():
    return RaterPool(id="all")


@pytest.fixture
def tables(tmp_path):
    return LabelTables(tmp_path / "tables")


@pytest.fixture
def filled(tables):
    tables.append(_batch(), imported_at=NOON)
    return tables
