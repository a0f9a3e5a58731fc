from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
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


@settings(deadline=None)
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


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("created_at", [NOON, None], [NOON, None]),
        ("created_at", pd.to_datetime(["2026-03-01T12:00:00", None]), [NOON, None]),
        ("created_at", ["2026-03-01T21:00:00+09:00", "2026-03-01T12:00:00Z"], [NOON, NOON]),
        ("round", [1, None], [1, None]),
        ("round", np.array([2, 3]), [2, 3]),
        ("duration_s", [1, None], [1.0, None]),
        ("skipped", [None, True], [False, True]),
        ("prelabelled", np.array([True, False]), [True, False]),
        ("clause", pd.Categorical(["3.2", None]), ["3.2", None]),
        ("clause", np.array([np.int64(3), None], dtype=object), ["3", None]),
        ("locale", [np.nan, np.nan], [None, None]),
    ],
)
def test_columns_of_many_makes(column, values, expected):
    table = batch(ratings=RATINGS.assign(**{column: values})).tables["ratings"]
    found = dict(zip(table["item_id"].to_pylist(), table[column].to_pylist(), strict=True))
    assert [found["a"], found["b"]] == expected


def test_maps_are_dicts_of_text():
    made = batch(items=ITEMS.assign(attributes=[{"length": 3, "gate": None}, None], gold=[{"hate@1": 1}, {}]))
    rows = made.tables["items"].to_pylist(maps_as_pydicts="strict")
    assert [row["attributes"] for row in rows] == [{"length": "3"}, {}]
    assert [row["gold"] for row in rows] == [{"hate@1": "1"}, {}]


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
