"""Records come out one after the other with their lines, whatever the file's form, encoding and faults."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats import json_text as module
from smo_pipelines.labels.formats.json_records import json_records
from smo_pipelines.labels.formats.listener import Listener

Write = Callable[..., Path]

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def values(path: Path, **options: Any) -> list[Any]:
    return [record.value for record in json_records(path, **options)]


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(_VALUES, max_size=6), indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans(), window=st.integers(1, 40)
)
def test_an_array_gives_what_json_gives_through_any_window(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], indent: int | None, ascii_only: bool, window: int
) -> None:
    path = tmp_path_factory.mktemp("array") / "a.json"
    path.write_text(json.dumps(records, indent=indent, ensure_ascii=ascii_only), encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK", window)
        assert values(path) == records


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(write: Write, encoding: str) -> None:
    records = [{"text": "עברית 日本語 🙂"}, {"text": "b"}]
    assert values(write(json.dumps(records, ensure_ascii=False).encode(encoding))) == records


def test_lines_of_records(write: Write) -> None:
    path = write(b'[\n  {"a": "x\\ny"},\n\n  {"a":\n 2}, {"a": 3}\n]\n')
    assert [(record.line, record.number) for record in json_records(path)] == [(2, 1), (4, 2), (5, 3)]


def test_json_lines_keep_a_bad_line_to_itself(write: Write) -> None:
    path = write(b'{"a": 1}\n{"a": \n{"a": 3} 4\n\n{"a": 5}\r\n{"a": 6}')
    found = list(json_records(path))
    assert [(record.line, record.value) for record in found] == [(1, {"a": 1}), (2, None), (3, None), (5, {"a": 5}), (6, {"a": 6})]
    assert [record.fault for record in found if record.fault] == [
        "not JSON at column 7: expecting value",
        "not JSON at column 10: extra data",
    ]


def test_members_of_an_object(write: Write) -> None:
    path = write(b'{"1": {"a": 1},\n "2": {"a": 2}, "1": {"a": 3}}')
    found = list(json_records(path, members=True))
    assert [(record.key, record.line, record.value) for record in found[:2]] == [("1", 1, {"a": 1}), ("2", 2, {"a": 2})]
    assert found[2].fault == "the name '1' stands twice"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b'[{"a": 1},\n {"a": ', "line 2, column 8: expecting value; the file is cut off"),
        (b'[{"a": "un', "line 1, column 8: unterminated string starting at; the file is cut off"),
        (b'[{"a": 1}', "line 1, column 10: the file is cut off here"),
        (b'[{"a": 1}\n {"a": 2}]', "line 2, column 2: ']' belongs here and there is '{'"),
        (b'[{"a": 1},]', "line 1, column 11: expecting value"),
        (b'[{"a": 1}] x', "line 1, column 12: the JSON has ended and more follows"),
        (b"[{'a': 1}]", "line 1, column 3: expecting property name"),
        (b"a,b\n1,2\n", "line 1, column 1: expecting value"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe[\x00{\x00\x00\xd8", "not utf-16"),
    ],
)
def test_a_file_that_is_not_json_is_refused_in_one_sentence(write: Write, content: bytes, said: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        values(write(content))
    assert said in str(refused.value)
    assert "export.json" in str(refused.value)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice"),
        (b'{"a": "x\x00y"}', "a NUL character"),
        (b'{"a": ["x\\u0000"]}', "a NUL character"),
        (b'{"a\\u0000": 1}', "a NUL character"),
        (b'{"a": "\\ud83d"}', "half of a character"),
        (b'{"a": "caf\xe9"}', "bytes that are not UTF-8"),
    ],
)
def test_a_record_that_cannot_be_stored_is_one_record(write: Write, record: bytes, fault: str) -> None:
    good = b'{"a": "\\ud83d\\ude42"}'
    first, bad, last = json_records(write(b"[" + good + b",\n" + record + b",\n" + good + b"]"))
    assert (first.value, last.value, last.line) == ({"a": "🙂"}, {"a": "🙂"}, 3)
    assert (bad.line, bad.value) == (2, None)
    assert fault in bad.fault


def test_odd_numbers(write: Write) -> None:
    ((value,),) = values(write(b"[[NaN]]"))
    assert value is None
    assert values(write(b"[" + b"9" * 5000 + b"]")) == ["9" * 5000]


def test_a_huge_record_and_a_huge_line(write: Write) -> None:
    records = [{"a": "x" * 3_000_000}, {"a": "y"}]
    assert values(write(records)) == records


def test_a_record_that_is_too_long_to_be_one_is_put_aside_alone(write: Write) -> None:
    records = [{"a": "y"}, {"a": "x" * 9_000_000}, {"a": "z"}]
    for content in (json.dumps(records), "\n".join(map(json.dumps, records))):
        first, long, last = json_records(write(content.encode()))
        assert (first.value, long.value, last.value) == ({"a": "y"}, None, {"a": "z"})
        assert long.fault == "9,000,009 characters, and a record has 8,388,608 at most"
    assert values(write({"all": records})) == [{"all": records}]  # one object is no record but may hold them


def test_no_file_is_held_whole(write: Write) -> None:
    path = write([{"id": number, "text": "x" * 4000} for number in range(3000)])  # 12 MB
    tracemalloc.start()
    heard: list[float] = []
    assert sum(1 for _ in json_records(path, listener=Listener(progress=heard.append))) == 3000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2
    assert heard == sorted(heard) and heard[-1] == 1.0


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="cannot open"):
        values(tmp_path / "absent.json")
