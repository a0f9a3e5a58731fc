import json

import pytest

from smo_pipelines.tracking.items import MAX_NOTE
from smo_pipelines.tracking.log_items import final_items
from smo_pipelines.tracking.mlflow_backend import MlflowTracker
from smo_pipelines.tracking.views import (
    NIGHTLY_VIEWS,
    SAVED_VIEWS,
    SavedView,
    experiment_tags,
    nightly_experiment_tags,
    run_url,
    view_url,
)
from tests.examples.records import example_experiment, example_record

# the keys of a saved view's state that the runs page of MLflow 3.17.2 reads (its list of view state keys, plus search and order)
KNOWN = {
    "searchFilter", "orderByKey", "orderByAsc", "selectedColumns", "columnOrder", "columnWidths", "runsHiddenMode", "groupBy",
}  # fmt: skip


@pytest.mark.parametrize("view", [*SAVED_VIEWS, *NIGHTLY_VIEWS], ids=lambda view: view.id)
def test_a_view_is_the_envelope_that_mlflow_writes_itself(view: SavedView) -> None:
    from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

    key, value = view.tag
    envelope = json.loads(value)
    assert key == f"mlflow.sharedViewState.{view.id}"
    assert set(envelope) == {"name", "createdAt", "updatedAt", "state"}
    state = json.loads(envelope["state"])
    assert set(state) == KNOWN
    assert state["columnOrder"] == state["selectedColumns"], "widths are applied only when the order is given"
    assert set(state["columnWidths"]) == set(state["selectedColumns"])
    assert len(value) < MAX_EXPERIMENT_TAG_VAL_LENGTH


def test_views_show_tags_that_runs_have() -> None:
    items = final_items(example_record())
    have = {f"tags.`{tag.key}`" for tag in (*items.tags, *items.last_tags, *items.children[0].tags)}
    shown = {name for view in SAVED_VIEWS for name, _ in view.columns if name.startswith("tags.")}
    assert shown <= have


def test_the_filters_of_the_views_find_their_runs(tracker: MlflowTracker) -> None:
    tracker.plan(example_experiment())
    (experiment,) = [one for one in tracker._client.search_experiments() if one.name == "smo/hate/changes"]
    found = {view.id: len(tracker._client.search_runs([experiment.experiment_id], view.filter)) for view in SAVED_VIEWS}
    assert found == {"smo-effects": 1, "smo-replicates": 0, "smo-digest": 0}
    assert experiment.tags.items() >= experiment_tags().items()


def test_views_are_renewed_and_a_note_that_people_edited_stays(tracker: MlflowTracker) -> None:
    where = tracker.plan(example_experiment()).experiment_id
    key, value = SAVED_VIEWS[0].tag
    tracker._client.set_experiment_tag(where, "mlflow.note.content", "ask the night shift first")
    tracker._client.set_experiment_tag(where, key, "{}")
    tracker.plan(example_experiment())
    tags = tracker._client.get_experiment(where).tags
    assert (tags["mlflow.note.content"], tags[key]) == ("ask the night shift first", value)


def test_addresses_open_the_page_for_runs_and_not_the_one_for_traces() -> None:
    assert SAVED_VIEWS[0].id == "smo-effects"
    for address in (view_url("http://h:1", "3"), run_url("http://h:1", "3", "r")):
        assert address.startswith("http://h:1/#/experiments/3/runs")
        assert "workflowType=machine_learning" in address


def test_the_note_of_the_experiment_fits() -> None:
    for tags in (experiment_tags(), nightly_experiment_tags()):
        assert len(tags["mlflow.note.content"]) < MAX_NOTE
