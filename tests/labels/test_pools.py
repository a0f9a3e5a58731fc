"""Who is in a pool at a moment, without a look into the future, and how two sets of raters compare."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.labels import RaterPool
from smo_pipelines.domain.pools import GoldAccuracy, Period, PoolRule, Volume
from smo_pipelines.errors import LabelError, NoRatings
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.pools import (
    PoolWork,
    compare_work,
    pool_work,
    rater_attributes,
    raters_of,
    resolve_pool,
    snapshot_work,
)
from tests.examples.snapshots import snapshot_of

FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def gold_rating(rater, number, *, right=True, at=FEBRUARY - 100 * DAY, **columns):
    return {
        "rating_id": f"{rater}/{number}",
        "item_id": f"g{number}",
        "rater_id": rater,
        "question": "hate",
        "guideline": "hate@1",
        "label": "1" if right else "0",
        "created_at": at,
        **columns,
    }


def rating(rater, item, *, at=FEBRUARY):
    base = {"rating_id": f"{rater}/{item}", "item_id": item, "rater_id": rater, "question": "hate", "guideline": "hate@1"}
    return {**base, "label": "0", "created_at": at}


def batch(ratings, raters=(), items=(), *, gold="1", source="test"):
    ids = dict.fromkeys([row["item_id"] for row in ratings] + list(items))
    rows = [{"item_id": name, "text": f"text {name}", "gold": {"hate@1": gold} if name[0] == "g" else {}} for name in ids]
    return LabelBatch(
        project="demo",
        source=source,
        items=pd.DataFrame(rows),
        raters=pd.DataFrame(list(raters)),
        ratings=pd.DataFrame(list(ratings)),
        quarantine=(),
    )


def who(tables, pool):
    with tables.views("demo") as views:
        return set(raters_of(pool, views))


def proven(at_least=0.6, on=5, before="2026-02-01"):
    return PoolRule(id="proven@1", gold_accuracy=GoldAccuracy(at_least=at_least, on=on, before=before))


DAILY = (("sure", "i1", FEBRUARY), ("sure", "i2", FEBRUARY), ("wrong", "i1", FEBRUARY - 9 * DAY), ("bot", "i1", FEBRUARY))
RATERS = (
    {"rater_id": "sure", "pool": "core", "since": FEBRUARY - 400 * DAY, "attributes": {"team": "one"}},
    {"rater_id": "wrong", "pool": "core", "since": FEBRUARY},
    {"rater_id": "new", "pool": "vendor"},
    {"rater_id": "bot", "pool": "models", "kind": "model", "since": FEBRUARY},
)


@pytest.fixture
def staff(tables, noon):
    """Raters and their work on items without gold."""
    tables.append(
        batch([rating(rater, item, at=at) for rater, item, at in DAILY], [*RATERS, {"rater_id": "late"}]), imported_at=noon
    )
    return tables


@pytest.fixture
def crowd(tables, noon):
    """The same raters, and their answers on items with gold."""
    ratings = [gold_rating("sure", k) for k in range(20)]
    ratings += [gold_rating("wrong", k, right=k < 10) for k in range(20)]
    ratings += [gold_rating("new", k) for k in range(4)]
    ratings += [gold_rating("late", k, at=FEBRUARY + DAY) for k in range(20)]
    ratings += [rating(rater, item, at=at) for rater, item, at in DAILY]
    tables.append(batch(ratings, RATERS), imported_at=noon)
    return tables


def test_only_raters_shown_to_be_accurate_enough_on_enough_gold(crowd):
    # Wilson's lower end of 20 of 20 is .839, of 10 of 20 .299; 4 gold ratings are too few, and 4 of 4 would give .510
    assert who(crowd, proven()) == {"sure"}
    assert who(crowd, proven(at_least=0.29)) == {"sure", "wrong"}
    assert who(crowd, proven(at_least=0.5, on=4)) == {"sure", "new"}
    with pytest.raises(NoRatings, match=r"of the 5 raters there are, accurate on gold \(84% at least, .*\): 0"):
        who(crowd, proven(at_least=0.84))


def test_gold_ratings_given_after_the_pools_moment_do_not_count(crowd):
    assert "late" not in who(crowd, proven(at_least=0.01, on=1))
    assert "late" in who(crowd, proven(at_least=0.01, on=1, before="2026-02-03"))
    before = who(crowd, proven())
    crowd.append(batch([gold_rating("wrong", k, at=FEBRUARY + DAY) for k in range(20, 400)]), imported_at=FEBRUARY + 90 * DAY)
    assert who(crowd, proven()) == before


def test_raters_by_how_much_they_had_done_before_a_moment(staff):
    def gave(**bounds):
        return who(staff, PoolRule(id="busy@1", volume=Volume(**{"before": "2026-03-01"} | bounds)))

    assert gave(at_least=2) == {"sure"}
    assert gave(at_least=1) == {"sure", "wrong", "bot"}
    assert gave(fewer_than=2) == {"wrong", "bot", "new", "late"}
    assert gave(at_least=1, fewer_than=2) == {"wrong", "bot"}
    assert gave(at_least=1, before="2026-01-31") == {"wrong"}  # the others' ratings came later
    with pytest.raises(NoRatings, match="at least 3 ratings before 2026-03-01: 0"):
        gave(at_least=3)


def test_a_rule_without_a_volume_keeps_the_name_it_had():
    # the digest of this rule before there were volumes; experiments are pinned to it
    rule = PoolRule(id="a@1", where=(("pool", ("core",)),), gold_accuracy=GoldAccuracy(at_least=0.8, on=3, before="2026-01-01"))
    assert rule.digest == "38eb31c56e9bd81e7f3f94a2680bd5ec1791c057caeac52c15a04ae9f0407d23"
    assert PoolRule(id="a@1", volume=Volume(at_least=3, before="2026-01-01")).digest != PoolRule(id="a@1").digest


def test_what_was_corrected_later_counts_as_it_was(tables):
    january = FEBRUARY - 3 * DAY
    tables.append(batch([gold_rating("a", k, at=january) for k in range(10)]), imported_at=FEBRUARY - DAY)
    assert who(tables, proven()) == {"a"}
    # after the pool's moment the answers are changed to wrong ones
    changed = [gold_rating("a", k, at=january, right=False) for k in range(10)]
    tables.append(batch(changed, source="later"), imported_at=FEBRUARY + DAY)
    with tables.views("demo") as views:
        assert views.rows("select distinct label from ratings") == [("0",)]
    assert who(tables, proven()) == {"a"}
    with pytest.raises(NoRatings):
        who(tables, proven(before="2026-03-01"))


def test_old_work_that_is_imported_in_bulk_later_still_counts(tables):
    tables.append(batch([gold_rating("a", k) for k in range(10)]), imported_at=FEBRUARY + 300 * DAY)
    assert who(tables, proven()) == {"a"}


def test_pools_by_attribute_list_date_and_kind(staff):
    assert who(staff, RaterPool(id="all")) == {"sure", "wrong", "new", "late", "bot"}
    assert who(staff, RaterPool(id="core@1", where=(("pool", ("core",)),))) == {"sure", "wrong"}
    assert who(staff, RaterPool(id="people@1", where=(("kind", ("human",)),))) == {"sure", "wrong", "new", "late"}
    assert who(staff, RaterPool(id="list@1", raters=("new", "bot", "nobody"))) == {"new", "bot"}
    assert who(staff, PoolRule(id="joined@1", joined=Period(start="2026-02-01"))) == {"wrong", "bot"}
    assert who(staff, PoolRule(id="joined@2", joined=Period(before="2026-02-01"))) == {"sure"}
    assert who(staff, PoolRule(id="active@1", active=Period(before="2026-02-01"))) == {"wrong"}
    assert who(staff, PoolRule(id="active@2", active=Period(start="2026-02-01", before="2026-02-02"))) == {"sure", "bot"}
    both = PoolRule(id="both@1", where=(("pool", ("core",)),), active=Period(start="2026-02-01"))
    assert who(staff, both) == {"sure"}


def test_a_rule_becomes_a_list_and_a_plain_pool_stays_itself(staff):
    plain = RaterPool(id="core@1", where=(("pool", ("core",)),))
    rule = PoolRule(id="active@1", active=Period(before="2026-02-01"))
    with staff.views("demo") as views:
        assert resolve_pool(plain, views) is plain
        assert resolve_pool(rule, views) == RaterPool(id="active@1", raters=("wrong",))
        nobody = PoolRule(id="nobody@1", where=(("pool", ("vendor",)),), active=Period(start="2026-02-01"))
        with pytest.raises(NoRatings, match=r"pool 'nobody@1' has no rater.*pool in \['vendor'\]: 1; active from 2026-02-01: 2"):
            resolve_pool(nobody, views)
        with pytest.raises(LabelError, match="'soon' is not a moment"):
            resolve_pool(PoolRule(id="x@1", joined=Period(start="soon")), views)


def test_what_is_known_of_the_raters(crowd):
    with crowd.views("demo") as views:
        found = rater_attributes(views)
    assert found["pool"] == {"sure": "core", "wrong": "core", "new": "vendor", "bot": "models"}
    assert found["kind"]["bot"] == "model"
    assert found["team"] == {"sure": "one"}


def test_the_drift_of_a_pool_between_two_periods(staff):
    everybody = RaterPool(id="all")
    with staff.views("demo") as views:
        early = pool_work(everybody, views, period=Period(before="2026-02-01"))
        late = pool_work(everybody, views, period=Period(start="2026-02-01"))
    assert early.ratings["wrong"] == 1
    assert sum(late.ratings.values()) == 3
    drift = compare_work(early, late)
    assert (drift.raters_before, drift.raters_after, drift.shared, drift.moved_ratings) == (5, 5, 5, 1.0)
    assert (drift.before, drift.after) == ("all before 2026-02-01", "all from 2026-02-01")


def test_a_comparison_by_hand():
    found = compare_work(PoolWork(name="a@1", ratings={"x": 6, "y": 2, "z": 0}), PoolWork(name="a@2", ratings={"y": 5, "w": 5}))
    assert (found.shared, found.left, found.joined, found.jaccard) == (1, 2, 1, 0.25)
    assert (found.shared_ratings_before, found.shared_ratings_after) == (0.25, 0.5)
    assert found.moved_ratings == pytest.approx((0.75 + 0.25 + 0.5) / 2)


def test_without_work_there_is_nothing_to_compare():
    found = compare_work(PoolWork(name="a@1", ratings={"x": 6}), PoolWork(name="a@2", ratings={"x": 0}))
    assert isinstance(found, NotEstimable)
    assert (found.code, found.counts["raters"]) == (WhyNot.no_raters, 1)


WORK = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=1)


@given(WORK, WORK)
def test_a_comparison_reads_the_same_from_both_sides(one, two):
    there, back = (compare_work(PoolWork(name="a", ratings=x), PoolWork(name="b", ratings=y)) for x, y in ((one, two), (two, one)))
    assert there.jaccard == back.jaccard
    assert there.moved_ratings == pytest.approx(back.moved_ratings)
    assert (there.left, there.joined) == (back.joined, back.left)
    assert (there.moved_ratings == pytest.approx(1)) == (there.shared == 0)
    # raters of one side alone did at least as much of the work as was moved away from the others
    assert there.moved_ratings >= max(1 - there.shared_ratings_before, 1 - there.shared_ratings_after) - 1e-12
    same = compare_work(PoolWork(name="a", ratings=one), PoolWork(name="b", ratings=one))
    assert (same.jaccard, same.moved_ratings) == (1, 0)


def test_the_work_behind_a_snapshot():
    snapshot = snapshot_of({"a": [1, 0], "b": [1]})
    assert snapshot_work(snapshot, name="control") == PoolWork(name="control", ratings={"r0": 2, "r1": 1})
    assert np.array_equal(snapshot.votes.rater_ids, ["r0", "r1"])
