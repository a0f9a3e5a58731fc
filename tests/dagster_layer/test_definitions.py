"""The code location: it loads, quickly, and holds what its users are told it holds."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import defs
from tests.examples.dagster_projects import REPOSITORY

HEAVY = ("torch", "transformers", "evaluate", "mlflow", "sklearn", "matplotlib")
COMPUTED = {
    "control/label_snapshot",
    "treatment/label_snapshot",
    "labels/matched_labels",
    "plan/planned_power",
    "control/replicates",
    "treatment/replicates",
    "comparison/effect_estimates",
    "comparison/decision",
    "comparison/report",
}
OBSERVED = {"labels/items", "labels/raters", "labels/ratings"}
READ = {
    "guidelines/harassment/1",
    "guidelines/harassment/2",
    "guidelines/hate/3",
    "guidelines/hate/4",
    "guidelines/hatecheck/1",
    "guidelines/kern2023_hate/1",
    "guidelines/kern2023_offensive/1",
    "guidelines/md_agreement/1",
    "guidelines/openai_harassment/1",
    "guidelines/openai_hate/1",
    "guidelines/openai_hate_threatening/1",
    "guidelines/openai_self_harm/1",
    "guidelines/openai_sexual/1",
    "guidelines/openai_sexual_minors/1",
    "guidelines/openai_undesired/1",
    "guidelines/openai_violence/1",
    "guidelines/openai_violence_graphic/1",
    "guidelines/roettger2022_g1/1",
    "guidelines/roettger2022_g2/1",
    "guidelines/scams/1",
    "guidelines/self_harm/1",
    "guidelines/threats/1",
    "guidelines/xstest/1",
}


def test_the_workspace_file_is_valid(project: Path, command_environment: dict[str, str]) -> None:
    dagster = Path(sys.executable).parent / "dagster"
    command = [str(dagster), "definitions", "validate", "-w", str(REPOSITORY / "workspace.yaml")]
    done = subprocess.run(command, env=command_environment, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_loading_imports_no_training_library_and_no_tracker(project: Path, command_environment: dict[str, str]) -> None:
    code = (
        "import json, sys; from assets.definitions import defs; defs().get_repository_def().get_all_jobs(); "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=command_environment, cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_every_job_and_asset_is_there(project: Path) -> None:
    repository = defs().get_repository_def()
    names = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert names == {"ab_experiment", "bless_baseline", "changes_digest", "label_quality", "launch_ab_experiment", "nightly_demo"}
    graph = defs().resolve_asset_graph()
    assert {key.to_user_string() for key in graph.materializable_asset_keys} == COMPUTED | {
        "comparison/digest",
        "labels/quality/demo",
        "nightly/demo",
    }
    assert {key.to_user_string() for key in graph.observable_asset_keys} == OBSERVED
    assert {key.to_user_string() for key in graph.external_asset_keys} == READ | OBSERVED
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "experiment_specs",
        "input_versions",
        "new_reports",
        "nightly_catch_up",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {"nightly_demo"}


def test_one_run_holds_both_arms_and_the_report(project: Path) -> None:
    job = defs().resolve_job_def("ab_experiment")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == COMPUTED
    assert job.partitions_def == dg.DynamicPartitionsDefinition(name="experiments")


def test_groups_follow_one_another(project: Path) -> None:
    graph = defs().resolve_asset_graph()
    order = ["guidelines", "labels", "quality", "plan", "replicates", "comparison", "digest", "nightly"]
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        for parent in node.parent_keys:
            assert order.index(str(graph.get(parent).group_name)) <= order.index(str(node.group_name)), (parent, key)


def test_nothing_is_left_undescribed(project: Path) -> None:
    for spec in defs().resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners == ["team:smo"], spec.key
        assert spec.kinds, spec.key
    job = defs().resolve_job_def("launch_ab_experiment")
    fields = job.run_config_schema.config_type.fields["ops"].config_type.fields["register_experiment"].config_type.fields  # type: ignore[attr-defined]
    for name, field in fields["config"].config_type.fields.items():
        assert field.description, name
        assert not field.is_required, name


@pytest.mark.parametrize("folder", ["pools", "benchmarks", "classifiers", "kpis"])
def test_a_project_that_has_not_written_its_configs_yet_loads(project: Path, folder: str) -> None:
    for path in (project / "configs" / folder).glob("*.yaml"):
        path.unlink()
    assert len(list(defs().get_repository_def().get_all_jobs())) >= 2
