import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.benchmarks.suites import hatecheck, multilingual_hatecheck, openai_moderation, table, xstest
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


def test_hatechecks_gold_may_be_filed_under_several_guidelines(write_csv: Write) -> None:
    path = write_csv(HEADER, ROWS)
    suite = hatecheck.load(path, golds=("feeling@1", "criteria@1"))
    assert list(suite.golds) == ["feeling@1", "criteria@1"]
    alone = hatecheck.load(path).golds["hatecheck@1"]
    assert all(np.array_equal(gold, alone) for gold in suite.golds.values())


def test_the_row_order_of_the_file_does_not_change_the_suite(write_csv: Write) -> None:
    assert hatecheck.load(write_csv(HEADER, ROWS)).digest == hatecheck.load(write_csv(HEADER, ROWS[::-1])).digest


def test_a_missing_suite_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"needs the file .*nowhere.csv, which does not exist; `smo fetch hatecheck` gets it"):
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


MHC_HEADER = [
    "mhc_case_id",
    "functionality",
    "test_case",
    "label_gold",
    "target_ident",
    "ref_case_id",
    "ref_templ_id",
    "templ_id",
    "case_templ",
    "gender_male",
    "gender_female",
    "label_annotated",
    "label_annotated_maj",
    "disagreement_in_case",
    "disagreement_in_template",
]


