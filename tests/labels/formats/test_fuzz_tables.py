"""Files as they come: whatever a table holds, every row of it is a rating or is put aside, or the import is refused whole."""

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats import read, table_files

KEY = b"k" * 32
HEADER = ["item_id", "text", "rater_id", "label", "created_at", "duration_s", "is_gold", "round"]
OPTIONS = {
    "project": "demo",
    "constants": {"question": "hate", "guideline": "hate@1"},
    "labels": ["0", "1"],
    "max_bad_share": 0.99,
}
_FEW = {"max_examples": 25, "deadline": None}
_ODD = [
    "=cmd|' /C calc'!A0",
    "+1",
    "@x",
    "שלום \u202e",
    "😀👩‍👩‍👧",
    "a\u2028b",
    "a\x85b",
    "\ufeff",
    "tab\there",
    "'",
    "\\",
    ";",
    "&amp;",
]
_TEXT = st.one_of(st.sampled_from(_ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
_MIXED = st.one_of(
    _TEXT, st.sampled_from(["", "0", "1", "yes", "2026-03-01", "1e400", "-1", "nan", "0001-01-01T00:00:00+14:00", "99999999999"])
)
_GOOD = st.tuples(st.sampled_from("abc"), st.just("one text"), st.sampled_from("rs"), st.sampled_from("01"), *[st.just("")] * 4)
_ROW = st.one_of(_GOOD.map(list), st.lists(_MIXED, min_size=2, max_size=10))
_FIRST = ["z", "first", "r", "1", "", "", "", ""]  # one good row, so that nothing is refused for having none


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def imported(folder, content, name="export.csv", **options):
    path = folder / name
    path.write_bytes(content)
    return read("mapped", path, options={**OPTIONS, **options}, key=KEY)


def places(batch):
    return [row.line for row in batch.quarantine]


def as_csv(rows, end, *, mark=False):
    quoted = io.StringIO(newline="")
    csv.writer(quoted, quoting=csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL, lineterminator="\r\n").writerows(rows)
    text = quoted.getvalue()
    return (b"\xef\xbb\xbf" if mark else b"") + (text if end == "\r\n" else text.replace("\r\n", end)).encode()


@settings(**_FEW)
@given(rows=st.lists(_ROW, max_size=8), end=st.sampled_from(["\n", "\r\n", "\r"]), mark=st.booleans())
@example(rows=[["a\x00", ""]], end="\r", mark=False)
@example(rows=[["a", "x\x00", "r", "1", "", "", "", ""], ["b", "", "r", "1", "", "", "", "1.5"]], end="\n", mark=True)
def test_each_row_of_a_csv_file_is_a_rating_or_is_put_aside(folder, rows, end, mark):
    batch = imported(folder, as_csv([HEADER, _FIRST, *rows], end, mark=mark))
    assert len(batch.ratings) + len(batch.quarantine) == 1 + len(rows)
    assert places(batch) == sorted(set(places(batch))), "a row is put aside once, under its own line"
    assert all(row.file == "export.csv" and row.reason for row in batch.quarantine)


@settings(**_FEW)
@given(texts=st.lists(_TEXT.filter(lambda t: t and "\x00" not in t), min_size=1, max_size=6))
def test_texts_are_kept_to_the_letter(folder, texts):
    rows = [[f"i{n}", text, "r", "1", "", "", "", ""] for n, text in enumerate(texts)]
    for name, content in (
        ("export.csv", as_csv([HEADER, *rows], "\r\n")),
        ("export.jsonl", "\n".join(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) for row in rows).encode()),
    ):
        items = imported(folder, content, name).tables["items"].to_pandas().sort_values("item_id")
        assert items["text"].tolist() == texts


@settings(**_FEW)
@given(content=st.binary(max_size=300), cut=st.integers(0, 400))
@example(content=b'"', cut=400)
@example(content=b"a,b\r\r\n\n\r", cut=400)
def test_no_bytes_at_all_break_the_reader(folder, content, cut):
    start = as_csv([HEADER, _FIRST], "\n")
    for name, whole in (
        ("export.csv", start + content),
        ("export.csv", content),
        ("export.jsonl", content),
        ("export.parquet", content),
    ):
        try:
            batch = imported(folder, whole[:cut], name)
        except ImportRefused as refused:
            assert "\n" not in str(refused), "one sentence"
        else:
            assert len(batch.ratings) >= 1


_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
_OBJECT = st.dictionaries(st.sampled_from(HEADER), _VALUE).map(json.dumps)
_LINE = st.one_of(
    _OBJECT, st.sampled_from(['{"item_id": ', "[]", "7", "null", "{}", '{"label": "1", "label": "0"}', "[" * 5000, "9" * 5000, "x"])
)


@settings(**_FEW)
@given(lines=st.lists(_LINE, max_size=8), end=st.sampled_from(["\n", "\r\n"]))
@example(lines=[json.dumps({"item_id": "a", "text": "\ud800", "rater_id": "r", "label": "1"})], end="\n")
@example(lines=[json.dumps({"item_id": "a", "text": "a\x00", "rater_id": "r", "label": "1"})], end="\n")
def test_each_line_of_json_is_a_rating_or_is_put_aside(folder, lines, end):
    first = json.dumps(dict(zip(HEADER, _FIRST, strict=True)))
    batch = imported(folder, end.join([first, *lines]).encode(), "export.jsonl")
    assert len(batch.ratings) + len(batch.quarantine) == 1 + len(lines)
    assert places(batch) == sorted(set(places(batch)))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"item_id": "a", "label": "1", "label": "0"}', "the key 'label' twice"),
        ('{"item_id": "a", "deep": {"x": 1, "x": 1}}', "the key 'x' twice"),
        ('{"item_id": "a"', "malformed JSON: Expecting ',' delimiter at character 16"),
        ('{"item_id": "a", "label": ["1"]}', "label is a list, and one value is needed"),
        ('{"item_id": "a", "text": "\\ud83d"}', "half of a surrogate pair in text"),
        ('["a"]', "not a JSON object"),
        ("[" * 5000, "malformed JSON: nested too deeply"),
    ],
)
def test_a_broken_line_of_json_is_named(folder, line, reason):
    good = '{"item_id": "g%d", "text": "x", "rater_id": "r", "label": "1"}'
    batch = imported(folder, "\n".join([good % 1, "", line, good % 2]).encode(), "export.jsonl")
    assert [(row.line, row.reason) for row in batch.quarantine] == [(3, reason)]
    assert len(batch.ratings) == 2


