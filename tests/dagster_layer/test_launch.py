"""The launch form: launchable as it is, one experiment a content, and mistakes in one sentence."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat  # the public API reads heartbeats and has no way to write one

from assets.launch_form import launch_form, spec_of_form
from smo_pipelines.config.experiments import Catalogue, resolve_experiment
from smo_pipelines.config.root import find_root
from smo_pipelines.errors import ConfigError
from smo_pipelines.experiment.register import known_experiments
from smo_pipelines.experiment.workspace import open_workspace
from tests.examples.dagster_runs import failure_sentence, job


def launch(instance: dg.DagsterInstance, **values: Any) -> dg.ExecuteInProcessResult:
    config = {"ops": {"register_experiment": {"config": values}}}
    return job("launch_ab_experiment").execute_in_process(run_config=config, instance=instance, raise_on_error=False)


def filled(**values: Any) -> dict[str, Any]:
    form = launch_form(Catalogue(find_root()))()
    defaults = {name: getattr(value, "value", value) for name, value in dict(form).items()}
    return defaults | values


def test_the_form_as_it_is_registers_an_experiment_of_one_change(project: Path, instance: dg.DagsterInstance) -> None:
    result = launch(instance)
    assert result.success
    name = result.output_for_node("register_experiment")
    assert name.startswith("form-")
    assert instance.get_dynamic_partitions("experiments") == [name]
    workspace = open_workspace(project)
    raw = known_experiments(workspace)[name].raw
    experiment = resolve_experiment(raw, workspace.catalogue)
    assert str(experiment.kind) == "guideline_edit"
    assert experiment.control.pool == experiment.treatment.pool == "core@1"


def test_the_same_form_twice_is_the_same_experiment(project: Path, instance: dg.DagsterInstance) -> None:
    names = [launch(instance, replicates=2).output_for_node("register_experiment") for _ in range(2)]
    assert names[0] == names[1]
    assert launch(instance, replicates=3).output_for_node("register_experiment") != names[0]
    assert len(instance.get_dynamic_partitions("experiments")) == 2


def test_a_named_experiment_keeps_its_name_and_does_not_change(project: Path, instance: dg.DagsterInstance) -> None:
    assert launch(instance, experiment_id="mine").output_for_node("register_experiment") == "mine"
    changed = launch(instance, experiment_id="mine", replicates=7)
    assert not changed.success
    assert "version: 2" in failure_sentence(changed)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"items": "everything"}, "name=value"),
        ({"smallest_effect_of_interest": -1.0}, "smallest_effect_of_interest"),
        ({"replicates": 0}, "replicates"),
        ({"redraws": 1}, "redraws"),
        ({"project": "demoo"}, "demo"),
        ({"treatment_guideline": "same_as_control"}, "treatment changes nothing"),
        ({"question": "scams"}, "question"),
        ({"experiment_id": "../up"}, "../up"),
        ({"primary_gold": "none"}, "gold"),
    ],
)
def test_a_mistake_fails_in_one_sentence_and_registers_nothing(
    project: Path, instance: dg.DagsterInstance, values: dict[str, Any], word: str
) -> None:
    result = launch(instance, **values)
    assert not result.success
    sentence = failure_sentence(result)
    assert word in sentence
    assert "Traceback" not in sentence
    assert instance.get_dynamic_partitions("experiments") == []
    assert set(known_experiments(open_workspace(project))) == {"quick"}


def test_a_value_that_is_not_offered_is_refused_before_a_run_starts(project: Path, instance: dg.DagsterInstance) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="not in enum type Classifier"):
        launch(instance, classifier="gpt")


def test_the_treatment_says_only_what_changes(project: Path) -> None:
    spec = spec_of_form(filled(treatment_guideline="hate@3", treatment_pool="vendor-lenient@1"))
    assert spec["treatment"] == {"pool": "vendor-lenient@1"}
    assert [g.get("items") for g in spec["guardrails"]] == [None]
    edit = spec_of_form(filled())
    assert edit["treatment"] == {"guideline": "hate@4"}
    assert [g.get("items") for g in edit["guardrails"]] == [None, "gold_unchanged"]


def test_a_claim_about_these_raters_needs_no_redraws(project: Path) -> None:
    assert "redraws" not in spec_of_form(filled(raters="fixed"))
    assert spec_of_form(filled())["redraws"] == 10


def test_items_are_pairs_with_one_value_or_several(project: Path) -> None:
    spec = spec_of_form(filled(items=" split = train ; locale=en-GB, en-SG;"))
    assert spec["control"]["items"] == {"split": "train", "locale": ["en-GB", "en-SG"]}
    with pytest.raises(ConfigError, match="'train' is not name=value"):
        spec_of_form(filled(items="train"))


def test_without_a_daemon_the_launch_fails_at_once(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        result = launch(instance)
        assert not result.success
        assert "the Dagster daemon is not running (QUEUED_RUN_COORDINATOR, SENSOR)" in failure_sentence(result)
        assert "make up" in failure_sentence(result)
        for name in ("SENSOR", "QUEUED_RUN_COORDINATOR"):
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), name, daemon_id="test"))
        assert launch(instance).success
        folder = Path(instance.storage_directory())
        outputs = [path for path in folder.rglob("*") if path.is_file() and "compute_logs" not in path.parts]
    assert [path.suffix for path in outputs] == [".json"]  # a step's output is never a pickle


def test_a_sensor_that_was_switched_off_is_said(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = SimpleNamespace(name="experiment_specs", is_running=False)
    monkeypatch.setattr(dg.DagsterInstance, "all_instigator_state", lambda instance: [off])
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for name in ("SENSOR", "QUEUED_RUN_COORDINATOR"):
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), name, daemon_id="test"))
        assert "the sensor experiment_specs is switched off" in failure_sentence(launch(instance))
