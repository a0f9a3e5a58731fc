import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing import get_context

import pandas as pd
import pytest
from deltalake import DeltaTable

from smo_pipelines.domain.labels import SnapshotRecipe
from smo_pipelines.errors import ImportRefused, LabelError, NoRatings
from smo_pipelines.labels.batch import LabelBatch, QuarantinedRow
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables


def small_batch(number, ratings=5):
    names = [f"i{number}-{k}" for k in range(ratings)]
    return LabelBatch(
        project="demo",
        source="test",
        items=pd.DataFrame({"item_id": names, "text": names}),
        raters=pd.DataFrame(),
        ratings=pd.DataFrame({"item_id": names, "rater_id": "r", "question": "hate", "label": "1"}),
    )


def append_many(root, numbers):
    tables = LabelTables(root)
    for number in numbers:
        tables.append(small_batch(number), imported_at=datetime(2026, 3, 1, tzinfo=UTC))


def test_an_import_is_counted(tables, make_batch, noon):
    receipt = tables.append(make_batch(), imported_at=noon)
    assert (receipt.ratings, receipt.items, receipt.raters, receipt.duplicates) == (14, 5, 3, 0)
    assert (tables.projects(), tables.rating_count("demo")) == (["demo"], 14)
    assert tables.has_ratings("demo")
    assert not tables.has_ratings("another")


def test_the_same_content_again_adds_nothing(filled, make_batch, noon):
    before = filled.fingerprint("demo")
    receipt = filled.append(make_batch(), imported_at=noon + timedelta(days=1))
    assert (receipt.ratings, receipt.items, receipt.duplicates) == (0, 0, 14)
    assert (filled.rating_count("demo"), filled.fingerprint("demo")) == (14, before)


def test_an_overlapping_export_adds_what_is_new(filled, make_batch, noon):
    receipt = filled.append(make_batch({"a": [1, 1, 0, 1], "z": [0]}), imported_at=noon)
    assert (receipt.ratings, receipt.items, receipt.raters, receipt.duplicates) == (2, 1, 1, 3)
    assert filled.rating_count("demo") == 16


def test_a_corrected_label_is_a_newer_version_of_the_same_rating(filled, make_batch, noon, guideline, everybody):
    filled.append(make_batch({"b": [1, 1, 1]}), imported_at=noon + timedelta(hours=1))
    assert filled.rating_count("demo") == 14
    recipe = SnapshotRecipe(project="demo", question="hate")
    now = build_snapshot(filled, recipe, guideline=guideline, pool=everybody)
    then = build_snapshot(
        filled, SnapshotRecipe(project="demo", question="hate", as_of=noon.isoformat()), guideline=guideline, pool=everybody
    )
    assert (now.share[1], then.share[1]) == (1, 1 / 3)


def test_another_text_under_a_known_id_is_refused_and_nothing_is_written(filled, make_batch, noon):
    with pytest.raises(ImportRefused, match="known with another text"):
        filled.append(make_batch({"a": [1], "new": [1]}, text="changed {}"), imported_at=noon)
    assert (filled.rating_count("demo"), len(filled.items("demo"))) == (14, 5)


def test_a_known_item_learns_gold_and_keeps_its_attributes(filled, noon):
    items = pd.DataFrame({"item_id": ["a"], "text": ["text of a"], "gold": [{"hate@1": "1"}]})
    receipt = filled.append(
        LabelBatch(project="demo", source="gold", items=items, raters=pd.DataFrame(), ratings=pd.DataFrame()), imported_at=noon
    )
    table = filled.items("demo")
    assert (receipt.items, receipt.ratings) == (1, 0)
    assert table.gold["hate@1"].tolist() == ["1", "", "", "", ""]
    assert table.attributes["split"].tolist() == ["train"] * 5


def test_items_by_predicate(filled):
    assert filled.items("demo", (("locale", ("ja",)),)).item_ids.tolist() == ["a", "b"]
    assert filled.items("demo", (("locale", ("ja",)), ("item_id", ("b", "c")))).item_ids.tolist() == ["b"]
    assert len(filled.items("demo", (("no such attribute's name", ("x",)),))) == 0


def test_ratings_of_unknown_items_are_refused(tables, noon):
    ratings = pd.DataFrame({"item_id": ["ghost"], "rater_id": "r", "question": "hate", "label": "1"})
    batch = LabelBatch(project="demo", source="test", items=pd.DataFrame(), raters=pd.DataFrame(), ratings=ratings)
    with pytest.raises(ImportRefused, match="ghost"):
        tables.append(batch, imported_at=noon)
    assert tables.projects() == []


def test_projects_do_not_see_each_other(filled, make_batch, noon):
    filled.append(make_batch({"a": [0]}, project="other", text="quite another text of {}"), imported_at=noon)
    assert filled.projects() == ["demo", "other"]
    assert (filled.rating_count("demo"), filled.rating_count("other")) == (14, 1)
    assert len(filled.items("other")) == 1


