"""What must never change a snapshot: the order and packaging of rows, where tables lie, who has which pseudonym, and what comes later."""

import shutil
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import Aggregation, RaterPool, SnapshotRecipe, TieRule
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.export import export_ratings
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.pseudonyms import pseudonym
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUIDELINE = GuidelineVersion(id="hate@1", question="hate", labels=("0", "1"), positive="1", clauses=())
FEW = settings(max_examples=3, phases=(Phase.generate,))
RECIPES = [
    *({"aggregation": aggregation} for aggregation in Aggregation),
    {"ties": TieRule.positive},
    {"overlap": 3, "aggregation": Aggregation.dawid_skene},
    {"rater_half": 1, "overlap": 2},
]


@st.composite
def operations(draw):
    """Ratings of some items by some raters, some items with gold, some rated again in a later round."""
    n_items, n_raters = draw(st.integers(8, 12)), draw(st.integers(5, 7))
    wrong = draw(
        st.sets(st.integers(0, n_items * n_raters - 1), max_size=n_items * n_raters // 5)
    )  # so few that raters beat chance
    votes = [(k // n_raters % 2) ^ (k in wrong) for k in range(n_items * n_raters)]
    again = draw(st.sets(st.integers(0, n_items * n_raters - 1), max_size=3))
    rows = [
        {
            "item_id": f"i{k // n_raters:02}",
            "rater": f"r{k % n_raters}",
            "label": str(vote),
            "round": 1,
            "clause": ["3.1", None][k % 2],
        }
        for k, vote in enumerate(votes)
    ]
    return rows + [{**rows[k], "round": 2, "label": str(1 - int(rows[k]["label"]))} for k in sorted(again)]


def batch(rows, *, key=b"k" * 16, described=None, project="demo"):
    ratings = [
        {**{name: value for name, value in row.items() if name != "rater"}, "rater_id": pseudonym(key, "demo", row["rater"])}
        for row in rows
    ]
    names = sorted({row["item_id"] for row in rows})
    items = [
        {"item_id": name, "text": f"text {name}", "attributes": {"part": name[-1], **(described or {})}}
        | {"gold": {"hate@1": str(int(name[1:]) % 2)} if int(name[1:]) % 3 == 0 else {}}
        for name in names
    ]
    frame = pd.DataFrame(ratings).assign(question="hate", guideline="hate@1")
    return LabelBatch(project=project, source="test", items=pd.DataFrame(items), raters=pd.DataFrame(), ratings=frame)


def digest(tables, **recipe):
    asked = SnapshotRecipe(**{"project": "demo", "question": "hate", "guideline": "hate@1"} | recipe)
    try:
        return build_snapshot(tables, asked, guideline=GUIDELINE, pool=RaterPool(id="all")).digest
    except NoRatings:  # a half of few raters can be empty; then it is for every telling of the same story
        return "nothing"


def digests(tables):
    return [digest(tables, **recipe) for recipe in RECIPES]


@pytest.fixture
def folder(tmp_path_factory):
    """A new folder each time it is asked for: hypothesis runs one test many times."""
    return lambda: tmp_path_factory.mktemp("tables")


@FEW
@given(rows=operations(), data=st.data())
def test_order_packaging_and_place_are_no_content(folder, rows, data):
    plain = LabelTables(folder())
    plain.append(batch(rows), imported_at=NOON)
    expected = digests(plain)
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(1, len(rows) - 1))
    parts = LabelTables(folder())
    for part in (shuffled[:cut], shuffled[cut:]):
        parts.append(batch(part), imported_at=NOON)
    assert digests(parts) == expected
    copied = folder() / "copy"
    shutil.copytree(plain.root, copied)
    assert digests(LabelTables(copied)) == expected


@FEW
@given(rows=operations(), key=st.binary(min_size=16, max_size=20))
def test_the_key_of_the_pseudonyms_is_no_content(folder, rows, key):
    one, other = LabelTables(folder()), LabelTables(folder())
    one.append(batch(rows), imported_at=NOON)
    other.append(batch(rows, key=key), imported_at=NOON)
    assert digests(one) == digests(other)


@FEW
@given(rows=operations(), data=st.data())
def test_the_past_keeps_its_digests_whatever_is_imported_later(folder, rows, data):
    tables = LabelTables(folder())
    taken = {}
    for day in range(4):
        at = NOON + timedelta(days=day)
        some = data.draw(st.lists(st.sampled_from(rows), min_size=3, max_size=len(rows)))
        corrected = [
            {**row, "rating_id": f"{row['item_id']}/{row['rater']}", "label": data.draw(st.sampled_from(["0", "1"]))}
            for row in some
        ]
        unique = list({row["rating_id"]: row for row in corrected}.values())
        tables.append(batch(unique, described={"seen": str(day)} if day % 2 else None), imported_at=at)
        tables.append(batch(rows[:5], project="other"), imported_at=at)
        moment = at.isoformat()
        taken[moment] = (
            digest(tables),
            digest(tables, as_of=moment),
            digest(tables, as_of=moment, aggregation=Aggregation.dawid_skene),
        )
    for moment, (then, as_of, estimated) in taken.items():
        assert digest(tables, as_of=moment) == then == as_of
        assert digest(tables, as_of=moment, aggregation=Aggregation.dawid_skene) == estimated


@FEW
@given(rows=operations(), ending=st.sampled_from(["csv", "parquet"]))
def test_an_export_that_is_imported_gives_the_same_snapshots(folder, rows, ending):
    tables, again = LabelTables(folder()), LabelTables(folder())
    tables.append(batch(rows), imported_at=NOON)
    file = folder() / f"ratings.{ending}"
    export_ratings(tables, "demo", file, with_text=True)
    again.append(read("smo-export", file, key=b"k" * 16), imported_at=NOON)
    assert digests(again) == digests(tables)
