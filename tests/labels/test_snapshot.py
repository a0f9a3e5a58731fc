import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import TIE, Aggregation, RaterPool, SnapshotRecipe, TieRule
from smo_pipelines.errors import LabelError, NoRatings, UnknownName
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.pseudonyms import pseudonym
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables


@pytest.fixture(scope="session")
def build(guideline, everybody):
    def one(tables, *, pool=everybody, version=guideline, **parts):
        recipe = SnapshotRecipe(**{"project": "demo", "question": "hate", "pool": pool.id, **parts})
        return build_snapshot(tables, recipe, guideline=version, pool=pool)

    return one


def test_one_label_an_item(filled, build):
    snapshot = build(filled)
    assert snapshot.item_ids.tolist() == ["a", "b", "c", "d", "e"]
    assert snapshot.labels.tolist() == [1, 0, TIE, 1, 0]
    assert snapshot.share.tolist() == [2 / 3, 1 / 3, 0.5, 1, 0]
    assert snapshot.n_ratings.tolist() == [3, 3, 2, 3, 2]  # the skipped rating of e does not count
    assert snapshot.texts[0] == "text of a"
    assert snapshot.attributes["locale"].tolist() == ["ja", "ja", "id", "id", "id"]
    assert snapshot.attributes["split"].tolist() == ["train"] * 5


def test_votes_are_the_ratings_behind_it(filled, build):
    snapshot = build(filled)
    votes = snapshot.votes
    assert votes.rater_ids.tolist() == ["r0", "r1", "r2"]
    found = list(zip(snapshot.item_ids[votes.item], votes.rater_ids[votes.rater], votes.value.tolist(), strict=True))
    assert found[:5] == [("a", "r0", 1), ("a", "r1", 1), ("a", "r2", 0), ("b", "r0", 0), ("b", "r1", 0)]
    assert len(found) == 13


@pytest.mark.parametrize(("ties", "label"), [(TieRule.apart, TIE), (TieRule.positive, 1), (TieRule.negative, 0)])
@pytest.mark.parametrize("aggregation", [Aggregation.majority, Aggregation.median, Aggregation.soft_shares])
def test_ties_become_what_the_recipe_says(filled, build, ties, label, aggregation):
    assert build(filled, ties=ties, aggregation=aggregation).labels.tolist() == [1, 0, label, 1, 0]


def test_gold_ratings_do_not_count(filled, make_batch, noon, build):
    filled.append(make_batch({"b": [1, 1, 1, 1]}, rater="tester-{}".format, is_gold=True), imported_at=noon)
    assert build(filled).n_ratings.tolist() == [3, 3, 2, 3, 2]


def test_the_latest_rating_of_a_rater_counts(tables, make_batch, noon, build):
    tables.append(make_batch({"a": [0]}, created_at="2026-02-02T00:00:00Z"), imported_at=noon)
    tables.append(make_batch({"a": [1]}, created_at="2026-02-01T00:00:00Z"), imported_at=noon + timedelta(days=1))
    snapshot = build(tables)
    assert (snapshot.labels.tolist(), snapshot.n_ratings.tolist()) == ([0], [1])


def test_as_of_leaves_later_imports_out(filled, make_batch, noon, build):
    before = build(filled).digest
    filled.append(make_batch({"b": [1] * 9}, rater="late-{}".format), imported_at=noon + timedelta(hours=1))
    assert build(filled, as_of="2026-03-01T12:59:59+00:00").digest == before
    assert build(filled, as_of="2026-03-01T13:00:00").labels[1] == 1
    with pytest.raises(LabelError, match="not a moment"):
        build(filled, as_of="yesterday")


def test_items_guidelines_and_instruments_are_selected(filled, make_batch, noon, build):
    filled.append(make_batch({"a": [0, 0, 0]}, guideline="hate@2", instrument="two-pass"), imported_at=noon)
    assert build(filled, items=(("locale", ("ja",)),)).item_ids.tolist() == ["a", "b"]
    assert build(filled, items=(("locale", ("ja", "id")), ("split", ("test", "train")))).item_ids.tolist() == list("abcde")
    assert build(filled, guideline="hate@1").labels[0] == 1
    assert build(filled, guideline="hate@2").labels.tolist() == [0]
    assert build(filled, instrument="two-pass").item_ids.tolist() == ["a"]


