import csv
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from smo_pipelines.domain.labels import Aggregation, SnapshotRecipe
from smo_pipelines.errors import ConfigError, UnknownName
from smo_pipelines.experiment.prepare import pin_arms
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.snapshots import compare_snapshots, find_snapshot, snapshot_lineage, stored_snapshots, take_snapshot
from smo_pipelines.experiment.stored import get_snapshot, put_snapshot, stored_recipe
from smo_pipelines.labels.formats import read
from tests.examples.projects import spec

RECIPE = SnapshotRecipe(project="demo", question="hate", guideline="hate@4", pool="core@1", items=(("split", ("train",)),))
KEY = b"a key for tests, 32 bytes long.."


def import_rating(workspace, tmp_path, item, *, label, at):
    """Import one more rating of an item, from a file."""
    file = tmp_path / "more.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["item_id", "rater_id", "label"], [item, "newcomer", label]])
    constants = {"question": "hate", "guideline": "hate@4", "rater_pool": "core"}
    workspace.tables.append(read("mapped", file, options={"project": "demo", "constants": constants}, key=KEY), imported_at=at)
    return file


def test_a_snapshot_goes_back_to_its_imports_and_files(workspace, tmp_path):
    first = take_snapshot(workspace, RECIPE)
    item = str(workspace.tables.items("demo", RECIPE.items).item_ids[0])
    later = datetime(2030, 1, 1, tzinfo=UTC)
    file = import_rating(workspace, tmp_path, item, label="violating", at=later)
    second = take_snapshot(workspace, RECIPE)
    assert first.key != second.key
    before, after = (snapshot_lineage(workspace, entry) for entry in (first, second))
    assert [share.facts.source for share in before.imports] == ["simulate"]
    assert before.imports[0].selected >= before.ratings
    assert [(share.facts.source, share.selected) for share in after.imports if share.facts.source != "simulate"] == [("mapped", 1)]
    (source,) = after.imports[-1].facts.files
    assert (source.name, source.bytes) == ("more.csv", file.stat().st_size)
    assert after.imports[-1].facts.imported_at == later
    assert (before.ratings + 1, before.items) == (after.ratings, after.items)


def test_the_past_keeps_its_digest(workspace, tmp_path):
    first = take_snapshot(workspace, RECIPE)
    item = str(workspace.tables.items("demo", RECIPE.items).item_ids[0])
    import_rating(workspace, tmp_path, item, label="violating", at=datetime(2030, 1, 1, tzinfo=UTC))
    then = take_snapshot(workspace, replace(RECIPE, as_of="2029-12-31T00:00:00Z"))
    assert then.meta["digest"] == first.meta["digest"] != take_snapshot(workspace, RECIPE).meta["digest"]


def test_the_experiments_that_use_a_snapshot(workspace):
    experiment = register_experiment(workspace, spec(), "a test").experiment
    pin_arms(workspace, experiment)
    used = {arm for entry in stored_snapshots(workspace) for arm in snapshot_lineage(workspace, entry).arms}
    assert used == {("small", 1, "control"), ("small", 1, "treatment")}


def test_a_snapshot_is_found_by_the_beginning_of_its_digest(workspace):
    entry = take_snapshot(workspace, RECIPE)
    assert stored_recipe(entry) == RECIPE
    for name in (entry.meta["digest"][:6], entry.meta["digest"], entry.key[:8]):
        assert find_snapshot(workspace, name).key == entry.key
    with pytest.raises(ConfigError, match="too short"):
        find_snapshot(workspace, entry.meta["digest"][:5])
    with pytest.raises(UnknownName, match=entry.meta["digest"][:12]):
        find_snapshot(workspace, "no such")


def test_a_difference_names_the_fields_and_counts_the_flips(workspace):
    old = take_snapshot(workspace, replace(RECIPE, guideline="hate@3"))
    new = take_snapshot(workspace, replace(RECIPE, aggregation=Aggregation.dawid_skene))
    difference = compare_snapshots(workspace, old, new)
    assert difference.recipe == {"guideline": ("hate@3", "hate@4"), "aggregation": ("majority", "dawid_skene")}
    labels = difference.labels
    assert labels.total.flips > 0
    assert all(sum(count.flips for count in counts) == labels.total.flips for counts in labels.by.values())


def test_labels_of_different_questions_are_not_compared(workspace):
    entry = take_snapshot(workspace, RECIPE)
    other = get_snapshot(workspace.store, entry.key, replace(RECIPE, question="threats"))
    with pytest.raises(ConfigError, match="different questions"):
        compare_snapshots(workspace, entry, workspace.store.get("snapshots", put_snapshot(workspace.store, other)))


def test_what_a_recipe_names_must_be_there(workspace):
    with pytest.raises(UnknownName, match="hate@4"):
        take_snapshot(workspace, replace(RECIPE, guideline="hate@44"))
    with pytest.raises(UnknownName, match="core@1"):
        take_snapshot(workspace, replace(RECIPE, pool="core@11"))
