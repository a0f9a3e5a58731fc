import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.errors import LabelError
from smo_pipelines.labels.batch import LabelBatch

ITEMS = pd.DataFrame({"item_id": ["a", "b"], "text": ["one", "two"]})
RATINGS = pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["r", "s"], "question": "hate", "label": ["1", "0"]})


def batch(items=ITEMS, raters=None, ratings=RATINGS):
    return LabelBatch(
        project="demo", source="test", items=items, raters=pd.DataFrame() if raters is None else raters, ratings=ratings
    )


def test_optional_columns_may_be_absent():
    made = batch()
    ratings = made.tables["ratings"].to_pylist()
    assert [row["skipped"] for row in ratings] == [False, False]
    assert len({row["rating_id"] for row in ratings}) == 2
    assert made.tables["raters"]["rater_id"].to_pylist() == ["r", "s"]
    assert made.tables["items"].to_pylist(maps_as_pydicts="strict")[0]["attributes"] == {}


@given(order=st.permutations(range(2)))
def test_the_order_of_rows_is_no_content(order):
    assert batch(ITEMS.iloc[list(order)], ratings=RATINGS.iloc[list(order)]).import_id == batch().import_id


@pytest.mark.parametrize(
    "change", [{"label": ["0", "0"]}, {"guideline": "hate@2"}, {"created_at": "2026-01-01T00:00:00Z"}, {"cost": 0.1}]
)
def test_other_content_is_another_import(change):
    assert batch(ratings=RATINGS.assign(**change)).import_id != batch().import_id


def test_numbers_are_legal_identifiers_and_labels():
    made = batch(ratings=RATINGS.assign(label=[1, 0]))
    assert sorted(made.tables["ratings"]["label"].to_pylist()) == ["0", "1"]


def test_a_rating_twice_is_one():
    assert batch(ratings=pd.concat([RATINGS, RATINGS])).tables["ratings"].num_rows == 2


def test_a_batch_of_items_alone():
    assert batch(ratings=pd.DataFrame()).tables["ratings"].num_rows == 0


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"ratings": RATINGS.assign(label=["1", None])}, "1 ratings of 'test' have no label"),
        ({"ratings": RATINGS.drop(columns="rater_id")}, "lack the columns"),
        ({"ratings": RATINGS.assign(item_id=["a", None])}, "have no item_id"),
        ({"ratings": RATINGS.assign(mood="x")}, "cannot have the columns"),
        ({"ratings": RATINGS.assign(project=["demo", "other"])}, "name the projects"),
        ({"ratings": RATINGS.assign(label=[0.5, np.nan])}, "'label' holds a value"),
        ({"ratings": RATINGS.assign(created_at=["noon", "later"])}, "'created_at' holds a value"),
        ({"items": pd.DataFrame({"item_id": ["a", "a"], "text": ["one", "two"]})}, "two different texts"),
        ({"raters": pd.DataFrame({"rater_id": ["r", "r"], "kind": ["human", "model"]})}, "described twice"),
    ],
)
def test_what_is_refused(parts, sentence):
    with pytest.raises(LabelError, match=sentence):
        batch(**parts)
