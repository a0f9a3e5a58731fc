"""Label Studio's JSON: every trap of the format, on records of the shape that its serializer writes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.errors import ImportRefused, LabelError
from smo_pipelines.labels.pseudonyms import pseudonym
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables
from tests.examples.exports import MAIL, label_studio, ls_annotation, ls_task

ReadAs = Callable[..., Any]
PERSON = {"id": 7, "email": MAIL, "first_name": "Some", "last_name": "Body"}


@pytest.fixture
def one(read_as: ReadAs) -> ReadAs:
    """Read one task with these annotations."""

    def call(*annotations: Any, task: dict[str, Any] | None = None, **options: Any) -> Any:
        return read_as("label-studio", [ls_task(1, list(annotations), **(task or {}))], **options)

    return call


def test_a_plain_export(read_as: ReadAs, key: bytes) -> None:
    found = read_as("label-studio", label_studio(), columns={"locale": "lang", "guideline": "version"}, attributes=["lang"])
    ratings = found.ratings
    assert ratings["label"].tolist() == ["fine", "hate", "fine", "hate"]
    assert set(ratings["question"]) == {"policy"}
    assert set(ratings["guideline"]) == {"hate@3"} and set(ratings["locale"]) == {"en-IN"}
    assert ratings["created_at"][0].to_pydatetime() == datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert set(ratings["duration_s"]) == {12.5}
    assert found.items[0]["text"] == "text 1" and found.items[0]["attributes"] == {"lang": "en-IN"}
    assert found.reasons == []


def test_a_rater_is_one_whether_an_id_or_a_person_and_no_name_is_kept(read_as: ReadAs, key: bytes) -> None:
    found = read_as("label-studio", [*label_studio(), ls_task(3, [ls_annotation(31, rater="7")])])
    assert len(found.batch.tables["raters"]) == 3
    assert found.ratings["rater_id"].tolist().count(pseudonym(key, "demo", "7")) == 3
    kept = repr(found.batch.tables) + repr(found.notes) + repr(found.reasons)
    assert not [word for word in (MAIL, "Some", "Body") if word in kept]


def test_a_person_without_an_id_is_known_by_the_address(one: ReadAs, key: bytes) -> None:
    found = one(ls_annotation(1, rater={"email": MAIL.upper(), "first_name": "Some"}))
    assert found.ratings["rater_id"].tolist() == [pseudonym(key, "demo", MAIL)]


def test_old_exports(read_as: ReadAs) -> None:
    task = ls_task(1, [])
    del task["annotations"]
    old = ls_annotation(1, created_at=1600000000, lead_time=3)
    cancelled = {**ls_annotation(2, rater=8), "skipped": True, "result": []}
    del cancelled["was_cancelled"]
    task["completions"] = [old, cancelled]
    ratings = read_as("label-studio", [task]).ratings
    assert ratings["skipped"].tolist() == [False, True]
    assert ratings["created_at"][0].to_pydatetime() == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)


def test_a_cancelled_annotation_is_a_skipped_rating(one: ReadAs) -> None:
    ratings = one(ls_annotation(1), ls_annotation(2, rater=8, was_cancelled=True)).ratings
    assert ratings["label"].fillna("-").tolist() == ["hate", "-"]
    assert ratings["skipped"].tolist() == [False, True]


def test_only_cancelled_annotations_need_a_question(one: ReadAs) -> None:
    cancelled = ls_annotation(1, was_cancelled=True, result=[])
    with pytest.raises(ImportRefused, match="name it in the mapping, under constants"):
        one(cancelled)
    assert one(cancelled, constants={"question": "hate"}).ratings["question"].tolist() == ["hate"]


def test_ground_truth_is_gold_and_no_vote(one: ReadAs, tmp_path: Path) -> None:
    found = one(ls_annotation(1, ground_truth=True), ls_annotation(2, rater=8, label="fine"), columns={"guideline": "version"})
    assert found.ratings["is_gold"].tolist() == [False, True]
    assert found.items[0]["gold"] == {"hate@3": "hate"}
    tables = LabelTables(tmp_path / "tables")
    tables.append(found.batch, imported_at=datetime(2026, 4, 1, tzinfo=UTC))
    guideline = GuidelineVersion(id="hate@3", question="policy", labels=("fine", "hate"), positive="hate", clauses=())
    recipe = SnapshotRecipe(project="demo", question="policy")
    snapshot = build_snapshot(tables, recipe, guideline=guideline, pool=RaterPool(id="all"))
    assert (snapshot.share.tolist(), snapshot.n_ratings.tolist()) == ([0.0], [1])


def test_ground_truth_without_a_guideline_is_said(one: ReadAs) -> None:
    found = one(ls_annotation(1, ground_truth=True))
    assert found.items[0]["gold"] == {}
    assert "1 ground truths are gold ratings only" in " ".join(found.notes)


def test_two_ground_truths_that_differ(one: ReadAs) -> None:
    gold = [ls_annotation(1, ground_truth=True), ls_annotation(2, label="fine", ground_truth=True)]
    found = one(*gold, columns={"guideline": "version"})
    assert found.reasons == [(1, "record 1: annotation 2: gold 'fine' of item '1' under 'hate@3' was 'hate' before")]


def test_predictions_and_drafts_are_no_raters(one: ReadAs) -> None:
    prediction = {"id": 5, "result": ls_annotation(1)["result"], "model_version": "v1", "score": 0.9}
    found = one(ls_annotation(1), task={"predictions": [prediction], "drafts": [{"id": 1}, {"id": 2}]})
    assert len(found.ratings) == 1
    assert found.notes == ["left out: 1 predictions (a model's output is no rating)", "left out: 2 drafts (not submitted)"]


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, False), ({"parent_prediction": 5}, True), ({"last_action": "prediction"}, True)]
)
def test_an_annotation_that_began_as_a_prediction(one: ReadAs, changes: dict[str, Any], expected: bool) -> None:
    assert one(ls_annotation(1, **changes)).ratings["prelabelled"].tolist() == [expected]


def _review(accepted: bool, when: str = "2026-03-02T00:00:00Z", by: Any = 1, fixed: Any = None) -> dict[str, Any]:
    return {"id": 1, "accepted": accepted, "created_at": when, "created_by": by, "fixed_annotation_history": fixed}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reviews": [_review(True)]}, "accepted"),
        ({"reviews": [_review(False)]}, "rejected"),
        ({"reviews": [_review(True, fixed=9, by=PERSON)]}, "fixed"),
        ({"reviews": [_review(True, "2026-03-03T00:00:00Z"), _review(False)]}, "accepted"),
        ({"reviews": [], "last_action": "fixed_and_accepted"}, "fixed"),
        ({"last_action": "rejected"}, "rejected"),
        ({"last_action": "submitted"}, None),
        ({"last_action": "deleted_review"}, None),
    ],
)
def test_reviews(one: ReadAs, key: bytes, changes: dict[str, Any], expected: str | None) -> None:
    (row,) = one(ls_annotation(1, **changes)).batch.tables["ratings"].to_pylist()
    assert row["review"] == expected
    by = {"fixed": "7"}.get(expected or "", "1") if changes.get("reviews") else None
    assert row["reviewer_id"] == (pseudonym(key, "demo", by) if by else None)


def test_a_rater_who_annotated_twice_keeps_both_and_the_one_edited_later_counts(one: ReadAs) -> None:
    later_edit = ls_annotation(1, label="fine", updated_at="2026-03-09T00:00:00Z")
    found = one(later_edit, ls_annotation(2, created_at="2026-03-02T00:00:00Z", updated_at="2026-03-02T00:00:00Z"))
    assert dict(zip(found.ratings["label"], found.ratings["round"], strict=True)) == {"hate": 1, "fine": 2}
    assert "1 times a rater answered" in found.notes[0]
    assert found.ratings["rating_id"].nunique() == 2


def test_the_same_moment_makes_no_two_annotations_one(one: ReadAs) -> None:
    assert one(ls_annotation(1), ls_annotation(2, label="fine")).ratings["rating_id"].nunique() == 2


def test_an_export_made_later_is_a_newer_version(read_as: ReadAs, tmp_path: Path) -> None:
    tables = LabelTables(tmp_path / "tables")
    first = read_as("label-studio", [ls_task(1, [ls_annotation(1), ls_annotation(2, rater=8)])])
    again = [ls_annotation(1, rater=PERSON, label="fine", updated_at="2026-03-05T00:00:00Z"), ls_annotation(2, rater=8)]
    second = read_as("label-studio", [ls_task(1, again)])
    tables.append(first.batch, imported_at=datetime(2026, 4, 1, tzinfo=UTC))
    receipt = tables.append(second.batch, imported_at=datetime(2026, 4, 2, tzinfo=UTC))
    assert (receipt.ratings, receipt.duplicates, tables.rating_count("demo")) == (1, 1, 2)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ({"choices": ["hate"]}, "hate"),
        ({"choices": ["threat", "hate"]}, "hate|threat"),
        ({"rating": 4}, "4"),
        ({"number": 2.5}, "2.5"),
        ({"selected": "left"}, "left"),
        ({"taxonomy": [["abuse", "slur"], ["abuse"]]}, "abuse|abuse/slur"),
    ],
)
def test_kinds_of_answers(one: ReadAs, value: dict[str, Any], label: str) -> None:
    kind = next(iter(value)).replace("selected", "pairwise")
    region = {"from_name": "policy", "to_name": "text", "type": kind, "value": value}
    assert one(ls_annotation(1, result=[region])).ratings["label"].tolist() == [label]


def _region(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": kind, "value": value}


def test_several_control_tags(one: ReadAs) -> None:
    result = [
        _region("policy", "choices", {"choices": ["hate"]}),
        _region("severity", "rating", {"rating": 3}),
        _region("clause", "choices", {"choices": ["3.2"]}),
        _region("why", "textarea", {"text": ["because"]}),
        _region("where", "labels", {"start": 0, "end": 4, "text": "text", "labels": ["slur"]}),
    ]
    annotation = ls_annotation(1, result=result)
    with pytest.raises(ImportRefused, match=r"more than one is a label by its form.*questions: \{hate"):
        one(annotation)
    found = one(annotation, questions={"hate": "policy", "level": "severity"}, columns={"clause": "clause"})
    assert dict(zip(found.ratings["question"], found.ratings["label"], strict=True)) == {"hate": "hate", "level": "3"}
    assert set(found.ratings["clause"]) == {"3.2"}
    assert found.notes == ["control tags that were not read: where (labels), why (textarea)"]
    assert one(annotation, questions={"reason": "why"}).ratings["label"].tolist() == ["because"]
    with pytest.raises(ImportRefused, match="'where' is a control tag of type labels, which marks a part"):
        one(annotation, questions={"spans": "where"})
    with pytest.raises(ImportRefused, match=r"no answers to 'polciy'; did you mean 'policy'\?"):
        one(annotation, questions={"hate": "polciy"})


def test_a_choice_for_a_part_of_the_item_is_no_label(one: ReadAs) -> None:
    part = _region("policy", "choices", {"start": 0, "end": 4, "choices": ["hate"]})
    assert "marks a part of the item" in one(ls_annotation(1), ls_annotation(2, result=[part])).reasons[0][1]


def test_which_key_is_the_text(read_as: ReadAs) -> None:
    def texts(data: dict[str, Any], **options: Any) -> list[str]:
        return [item["text"] for item in read_as("label-studio", [ls_task(1, [ls_annotation(1)], data=data)], **options).items]

    assert texts({"text": "a", "title": "b"}) == ["a"]
    assert texts({"body": "a", "views": 3}) == ["a"]
    assert texts({"body": "a", "lang": "en"}, columns={"locale": "lang"}) == ["a"]
    assert texts({"body": "a", "title": "b"}, columns={"text": "title"}) == ["b"]
    with pytest.raises(ImportRefused, match=r"could be body, title: name it in the mapping"):
        texts({"body": "a", "title": "b"})
    with pytest.raises(
        ImportRefused, match=r"no record of export.json has the key 'bdy' that the mapping names; did you mean 'body'"
    ):
        texts({"body": "a"}, columns={"text": "bdy"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"completed_by": None}, "no rater (completed_by)"),
        ({"completed_by": True}, "rater (completed_by) is a truth value, and an id belongs there"),
        ({"completed_by": {"first_name": "x"}}, "no rater (completed_by)"),
        ({"result": []}, "it answers none of the questions (policy)"),
        ({"result": "x"}, "result is a text, and a list belongs there"),
        ({"result": [3]}, "a result is a number, and an object belongs there"),
        ({"lead_time": -1}, "lead_time '-1' is not a number of seconds"),
        ({"lead_time": "soon"}, "lead_time 'soon' is not a number of seconds"),
        ({"created_at": "noon"}, "created_at 'noon' is not an ISO-8601 moment"),
        ({"created_at": 1e300}, "created_at '1e+300' is not an ISO-8601 moment"),
        ({"updated_at": {}}, "updated_at '{}' is not an ISO-8601 moment"),
        ({"id": [1]}, "annotation id is a list, and an id belongs there"),
        ({"reviews": [{"accepted": None}]}, "accepted of its review is null, and true or false belongs there"),
    ],
)
def test_a_bad_annotation_leaves_the_others(one: ReadAs, changes: dict[str, Any], reason: str) -> None:
    found = one(ls_annotation(1), {**ls_annotation(2, rater=8), **changes})
    assert found.reasons == [(1, f"record 1: annotation 2: {reason}")]
    assert len(found.ratings) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": None}, "data is null, and an object belongs there"),
        ({"data": {"text": ""}}, "no text"),
        ({"data": {"text": [{"turn": "x"}]}}, "text is a list, and a text belongs there"),
        ({"id": None}, "no task id"),
        ({"annotations": {}}, "annotations is an object, and a list belongs there"),
        ({"id": 9, "data": {"text": "another"}}, "the text of item '9' is not the one it had in record 1"),
    ],
)
def test_a_bad_task_takes_its_annotations_with_it(read_as: ReadAs, changes: dict[str, Any], reason: str) -> None:
    bad = {**ls_task(2, [ls_annotation(3), ls_annotation(4, rater=8)]), **changes}
    found = read_as("label-studio", [ls_task(9, [ls_annotation(1)]), bad])
    expected = 1 if "annotations" in changes else 2
    assert found.reasons == [(1, f"record 2: {reason}")] * expected
    assert found.ratings["item_id"].tolist() == ["9"]


def test_a_task_that_nobody_annotated_is_an_item(read_as: ReadAs) -> None:
    found = read_as("label-studio", [ls_task(1, []), ls_task(2, [ls_annotation(1)])])
    assert (len(found.items), len(found.ratings), found.reasons) == (2, 1, [])


def test_labels_of_the_guideline_and_values(read_as: ReadAs) -> None:
    found = read_as("label-studio", label_studio(), values={"hate": "violating"}, labels=["violating", "benign"])
    assert set(found.ratings["label"]) == {"violating"}
    assert found.reasons[0][1].endswith("label 'fine' is not one of violating, benign")
    by_guideline = read_as("label-studio", label_studio(), columns={"guideline": "version"}, labels={"hate@3": ["hate"]})
    assert len(by_guideline.reasons) == 2


def test_one_task_alone_and_ids_of_ones_own(read_as: ReadAs) -> None:
    data = {"text": "a", "own": "X-1"}
    found = read_as("label-studio", ls_task(1, [ls_annotation(1)], data=data), columns={"item_id": "own"})
    assert found.ratings["item_id"].tolist() == ["X-1"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"qestions": {}}, "did you mean 'questions'"),
        ({"project": ""}, "needs the option 'project'"),
        ({"columns": {"lable": "x"}}, "names the column 'lable'"),
        ({"columns": ["text"]}, "must be names to values"),
        ({"constants": {"locale": "en"}, "columns": {"locale": "lang"}}, "both a column and a constant"),
        ({"max_bad_share": 1}, "not a share"),
        ({"max_bad_share": "x"}, "must be a number"),
    ],
)
def test_options_that_cannot_be_meant(read_as: ReadAs, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LabelError, match=sentence):
        read_as("label-studio", label_studio(), **options)


def test_too_many_bad_annotations_refuse_the_import(read_as: ReadAs, write: Callable[..., Path]) -> None:
    tasks = [ls_task(number, [ls_annotation(number, rater=None if number == 2 else 7)]) for number in range(1, 5)]
    path = write(json.dumps(tasks, indent=1).encode())
    with pytest.raises(ImportRefused, match=r"1 of 4 rows cannot be read.*export.json:\d+: record 2: annotation 1: no rater"):
        read_as("label-studio", path, max_bad_share=0.05)
