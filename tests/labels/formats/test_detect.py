"""The format is found in the content, whatever the file is called."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.detect import detect
from tests.examples import exports

Write = Callable[..., Path]
KERN = "tweet.id,id,version,batch.tweet,hate.speech,offensive.language,tweet_hashed\n1,2,A,R1,0,1,x\n"


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (exports.label_studio(), "label-studio"),
        ([{"id": 1, "data": {"text": "a"}, "completions": []}], "label-studio"),
        (exports.ls_task(1, []), "label-studio"),
        (exports.label_studio_min(), "label-studio-min"),
        (exports.argilla_flat(), "argilla"),
        (exports.argilla_nested(), "argilla"),
        (exports.argilla_server(), "argilla"),
        (_lines(exports.argilla_flat()), "argilla"),
        (_lines(exports.label_studio()), "label-studio"),
        (exports.lewidi(), "lewidi"),
        (json.dumps(exports.lewidi(), indent=1).encode("utf-16"), "lewidi"),
        (b"\xef\xbb\xbfitem_id,text,rater_id,label\na,b,c,d\n", "mapped"),
        (b"task;worker;answer\n1;2;3\n", "mapped"),
        ("task\tanswer\n1\t2\n".encode("utf-16"), "mapped"),
    ],
)
@pytest.mark.parametrize("name", ["export.json", "export.csv", "export"])
def test_a_file(write: Write, content: Any, form: str, name: str) -> None:
    found = detect(write(content, name))
    assert found.form == form
    assert found.why


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    pd.DataFrame({"task": [1], "answer": ["x"]}).to_parquet(path)
    assert detect(path).form == "mapped" and "task, answer" in detect(path).why
    with pytest.raises(ImportRefused, match=r"Parquet by its content; rename it so that it ends in \.parquet"):
        detect(path.rename(tmp_path / "export.csv"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + b"x" * 50)
    with pytest.raises(ImportRefused, match="damaged"):
        detect(tmp_path / "bad.parquet")


def test_lines_of_records_of_ones_own(write: Write) -> None:
    lines = _lines([{"task": 1, "answer": "x"}, {"task": 2, "answer": "y"}])
    assert detect(write(lines, "export.jsonl")).form == "mapped"
    with pytest.raises(ImportRefused, match=r"lines of JSON by its content; rename it so that it ends in \.jsonl"):
        detect(write(lines, "export.json"))


def test_folders(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="an empty folder"):
        detect(tmp_path)
    write(exports.lewidi(), "x_train.json")
    write(exports.lewidi(split="dev"), "x_dev.json")
    assert detect(tmp_path).form == "lewidi"
    for name in ("full_train_s.csv", "full_test_s.csv"):
        write(KERN.encode(), name)
    with pytest.raises(ImportRefused, match=r"more than one format \(kern2023: .*; lewidi: .*--format NAME"):
        detect(tmp_path)
    write(b'{"1": ', "y.json")
    with pytest.raises(ImportRefused, match=r"y\.json: not JSON at line 1"):
        detect(tmp_path)
    for file in tmp_path.glob("*.json"):
        file.unlink()
    write(b'{"a": 1}\n{"a": 2}\n', "note.json")  # no part of the set, whatever it is
    assert detect(tmp_path).form == "kern2023"
    with pytest.raises(ImportRefused, match="one of the two files of kern2023; import their folder"):
        detect(tmp_path / "full_test_s.csv")
    write(b"a,b\n", "full_test_s.csv")
    with pytest.raises(ImportRefused, match=r"a folder of full_test_s.csv, full_train_s.csv, note.json; one file of your own"):
        detect(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"PK\x03\x04rest", "a zip archive, or a spreadsheet"),
        (b"\x1f\x8brest", "compressed with gzip"),
        (b"one column\nx\n", "a first line with the columns one column; formats: argilla, "),
        (b"\x00\x01\x02\x03\x04", "neither JSON, CSV nor Parquet: its first bytes are 00 01 02"),
        (b'[{"a": 1, "b": 2}]', "JSON, records with the keys a, b; formats: argilla"),
        (b'{"a": 1}', "JSON, an object with the keys a"),
        (b"[1, 2]", "JSON, records with the keys ; formats"),
        (b'[{"id": 1, ', "not JSON at line 1, column 12"),
        (b'[{"id": 1, "data": {}, "annotations": [], "q.responses.users": []}]', "could be more than one format (label-studio: "),
        (b"a,a\n1,2\n", "a first line with the columns a, a"),
    ],
)
def test_what_is_no_export(write: Write, content: bytes, said: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        detect(write(content, "export.csv"))
    assert said in str(refused.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="cannot open"):
        detect(tmp_path / "none")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "form"), [("kern2023", "kern2023"), ("lewidi2023-md-agreement", "lewidi")])
def test_public_sets(real_data: Path, name: str, form: str) -> None:
    assert detect(real_data / name).form == form
