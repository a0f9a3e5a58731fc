"""What is exported comes back: the same ratings in the same place, the same snapshot in a new one."""

import csv
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.errors import ImportRefused, LabelError, NoRatings
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.export import export_ratings
from smo_pipelines.labels.exported import inert, restored
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.formats.detect import detect
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYBODY = RaterPool(id="all")
KEY = b"k" * 32

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
_ODD = st.sampled_from(
    [
        "=1+1",
        "+x",
        "-1",
        "@a",
        "'quoted",
        "''",
        '"',
        'a"b,c',
        "a\r\nb",
        "\r",
        "\n=1",
        "\t=1",
        " ",
        "NULL",
        "nan",
        "\uff1dA1",
        "{}",
        "\u202ex",
    ]
)
TEXTS = _TEXT | _ODD


@st.composite
def batches(draw: st.DrawFn) -> LabelBatch:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
    labels = draw(st.lists(TEXTS, min_size=2, max_size=2, unique=True))
    items = [
        {
            "item_id": f"{draw(TEXTS)}{place}",
            "text": text,
            "locale": draw(st.none() | TEXTS),
            "created_at": draw(st.none() | st.just(NOON)),
            "attributes": draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
            "gold": draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
        }
        for place, text in enumerate(texts)
    ]
    raters = [
        {
            "rater_id": f"r{n}",
            "kind": draw(st.sampled_from([None, "human", "model"])),
            "pool": draw(st.none() | TEXTS),
            "since": draw(st.none() | st.just(NOON)),
        }
        for n in range(3)
    ]
    ratings = [
        {
            "item_id": item["item_id"],
            "rater_id": rater["rater_id"],
            "question": "hate",
            "label": None if skipped else draw(st.sampled_from(labels)),
            "skipped": skipped,
            "guideline": draw(st.none() | TEXTS),
            "clause": draw(st.none() | TEXTS),
            "created_at": draw(st.none() | st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))),  # noqa: DTZ001
            "duration_s": draw(st.none() | st.floats(0, 1e6)),
            "cost": draw(st.none() | st.floats(-1e3, 1e3)),
            "round": draw(st.none() | st.integers(0, 9)),
            "review": draw(st.sampled_from([None, "accepted", "rejected"])),
            "is_gold": draw(st.booleans()),
            "prelabelled": draw(st.booleans()),
        }
        for item, rater in itertools.product(items, raters)
        for skipped in [draw(st.integers(0, 5)) == 0]
    ]  # fmt: skip
    return LabelBatch(
        project="demo", source="test", items=pd.DataFrame(items), raters=pd.DataFrame(raters), ratings=pd.DataFrame(ratings)
    )


@settings(max_examples=5)
@given(batch=batches(), ending=st.sampled_from([".csv", ".parquet"]))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, batch: LabelBatch, ending: str) -> None:
    folder = tmp_path_factory.mktemp("export")
    tables, others, path = LabelTables(folder / "tables"), LabelTables(folder / "others"), folder / f"ratings{ending}"
    tables.append(batch, imported_at=NOON)
    assert export_ratings(tables, "demo", path, with_text=True) == batch.tables["ratings"].num_rows
    assert detect(path).form == "smo-export"
    back = read("smo-export", path, key=KEY)
    receipt = tables.append(back, imported_at=NOON + timedelta(days=1))
    assert (receipt.ratings, receipt.items, receipt.raters) == (0, 0, 0)
    others.append(back, imported_at=NOON)
    for name in ("items", "raters", "ratings"):
        assert contents(others, name) == contents(tables, name)


