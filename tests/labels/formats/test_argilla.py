"""Argilla's three forms give the same ratings, as far as each of them can."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.pseudonyms import pseudonym
from tests.examples.exports import argilla_flat, argilla_nested, argilla_server

ReadAs = Callable[..., Any]


def test_flat(read_as: ReadAs, key: bytes) -> None:
    found = read_as("argilla", argilla_flat(), columns={"locale": "lang"}, constants={"guideline": "hate@1"})
    ratings = found.ratings
    assert ratings["label"].fillna("-").tolist() == ["fine", "hate", "-"] * 2
    assert ratings["skipped"].tolist() == [False, False, True] * 2
    assert set(ratings["question"]) == {"policy"} and set(ratings["guideline"]) == {"hate@1"}
    assert ratings["rater_id"][1] == pseudonym(key, "demo", "u-1")
    assert [(item["item_id"], item["text"], item["locale"]) for item in found.items] == [
        ("a1", "text 1", "ja-JP"),
        ("a2", "text 2", "ja-JP"),
    ]
    assert found.notes == []


def test_responses_that_were_all_discarded_are_skipped_ratings(read_as: ReadAs) -> None:
    discarded = {"policy.responses": [None] * 3, "policy.responses.status": ["discarded"] * 3}
    assert read_as("argilla", argilla_flat(**discarded)).ratings["skipped"].tolist() == [True] * 6


def test_drafts_are_left_out_and_counted(read_as: ReadAs) -> None:
    states = ["submitted", "draft", "discarded"]
    found = read_as("argilla", argilla_flat(**{"policy.responses.status": states}))
    assert (len(found.ratings), found.notes) == (4, ["left out: 2 drafts (not submitted)"])


def test_nested_is_read_with_a_loud_warning(read_as: ReadAs) -> None:
    found = read_as("argilla", argilla_nested(), columns={"locale": "lang"})
    assert found.ratings["label"].tolist() == ["fine", "hate"] * 2
    (warning,) = found.notes
    assert warning.startswith("WARNING: 2 records are of the nested form") and "flatten=True" in warning


def test_records_of_the_server_have_times(read_as: ReadAs, write: Callable[..., Path]) -> None:
    answer = argilla_server()
    found = read_as("argilla", answer, columns={"locale": "lang"})
    assert found.ratings["label"].tolist() == ["fine", "hate"] * 2
    assert found.ratings["created_at"][0].to_pydatetime() == datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)
    assert [item["item_id"] for item in found.items] == ["a1", "a2"]
    assert found.notes == ["left out: 2 drafts (not submitted)"]
    lines = write("\n".join(json.dumps(record) for record in answer["items"]).encode(), "records.jsonl")
    assert read_as("argilla", lines, columns={"locale": "lang"}).ratings.equals(found.ratings)


def test_the_three_forms_name_the_same_raters_and_items(read_as: ReadAs) -> None:
    def of(content: Any) -> set[tuple[str, str, str]]:
        ratings = read_as("argilla", content).ratings
        return {*zip(ratings["item_id"], ratings["rater_id"], ratings["label"].astype(str), strict=True)}

    assert of(argilla_nested()) == of(argilla_server())
    assert of(argilla_nested()) < of(argilla_flat())


@pytest.mark.parametrize(
    ("value", "label"), [("hate", "hate"), (["threat", "hate"], "hate|threat"), (4, "4"), (["hate"], "hate"), (-1, "-1")]
)
def test_values(read_as: ReadAs, value: Any, label: str) -> None:
    flat = argilla_flat(**{"policy.responses": [value, value, None]})
    assert set(read_as("argilla", flat).ratings["label"].dropna()) == {label}
    nested = argilla_nested(responses={"policy": [{"value": value, "user_id": "u"}]})
    assert set(read_as("argilla", nested).ratings["label"]) == {label}


@pytest.mark.parametrize("value", [[{"label": "slur", "start": 0, "end": 4}], [{"value": "a", "rank": 1}]])
def test_spans_and_rankings_are_refused(read_as: ReadAs, value: Any) -> None:
    flat = argilla_flat(**{"policy.responses": [value, value, value]})
    with pytest.raises(ImportRefused, match="policy"):
        read_as("argilla", flat)
    with pytest.raises(ImportRefused, match="'policy' is answered with spans or rankings"):
        read_as("argilla", flat, questions={"hate": "policy"})


def test_a_question_must_be_named_among_several(read_as: ReadAs) -> None:
    other = {"why.responses": ["x"], "why.responses.users": ["u-1"], "why.responses.status": ["submitted"]}
    with pytest.raises(ImportRefused, match=r"asks policy \(label\), why \(label\), and more than one"):
        read_as("argilla", argilla_flat(**other))
    found = read_as("argilla", argilla_flat(**other), questions={"hate": "policy"}, columns={"clause": "why"})
    assert set(found.ratings["question"]) == {"hate"} and found.notes == []
    assert read_as("argilla", argilla_flat(**other), questions={"hate": "policy"}).notes == [
        "questions that were not read: why (label)"
    ]
    assert found.ratings["clause"].dropna().tolist() == ["x", "x"]  # the first rater's own answer, of each record


def test_a_suggestion_makes_a_rating_prelabelled(read_as: ReadAs) -> None:
    assert set(read_as("argilla", argilla_flat(**{"policy.suggestion": "hate"})).ratings["prelabelled"]) == {True}
    suggested = argilla_nested(suggestions={"policy": {"value": "hate", "score": 0.9, "agent": "m"}})
    assert set(read_as("argilla", suggested).ratings["prelabelled"]) == {True}
    assert set(read_as("argilla", argilla_server(suggestions=[{"value": "hate"}])).ratings["prelabelled"]) == {True}
    assert set(read_as("argilla", argilla_flat()).ratings["prelabelled"]) == {False}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"policy.responses.users": ["u-1", "u-2", "None"]}, ["question 'policy': no rater: the user was deleted"]),
        (
            {"policy.responses.status": ["submitted", "submitted", None]},
            ["question 'policy': status 'None' is not one of submitted, discarded, draft"],
        ),
        ({"policy.responses.users": ["u-1"]}, ["policy.responses has 3 values, 1 users and 3 states"] * 3),
        ({"policy.responses": ["hate", None, None]}, ["question 'policy': no label"]),
        ({"text": None}, ["no text"] * 3),
        ({"id": ["a"]}, ["record id is a list, and an id belongs there"] * 3),
        ({"policy.responses": "hate"}, ["policy.responses is a text, and a list belongs there"]),
    ],
)  # fmt: skip
def test_a_bad_response_or_record(read_as: ReadAs, changes: dict[str, Any], reasons: list[str]) -> None:
    good, bad = argilla_flat()
    found = read_as("argilla", [good, {**bad, **changes}])
    assert [reason.removeprefix("record 2: ") for _, reason in found.reasons] == reasons


def test_a_record_without_responses_is_an_item(read_as: ReadAs) -> None:
    good, empty = argilla_flat()
    empty |= {"policy.responses": None, "policy.responses.users": None, "policy.responses.status": None}
    found = read_as("argilla", [good, empty])
    assert (len(found.items), len(found.ratings), found.reasons) == (2, 3, [])
