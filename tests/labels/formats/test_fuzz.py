"""No file makes a reader of JSON fail in any other way than by a sentence, and nothing is lost without being counted."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats import JSON_READERS, read
from smo_pipelines.labels.formats.detect import detect
from smo_pipelines.labels.formats.listener import Listener
from tests.examples import exports

KEY = b"k" * 32
OPTIONS: dict[str, dict[str, Any]] = {
    "argilla": {"questions": {"hate": "policy"}},
    "label-studio": {"questions": {"hate": "policy"}, "columns": {"text": "text"}},
    "label-studio-min": {"questions": {"hate": "policy"}, "columns": {"text": "text"}},
    "lewidi": {},
}
EXPORTS: list[tuple[str, Callable[[], Any]]] = [
    ("argilla", exports.argilla_flat),
    ("argilla", exports.argilla_nested),
    ("argilla", exports.argilla_server),
    ("label-studio", exports.label_studio),
    ("label-studio-min", exports.label_studio_min),
    ("lewidi", exports.lewidi),
]
ODD = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 1e308, 10**30, "", " ", "x", "None"),
        *("\u202eabc\u2066", "🙂" * 3, "a\u0000b", "\ud800"),
        *([], [[]], [None], {}, {"a": {}}),
    ]
)


def tried(path: Path, form: str) -> tuple[LabelBatch | None, list[str]]:
    """Read a file; a refusal is one sentence, anything else that is raised fails the test."""
    notes: list[str] = []
    options = {"project": "demo", "max_bad_share": 0.999, **OPTIONS[form]}
    try:
        return read(form, path, options=options, key=KEY, listener=Listener(note=notes.append)), notes
    except ImportRefused as error:
        assert str(error).strip() and len(str(error)) < 2000
        return None, notes


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in children:
        found += places(inner, (*at, name))
    return found


def put(value: Any, at: tuple[Any, ...], new: Any, *, remove: bool = False) -> None:
    for name in at[:-1]:
        value = value[name]
    if remove:
        del value[at[-1]]
    else:
        value[at[-1]] = new


@pytest.mark.parametrize(("form", "make"), EXPORTS, ids=lambda value: value if isinstance(value, str) else value.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_any_value_at_any_key(form: str, make: Callable[[], Any], data: st.DataObject, tmp_path: Path) -> None:
    content = make()
    for _ in range(data.draw(st.integers(1, 2))):
        spots = places(content)
        if spots:
            put(content, data.draw(st.sampled_from(spots)), data.draw(ODD), remove=data.draw(st.integers(0, 4)) == 0)
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    tried(path, form)
    with suppress(ImportRefused):
        detect(path)


@pytest.mark.parametrize(("form", "make"), EXPORTS, ids=lambda value: value if isinstance(value, str) else value.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_any_bytes_anywhere(form: str, make: Callable[[], Any], data: st.DataObject, tmp_path: Path) -> None:
    content = json.dumps(make(), indent=data.draw(st.sampled_from([None, 1]))).encode()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.sampled_from([start, min(start + 3, len(content)), len(content)]))  # added, replaced, cut off
    path = tmp_path / "export.json"
    path.write_bytes(content[:start] + data.draw(st.binary(max_size=6)) + content[end:])
    tried(path, form)


@pytest.mark.parametrize("cut", range(0, 1200, 71))
def test_a_file_that_is_cut_off_is_never_half_an_import(tmp_path: Path, cut: int) -> None:
    content = json.dumps(exports.label_studio()).encode()
    path = tmp_path / "export.json"
    path.write_bytes(content[:cut])
    assert tried(path, "label-studio")[0] is None


def _labelled(number: int, state: str) -> dict[str, Any]:
    changes: dict[str, dict[str, Any]] = {
        "good": {},
        "cancelled": {"was_cancelled": True, "result": []},
        "empty": {"result": []},
        "nobody": {"completed_by": None},
        "odd time": {"created_at": "noon"},
    }
    return exports.ls_annotation(number, **{"rater": number, **changes[state]}) if state != "nobody" else {
        **exports.ls_annotation(number), "completed_by": None,
    }  # fmt: skip


@settings(max_examples=20)
@given(
    tasks=st.lists(
        st.tuples(
            st.sampled_from(["good", "no text", "no data"]),
            st.lists(st.sampled_from(["good", "cancelled", "empty", "nobody", "odd time"]), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_annotation_is_a_rating_or_in_quarantine(tasks: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    content, number = [exports.ls_task(0, [exports.ls_annotation(999)])], 0
    for place, (state, annotations) in enumerate(tasks, start=1):
        data = {"good": None, "no text": {"text": " "}, "no data": "x"}[state]
        rows = []
        for one in annotations:
            number += 1
            rows.append(_labelled(number, one))
        content.append({**exports.ls_task(place, rows), **({} if data is None else {"data": data})})
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    batch, _ = tried(path, "label-studio")
    assert batch is not None
    assert batch.tables["ratings"].num_rows + len(batch.quarantine) == number + 1


@settings(max_examples=20)
@given(
    states=st.lists(st.lists(st.sampled_from(["submitted", "discarded", "draft", None, "odd"]), max_size=4), min_size=1, max_size=5)
)
def test_every_response_is_a_rating_in_quarantine_or_counted_as_left_out(states: list[list[str | None]], tmp_path: Path) -> None:
    content = [exports.argilla_flat()[0]]
    for place, given_states in enumerate(states, start=1):
        n = len(given_states)
        parts = {"": ["hate"] * n, ".users": [f"u{k}" for k in range(n)], ".status": given_states}
        record = {**exports.argilla_flat()[0], "id": f"b{place}", "text": f"b{place}"}
        content.append({**record, **{f"policy.responses{name}": part for name, part in parts.items()}})
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    batch, notes = tried(path, "argilla")
    assert batch is not None
    left_out = sum(int(found[1]) for note in notes if (found := re.match(r"left out: (\d+) drafts", note)))
    assert batch.tables["ratings"].num_rows + len(batch.quarantine) + left_out == 3 + sum(map(len, states))


def test_all_readers_are_tried() -> None:
    assert {form for form, _ in EXPORTS} == set(JSON_READERS) == set(OPTIONS)