def test_quarantine_is_kept_with_the_import(tables, noon):
    rows = (QuarantinedRow(file="x.csv", line=7, reason="no label"), QuarantinedRow(file="x.csv", line=3, reason="no item_id"))
    plain = small_batch(0)
    batch = LabelBatch(
        project="demo", source="test", items=plain.items, raters=plain.raters, ratings=plain.ratings, quarantine=rows
    )
    assert tables.append(batch, imported_at=noon).quarantined == 2
    assert tables.quarantine("demo") == tuple(sorted(rows))


def test_before_the_first_import_is_an_error(filled, noon):
    with (
        pytest.raises(NoRatings, match="first import was at 2026-03-01T12:00:00"),
        filled.views("demo", as_of=noon - timedelta(seconds=1)),
    ):
        pass


def test_a_moment_keeps_its_meaning_in_any_zone(tables, make_batch, noon):
    tables.append(make_batch(), imported_at=noon.astimezone(timezone(timedelta(hours=9))))
    with tables.views("demo", as_of=noon) as views:
        assert views.rows("select imported_at from imports") == [(noon,)]


def test_a_moment_without_a_zone_is_refused(tables, make_batch, noon):
    with pytest.raises(LabelError, match="needs a time zone"):
        tables.append(make_batch(), imported_at=noon.replace(tzinfo=None))


def test_concurrent_imports_lose_nothing_and_repeat_nothing(tmp_path):
    root = tmp_path / "tables"
    mine = [[0, 1, 2, 9], [3, 4, 9, 2], [5, 6, 9], [7, 8, 9]]  # batch 9 comes from all four, 2 from two
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        list(pool.map(append_many, [root] * 4, mine))
    assert LabelTables(root).rating_count("demo") == 10 * 5
    assert DeltaTable(str(root / "ratings")).to_pyarrow_table().num_rows == 10 * 5
    assert len(LabelTables(root).items("demo")) == 10 * 5


def test_a_writer_on_another_machine_cannot_repeat_an_import(tables, make_batch, noon, monkeypatch):
    # another machine does not see this one's lock: its commit lands between our reading of the log and our own commit
    batch, existing, raced = make_batch(), LabelTables._existing, []

    def racing(self, name):
        table = existing(self, name)
        if name == "ratings" and table is not None and table.transaction_version(batch.import_id) is None and len(raced) == 1:
            raced.append(name)
            other = LabelTables(self.root)
            other._write("ratings", batch.tables["ratings"], batch.import_id, noon)
        elif name == "items" and not raced:
            raced.append(name)
        return table

    monkeypatch.setattr(LabelTables, "_existing", racing)
    tables.append(batch, imported_at=noon)
    assert len(raced) == 2
    assert DeltaTable(str(tables.root / "ratings")).to_pyarrow_table().num_rows == 14


KILLED = """
    import os, signal, sys
    from datetime import UTC, datetime
    sys.path.insert(0, sys.argv[2])
    from test_tables import small_batch
    from smo_pipelines.labels.tables import LabelTables
    write = LabelTables._write
    def dying(self, name, *rest):
        if name == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, name, *rest)
    LabelTables._write = dying
    LabelTables(sys.argv[1]).append(small_batch(1), imported_at=datetime(2026, 3, 1, tzinfo=UTC))
"""


@pytest.mark.parametrize("table", ["items", "ratings"])
def test_a_killed_import_shows_nothing_and_is_finished_by_running_it_again(tmp_path, noon, table):
    tables = LabelTables(tmp_path / "tables")
    tables.append(small_batch(0), imported_at=noon)
    here = os.path.dirname(__file__)  # noqa: PTH120
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tables.root), here, table]
    died = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)  # noqa: PTH109
    assert died.returncode == -signal.SIGKILL
    assert (tables.rating_count("demo"), len(tables.items("demo"))) == (5, 5)
    receipt = tables.append(small_batch(1), imported_at=noon + timedelta(hours=1))
    assert (receipt.ratings, receipt.items) == (5, 5)
    assert (tables.rating_count("demo"), len(tables.items("demo"))) == (10, 10)
    assert DeltaTable(str(tables.root / "items")).to_pyarrow_table().num_rows == 10


def test_an_import_that_comes_late_does_not_change_the_past(tables, make_batch, noon):
    tables.append(make_batch({"a": [1, 1, 0]}), imported_at=noon)
    tables.append(make_batch({"b": [1, 0, 0]}), imported_at=noon + timedelta(hours=2))
    with tables.views("demo", as_of=noon + timedelta(hours=1)) as views:
        before = views.rows("select rating_id, label from ratings order by all")
    tables.append(make_batch({"c": [1, 1, 1]}), imported_at=noon + timedelta(minutes=30))
    with tables.views("demo", as_of=noon + timedelta(hours=1)) as views:
        assert views.rows("select rating_id, label from ratings order by all") == before
    assert tables.rating_count("demo") == 9
    assert tables.imports("demo")[-1].imported_at > noon + timedelta(hours=2)
