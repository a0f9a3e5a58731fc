"""Exports of labelling tools in the shapes that the tools write; every text and person is made up."""

from typing import Any

__all__ = [
    "argilla_flat",
    "argilla_nested",
    "argilla_server",
    "label_studio",
    "label_studio_min",
    "lewidi",
    "ls_annotation",
    "ls_task",
]

MAIL = "somebody@example.org"


def ls_annotation(number: int, rater: Any = 7, label: Any = "hate", **changes: Any) -> dict[str, Any]:
    """Return an annotation with every key that the serializer writes."""
    choices = label if isinstance(label, list) else [label]
    region = {"id": f"r{number}", "from_name": "policy", "to_name": "text", "type": "choices", "origin": "manual"}
    return {
        "id": number,
        "completed_by": rater,
        "result": [{**region, "value": {"choices": choices}}],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-03-01T10:00:00.123456Z",
        "updated_at": "2026-03-01T10:00:05.000000Z",
        "draft_created_at": None,
        "lead_time": 12.5,
        "prediction": {},
        "result_count": 1,
        "unique_id": f"u-{number}",
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "task": 1,
        "project": 3,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
        **changes,
    }


def ls_task(number: int, annotations: list[Any], *, data: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "annotations": annotations,
        "file_upload": "upload.json",
        "drafts": [],
        "predictions": [],
        "data": {"text": f"text {number}", "lang": "en-IN", "version": "hate@3"} if data is None else data,
        "meta": {},
        "created_at": "2026-02-01T10:00:00.000000Z",
        "updated_at": "2026-03-01T10:00:05.000000Z",
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 3,
        "updated_by": 1,
        "comment_authors": [],
        **changes,
    }


def label_studio() -> list[dict[str, Any]]:
    """Return two tasks that three raters annotated."""
    person = {"id": 7, "email": MAIL, "first_name": "Some", "last_name": "Body"}
    return [
        ls_task(1, [ls_annotation(11), ls_annotation(12, rater=8, label="fine")]),
        ls_task(2, [ls_annotation(21, rater=person), ls_annotation(22, rater=9, label="fine")]),
    ]


def label_studio_min(**changes: Any) -> list[dict[str, Any]]:
    rows = [(1, 7, "hate", 11), (1, 8, "fine", 12), (2, 7, "hate", 21)]
    return [
        {
            "text": f"text {task}",
            "lang": "en-IN",
            "id": task,
            "policy": label,
            "annotator": rater,
            "annotation_id": number,
            "created_at": "2026-03-01T10:00:00.123456Z",
            "updated_at": "2026-03-01T10:00:05.000000Z",
            "lead_time": 12.5,
            **changes,
        }
        for task, rater, label, number in rows
    ]


def argilla_flat(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"a{number}",
            "status": "completed",
            "_server_id": f"5e0f0000-0000-0000-0000-00000000000{number}",
            "text": f"text {number}",
            "lang": "ja-JP",
            "policy.responses": ["hate", "fine", None],
            "policy.responses.users": ["u-1", "u-2", "u-3"],
            "policy.responses.status": ["submitted", "submitted", "discarded"],
            "policy.suggestion": None,
            "policy.suggestion.score": None,
            "policy.suggestion.agent": None,
            **changes,
        }
        for number in (1, 2)
    ]


def argilla_nested(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": f"a{number}",
            "fields": {"text": f"text {number}"},
            "metadata": {"lang": "ja-JP"},
            "suggestions": {},
            "responses": {"policy": [{"value": "hate", "user_id": "u-1"}, {"value": "fine", "user_id": "u-2"}]},
            "vectors": {},
            "status": "completed",
            "_server_id": f"5e0f0000-0000-0000-0000-00000000000{number}",
            **changes,
        }
        for number in (1, 2)
    ]


def argilla_server(**changes: Any) -> dict[str, Any]:
    def response(number: int, user: str | None, value: str, status: str = "submitted") -> dict[str, Any]:
        return {
            "id": f"resp-{number}-{user}",
            "values": {"policy": {"value": value}},
            "status": status,
            "record_id": f"5e0f-{number}",
            "user_id": user,
            "inserted_at": "2026-03-01T10:00:00.5",
            "updated_at": "2026-03-01T10:01:00.5",
        }

    records = [
        {
            "id": f"5e0f-{number}",
            "status": "completed",
            "fields": {"text": f"text {number}"},
            "metadata": {"lang": "ja-JP"},
            "external_id": f"a{number}",
            "responses": [
                response(number, "u-1", "hate"),
                response(number, "u-2", "fine"),
                response(number, "u-3", "hate", "draft"),
            ],
            "suggestions": [],
            "vectors": {},
            "dataset_id": "d-1",
            "inserted_at": "2026-02-01T10:00:00",
            "updated_at": "2026-03-01T10:01:00",
            **changes,
        }
        for number in (1, 2)
    ]
    return {"items": records, "total": 2}


def lewidi(**changes: Any) -> dict[str, dict[str, Any]]:
    return {
        str(number): {
            "text": f"text {number}",
            "annotation task": "offensiveness detection",
            "number of annotations": 3,
            "annotations": "0,1,1",
            "annotators": "Ann4,Ann2,Ann9",
            "lang": "en",
            "hard_label": "1",
            "soft_label": {"0": 0.33, "1": 0.67},
            "split": "train",
            "other_info": {"domain": "BLM"},
            **changes,
        }
        for number in (1, 2)
    }
