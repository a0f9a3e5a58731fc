"""What Dagster watches: which experiments become partitions, which are launched, and which inputs are reported as newer."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import defs
from assets.resources import SmoProject
from assets.sensors import experiment_specs, input_versions
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.workspace import open_workspace
from smo_pipelines.labels.tables import LabelTables
from tests.examples.dagster_projects import QUICK, write_experiment
from tests.examples.dagster_runs import job

TABLES = ["labels/items", "labels/raters", "labels/ratings"]


def tick(instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    """Evaluate the sensor once and do what the daemon would do with new partitions."""
    with dg.build_sensor_context(instance=instance, definitions=defs()) as context:
        result = experiment_specs(context, project=SmoProject())
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    for request in (result.dynamic_partitions_requests or []) if isinstance(result, dg.SensorResult) else []:
        instance.add_dynamic_partitions("experiments", list(request.partition_keys))
    return result


def reason(result: dg.SensorResult | dg.SkipReason) -> str:
    assert isinstance(result, dg.SkipReason)
    return result.skip_message or ""


def request(result: dg.SensorResult | dg.SkipReason) -> dg.RunRequest:
    assert isinstance(result, dg.SensorResult)
    (only,) = result.run_requests or []
    return only


def test_an_experiment_without_ratings_is_a_partition_and_waits(bare_project: Path, instance: dg.DagsterInstance) -> None:
    first = tick(instance)
    assert isinstance(first, dg.SensorResult)
    assert not first.run_requests
    assert instance.get_dynamic_partitions("experiments") == ["quick"]
    assert reason(tick(instance)) == "quick: no ratings of demo yet"


def test_an_experiment_with_ratings_is_launched_once(project: Path, instance: dg.DagsterInstance) -> None:
    first, again = request(tick(instance)), request(tick(instance))
    assert first.partition_key == "quick"
    assert first.tags["smo/change"] == "OC-0101"
    assert first.tags["smo/change_kind"] == "guideline_edit"
    assert first.run_key == again.run_key  # Dagster launches one run a key
    tags = {"dagster/partition": "quick"}
    instance.create_run_for_job(job("ab_experiment"), tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert reason(tick(instance)) == "quick: under way"


def test_new_ratings_give_a_failed_experiment_another_attempt(
    project: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = request(tick(instance)).run_key
    monkeypatch.setattr(LabelTables, "fingerprint", lambda tables, project: "another import")
    assert request(tick(instance)).run_key != before


def test_a_decided_experiment_is_not_launched(project: Path, instance: dg.DagsterInstance) -> None:
    workspace = open_workspace(project)
    file = find_experiment(workspace, "quick")
    experiment = register_experiment(workspace, file.raw, file.source).experiment
    workspace.store.put("decisions", experiment.spec_hash, meta={})
    assert is_decided(workspace, experiment)
    tick(instance)
    assert reason(tick(instance)) == "quick: decided"


def test_a_changed_spec_is_reported_and_does_not_hold_up_the_others(project: Path, instance: dg.DagsterInstance) -> None:
    tick(instance)
    write_experiment(project, QUICK.replace("replicates: 2", "replicates: 3"))
    assert "version: 2" in reason(tick(instance))
    write_experiment(project, QUICK.replace("OC-0101", "OC-0102"), "another")
    assert request(tick(instance)).partition_key == "another"


def test_a_project_without_experiments_says_so(project: Path, instance: dg.DagsterInstance) -> None:
    (project / "experiments" / "quick.yaml").unlink()
    assert reason(tick(instance)) == "no experiment is written"


def reported(cursor: str | None) -> tuple[list[str], str | None]:
    with dg.build_sensor_context(cursor=cursor) as context:
        result = input_versions(context, project=SmoProject())
    if isinstance(result, dg.SkipReason):
        return [], cursor
    assert isinstance(result, dg.SensorResult)
    return sorted(event.asset_key.to_user_string() for event in result.asset_events), result.cursor


def test_inputs_are_reported_when_their_content_changes_and_only_then(project: Path) -> None:
    first, cursor = reported(None)
    assert {*TABLES, "guidelines/hate/3", "guidelines/hate/4"} <= set(first)
    assert reported(cursor)[0] == []
    file = project / "configs" / "guidelines" / "hate" / "4.md"
    file.write_text(file.read_text(encoding="utf-8").rstrip() + "\n\nWhen in doubt, ask.\n", encoding="utf-8")
    changed, cursor = reported(cursor)
    assert changed == ["guidelines/hate/4"]
    shutil.rmtree(project / ".smo" / "tables")
    assert reported(cursor)[0] == TABLES


def test_new_ratings_have_their_quality_measured(project: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance=instance, definitions=defs()) as context:
        result = input_versions(context, project=SmoProject())
        assert isinstance(result, dg.SensorResult)
        (request,) = result.run_requests or []
        assert [key.to_user_string() for key in request.asset_selection or []] == ["labels/quality/demo"]
    shutil.rmtree(project / ".smo" / "tables")
    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance=instance, definitions=defs()) as context:
        result = input_versions(context, project=SmoProject())
        assert isinstance(result, dg.SensorResult) and not result.run_requests


@pytest.mark.parametrize("sensor", [experiment_specs, input_versions])
def test_the_sensors_are_on_without_being_asked(sensor: dg.SensorDefinition) -> None:
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
