"""Rows of several labels: one column a rater, several questions, vote counts; and the files they come in."""

import json
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smo_pipelines.errors import ImportRefused, LabelError
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.pseudonyms import pseudonym

OPTIONS = {"project": "demo", "constants": {"question": "hate", "guideline": "hate@1"}, "max_bad_share": 0.9}
WIDE = "item_id,text,label_1,label_2,label_10,label_gold\na,one,1,0,,1\nb,two,,,1,0\n"


@pytest.fixture
def imported(tmp_path, key):
    def run(content, name="export.csv", **options):
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read("mapped", path, options={**OPTIONS, **options}, key=key)

    return run


def rated(batch):
    """Item, rater and label of each rating."""
    ratings = batch.tables["ratings"].to_pandas()
    return sorted(zip(ratings["item_id"], ratings["rater_id"], ratings["label"], strict=True))


def put_aside(batch):
    return [(row.line, row.reason) for row in batch.quarantine]


@pytest.mark.parametrize("columns", ["label_[0-9]*", ["label_1", "label_2", "label_10"]])
def test_a_column_a_rater(imported, key, columns):
    batch = imported(WIDE, wide={"columns": columns})
    who = {column: pseudonym(key, "demo", column) for column in ("label_1", "label_2", "label_10")}
    assert rated(batch) == sorted([("a", who["label_1"], "1"), ("a", who["label_2"], "0"), ("b", who["label_10"], "1")]), (
        "an empty cell is no rating, and no rater is gold"
    )
    assert batch.quarantine == ()


def test_a_pattern_passes_over_what_is_mapped_otherwise(imported):
    batch = imported(WIDE, wide={"columns": "label_*"}, columns={"gold": "label_gold"})
    assert len(rated(batch)) == 3
    assert [item["gold"] for item in batch.tables["items"].to_pylist()] == [[("hate@1", "1")], [("hate@1", "0")]]


def test_raters_by_column_with_facts_of_their_own(imported, key):
    columns = {
        "label_1": {"rater_id": "ana", "rater_pool": "core", "rater_attributes.shift": "early"},
        "label_2": {"rater_id": "ben", "rater_pool": "vendor", "rater_attributes.shift": ""},
    }
    raters = {
        row["rater_id"]: row
        for row in imported(WIDE.replace("b,two,,,1", "b,two,1,,"), wide={"columns": columns}).tables["raters"].to_pylist()
    }
    ana, ben = raters[pseudonym(key, "demo", "ana")], raters[pseudonym(key, "demo", "ben")]
    assert (ana["pool"], ana["attributes"], ben["pool"], ben["attributes"]) == ("core", [("shift", "early")], "vendor", [])


def test_the_same_column_of_two_files_can_be_two_raters(imported, key):
    batch = imported(WIDE, "week1.csv", wide={"columns": ["label_1"], "rater": "{file}:{column}"})
    assert rated(batch) == [("a", pseudonym(key, "demo", "week1:label_1"), "1")]


def test_a_label_that_cannot_be_read_is_put_aside_alone(imported):
    content = "item_id,text,label_1,label_2\na,one,1,maybe\nb,two,,\n,three,1,0\na,other,1,1\nc,four,0,\n"
    batch = imported(content, wide={"columns": "label_[0-9]*"}, labels=["0", "1"])
    assert [(item, label) for item, _, label in rated(batch)] == [("a", "1"), ("c", "0")]
    assert put_aside(batch) == [
        (2, "label_2: label 'maybe' is not one of 0, 1"),
        (3, "no label in label_1 to label_2"),
        (4, "no item_id"),
        (5, "the text of item 'a' is not the one it had on line 2"),
    ]


def test_rows_are_counted_as_rows_when_the_share_of_bad_ones_is_judged(imported):
    wide = ",".join(f"label_{n}" for n in range(20))
    good = "".join(f"i{n},t{n},{','.join('1' * 20)}\n" for n in range(10))
    bad = f",t,{','.join('1' * 20)}\n" * 2
    with pytest.raises(ImportRefused, match="2 of 12 rows"):
        imported(f"item_id,text,{wide}\n{good}{bad}", wide={"columns": "label_[0-9]*"}, max_bad_share=0.05)