@settings(**_FEW)
@given(cells=st.lists(st.lists(st.sampled_from(["", " ", "0", "1", "maybe"]), min_size=3, max_size=3), min_size=1, max_size=6))
def test_each_filled_cell_of_a_wide_file_is_a_rating_or_is_put_aside(folder, cells):
    rows = [["z", "first", "1", "1", "1"], *([f"i{n}", "a text", *row] for n, row in enumerate(cells))]
    content = as_csv([["item_id", "text", "v_1", "v_2", "v_3"], *rows], "\n")
    batch = imported(folder, content, wide={"columns": "v_*"})
    filled = sum(bool(cell.strip()) for row in rows for cell in row[2:])
    empty = sum(not any(cell.strip() for cell in row[2:]) for row in rows)
    assert len(batch.ratings) + len(batch.quarantine) == filled + empty


@settings(**_FEW)
@given(
    values=st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=6),
    numbers=st.lists(st.one_of(st.none(), st.floats(allow_infinity=True), st.integers(-5, 5).map(float)), min_size=6, max_size=6),
)
def test_each_row_of_a_parquet_file_is_a_rating_or_is_put_aside(folder, values, numbers):
    values = [None if value is None else value.encode(errors="replace").decode() for value in values]
    frame = pd.DataFrame({"item_id": ["z", *values], "rater_id": "r", "label": "1", "duration_s": [1.0, *numbers[: len(values)]]})
    sink = io.BytesIO()
    frame.to_parquet(sink)
    batch = imported(folder, sink.getvalue(), "export.parquet")
    assert len(batch.ratings) + len(batch.quarantine) == 1 + len(values)


