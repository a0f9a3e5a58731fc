from datetime import UTC, datetime
from functools import partial

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.errors import ImportRefused, LabelError, UnknownName
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.formats.listener import Listener
from smo_pipelines.labels.pseudonyms import pseudonym

HEADER = "item_id,text,rater_id,label"
OPTIONS = {"project": "demo", "constants": {"question": "hate", "guideline": "hate@1"}, "labels": ["0", "1"], "max_bad_share": 0.9}


@pytest.fixture
def export(tmp_path):
    def write(content, name="export.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def quarantined(path, key, **options):
    batch = read("mapped", path, options={**OPTIONS, **options}, key=key)
    return [(row.line, row.reason) for row in batch.quarantine]


def test_a_plain_export(export, key):
    path = export(f"{HEADER}\na,one,r,1\nb,two,r,0\n")
    batch = read("mapped", path, options=OPTIONS, key=key)
    ratings = batch.tables["ratings"].to_pandas().sort_values("item_id")
    assert ratings["label"].tolist() == ["1", "0"]
    assert set(ratings["guideline"]) == {"hate@1"}
    assert set(ratings["rater_id"]) == {pseudonym(key, "demo", "r")}
    assert batch.quarantine == ()


def test_other_column_names_values_and_attributes(export, key):
    path = export("id,body,who,answer,when,gate,secret\na,one,r,yes,2026-03-01T10:00:00+09:00,beta,x\n")
    columns = {"item_id": "id", "text": "body", "rater_id": "who", "label": "answer", "created_at": "when"}
    batch = read("mapped", path, options={**OPTIONS, "columns": columns, "values": {"yes": "1"}, "attributes": ["gate"]}, key=key)
    (rating,) = batch.tables["ratings"].to_pylist()
    (item,) = batch.tables["items"].to_pylist(maps_as_pydicts="strict")
    assert (rating["label"], rating["created_at"]) == ("1", datetime(2026, 3, 1, 1, tzinfo=UTC))
    assert (item["text"], item["attributes"]) == ("one", {"gate": "beta"})


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_bad_row_is_named_by_the_line_it_starts_on(export, key, end):
    lines = [
        HEADER,  # 1
        'a,"one',  # 2
        "",
        'more",r,1',  # 4: the end of the record that starts on line 2
        "b,two,r,",  # 5
        'c,"three',  # 6
        'lines",,1',  # 7
        "d,four,r,1,extra",  # 8
        "e,five,r,maybe",  # 9
        ",six,r,1",  # 10
        "",  # 11
        "f,seven",  # 12
        "a,one,s,1",  # 13
        "g,eight,r,1",  # 14
    ]
    assert quarantined(export(end.join(lines) + end), key) == [
        (5, "no label, and not marked as skipped"),
        (6, "no rater_id"),
        (8, "5 columns where the header has 4"),
        (9, "label 'maybe' is not one of 0, 1"),
        (10, "no item_id"),
        (12, "2 columns where the header has 4"),
        (13, "the text of item 'a' is not the one it had on line 2"),
    ]


@settings(max_examples=40, deadline=None)
@given(breaks=st.lists(st.integers(0, 4), min_size=1, max_size=8), crlf=st.booleans(), mark=st.booleans())
def test_lines_are_counted_through_any_breaks(tmp_path_factory, breaks, crlf, mark):
    end = "\r\n" if crlf else "\n"
    rows, starts, line = [HEADER], [], 2
    for number, count in enumerate(breaks):
        rows += [f'i{number},"x{end * count}",r,1', f"bad{number},x,r,"]
        starts.append(line + count + 1)
        line += count + 2
    path = tmp_path_factory.mktemp("lines") / "export.csv"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + end.join(rows).encode())
    assert [row for row, _ in quarantined(path, b"k" * 32)] == starts


def test_bytes_that_break_readers(export, key):
    content = f"\ufeff{HEADER}\na,one,r,1\nb,t\x00wo,r,1\n".encode() + b"c,caf\xe9,r,1\n" + 'd,"four"x,r,1\ne,日本語,r,0\n'.encode()
    found = quarantined(export(content), key)
    assert found[:2] == [(3, "a NUL byte"), (4, "bytes that are not UTF-8")]
    assert (found[2][0], found[2][1][:17]) == (5, "malformed quoting")
    assert len(found) == 3


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("created_at", "noon", "created_at 'noon' is not an ISO-8601 moment"),
        ("duration_s", "long", "duration_s 'long' is not a number"),
        ("round", "1.5", "round '1.5' is not a number"),
        ("is_gold", "perhaps", "is_gold 'perhaps' is neither true nor false"),
    ],
)
def test_malformed_values(export, key, column, value, reason):
    path = export(f"{HEADER},{column}\na,one,r,1,\nb,two,r,1,{value}\n")
    assert quarantined(path, key) == [(3, reason)]


