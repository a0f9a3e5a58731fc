from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from smo_pipelines.benchmarks.suites import hatecheck, table
from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD
from smo_pipelines.errors import BenchmarkError

Write = Callable[[Sequence[str], Sequence[Sequence[str]]], Path]
HEADER = ["", "functionality", "case_id", "test_case", "label_gold", "target_ident", "case_templ", "templ_id"]
ROWS = [
    ["0", "derog_neg_emote_h", "10", "I dislike knitters.", "hateful", "knitters", "I dislike [IDENTITY_P].", "7"],
    ["1", "derog_neg_emote_h", "9", "I dislike joggers.", "hateful", "joggers", "I dislike [IDENTITY_P].", "7"],
    ["2", "profanity_nh", "11", "Darn, what a day.", "non-hateful", "", "Darn, what a day.", "8"],
]


def test_hatecheck_reads_gold_slices_and_templates(write_csv: Write) -> None:
    suite = hatecheck.load(write_csv(HEADER, ROWS))
    assert (suite.name, list(suite.golds), suite.diagnostic) == ("hatecheck", ["hatecheck@1"], False)
    by_id = dict(zip(suite.item_ids.tolist(), range(len(suite)), strict=True))
    assert set(by_id) == {"9", "10", "11"}
    assert [int(suite.golds["hatecheck@1"][by_id[case]]) for case in ("9", "10", "11")] == [1, 1, 0]
    assert suite.slices["functionality"][by_id["11"]] == "profanity_nh"
    assert suite.slices["target_ident"][by_id["11"]] == suite.slices["templated_target"][by_id["11"]] == ""
    assert suite.slices["templated_target"][by_id["9"]] == "joggers"
    assert suite.clusters[by_id["9"]] == suite.clusters[by_id["10"]] != suite.clusters[by_id["11"]]


def test_the_row_order_of_the_file_does_not_change_the_suite(write_csv: Write) -> None:
    assert hatecheck.load(write_csv(HEADER, ROWS)).digest == hatecheck.load(write_csv(HEADER, ROWS[::-1])).digest


def test_a_missing_suite_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"needs the file .*nowhere.csv, which does not exist; get test_suite_cases.csv from"):
        hatecheck.load(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        ([*HEADER[:-1], "template_id"], ROWS, "no column 'templ_id'; did you mean 'template_id'"),
        (HEADER, [*ROWS, ROWS[0]], r"1 item ids more than once \(first: '10'\)"),
        (HEADER, [[*ROWS[0][:4], "Hateful", *ROWS[0][5:]]], "gold 'Hateful' under 'hatecheck@1'; did you mean 'hateful'"),
        (HEADER, [[*ROWS[0][:3], " ", *ROWS[0][4:]]], "1 of 1 rows of .* lack a 'test_case'"),
        (HEADER, [], "selects no item"),
    ],
)
def test_a_malformed_suite_is_refused_in_a_sentence(
    write_csv: Write, header: list[str], rows: list[list[str]], sentence: str
) -> None:
    with pytest.raises(BenchmarkError, match=sentence):
        hatecheck.load(write_csv(header, rows))


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["007", "008", "009"],
            "post": ["NA", "two", "three"],
            "old": ["bad", "fine", None],
            "new": ["fine", "fine", "bad"],
            "thread": ["x", "x", "y"],
        }
    )


def load_table(path: Path) -> table.Benchmark:
    golds = {"p@1": table.GoldColumn(column="old", positive="bad"), "p@2": table.GoldColumn(column="new", positive="bad")}
    return table.load(path, name="own", item_id="id", text="post", golds=golds, cluster="thread", slices=["thread"])


def test_a_table_gives_one_benchmark_from_csv_and_from_parquet(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    frame().to_parquet(tmp_path / "t.parquet", index=False)
    from_csv, from_parquet = load_table(tmp_path / "t.csv"), load_table(tmp_path / "t.parquet")
    assert from_csv.digest == from_parquet.digest
    assert from_csv.item_ids.tolist() == ["007", "008", "009"]
    assert from_csv.texts.tolist()[0] == "NA"
    assert from_csv.golds["p@1"].tolist() == [1, 0, UNKNOWN_GOLD]
    assert from_csv.golds["p@2"].tolist() == [0, 0, 1]


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    broken = {"t.parquet": b"PAR0", "t.csv": b"", "u.csv": b"id,post\n\xff\xfe,x\n", "v.csv": b'a,b\n"x,1,2,3\n', "t.xlsx": b""}
    for name, content in broken.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BenchmarkError, match=r"cannot be read as|legal: \.csv, \.csv\.gz"):
            load_table(path)