GOOD = as_csv([HEADER, _FIRST, ["a", "text", "r", "1", "", "", "", ""]], "\n").decode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (GOOD.encode("utf-16-be"), "UTF-16 text without a byte order mark"),
        (GOOD.encode("utf-16-le"), "UTF-16 text without a byte order mark"),
        (b"PK\x03\x04 a workbook", "export it as CSV"),
        (b"\x1f\x8b\x08", "compressed with gzip"),
        (b"PAR1....", r"ends in \.parquet"),
        ("item_id,text,rater_id,label,naïve\n".encode("latin-1"), "header of .* is not UTF-8"),
        (b'item_id,"text,rater_id', "header of .* cannot be read"),
        (b"item_id,text,rater_id,label,label\na,b,c,1,1\n", "more than once"),
        (b"item_id,text,rater_id,label, label\na,b,c,1,1\n", "more than once"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(folder, content, sentence):
    with pytest.raises(ImportRefused, match=sentence):
        imported(folder, content)


@pytest.mark.parametrize("content", [b"not Parquet", b"PAR1" + b"\x00" * 100 + b"PAR1", b""])
def test_parquet_that_is_not_parquet(folder, content):
    with pytest.raises(ImportRefused, match="as Parquet"):
        imported(folder, content, "export.parquet")


def test_parquet_that_is_cut_off(folder):
    sink = io.BytesIO()
    pd.DataFrame([_FIRST] * 500, columns=HEADER).to_parquet(sink)
    whole = bytearray(sink.getvalue())
    with pytest.raises(ImportRefused):
        imported(folder, bytes(whole[:-20]), "export.parquet")
    whole[4:400] = b"\xff" * 396
    with pytest.raises(ImportRefused):
        imported(folder, bytes(whole), "export.parquet")


def test_a_row_that_is_cut_off_is_put_aside(folder):
    batch = imported(folder, (GOOD + "b,text,r").encode())
    assert [(row.line, row.reason) for row in batch.quarantine] == [(4, "3 columns where the header has 8")]


def test_a_quote_that_swallows_rows_is_named_by_all_its_lines(folder):
    content = GOOD + 'b,"open,r,1,,,,\nc,text,r,1,,,,\nd,"closed",r,1,,,,\ne,text,r,1,,,,\n'
    (row,) = imported(folder, content.encode()).quarantine
    assert row.line == 4
    assert row.reason.startswith("malformed quoting") and row.reason.endswith("(lines 4 to 6)")


def test_a_field_that_is_too_long_is_put_aside_and_the_next_row_is_read(folder):
    for text in ("x" * 5_000_000, '"' + "x" * 5_000_000 + '"'):
        batch = imported(folder, f"{GOOD}b,{text},r,1,,,,\nc,text,r,0,,,,\n".encode())
        assert [(row.line, row.reason) for row in batch.quarantine] == [(4, "a field of more than 131,072 characters")]
        assert len(batch.ratings) == 3


def test_a_header_without_an_end_is_refused(folder):
    with pytest.raises(ImportRefused, match=r"the header of export\.csv cannot be read: its line is too long"):
        imported(folder, b"x" * (table_files.LONGEST_LINE + (2 << 20)))


@pytest.mark.parametrize("name", ["export.csv", "export.jsonl"])
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(folder, monkeypatch, name):
    monkeypatch.setattr(table_files, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(table_files, "_BLOCK", 1 << 16)
    read_so_far = []

    class Counted(io.BytesIO):
        def read(self, size=-1):
            data = super().read(size)
            read_so_far.append(len(data))
            return data

    first = GOOD if name == "export.csv" else json.dumps(dict(zip(HEADER, _FIRST, strict=True))) + "\n"
    stream = Counted(first.encode() + b"x" * (20 << 20))
    monkeypatch.setattr(
        f"smo_pipelines.labels.formats.{'delimited' if name == 'export.csv' else 'json_lines'}.opened", lambda _: stream
    )
    with pytest.raises(ImportRefused, match=r"export\.(csv:4|jsonl:2): a line of more than"):
        imported(folder, b"", name)
    assert sum(read_so_far) < 3 << 20


def test_lines_are_counted_across_blocks(folder, monkeypatch):
    monkeypatch.setattr(table_files, "_BLOCK", 64)
    rows, line, bad = [",".join(HEADER), ",".join(_FIRST)], 3, []
    for n in range(200):
        text = f'"x{chr(10) * (n % 3)}"' if n % 2 else "text"
        rows.append(f"i{n},{text},r,{'?' if n % 7 == 0 else '1'},,,,")
        bad += [line] if n % 7 == 0 else []
        line += 1 + (n % 3 if n % 2 else 0)
    for end in ("\n", "\r\n", "\r"):
        batch = imported(folder, end.join("\n".join(rows).split("\n")).encode())
        assert places(batch) == bad
        assert len(batch.ratings) == 201 - len(bad)


def test_a_formula_stays_the_text_it_is(folder):
    # harmless here; whoever writes these texts into a file for a spreadsheet program puts a ' before them
    rows = [["f", "=HYPERLINK(1)", "=1+1", "1", "", "", "", ""]]
    batch = imported(folder, as_csv([HEADER, *rows], "\n"))
    assert batch.tables["items"]["text"].to_pylist() == ["=HYPERLINK(1)"]
