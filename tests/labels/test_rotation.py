import base64
import json
from collections import Counter
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.errors import LabelError, UnknownName
from smo_pipelines.labels.export import export_ratings
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.formats.listener import Listener
from smo_pipelines.labels.pools import raters_of, resolve_pool
from smo_pipelines.labels.preview import preview
from smo_pipelines.labels.pseudonyms import RotationKeys, pseudonym, rotation_keys
from smo_pipelines.labels.rotation import Renaming, names_now, rotate_pseudonyms
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables
from tests.examples.exports import label_studio, ls_annotation, ls_task

OLD, NEW, NEWER = b"a key for tests, 32 bytes long..", b"another key, just as long as it.", b"a third key, once two were lost."
RAW = ("r0", "r1", "r2")
HOUR = timedelta(hours=1)
MAILS = ("Ana.Lyst@example.org", "reviewer@example.org")


def names(key, raw=RAW):
    return {pseudonym(key, "demo", one) for one in raw}


@pytest.fixture
def under(make_batch):
    """A batch as it is read under a key."""
    return lambda key, *votes, **columns: make_batch(*votes, rater=lambda raw: pseudonym(key, "demo", raw), **columns)


@pytest.fixture
def rotated(tables, under, noon):
    tables.append(under(OLD), imported_at=noon)
    rotate(tables, OLD, NEW, noon + HOUR)
    return tables


def rotate(tables, old, new, at, raw=RAW, **options):
    return rotate_pseudonyms(tables, "demo", raw, RotationKeys(old=old, new=new), rotated_at=at, **options)


def raters_in(tables, **moment):
    with tables.views("demo", **moment) as views:
        rated, described = (
            {name for (name,) in views.rows(sql)} for sql in ("select rater_id from ratings", "select rater_id from raters")
        )
    assert rated == described
    return rated


def snapshot(tables, guideline, pool=None, **parts):
    pool = pool or RaterPool(id="all")
    recipe = SnapshotRecipe(project="demo", question="hate", pool=pool.id, **parts)
    return build_snapshot(tables, recipe, guideline=guideline, pool=pool)


def rows_of(tables, name):
    found = tables._existing(name)  # the rows as they lie in the files
    return [] if found is None else found.to_pyarrow_table().to_pylist()


def test_everybody_has_the_new_name_and_no_rating_was_written(tables, under, noon):
    tables.append(under(OLD, reviewer_id=pseudonym(OLD, "demo", "boss"), review="accepted"), imported_at=noon)
    before = rows_of(tables, "ratings")
    done = rotate(tables, OLD, NEW, noon + HOUR, raw=(*RAW, "boss", "never here"))
    assert (done.renamed, done.already, done.joined, done.strangers, done.unknown) == (4, 0, 0, 1, 0)
    assert raters_in(tables) == raters_in(tables, as_of=noon) == names(NEW)
    with tables.views("demo") as views:
        assert views.rows("select distinct reviewer_id from ratings") == [(pseudonym(NEW, "demo", "boss"),)]
    with tables.views(None) as views:
        assert {name for (name,) in views.rows("select rater_id from raters")} == names(NEW)
    assert rows_of(tables, "ratings") == before
    assert set(rows_of(tables, "pseudonyms")[0]) == {"project", "old", "new", "rotated_at"}


def test_a_rotation_is_done_once_and_the_next_one_follows_it(rotated, noon):
    rows = rows_of(rotated, "pseudonyms")
    again = rotate(rotated, OLD, NEW, noon + 2 * HOUR)
    assert (again.renamed, again.already) == (0, 3) and rows_of(rotated, "pseudonyms") == rows
    assert rotate(rotated, NEW, NEWER, noon + 2 * HOUR).renamed == 3
    assert raters_in(rotated) == names(NEWER)
    assert rotate(rotated, OLD, NEW, noon + 3 * HOUR).renamed == 0  # an old one, run again
    assert raters_in(rotated) == names(NEWER) and len(rows_of(rotated, "pseudonyms")) == 6
    assert rotate(rotated, NEWER, OLD, noon + 3 * HOUR).renamed == 3 and raters_in(rotated) == names(OLD)