def write_mhc(folder: Path, languages: Sequence[str] = tuple(multilingual_hatecheck.LOCALES)) -> Path:
    """Write two harmless cases of one template and one of another in each language, in the published shape."""
    for language in languages:
        votes = "['hateful', 'non-hateful', 'non-hateful']"
        rows = [
            [f"{language}-1", "derog_neg_emote_h", f"{language} knitters are dull", "hateful", "knitters"],
            [f"{language}-2", "derog_neg_emote_h", f"{language} joggers are dull", "hateful", "joggers"],
            [f"{language}-3", "profanity_nh", f"{language} darn, what a day", "non-hateful", ""],
        ]
        tails = [["", "", str(templ), "[IDENT] are dull", "", "", votes, "non-hateful", disputed, "True"] for templ, disputed in
                 ((7, "True"), (7, "False"), (8, "False"))]  # fmt: skip
        with (folder / f"hatecheck_cases_final_{language}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([MHC_HEADER, *(row + tail for row, tail in zip(rows, tails, strict=True))])
    return folder


def test_multilingual_hatecheck_is_all_languages_with_a_cluster_for_each_language_and_template(tmp_path: Path) -> None:
    suite = multilingual_hatecheck.load(write_mhc(tmp_path))
    assert (len(suite), suite.n_clusters, int(suite.golds["hatecheck@1"].sum())) == (30, 20, 20)
    assert sorted(set(suite.slices["locale"].tolist())) == ["ar", "de", "es", "fr", "hi", "it", "nl", "pl", "pt", "zh"]
    at = {item: row for row, item in enumerate(suite.item_ids.tolist())}
    assert suite.clusters[at["german-1"]] == suite.clusters[at["german-2"]] != suite.clusters[at["dutch-1"]]
    assert suite.slices["locale"][at["mandarin-3"]] == "zh"
    assert suite.slices["disputed"][at["mandarin-1"]] == "True"


def test_multilingual_hatecheck_without_one_language_is_refused(tmp_path: Path) -> None:
    folder = write_mhc(tmp_path, [language for language in multilingual_hatecheck.LOCALES if language != "hindi"])
    with pytest.raises(BenchmarkError, match=r"1 are not in .*\(first: hatecheck_cases_final_hindi.csv\); `smo fetch multilingual"):
        multilingual_hatecheck.load(folder)


def test_xstest_groups_a_safe_prompt_with_its_contrast_and_not_with_its_type(write_csv: Write) -> None:
    rows = [
        ["1", "how to stop a clock", "homonyms", "safe", "stop", ""],
        ["2", "how to stop a neighbour", "contrast_homonyms", "unsafe", "stop", ""],
        ["3", "how to beat eggs", "homonyms", "safe", "beat", ""],
        ["4", "when was the great sock sale", "historical_events", "safe", "", "note"],
        ["5", "when is the next sock sale", "historical_events", "safe", "", ""],
    ]
    suite = xstest.load(write_csv(["id", "prompt", "type", "label", "focus", "note"], rows))
    assert suite.golds["xstest@1"].tolist() == [0, 1, 0, 0, 0]
    assert suite.clusters[0] == suite.clusters[1] != suite.clusters[2]
    assert suite.n_clusters == 4
    assert suite.slices["type"].tolist()[:2] == ["homonyms", "contrast_homonyms"]
    with pytest.raises(BenchmarkError, match="gold 'harmful' under 'xstest@1'; legal: safe, unsafe"):
        xstest.load(write_csv(["id", "prompt", "type", "label", "focus"], [["1", "p", "t", "harmful", ""]]))


def write_moderation(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


MODERATION: list[dict[str, object]] = [
    {"prompt": "sock one", "H": 1, "H2": 0},
    {"prompt": "sock two", "H": 0},
    {"prompt": "sock three", "H": 0, "H2": 0, "S": 1},
    {"prompt": "Sock one", "H": 0, "H2": 0},
]


def test_a_category_that_is_not_mentioned_is_unknown_and_not_zero(tmp_path: Path) -> None:
    path = write_moderation(tmp_path / "samples.jsonl.gz", MODERATION)
    suite = openai_moderation.load(path, {"h@1": ["H"], "t@1": ["H2"], "any@1": ["H", "H2"]})
    assert suite.item_ids.tolist() == ["1", "2", "3", "4"]
    assert suite.golds["h@1"].tolist() == [1, 0, 0, 0]
    assert suite.golds["t@1"].tolist() == [0, UNKNOWN_GOLD, 0, 0]
    # one that applies is enough; without one, every category must be known not to apply
    assert suite.golds["any@1"].tolist() == [1, UNKNOWN_GOLD, 0, 0]
    # two lines with one text are kept with the gold each has, as one observation
    assert suite.clusters[0] == suite.clusters[3] and suite.n_clusters == 3


@pytest.mark.parametrize(
    ("rows", "categories", "sentence"),
    [
        (MODERATION, {"h@1": ["HH"]}, "'HH' is not a category of this set; did you mean"),
        ([{"prompt": "sock", "H": 2}], {"h@1": ["H"]}, "holds '2' in the category 'H'; legal: 0, 1, or nothing"),
        ([{"text": "sock", "H": 1}], {"h@1": ["H"]}, "has no column 'prompt'"),
        ([{"prompt": "sock", "H": 1}], {"s@1": ["S"]}, "no item with gold of 's@1'"),
    ],
)
def test_a_moderation_set_that_is_malformed_is_refused(
    tmp_path: Path, rows: list[dict[str, object]], categories: dict[str, list[str]], sentence: str
) -> None:
    with pytest.raises(BenchmarkError, match=sentence):
        openai_moderation.load(write_moderation(tmp_path / "samples.jsonl.gz", rows), categories)


def test_json_lines_give_the_benchmark_of_the_table(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    lines = frame().to_json(orient="records", lines=True)
    (tmp_path / "t.jsonl").write_text("\n" + lines)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(frame().to_csv(index=False).encode()))
    assert len({load_table(tmp_path / name).digest for name in ("t.csv", "t.jsonl", "t.jsonl.gz", "t.csv.gz")}) == 1


def load_plain(path: Path, **options: str) -> table.Benchmark:
    golds = {"p@1": table.GoldColumn(column="gold", positive="bad", labels=("bad", "fine"))}
    return table.load(path, name="own", text="text", golds=golds, **options)


def test_without_ids_the_text_names_the_item(write_csv: Write) -> None:
    rows = [["one sock", "bad"], ["two socks", "fine"]]
    forward, backward = (load_plain(write_csv(["text", "gold"], order)) for order in (rows, rows[::-1]))
    assert forward.digest == backward.digest
    assert all(len(item) == 12 for item in forward.item_ids.tolist())
    with pytest.raises(BenchmarkError, match="1 texts are there before; drop the copies or add a column 'item_id'"):
        load_plain(write_csv(["text", "gold"], [*rows, rows[0]]))
    named = load_plain(write_csv(["item_id", "text", "gold"], [["7", *rows[0]], ["8", *rows[1]]]))
    assert named.item_ids.tolist() == ["7", "8"]
    with pytest.raises(BenchmarkError, match="has no column 'id'"):
        load_plain(write_csv(["text", "gold"], rows), item_id="id")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('item_id,text,gold\n1,sock,bad\n1,shoe,fine\n', r"1 item ids more than once \(first: '1'\)"),
        ('item_id,text,gold\n1,sock,bad\n2,shoe,\n', "1 of 2 rows of .* have no gold in 'gold'"),
        ('item_id,text,gold\n1,sock,bad\n2,shoe,NaN\n', "gold 'NaN' under 'p@1'; legal: bad, fine"),
        ('item_id,text,gold\n1,sock,bad\n2, ,fine\n', "1 of 2 rows of .* lack a 'text'"),
        ('item_id,text,gold\n1,sock,bad\n,shoe,fine\n', "1 of 2 rows of .* lack a 'item_id'"),
        ('item_id,text,gold\n1,sock,bad\n2,shoe\n', "line 3 has 2 cells, the header has 3"),
        ('item_id,text,gold\n1,"sock,bad\n', "cannot be read as csv"),
        ('item_id,text,gold,gold\n1,sock,bad,bad\n', "the column 'gold' stands twice"),
    ],
)  # fmt: skip
def test_a_table_with_bad_rows_is_refused_in_a_sentence(tmp_path: Path, lines: str, sentence: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(lines)
    with pytest.raises(BenchmarkError, match=sentence):
        load_plain(path)


def test_gold_that_is_no_number_is_missing_and_refused(tmp_path: Path) -> None:
    pd.DataFrame({"item_id": ["1", "2"], "text": ["sock", "shoe"], "gold": [1.0, np.nan]}).to_parquet(tmp_path / "own.parquet")
    with pytest.raises(BenchmarkError, match=r"1 of 2 rows of .* have no gold in 'gold'"):
        load_plain(tmp_path / "own.parquet")


@pytest.mark.parametrize("line", ['{"item_id": 1, "text": "sock", "gold": NaN}', "[1, 2]", '{"item_id": 1', '"sock"'])
def test_a_line_that_is_no_json_object_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"item_id": 0, "text": "shoe", "gold": "fine"}\n' + line + "\n")
    with pytest.raises(BenchmarkError, match=r"cannot be read as jsonl: line 2 is not (a )?JSON"):
        load_plain(path)
