"""Many processes at once on one set of tables: nothing is lost, nothing is there twice, and what is read was there."""

import multiprocessing
from datetime import UTC, datetime, timedelta

import pytest

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables
from tests.examples.label_batches import numbered_batch

ROUNDS, WRITERS, READERS = 10, 8, 2
SHARED = 99
"""The import that every writer makes."""
LAST = 98
"""The import that one writer makes when a reader has had a snapshot: so in each round one is taken while writers are at work."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUIDELINE = GuidelineVersion(id="hate@1", question="hate", labels=("0", "1"), positive="1", clauses=())
RECIPE = SnapshotRecipe(project="demo", question="hate")


def snapshot(tables):
    return build_snapshot(tables, RECIPE, guideline=GUIDELINE, pool=RaterPool(id="all"))


def write(number, folders, barrier, was_read):
    for place, folder in enumerate(folders):
        barrier.wait()
        for batch in (number, SHARED, *([LAST] if number == 0 else [])):
            if batch == LAST:
                assert was_read[place].wait(300)
            LabelTables(folder).append(numbered_batch(batch), imported_at=NOON + timedelta(seconds=batch))


def read(folders, barrier, was_read, seen):
    for place, folder in enumerate(folders):
        barrier.wait()
        tables = LabelTables(folder)
        found = 0
        while found < 3:  # the writers are sure to bring ratings; a slow one only makes a reader ask more often
            try:
                taken = snapshot(tables)
            except NoRatings:
                continue
            found += 1
            seen.put((place, taken.imports, taken.digest))
            was_read[place].set()
    seen.put(None)


@pytest.mark.timeout(900)
def test_eight_writers_and_two_readers_ten_times_over_from_nothing(tmp_path):
    folders = [tmp_path / f"round{number}" for number in range(ROUNDS)]
    context = multiprocessing.get_context("spawn")
    barrier, seen, was_read = context.Barrier(WRITERS + READERS), context.Queue(), [context.Event() for _ in folders]
    processes = [context.Process(target=write, args=(number, folders, barrier, was_read)) for number in range(WRITERS)]
    processes += [context.Process(target=read, args=(folders, barrier, was_read, seen)) for _ in range(READERS)]
    for process in processes:
        process.start()
    ended = 0
    taken = set()
    while ended < READERS:
        found = seen.get(timeout=600)
        ended += found is None
        taken |= set() if found is None else {found}
    for process in processes:
        process.join(300)
        assert process.exitcode == 0

    numbers = [*range(WRITERS), SHARED, LAST]
    batches = {numbered_batch(number).import_id: number for number in numbers}
    twin = LabelTables(tmp_path / "twin")
    for number in numbers:
        twin.append(numbered_batch(number), imported_at=NOON + timedelta(seconds=number))
    for folder in folders:
        tables = LabelTables(folder)
        assert {facts.import_id for facts in tables.imports("demo")} == set(batches)
        with tables.views("demo") as views, twin.views("demo") as of_twin:
            for table, key in (("ratings", "rating_id"), ("items", "item_id"), ("raters", "rater_id")):
                sql = f"select count(*), count(distinct {key}) from {table}"  # noqa: S608
                assert views.rows(sql) == of_twin.rows(sql)
                assert len(set(views.rows(sql)[0])) == 1
        assert snapshot(tables).digest == snapshot(twin).digest
    early = {place for place, imports, _ in taken if len(imports) < len(numbers)}
    assert early == set(range(ROUNDS)), "in each round the first snapshot is of some imports and not of all"
    twins = {}
    for _, imports, digest in taken:
        if frozenset(imports) not in twins:
            alone = LabelTables(tmp_path / f"twin{len(twins)}")
            for name in imports:
                alone.append(numbered_batch(batches[name]), imported_at=NOON + timedelta(seconds=batches[name]))
            twins[frozenset(imports)] = snapshot(alone).digest
        assert digest == twins[frozenset(imports)]
