from collections.abc import Callable
from typing import Any

import pytest

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.pseudonyms import pseudonym
from tests.examples.exports import MAIL, label_studio_min

ReadAs = Callable[..., Any]
FORM = "label-studio-min"
OPTIONS = {"questions": {"hate": "policy"}, "columns": {"locale": "lang"}}


def test_a_plain_export(read_as: ReadAs, key: bytes) -> None:
    found = read_as(FORM, label_studio_min(), **OPTIONS)
    ratings = found.ratings
    assert ratings["label"].tolist() == ["fine", "hate", "hate"] and set(ratings["question"]) == {"hate"}
    assert ratings["rater_id"].tolist().count(pseudonym(key, "demo", "7")) == 2
    assert set(ratings["duration_s"]) == {12.5} and set(ratings["locale"]) == {"en-IN"}
    assert [item["item_id"] for item in found.items] == ["1", "2"]
    assert "does not say which annotations were cancelled" in found.notes[0]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("hate", "hate"),
        ({"choices": ["threat", "hate"]}, "hate|threat"),
        (["hate", {"choices": ["threat", "hate"]}], "hate|threat"),
        ([{"rating": 4}], "4"),
        ([{"taxonomy": [["abuse", "slur"]]}], "abuse/slur"),
        ({"text": ["one", "two"]}, "one|two"),
        (3, "3"),
    ],
)
def test_one_key_in_all_its_forms(read_as: ReadAs, value: Any, label: str) -> None:
    assert set(read_as(FORM, label_studio_min(policy=value), **OPTIONS).ratings["label"]) == {label}


def test_a_rater_by_address(read_as: ReadAs, key: bytes) -> None:
    found = read_as(FORM, label_studio_min(annotator=MAIL.title()), **OPTIONS)
    assert set(found.ratings["rater_id"]) == {pseudonym(key, "demo", MAIL)}
    assert "3 annotations name their rater by e-mail address" in found.notes[1]
    assert MAIL not in repr(found.batch.tables).lower() + repr(found.notes).lower()


def test_the_only_other_key_is_the_question(read_as: ReadAs) -> None:
    rows = [{key: value for key, value in row.items() if key != "lang"} for row in label_studio_min()]
    assert set(read_as(FORM, rows).ratings["question"]) == {"policy"}
    with pytest.raises(ImportRefused, match=r"which keys are answers is not plain, lang, policy could be"):
        read_as(FORM, label_studio_min())
    with pytest.raises(ImportRefused, match=r"has the question 'polcy'; did you mean 'policy'"):
        read_as(FORM, label_studio_min(), questions={"hate": "polcy"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"policy": None}, "it answers none of the questions (policy)"),
        ({"policy": [{"start": 0, "end": 3, "labels": ["slur"]}]}, "an answer marks a part of the item, and a rating is a label of a whole item"),
        ({"annotator": None}, "no rater (annotator)"),
        ({"lead_time": "x"}, "lead_time 'x' is not a number of seconds"),
        ({"id": None}, "no id"),
        ({"lang": ["en"], "text": {}}, "text is an object, and a text belongs there"),
    ],
)  # fmt: skip
def test_a_bad_record(read_as: ReadAs, changes: dict[str, Any], reason: str) -> None:
    good, bad, other = label_studio_min()
    found = read_as(FORM, [good, {**bad, **changes}, other], **OPTIONS)
    assert found.reasons == [(1, f"record 2: {reason}")]
    assert len(found.ratings) == 2


def test_a_task_that_nobody_annotated_is_an_item(read_as: ReadAs) -> None:
    open_task = {"text": "open", "lang": "en", "id": 5, "annotator": None, "annotation_id": None, "created_at": None}
    found = read_as(FORM, [*label_studio_min(), open_task], **OPTIONS)
    assert (len(found.items), len(found.ratings), found.reasons) == (3, 3, [])
