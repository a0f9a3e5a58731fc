from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.domain.price import Money
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.gold_sources import models_behind_gold, models_behind_labels
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.spending import label_spending

PAID = {"cost": 0.5, "currency": "EUR"}


@pytest.fixture(scope="session")
def spend(guideline, everybody):
    def one(tables, *, items=None, pool=everybody, **parts):
        recipe = SnapshotRecipe(**{"project": "demo", "question": "hate", "pool": pool.id, **parts})
        snapshot = build_snapshot(tables, recipe, guideline=guideline, pool=pool)
        return label_spending(tables, snapshot, pool, snapshot.item_ids if items is None else np.array(items))

    return one


def euros(amount):
    return pytest.approx(amount)


def test_skipped_ratings_were_paid_and_gold_was_not_bought(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1, 1, 0], "e": [0, None, 0]}, **PAID), imported_at=noon)
    tables.append(make_batch({"a": [1]}, rater="gold-{}".format, is_gold=True, cost=100.0, currency="EUR"), imported_at=noon)
    told = spend(tables)
    assert told.ratings == 6
    assert told.total == Money(amount=3.0, currency="EUR")


def test_only_the_items_that_are_asked_for_are_paid(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1, 1, 0], "b": [0, 0]}, **PAID), imported_at=noon)
    assert spend(tables, items=["b"]).total == Money(amount=1.0, currency="EUR")


def test_a_rating_that_was_given_again_or_rejected_was_paid_too(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1, 0]}, created_at="2026-02-01T00:00:00Z", **PAID), imported_at=noon)
    tables.append(make_batch({"a": [0]}, created_at="2026-02-02T00:00:00Z", **PAID), imported_at=noon + timedelta(days=1))
    tables.append(make_batch({"a": [1]}, rater="x{}".format, review="rejected", **PAID), imported_at=noon + timedelta(days=1))
    assert spend(tables).total == Money(amount=2.0, currency="EUR")
    assert spend(tables, qa="not_rejected").total == Money(amount=2.0, currency="EUR")


def test_an_overlap_costs_its_share_of_each_item(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1, 1, 0, 0], "b": [1]}, **PAID), imported_at=noon)
    assert spend(tables, overlap=2).total.amount == euros(1.5)  # 2 of 4 of a, and all of b
    assert spend(tables, overlap=9).total.amount == euros(2.5)
    tables.append(make_batch({"b": [1]}, rater="bad-{}".format, review="rejected", **PAID), imported_at=noon + timedelta(days=1))
    # what the quality filter drops was bought whatever the overlap
    assert spend(tables, overlap=9, qa="not_rejected").total.amount == euros(3.0)


def test_another_guideline_or_pool_is_another_purchase(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1, 1]}, **PAID), imported_at=noon)
    tables.append(make_batch({"a": [1, 1]}, guideline="hate@2", rater="n{}".format, cost=9.0, currency="EUR"), imported_at=noon)
    assert spend(tables, guideline="hate@1").total == Money(amount=1.0, currency="EUR")
    few = RaterPool(id="few@1", raters=("r0",))
    assert spend(tables, pool=few).total == Money(amount=0.5, currency="EUR")


def test_what_came_later_does_not_change_what_was_paid(tables, make_batch, noon, spend, guideline, everybody):
    tables.append(make_batch({"a": [1, 1]}, **PAID), imported_at=noon)
    recipe = SnapshotRecipe(project="demo", question="hate", pool="all")
    snapshot = build_snapshot(tables, recipe, guideline=guideline, pool=everybody)
    tables.append(make_batch({"a": [1, 1]}, rater="late-{}".format, **PAID), imported_at=noon + timedelta(days=1))
    assert label_spending(tables, snapshot, everybody, snapshot.item_ids).total == Money(amount=1.0, currency="EUR")


def test_a_rating_without_a_cost_leaves_the_sum_unknown(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1, 1]}, **PAID), imported_at=noon)
    tables.append(make_batch({"b": [1, 1, 1]}), imported_at=noon)
    told = spend(tables).total
    assert isinstance(told, NotMeasured)
    assert (told.code, told.sentence) == (WhyNot.not_recorded, "3 of 5 ratings have no cost")


def test_two_currencies_or_none_are_refused(tables, make_batch, noon, spend):
    tables.append(make_batch({"a": [1]}, **PAID), imported_at=noon)
    tables.append(make_batch({"b": [1]}, cost=1.0, currency="USD"), imported_at=noon)
    mixed = spend(tables).total
    assert isinstance(mixed, NotMeasured)
    assert mixed.code is WhyNot.mixed_currencies
    assert "EUR, USD" in mixed.sentence
    tables.append(make_batch({"b": [1]}, project="other", cost=1.0), imported_at=noon)
    nameless = spend(tables, project="other").total
    assert isinstance(nameless, NotMeasured)
    assert nameless.code is WhyNot.not_recorded


def test_models_behind_gold_and_behind_labels(tables, make_batch, noon, everybody):
    raters = LabelBatch(
        project="demo",
        source="test",
        items=pd.DataFrame({"item_id": ["a", "b"], "text": ["text of a", "text of b"]}),
        raters=pd.DataFrame({"rater_id": ["r0", "r1"], "kind": ["human", "model"]}),
        ratings=make_batch({"a": [1, 1], "b": [0, 0]}).ratings,
    )
    tables.append(raters, imported_at=noon)
    gold = make_batch({"a": [1, 1]}, is_gold=True, round=2)
    tables.append(gold, imported_at=noon + timedelta(hours=1))
    recipe = SnapshotRecipe(project="demo", question="hate", pool="all")
    assert models_behind_gold(tables, "demo", np.array(["a"])) == ("r1",)
    assert models_behind_gold(tables, "demo", np.array(["b"])) == ()
    assert models_behind_labels(tables, recipe, everybody, np.array(["b"])) == ("r1",)
    assert models_behind_labels(tables, recipe, everybody, np.array(["z"])) == ()