def test_skipped_needs_no_label(export, key):
    batch = read("mapped", export(f"{HEADER},skipped\na,one,r,,true\n"), options=OPTIONS, key=key)
    assert batch.tables["ratings"]["skipped"].to_pylist() == [True]


def test_too_many_bad_rows_refuse_the_import(export, key):
    good = "".join(f"i{n},t,r,1\n" for n in range(19))
    limited = {**OPTIONS, "max_bad_share": 0.05}
    assert len(read("mapped", export(f"{HEADER}\n{good}x,t,r,\n"), options=limited, key=key).quarantine) == 1
    with pytest.raises(ImportRefused, match=r"2 of 21 rows cannot be read.*export.csv:21: no label"):
        read("mapped", export(f"{HEADER}\n{good}x,t,r,\ny,t,r,\n"), options=limited, key=key)


def test_a_quote_that_never_closes_refuses_the_import(export, key):
    with pytest.raises(ImportRefused, match=r"export.csv:3: a quote opens here"):
        read("mapped", export(f'{HEADER}\na,one,r,1\nb,"two,r,1\nc,three,r,1\n'), options=OPTIONS, key=key)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("item_id,label\na,1\n", "lacks the columns"), ("", "no header"), (f"{HEADER},label\n", "more than once")],
)
def test_headers_that_cannot_be_read(export, key, content, sentence):
    with pytest.raises(ImportRefused, match=sentence):
        read("mapped", export(content), options=OPTIONS, key=key)


def test_an_empty_or_absent_file(export, key, tmp_path):
    with pytest.raises(ImportRefused, match="has no rows"):
        read("mapped", export(f"{HEADER}\n"), options=OPTIONS, key=key)
    with pytest.raises(ImportRefused, match="cannot open"):
        read("mapped", tmp_path / "absent.csv", options=OPTIONS, key=key)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_it_says_how_much_was_read(key, tmp_path, ending):
    frame = pd.DataFrame({"item_id": range(120_000), "text": "a text that all have", "rater_id": "r", "label": "1"})
    path = tmp_path / f"export.{ending}"
    write = {"csv": frame.to_csv, "jsonl": partial(frame.to_json, orient="records", lines=True), "parquet": frame.to_parquet}
    write[ending](path, **({} if ending == "jsonl" else {"index": False}))
    heard = []
    batch = read("mapped", path, options=OPTIONS, key=key, listener=Listener(progress=heard.append))
    assert len(batch.ratings) == 120_000
    assert heard == sorted(heard) and 0 < heard[0] < 0.6 and heard[-1] == 1.0


@pytest.mark.parametrize("name", ["../x", "", " p", "a/b", "x" * 64])
def test_a_project_has_a_name_that_can_be_a_file_s(export, key, name):
    with pytest.raises(LabelError, match="no legal name: start with a letter" if name else "no legal name|needs the option"):
        read("mapped", export(f"{HEADER}\na,one,r,1\n"), options={**OPTIONS, "project": name}, key=key)


def test_parquet_gives_what_csv_gives(export, key, tmp_path):
    frame = pd.DataFrame({"item_id": ["a", "b"], "text": ["one", "two"], "rater_id": [1, 2], "label": [1.0, None]})
    frame.to_parquet(tmp_path / "export.parquet")
    batch = read("mapped", tmp_path / "export.parquet", options=OPTIONS, key=key)
    same = read("mapped", export(f"{HEADER}\na,one,1,1\n"), options=OPTIONS, key=key)
    assert [(row.line, row.reason) for row in batch.quarantine] == [(2, "no label, and not marked as skipped")]
    assert batch.tables["ratings"].equals(same.tables["ratings"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"project": "demo", "colunms": {}}, "did you mean 'columns'"),
        ({"columns": {}}, "needs the option 'project'"),
        ({"project": "demo", "columns": {"lable": "x"}}, "did you mean 'label'"),
        ({"project": "demo", "max_bad_share": 5}, "not a share"),
    ],
)
def test_options_that_cannot_be_meant(export, key, options, sentence):
    with pytest.raises(LabelError, match=sentence):
        read("mapped", export(f"{HEADER}\n"), options=options, key=key)


def test_an_unknown_format(tmp_path, key):
    with pytest.raises(UnknownName, match="did you mean 'mapped'"):
        read("maped", tmp_path, key=key)