def test_other_projects_keep_their_names(rotated, make_batch, noon):
    rotated.append(make_batch(project="other", rater=lambda raw: pseudonym(OLD, "demo", raw)), imported_at=noon + 2 * HOUR)
    with rotated.views(None) as views:
        found = dict(views.rows("select project, list(distinct rater_id) from ratings group by project"))
    assert set(found["demo"]) == names(NEW) and set(found["other"]) == names(OLD)


def test_nobody_is_renamed_where_somebody_would_be_left_out(tables, under, noon):
    tables.append(under(OLD), imported_at=noon)
    with pytest.raises(LabelError, match=r"1 raters and reviewers .* nobody was renamed.*--keep-unknown") as refused:
        rotate(tables, OLD, NEW, noon + HOUR, raw=RAW[:2])
    assert "r0" not in str(refused.value) and not (tables.root / "pseudonyms").exists()
    assert raters_in(tables) == names(OLD)
    assert rotate(tables, OLD, NEW, noon + HOUR, raw=RAW[:2], keep_unknown=True).unknown == 1
    assert raters_in(tables) == names(NEW, RAW[:2]) | names(OLD, RAW[2:])
    assert rotate(tables, OLD, NEW, noon + 2 * HOUR).renamed == 1  # the rest, later


def test_a_wrong_key_a_wrong_project_or_a_wrong_moment_renames_nobody(rotated, noon):
    with pytest.raises(LabelError, match=r"none of the 3 raw ids .* SMO_RATER_KEY_OLD"):
        rotate(rotated, NEWER, b"some other key, which is unknown", noon + 2 * HOUR, keep_unknown=True)
    with pytest.raises(UnknownName, match="demo"):
        rotate_pseudonyms(rotated, "dmo", RAW, RotationKeys(old=OLD, new=NEW), rotated_at=noon)
    with pytest.raises(LabelError, match="cannot follow"):
        rotate(rotated, NEW, NEWER, noon)
    with pytest.raises(LabelError, match="time zone"):
        rotate(rotated, NEW, NEWER, (noon + 2 * HOUR).replace(tzinfo=None))
    assert raters_in(rotated) == names(NEW)


def test_a_snapshot_of_then_is_what_it_was(tables, under, noon, guideline):
    def then():
        parts = ({}, {"overlap": 2}, {"rater_half": 1}, {"aggregation": "dawid_skene"})
        moments = [(noon + hours * HOUR).isoformat() for hours in (0, 1)]
        return [snapshot(tables, guideline, as_of=moment, **part) for part in parts for moment in moments]

    tables.append(under(OLD), imported_at=noon)
    tables.append(under(NEW, {"a": [0, 0, 0], "c": [0, 0]}, created_at="2026-03-01T12:30:00Z"), imported_at=noon + HOUR)
    before = then()
    assert rotate(tables, OLD, NEW, noon + 2 * HOUR).joined == 3
    after = then()
    assert [one.digest for one in after] == [one.digest for one in before]
    assert set(after[0].votes.rater_ids) == names(NEW)  # nobody was two raters by noon
    assert set(after[1].votes.rater_ids) == names(OLD) | names(NEW)
    with tables.views("demo") as views:
        assert views.rows("select count(distinct rater_id), count(*) from ratings") == [(3, 19)]


def test_what_was_imported_before_is_known_under_every_key(rotated, under, noon, guideline):
    before = snapshot(rotated, guideline).digest
    count = rotated.rating_count("demo")
    for hours, key in enumerate((NEW, OLD), start=2):
        assert preview(rotated, under(key)).new == {"items": 0, "raters": 0, "ratings": 0}
        receipt = rotated.append(under(key), imported_at=noon + hours * HOUR)
        assert (receipt.ratings, receipt.raters, receipt.duplicates) == (0, 0, count)
    rotate(rotated, NEW, NEWER, noon + 4 * HOUR)
    receipt = rotated.append(under(NEWER), imported_at=noon + 5 * HOUR)
    assert (receipt.ratings, receipt.raters) == (0, 0)
    assert snapshot(rotated, guideline).digest == before and raters_in(rotated) == names(NEWER)