QUESTIONS = {
    "hate": {"label": "is_hate", "guideline": "hate@1"},
    "offensive": {"label": "is_offensive", "guideline": "offensive@2"},
}


def test_several_questions_in_one_row(imported):
    content = "item_id,text,rater_id,is_hate,is_offensive\na,one,r,1,0\nb,two,r,,1\n"
    options = {"questions": QUESTIONS, "constants": {}, "labels": {"hate@1": ["0", "1"], "offensive@2": ["0", "1"]}}
    for blank, expected in (("no rating", 3), ("skipped", 4)):
        ratings = imported(content, **options, blank=blank).tables["ratings"].to_pandas()
        assert len(ratings) == expected
        assert set(zip(ratings["question"], ratings["guideline"], strict=True)) == {
            ("hate", "hate@1"),
            ("offensive", "offensive@2"),
        }
        assert ratings["skipped"].sum() == expected - 3


def test_a_key_that_is_absent_is_unknown_and_not_no(imported):
    # in moderation sets of several yes-or-no categories, a category that nobody decided is left out of the object
    lines = [{"id": "a", "prompt": "one", "S": 0, "H": 1}, {"id": "b", "prompt": "two", "S": 1}]
    batch = imported(
        "\n".join(map(json.dumps, lines)),
        "set.jsonl",
        columns={"item_id": "id", "text": "prompt"},
        constants={"rater_id": "authors"},
        questions={"sexual": "S", "hate": "H"},
    )
    ratings = batch.tables["ratings"].to_pandas()
    found = ratings.set_index(["item_id", "question"])["label"].to_dict()
    assert found == {("a", "sexual"): "0", ("a", "hate"): "1", ("b", "sexual"): "1"}


COUNTS = {"counts": {"hate": "h", "offensive": "o"}, "total": "n"}


def test_vote_counts_are_ratings_by_nobody(imported):
    batch = imported("item_id,text,n,h,o\na,one,3,2,1\nb,two,4,0,4\n", **COUNTS)
    ratings = batch.tables["ratings"].to_pandas()
    assert ratings.groupby(["item_id", "label"]).size().to_dict() == {
        ("a", "hate"): 2,
        ("a", "offensive"): 1,
        ("b", "offensive"): 4,
    }
    assert not ratings.duplicated(["item_id", "rater_id"]).any(), "else all but one vote of a slot would count as changed minds"
    assert set(batch.tables["raters"]["kind"].to_pylist()) == {"anonymous"}


def test_no_slot_leans_to_a_label(imported):
    rows = "".join(f"i{n},text {n},3,1,2\n" for n in range(600))
    ratings = imported(f"item_id,text,n,h,o\n{rows}", **COUNTS).tables["ratings"].to_pandas()
    shares = ratings["label"].eq("hate").groupby(ratings["rater_id"]).mean()
    assert len(shares) == 3
    assert shares.between(1 / 3 - 0.08, 1 / 3 + 0.08).all()  # four standard errors of a share of 600 are 0.077


def test_counts_that_are_none(imported):
    content = "item_id,text,n,h,o\na,one,3,2,1\nb,two,3,2,2\nc,x,0,0,0\nd,x,1,-1,2\ne,x,2000000000,2000000000,0\nf,x,1,,1\n"
    assert put_aside(imported(content, **COUNTS)) == [
        (3, "n says 3 votes, and they are 4"),
        (4, "no vote at all"),
        (5, "h '-1' is not a count of 0 to 1000"),
        (6, "h '2000000000' is not a count of 0 to 1000"),
        (7, "h '' is not a count of 0 to 1000"),
    ]