def test_quality_filters(tables, make_batch, noon, build):
    tables.append(make_batch({"a": [1, 1]}, review="rejected"), imported_at=noon)
    tables.append(make_batch({"a": [0, 0, 0]}, rater="x{}".format, prelabelled=True), imported_at=noon)
    tables.append(make_batch({"a": [0]}, rater="y{}".format), imported_at=noon)
    assert build(tables, qa="not_rejected").share.tolist() == [0]
    assert build(tables, qa="not_prelabelled").share.tolist() == [2 / 3]
    with pytest.raises(UnknownName, match="did you mean 'not_rejected'"):
        build(tables, qa="not_reject")


def test_a_review_that_comes_later_takes_its_rating_away(tables, make_batch, noon, build):
    tables.append(make_batch({"a": [1, 0, 0]}), imported_at=noon)
    tables.append(make_batch({"a": [1, 0, 0]}, review="rejected"), imported_at=noon + timedelta(days=1))
    with pytest.raises(NoRatings, match="not_rejected"):
        build(tables, qa="not_rejected")


def test_pools_select_raters(tables, noon, build):
    raters = pd.DataFrame(
        {"rater_id": ["h", "m"], "kind": ["human", "model"], "locale": ["ja", None], "attributes": [{"tenure": "long"}, {}]}
    )
    ratings = pd.DataFrame({"item_id": "a", "rater_id": ["h", "m"], "question": "hate", "label": ["1", "0"]})
    items = pd.DataFrame({"item_id": ["a"], "text": ["one"]})
    tables.append(LabelBatch(project="demo", source="t", items=items, raters=raters, ratings=ratings), imported_at=noon)
    assert build(tables, pool=RaterPool(id="people", where=(("kind", ("human",)),))).share.tolist() == [1]
    assert build(tables, pool=RaterPool(id="old", where=(("tenure", ("long",)),))).share.tolist() == [1]
    assert build(tables, pool=RaterPool(id="list", raters=("m",))).share.tolist() == [0]
    with pytest.raises(NoRatings, match=r"raters of pool 'ai'.*kind=human pool= locale=ja"):
        build(tables, pool=RaterPool(id="ai", where=(("kind", ("llm",)),)))


def test_a_median_on_a_longer_scale_counts_what_lies_at_or_above_positive(tables, make_batch, noon, build):
    scale = {"id": "hate@1", "question": "hate", "labels": ("0", "1", "2"), "clauses": ()}
    tables.append(make_batch({"a": [0, 1, 2], "b": [0, 2], "c": [0, 0, 2]}), imported_at=noon)
    # medians by hand: 1, the middle of 0 and 2, 0
    middle = GuidelineVersion(**scale, positive="1")
    assert build(tables, aggregation=Aggregation.median, version=middle).labels.tolist() == [1, TIE, 0]
    assert build(tables, version=middle).labels.tolist() == [0, 0, 0]  # the share of the label "1" itself
    with pytest.raises(LabelError, match="rising order"):
        build(tables, aggregation=Aggregation.median, version=GuidelineVersion(**scale, positive="0"))


def test_labels_outside_the_guideline_are_an_error(tables, make_batch, noon, build):
    tables.append(make_batch({"a": [0, 7]}), imported_at=noon)
    with pytest.raises(LabelError, match=r"also hold '7' \(1 ratings\)"):
        build(tables)


def test_the_clause_most_ratings_cite(tables, make_batch, noon, build):
    for number, clause in enumerate(("3.2", "3.2", "1.1")):
        tables.append(make_batch({"a": [1]}, rater=f"{number}-{{}}".format, clause=clause), imported_at=noon)
    tables.append(make_batch({"b": [1]}), imported_at=noon)
    assert build(tables).attributes["clause"].tolist() == ["3.2", ""]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"question": "spam"}, r"question 'spam'; .* have 'hate' \(13\)"),
        ({"guideline": "hate@9"}, r"guideline 'hate@9'; .* have 'hate@1' \(13\)"),
        ({"instrument": "x"}, "instrument 'x'"),
        ({"items": (("split", ("dev",)),)}, r"split in \['dev'\]; .* 'train' \(13\)"),
        ({"items": (("locale", ("en",)),)}, r"locale in \['en'\]; .* 'id' \(7\), 'ja' \(6\)"),
        ({"window_days": 3}, "3 days before 2026-03-01T12:00:00"),
        ({"project": "nothing"}, "project 'nothing' has no ratings"),
    ],
)
def test_nothing_selected_says_which_part_and_what_there_is(filled, build, parts, sentence):
    with pytest.raises(NoRatings, match=sentence):
        build(filled, **parts)