def test_new_ratings_are_of_the_same_raters_and_a_changed_one_revises(rotated, under, noon, guideline):
    receipt = rotated.append(under(NEW, {"a": [0, 1, 0], "f": [1, 1]}), imported_at=noon + 2 * HOUR)
    assert (receipt.ratings, receipt.raters, receipt.duplicates) == (3, 0, 2)
    now = snapshot(rotated, guideline)
    assert now.labels[0] == 0 and now.n_ratings[0] == 3 and raters_in(rotated) == names(NEW)
    late = rotated.append(under(OLD, {"g": [1, 1, 1, 1]}), imported_at=noon + 3 * HOUR)  # somebody forgot to set the new key
    assert late.raters == 1 and raters_in(rotated) == names(NEW) | names(OLD, ["r3"])
    assert {row["rater_id"] for row in rows_of(rotated, "ratings") if row["item_id"] == "g"} == names(NEW) | names(OLD, ["r3"])


def test_another_moment_guideline_or_round_is_another_rating(rotated, under, noon):
    changes = [{"created_at": "2026-02-02T00:00:00Z"}, {"guideline": "hate@2"}, {"round": 2}]
    for changed in changes:
        assert preview(rotated, under(NEW, {"a": [1, 1, 0]}, **changed)).new == {"items": 0, "raters": 0, "ratings": 3}


def test_ratings_with_ids_of_their_own_are_known_by_these(tables, under, noon):
    tables.append(under(OLD, {"a": [1]}, rating_id="x1"), imported_at=noon)
    rotate(tables, OLD, NEW, noon + HOUR, raw=["r0"])
    assert tables.append(under(NEW, {"a": [1]}, rating_id="x1"), imported_at=noon + 2 * HOUR).ratings == 0
    assert tables.append(under(NEW, {"a": [1]}, rating_id="x2"), imported_at=noon + 3 * HOUR).ratings == 1


def test_pools_may_list_former_names(rotated, noon, guideline):
    for key in (OLD, NEW):
        pool = RaterPool(id="two", raters=tuple(sorted(names(key, RAW[:2]))))
        assert snapshot(rotated, guideline, pool).n_ratings.tolist() == [2, 2, 2, 2, 1]
        with rotated.views("demo") as views:
            assert set(raters_of(pool, views)) == set(resolve_pool(pool, views).raters) == names(NEW, RAW[:2])


def test_without_a_rotation_the_views_join_nothing(tables, under, noon, make_batch):
    def plan(project):
        with tables.views(project) as views:
            return views.rows("explain select rater_id, reviewer_id from ratings")[0][1].upper()

    tables.append(under(OLD), imported_at=noon)
    tables.append(make_batch(project="other"), imported_at=noon)
    before = plan("demo")
    assert "JOIN" not in before
    rotate(tables, OLD, NEW, noon + HOUR)
    assert "JOIN" in plan("demo") and "JOIN" not in plan("other")


def test_our_own_export_of_before_is_known(rotated, tmp_path, noon, under, tables):
    fresh = LabelTables(tmp_path / "fresh")
    fresh.append(under(OLD), imported_at=noon)
    export_ratings(fresh, "demo", tmp_path / "ratings.parquet", with_text=True)
    batch = read("smo-export", tmp_path / "ratings.parquet", options={}, key=OLD, listener=Listener())
    receipt = rotated.append(batch, imported_at=noon + 2 * HOUR)
    assert (receipt.ratings, receipt.raters) == (0, 0)


EXPORT = [
    *label_studio(),
    ls_task(3, [ls_annotation(31, rater={"email": MAILS[0]}), ls_annotation(32, rater={"email": MAILS[0]}, label="fine")]),
    ls_task(4, [ls_annotation(41, rater="annotator-0047", reviews=[{"created_by": {"email": MAILS[1]}, "accepted": True}])]),
]


