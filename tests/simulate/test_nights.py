import datetime as dt

import pyarrow.compute as pc
import pytest

from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.simulate.nights import FIRST_DAY, label_days
from smo_pipelines.simulate.operation import PROJECT


def days(**changes):
    return list(label_days(3, **{"days": 4, "items_a_day": 30, "benchmark_items": 20, "swap_on": 2, **changes}))


@pytest.fixture(scope="module")
def four_days():
    return days()


def test_every_rating_is_made_on_its_day_and_imported_after_it(four_days):
    for day in four_days:
        made = day.batch.tables["ratings"]["created_at"].to_pylist()
        assert day.date == FIRST_DAY + dt.timedelta(days=day.number)
        assert {moment.date() for moment in made} == {day.date}
        assert max(made) < day.imported_at
        written = day.batch.tables["items"]["created_at"].to_pylist()
        assert max(written) < min(made)


def test_the_other_pool_rates_from_its_day_on(four_days):
    for day in four_days:
        raters = day.batch.tables["raters"]
        pool_of = dict(zip(raters["rater_id"].to_pylist(), raters["pool"].to_pylist(), strict=True))
        assert {pool_of[rater] for rater in day.batch.tables["ratings"]["rater_id"].to_pylist()} == {
            "core" if day.number < 2 else "vendor-lenient"
        }


def test_the_lenient_pool_flags_less():
    def flagged(swap_on):
        days = label_days(0, days=8, items_a_day=60, benchmark_items=1, swap_on=swap_on)
        labels = [day.batch.tables["ratings"]["label"] for day in days]
        return sum(pc.sum(pc.equal(label, "violating")).as_py() for label in labels) / sum(map(len, labels))

    assert flagged(0) < flagged(None) - 0.02


def test_more_days_begin_with_the_same_ones(four_days):
    names = [day.batch.import_id for day in four_days]
    assert [day.batch.import_id for day in days(days=6)][:4] == names
    assert [day.batch.import_id for day in days(swap_on=None)][:2] == names[:2]
    assert len(set(names)) == 4


def test_days_are_appended_one_by_one_and_a_day_twice_is_one_day(tmp_path, four_days):
    tables = LabelTables(tmp_path)
    for day in [*four_days, four_days[-1]]:
        tables.append(day.batch, imported_at=day.imported_at)
    assert tables.rating_count(PROJECT) == 4 * 30 * 6
