"""The published figures of Kern et al. (2023), from the files to the tables to snapshots."""

import os
from pathlib import Path

import numpy as np
import pytest

from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import TIE, RaterPool, SnapshotRecipe
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("SMO_REAL_DATA" not in os.environ, reason="SMO_REAL_DATA names no folder of real data sets"),
]

# Table 1 of the paper: ratings, annotators, offensive %, hate %.
TABLE_1 = {
    "A": (9000, 184, 51.6, 26.8),
    "B": (9000, 183, 58.8, 29.6),
    "C": (8950, 182, 58.5, 28.2),
    "D": (8950, 179, 54.4, 33.5),
    "E": (9000, 189, 59.0, 31.8),
}
# Share of the 3,000 tweets whose ratings are more than half positive; counted from the files with pandas:
# groupby(["version", "tweet.id"])[column].mean().gt(.5).groupby("version").mean()
OFFENSIVE_MAJORITIES = {"A": 0.530, "B": 0.602, "C": 0.601, "D": 0.568, "E": 0.610}


@pytest.fixture(scope="module")
def batch(key):
    return read("kern2023", Path(os.environ["SMO_REAL_DATA"]) / "kern2023", key=key)


@pytest.fixture(scope="module")
def kern(tmp_path_factory, batch, noon):
    tables = LabelTables(tmp_path_factory.mktemp("kern"))
    tables.append(batch, imported_at=noon)
    return tables


@pytest.fixture(scope="module")
def snapshots(kern):
    made = {}
    for question in ("hate", "offensive"):
        version = GuidelineVersion(id=f"kern2023-{question}@1", question=question, labels=("0", "1"), positive="1", clauses=())
        for layout in TABLE_1:
            recipe = SnapshotRecipe(project="kern2023", question=question, guideline=version.id, instrument=layout)
            made[question, layout] = build_snapshot(kern, recipe, guideline=version, pool=RaterPool(id="all"))
    return made


def test_every_row_is_read(batch):
    assert batch.quarantine == ()
    assert (len(batch.items), len(batch.raters), len(batch.ratings)) == (3000, 917, 2 * 44_900)


@pytest.mark.parametrize("layout", TABLE_1)
def test_table_1(kern, snapshots, layout):
    ratings, annotators, offensive, hate = TABLE_1[layout]
    with kern.views("kern2023") as views:
        sql = "select count(*), count(distinct rater_id) from ratings where question = 'hate' and instrument = ?"
        assert views.rows(sql, [layout]) == [(ratings, annotators)]
    shares = [100 * float(snapshots[question, layout].votes.value.mean()) for question in ("offensive", "hate")]
    assert [round(share, 1) for share in shares] == [offensive, hate]


def test_missing_answers_are_skipped_ratings(kern):
    with kern.views("kern2023") as views:
        found = views.rows("select instrument, question, count(*) from ratings where skipped group by all order by all")
    # the quirks that the data's authors list: raters who left before the second pass
    assert found == [("D", "offensive", 39), ("E", "hate", 311)]


@pytest.mark.parametrize("layout", TABLE_1)
def test_offensive_majorities(snapshots, layout):
    snapshot = snapshots["offensive", layout]
    assert len(snapshot) == 3000
    assert round(float((snapshot.labels == 1).mean()), 3) == OFFENSIVE_MAJORITIES[layout]
    assert np.array_equal(snapshot.labels == TIE, snapshot.share == 0.5)


@pytest.mark.parametrize(("question", "flips"), [("offensive", 512), ("hate", 462)])
def test_flips_between_layouts_a_and_b(snapshots, question, flips):
    # counted from the files with pandas: (share_A > .5) != (share_B > .5) over 3,000 tweets; A and B have no ties
    control, treatment = snapshots[question, "A"], snapshots[question, "B"]
    matching = match(control, treatment)
    shift = label_shift(matching, redraws=20)
    assert (shift.matched_items, shift.total.flips) == (3000, flips)
    assert sum(group.flips for group in shift.by["split"]) == flips
    assert 0 < shift.total.expected_low <= shift.total.expected <= shift.total.expected_high
    (owner,) = shift.ownership.owners
    assert (owner.component, owner.count.flips) == ("instrument", flips)
    assert shift.matched_shift.change == pytest.approx(float(treatment.labels.mean()) - float(control.labels.mean()))


def test_hate_flips_of_the_training_split_need_no_cause(kern):
    version = GuidelineVersion(id="kern2023-hate@1", question="hate", labels=("0", "1"), positive="1", clauses=())
    control, treatment = (
        build_snapshot(
            kern,
            SnapshotRecipe(
                project="kern2023", question="hate", guideline=version.id, instrument=layout, items=(("split", ("train",)),)
            ),
            guideline=version,
            pool=RaterPool(id="all"),
        )
        for layout in "AB"
    )
    shift = label_shift(match(control, treatment), redraws=60)
    # counted from the files as above, over the authors' training split; drawing the raters of A again flips as many
    assert (shift.total.items, shift.total.flips) == (2250, 344)
    assert shift.total.expected_low < 344 < shift.total.expected_high
    assert shift.ownership.refused.code == "within_chance"
    assert 0 in shift.matched_shift.interval


def test_ties_leave_training(snapshots):
    control, treatment = snapshots["hate", "A"], snapshots["hate", "E"]
    matching = match(control, treatment)
    assert matching.tied == 88  # tweets with one hate answer each way in E, counted with pandas
    assert len(matching) + matching.tied == 3000
    assert set(matching.training_set(ArmName.treatment).labels.tolist()) == {0, 1}


def test_authors_split(kern):
    items = kern.items("kern2023", (("split", ("test",)),))
    assert (len(items), set(items.attributes["split"])) == (750, {"test"})
    assert not any("&amp;" in text for text in items.texts)