def test_a_label_studio_export_is_known_and_its_people_and_keys_are_in_no_file(tables, tmp_path, noon):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(EXPORT))
    batches = [read("label-studio", path, options={"project": "demo"}, key=key, listener=Listener()) for key in (OLD, NEW, NEWER)]
    first = tables.append(batches[0], imported_at=noon)
    raw = ["7", "8", "9", "annotator-0047", *MAILS]
    assert rotate(tables, OLD, NEW, noon + HOUR, raw=raw).renamed == len(raw)  # the reviewer too
    again = tables.append(batches[1], imported_at=noon + 2 * HOUR)
    assert (again.ratings, again.raters, again.duplicates) == (0, 0, first.ratings)
    rotate(tables, NEW, NEWER, noon + 3 * HOUR, raw=raw)
    assert tables.append(batches[2], imported_at=noon + 4 * HOUR).ratings == 0
    secrets = [word.encode() for mail in MAILS for word in (mail, mail.lower())] + [b"annotator-0047", b"example.org"]
    for key in (OLD, NEW, NEWER):
        secrets += [key, key.hex().encode(), base64.b64encode(key).rstrip(b"="), base64.urlsafe_b64encode(key).rstrip(b"=")]
    files = [file for file in tables.root.rglob("*") if file.is_file()]
    assert {file.relative_to(tables.root).parts[0] for file in files} >= {"pseudonyms", "ratings", "raters", "imports"}
    for file in files:
        held = file.read_bytes()
        if file.suffix == ".parquet":  # pages are compressed: what they say is searched too
            held += repr(pq.read_table(file).to_pylist()).encode() + repr(pq.read_metadata(file).metadata).encode()
        assert not [secret for secret in secrets if secret in held], file
    assert any(b"text 1" in repr(pq.read_table(file).to_pylist()).encode() for file in files if file.suffix == ".parquet")


STEPS = st.lists(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcdefgh"), min_size=1), max_size=5)


@settings(deadline=None)
@given(STEPS)
def test_names_follow_one_rotation_after_the_other(noon, steps):
    renamings = [Renaming("demo", old, new, noon + n * HOUR) for n, step in enumerate(steps) for old, new in step.items()]
    found = names_now(renamings)
    for name in "abcdefgh":
        present = name
        for step in steps:
            present = step.get(present, present)
        assert found.get(name, name) == present


@settings(deadline=None)
@given(STEPS, st.sets(st.sampled_from("abcdefgh")))
def test_a_moment_before_every_rotation_keeps_raters_apart(noon, steps, seen):
    # in one rotation two raters never get one name: names are 100 bits of a hash of different ids
    distinct = [{old: new for old, new in step.items() if Counter(step.values())[new] == 1} for step in steps]
    renamings = [Renaming("demo", old, new, noon + n * HOUR) for n, step in enumerate(distinct) for old, new in step.items()]
    found = names_now(renamings, seen=seen, as_of=noon - HOUR)
    assert len({found.get(name, name) for name in seen}) == len(seen)


def test_keys_come_from_the_environment_or_the_development_file(tmp_path):
    with pytest.raises(LabelError, match="set SMO_RATER_KEY to it"):
        rotation_keys({}, tmp_path)
    with pytest.raises(LabelError, match="set SMO_RATER_KEY_OLD"):
        rotation_keys({"SMO_RATER_KEY": "n" * 32}, tmp_path)
    (tmp_path / "rater-key").write_bytes(OLD)
    keys = rotation_keys({"SMO_RATER_KEY": "n" * 32}, tmp_path)
    assert (keys.old, keys.new) == (OLD, b"n" * 32) and "nnn" not in repr(keys) and "tests" not in repr(keys)
    assert rotation_keys({"SMO_RATER_KEY": "n" * 32, "SMO_RATER_KEY_OLD": "o" * 32}, tmp_path).old == b"o" * 32
    with pytest.raises(LabelError, match="is the old one"):
        rotation_keys({"SMO_RATER_KEY": OLD.decode()}, tmp_path)
    with pytest.raises(LabelError, match="at least 16"):
        rotation_keys({"SMO_RATER_KEY": "n" * 32, "SMO_RATER_KEY_OLD": "short"}, tmp_path)