def test_a_window_is_event_time(tables, make_batch, noon, build):
    tables.append(make_batch({"a": [1]}, created_at="2026-02-27T00:00:00Z"), imported_at=noon)
    tables.append(make_batch({"b": [1]}, created_at="2026-02-01T00:00:00Z"), imported_at=noon)
    assert build(tables, window_days=3).item_ids.tolist() == ["a"]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory, make_batch, noon):
    """400 items with 5 ratings each, two of three positive on average."""
    votes = {f"i{n:03}": (hash_to_unit(f"v{n}", map(str, range(5))) < 2 / 3).astype(int).tolist() for n in range(400)}
    tables = LabelTables(tmp_path_factory.mktemp("noisy"))
    tables.append(make_batch(votes), imported_at=noon)
    return tables


def test_overlap_keeps_so_many_ratings_blind_to_their_label(noisy, build):
    whole, two, one = build(noisy), build(noisy, overlap=2), build(noisy, overlap=1)
    assert (set(two.n_ratings.tolist()), set(one.n_ratings.tolist())) == ({2}, {1})
    # 400 draws of one rating: the share of positives keeps the whole's within three standard errors of a proportion
    share = float(whole.share.mean())
    assert abs(float(one.share.mean()) - share) < 3 * (share * (1 - share) / 400) ** 0.5
    pairs = set(zip(two.votes.item.tolist(), two.votes.rater.tolist(), strict=True))
    assert set(zip(one.votes.item.tolist(), one.votes.rater.tolist(), strict=True)) <= pairs


def test_rater_halves_are_disjoint_and_whole(noisy, build):
    halves = [build(noisy, rater_half=half).votes for half in (0, 1)]
    assert sorted(np.concatenate([half.rater_ids for half in halves]).tolist()) == ["r0", "r1", "r2", "r3", "r4"]
    assert len(halves[0].item) + len(halves[1].item) == 400 * 5


VOTES = st.dictionaries(
    st.text("abcé漢", min_size=1, max_size=3),
    st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=5),
    min_size=1,
    max_size=6,
).filter(lambda votes: any(vote is not None for given in votes.values() for vote in given))


@settings(max_examples=12, deadline=None)
@given(votes=VOTES, seed=st.integers(0, 99), overlap=st.sampled_from([None, 1, 2]))
def test_a_digest_knows_no_row_order_store_or_pseudonym_key(make_batch, noon, build, votes, seed, overlap):
    def batch(key, shuffle):
        made = make_batch(votes, rater=lambda raw: pseudonym(key, "demo", raw))
        frames = [frame.sample(frac=1, random_state=seed) if shuffle else frame for frame in (made.items, made.ratings)]
        return LabelBatch(project="demo", source="test", items=frames[0], raters=made.raters, ratings=frames[1])

    with tempfile.TemporaryDirectory() as folder:
        first, shuffled, renamed, copy = (Path(folder) / name for name in ("first", "shuffled", "renamed", "copy"))
        LabelTables(first).append(batch(b"one" * 8, False), imported_at=noon)
        LabelTables(shuffled).append(batch(b"one" * 8, True), imported_at=noon)
        LabelTables(renamed).append(batch(b"two" * 8, False), imported_at=noon + timedelta(days=1))
        shutil.copytree(first, copy)
        snapshots = [build(LabelTables(root), overlap=overlap) for root in (first, shuffled, renamed, copy)]
    assert len({snapshot.digest for snapshot in snapshots}) == 1
    assert snapshots[0].votes.digest == snapshots[1].votes.digest == snapshots[3].votes.digest