def test_so_many_votes_that_they_would_pass_for_a_pool_of_raters(imported):
    assert len(imported("item_id,text,n,h,o\na,one,7,3,4\n", **COUNTS).tables["raters"]) == 7
    with pytest.raises(ImportRefused, match="slots would pass for 8"):
        imported("item_id,text,n,h,o\na,one,8,4,4\n", **COUNTS)


def test_a_tab_separated_file(imported):
    plain = imported("item_id\ttext\trater_id\tlabel\na\tone, two\tr\t1\n", "export.tsv")
    assert plain.tables["items"]["text"].to_pylist() == ["one, two"]
    quotes = imported('item_id\ttext\trater_id\tlabel\na\t"one" two\tr\t1\nb\t"three\tr\t0\n', "export.tsv", quotes=False)
    assert quotes.tables["items"]["text"].to_pylist() == ['"one" two', '"three']
    other = imported("item_id;text;rater_id;label\na;one, two;r;1\n", delimiter=";")
    assert rated(other) == rated(plain)


def test_an_unnamed_first_column_is_an_index(imported):
    # pandas writes one, and a trailing delimiter makes another
    batch = imported(",text,rater_id,label,\n7,one,r,1,\n", columns={"item_id": ""})
    assert batch.tables["items"]["item_id"].to_pylist() == ["7"]


ROWS = [
    {"item_id": "a", "text": "one", "rater_id": "r", "label": "1", "when": "2026-03-01T10:00:00Z", "seconds": 2.5, "shown": True},
    {"item_id": "b", "text": "two, \u05e9\u05dc\u05d5\u05dd \U0001f600", "rater_id": "s", "label": "0",
     "when": None, "seconds": None, "shown": False},
]  # fmt: skip
COLUMNS = {"created_at": "when", "duration_s": "seconds", "prelabelled": "shown", "attributes.gate": "text"}


def test_every_kind_of_file_gives_the_same_ratings(imported):
    frame = pd.DataFrame(ROWS)
    typed = frame.assign(when=pd.to_datetime(frame["when"]))
    csv = imported(frame.to_csv(index=False), columns=COLUMNS)
    lines = imported("\n".join(map(json.dumps, ROWS)), "export.jsonl", columns=COLUMNS)
    nested = [
        {"item_id": r["item_id"], "data": {k: r[k] for k in ("text", "when")}, "by": {"who": [], "id": r["rater_id"]}, **r}
        for r in ROWS
    ]
    deep = imported(
        "\r\n".join(map(json.dumps, nested)),
        "deep.jsonl",
        columns={**COLUMNS, "text": "data.text", "created_at": "data.when", "rater_id": "by.id"},
    )
    parquet = imported(typed, "export.parquet", columns=COLUMNS)
    for other in (lines, deep, parquet):
        for table in ("items", "raters", "ratings"):
            assert other.tables[table].equals(csv.tables[table])
    first, _ = sorted(csv.tables["ratings"].to_pylist(), key=lambda row: row["item_id"])
    assert (first["created_at"], first["duration_s"], first["prelabelled"]) == (datetime(2026, 3, 1, 10, tzinfo=UTC), 2.5, True)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", (2026, 3, 1)),
        ("2026-03-01 10:00:00.123456789", (2026, 3, 1, 10, 0, 0, 123456)),
        ("20260301T100000+0900", (2026, 3, 1, 1)),
        ("2026-W09-7", (2026, 3, 1)),
    ],
)
def test_moments_as_iso_8601_allows_them(imported, text, moment):
    content = (
        f"item_id,text,rater_id,label,created_at\na,one,r,1,{text}\nb,two,r,1,2026-03-01T10:00:00Z\nc,x,r,1,2026-03-01T10:00\n"
    )
    found = imported(content).tables["ratings"].to_pandas().set_index("item_id")["created_at"]
    assert found["a"] == datetime(*moment, tzinfo=UTC)
    assert found["b"] == found["c"] == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_gold_of_two_guidelines_is_kept_and_must_agree_with_itself(imported):
    content = (
        "item_id,text,rater_id,label,guideline,gold\na,one,r,1,hate@1,1\na,one,r,0,hate@2,0\na,one,s,1,hate@1,0\nb,two,s,1,,1\n"
    )
    batch = imported(content, constants={"question": "hate"})
    assert batch.tables["items"].to_pylist()[0]["gold"] == [("hate@1", "1"), ("hate@2", "0")]
    assert put_aside(batch) == [(4, "gold '0' of item 'a' under 'hate@1' is '1' at export.csv:2"), (5, "gold under no guideline")]


