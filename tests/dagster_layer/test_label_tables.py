"""The label tables are observed: named by what was imported, and newer than the snapshots made before an import."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from assets.definitions import defs
from assets.labels import LABEL_TABLES, build_label_tables, label_table_events
from assets.resources import SmoProject
from smo_pipelines.experiment.workspace import open_workspace
from smo_pipelines.labels.batch import LabelBatch


def observed(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return what each table was last said to be."""
    records = {name: instance.fetch_observations(key, limit=1).records for name, key in LABEL_TABLES.items()}
    found = {name: one.asset_observation for name, (one,) in records.items()}
    return {name: (one.tags or {})["dagster/data_version"] for name, one in found.items() if one is not None}


def observe(instance: dg.DagsterInstance) -> None:
    """Do what the button *Observe* does."""
    everything = dg.define_asset_job("observe", selection=dg.AssetSelection.assets(*LABEL_TABLES.values()))
    made = dg.Definitions(assets=[build_label_tables()], jobs=[everything], resources={"project": SmoProject()})
    assert made.resolve_job_def("observe").execute_in_process(instance=instance).success


@pytest.fixture
def known(project: Path, instance: dg.DagsterInstance) -> dg.DagsterInstance:
    observe(instance)
    return instance


def test_an_observation_counts_rows_and_is_what_the_sensor_reports(project: Path, known: dg.DagsterInstance) -> None:
    workspace = open_workspace(project)
    events = {event.asset_key: event for event in label_table_events(workspace)}
    assert observed(known) == {name: events[key].tags["dagster/data_version"] for name, key in LABEL_TABLES.items()}
    ratings = events[LABEL_TABLES["ratings"]].metadata["ratings of demo"].value
    assert ratings == workspace.tables.rating_count("demo")


def test_an_import_makes_every_table_newer(project: Path, known: dg.DagsterInstance) -> None:
    before = observed(known)
    batch = LabelBatch(
        project="second",
        source="test",
        items=pd.DataFrame({"item_id": ["a"], "text": ["one"]}),
        raters=pd.DataFrame({"rater_id": ["r"]}),
        ratings=pd.DataFrame({"item_id": ["a"], "rater_id": ["r"], "question": ["hate"], "label": ["0"]}),
    )
    open_workspace(project).tables.append(batch, imported_at=dt.datetime(2026, 7, 1, tzinfo=dt.UTC))
    observe(known)
    after = observed(known)
    assert all(after[name] != before[name] for name in LABEL_TABLES)


def test_snapshots_are_downstream_of_all_three(project: Path) -> None:
    graph = defs().resolve_asset_graph()
    parents = graph.get(dg.AssetKey(["control", "label_snapshot"])).parent_keys
    assert set(LABEL_TABLES.values()) <= set(parents)