def contents(tables: LabelTables, name: str) -> list[dict[str, Any]]:
    with tables.views("demo") as views:
        found = views.table(f"select * from {name} order by 1, 2")  # noqa: S608
    rows = found.to_pylist(maps_as_pydicts="strict")
    return [{key: value for key, value in row.items() if key not in ("import_id", "imported_at")} for row in rows]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_snapshot_is_the_same(filled: LabelTables, guideline: GuidelineVersion, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"ratings{ending}"
    export_ratings(filled, "demo", path, with_text=True)
    others = LabelTables(tmp_path / "others")
    others.append(read("smo-export", path, key=KEY), imported_at=NOON)
    recipe = SnapshotRecipe(project="demo", question="hate", items=(("split", ("train",)), ("locale", ("ja", "id"))))
    first, second = (build_snapshot(one, recipe, guideline=guideline, pool=EVERYBODY) for one in (filled, others))
    assert first.digest == second.digest
    assert first.votes.digest == second.votes.digest


def test_texts_stay_at_home_unless_asked_for(filled: LabelTables, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    export_ratings(filled, "demo", path)
    assert "text of" not in path.read_text() and "train" not in path.read_text()
    receipt = filled.append(read("smo-export", path, key=KEY), imported_at=NOON + timedelta(days=1))
    assert (receipt.ratings, receipt.duplicates) == (0, 14)
    with pytest.raises(ImportRefused, match="import the items with their texts first"):
        LabelTables(tmp_path / "others").append(read("smo-export", path, key=KEY), imported_at=NOON)


def test_no_cell_begins_like_a_formula(make_batch: Callable[..., LabelBatch], tables: LabelTables, tmp_path: Path) -> None:
    tables.append(make_batch({"=HYPERLINK(1)": [1], "-a": [0]}, text="=cmd|{}", clause="@SUM(A1)"), imported_at=NOON)
    path = tmp_path / "ratings.csv"
    export_ratings(tables, "demo", path, with_text=True)
    with path.open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream))
    cells = [cell for row in rows for cell in row if cell]
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]
    assert {row[header.index("clause")] for row in rows} == {"'@SUM(A1)"}
    assert sorted(row[header.index("text")] for row in rows) == ["'=cmd|-a", "'=cmd|=HYPERLINK(1)"]


@given(texts=st.lists(st.none() | TEXTS, max_size=5))
def test_inert_texts_are_restored(texts: list[str | None]) -> None:
    table = pa.table({"a": pa.array(texts, pa.string()), "n": pa.array(range(len(texts)))})
    assert restored(inert(table)).equals(table)
    assert not [text for text in inert(table)["a"].to_pylist() if text and text[0] in "=+-@"]


def test_into_another_project(filled: LabelTables, tmp_path: Path) -> None:
    path = tmp_path / "ratings.parquet"
    export_ratings(filled, "demo", path, with_text=True)
    batch = read("smo-export", path, options={"project": "copy"}, key=KEY)
    assert filled.append(batch, imported_at=NOON).ratings == 14
    assert filled.projects() == ["copy", "demo"]


def test_what_cannot_be_exported(filled: LabelTables, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"to \.csv or \.parquet; ratings\.xlsx is neither"):
        export_ratings(filled, "demo", tmp_path / "ratings.xlsx")
    with pytest.raises(NoRatings, match="project 'dmeo' has no ratings; projects: demo"):
        export_ratings(filled, "dmeo", tmp_path / "ratings.csv")
    assert not (tmp_path / "ratings.csv").exists()
    (tmp_path / "ratings.csv").write_text("mine")
    with pytest.raises(LabelError, match="is there already; name a new file"):
        export_ratings(filled, "demo", tmp_path / "ratings.csv")
    assert (tmp_path / "ratings.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("rater_since", "since"), "lacks the columns"),
        (lambda text: text.replace(",false,", ",perhaps,", 1), "is not as `smo export` wrote it"),
        (lambda text: text[: len(text) // 2].rsplit(",", 3)[0], "is not as `smo export` wrote it"),
        (lambda text: text.replace('"demo"', '"other"', 1), "holds the ratings of demo, other"),
        (lambda text: text.replace('"{""split"": ""train""}"', '"{""split"": "', 1), "a cell of attributes is not JSON"),
    ],
)
def test_an_export_that_was_changed_by_hand(filled: LabelTables, tmp_path: Path, change: Any, sentence: str) -> None:
    path = tmp_path / "ratings.csv"
    export_ratings(filled, "demo", path, with_text=True)
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before
    with pytest.raises(ImportRefused, match=sentence):
        read("smo-export", path, key=KEY)


def test_a_damaged_parquet_export_and_an_option_it_does_not_have(filled: LabelTables, tmp_path: Path) -> None:
    path = tmp_path / "ratings.parquet"
    export_ratings(filled, "demo", path)
    with pytest.raises(LabelError, match="has no option 'columns'"):
        read("smo-export", path, options={"columns": {}}, key=KEY)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImportRefused, match="is not as `smo export` wrote it"):
        read("smo-export", path, key=KEY)