def test_gold_without_a_text_would_be_lost(imported):
    with pytest.raises(ImportRefused, match="give the texts along"):
        imported("item_id,rater_id,label,gold\na,r,1,1\n")


def test_review_and_cost_columns(imported, key):
    content = (
        "item_id,text,rater_id,label,clause,review,reviewer_id,cost,currency,round,batch,prelabelled\n"
        "a,one,r,1,3.2,fixed,boss,0.05,EUR,2,monday,yes\n"
    )
    (rating,) = imported(content).tables["ratings"].to_pylist()
    names = ("clause", "review", "reviewer_id", "cost", "currency", "round", "batch", "prelabelled")
    assert [rating[name] for name in names] == ["3.2", "fixed", pseudonym(key, "demo", "boss"), 0.05, "EUR", 2, "monday", True]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"wide": {"columns": ["a"]}, "counts": {"x": "y"}}, "wide and counts"),
        ({"wide": {"rater": "x"}}, "wide needs columns"),
        ({"wide": {"colums": ["a"]}}, "did you mean 'columns'"),
        ({"wide": {"columns": "label_*"}, "columns": {"label": "x"}}, "take it out of columns"),
        ({"wide": {"columns": {"a": {"rater_pool": "x"}, "b": {}}}}, "says rater_pool for some columns"),
        ({"questions": {"hate": {"guideline": "hate@1"}}, "constants": {}}, "needs 'label'"),
        ({"counts": {"x": "y"}, "constants": {"rater_id": "me"}}, "take it out"),
        ({"total": "n"}, "gives no counts"),
        ({"blank": "skiped", "wide": {"columns": "a*"}}, "did you mean 'skipped'"),
        ({"delimiter": "::"}, "not one letter"),
        ({"columns": ["label"]}, "must be names to values"),
        ({"max_bad_share": "5%"}, "must be a number"),
        ({"constants": {"attributes.": "x"}}, "'attributes.'"),
    ],
)
def test_options_that_cannot_be_meant(imported, options, sentence):
    with pytest.raises(LabelError, match=sentence):
        imported(WIDE, **options)


@pytest.mark.parametrize(
    ("name", "content", "options", "sentence"),
    [
        ("wide.csv", WIDE, {"wide": {"columns": "vote_*"}}, r"lacks the columns 'vote_\*' of wide"),
        ("wide.csv", WIDE, {"wide": {"columns": ["label_1", "label_3"]}}, r"\['label_3'\] of wide"),
        ("a.jsonl", '{"item_id": "a", "text": "x", "rater_id": "r"}\n', {}, r"lacks the columns \['label'\]"),
        ("semi.csv", "item_id;text\na;b\n", {}, "if ';' is its delimiter, say so under delimiter"),
        ("array.jsonl", '[{"item_id": 1}]', {}, "one JSON list"),
    ],
)
def test_files_that_are_not_what_the_mapping_says(imported, name, content, options, sentence):
    with pytest.raises(ImportRefused, match=sentence):
        imported(content, name, **options)


def test_a_parquet_column_that_holds_lists(imported, tmp_path, key):
    pq.write_table(pa.table({"item_id": ["a"], "rater_id": ["r"], "label": [["x", "y"]]}), tmp_path / "lists.parquet")
    with pytest.raises(ImportRefused, match=r"the column 'label' of lists\.parquet is list"):
        read("mapped", tmp_path / "lists.parquet", options=OPTIONS, key=key)
