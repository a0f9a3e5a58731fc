"""One experiment as one Dagster run: the numbers of the command line, shown checks, and failures that say what to do."""

import contextlib
import math
import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import assets.arms
from assets.definitions import defs
from assets.sensors import new_reports
from smo_pipelines.experiment import training
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.replicates import ReplicatePool, shared_pool
from smo_pipelines.experiment.run import run_experiment
from smo_pipelines.experiment.workspace import open_workspace
from tests.examples.dagster_projects import QUICK, write_experiment
from tests.examples.dagster_runs import failure_sentence, metadata_of, run_experiment_job

FITS = 12
"""Two arms of two replicates and three redraws, and two more of the control to plan from."""


@pytest.fixture(scope="module")
def finished(module_project: Path) -> Iterator[tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult]]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield module_project, instance, run_experiment_job(instance)


def fits(root: Path) -> list[str]:
    return open_workspace(root).store.keys("fits")


def checks(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def test_one_run_goes_from_labels_to_report(finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult]) -> None:
    root, _, result = finished
    assert result.success
    assert len(fits(root)) == FITS
    assert metadata_of(result, "comparison/decision")["verdict"] in {"ship", "hold", "roll_back", "inconclusive"}
    shown = metadata_of(result, "comparison/report")
    page = Path(str(shown["file"])).read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Quality of the labels" in page
    assert str(shown["mlflow run"]).startswith("http://127.0.0.1:5000/#/experiments/")
    assert "/artifacts/report/effect_report.html" in str(shown["report"])


def test_checks_pass_with_the_number_and_its_limit(finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult]) -> None:
    found = checks(finished[2])
    assert len(found) == 9
    # two replicates show little: the plan says so, and holds up nothing
    low = found.pop("enough_planned_power")
    assert not low.passed and low.severity is dg.AssetCheckSeverity.WARN
    assert low.metadata["actual"].value < low.metadata["limit"].value == 0.8
    assert all(evaluation.passed for evaluation in found.values())
    enough = found["enough_matched_items"]
    assert enough.metadata["actual"].value >= enough.metadata["limit"].value == 100.0
    assert found["sample_ratio"].description == "not declared, so not checked"


def test_metadata_is_flat_finite_and_holds_no_text_of_an_item(
    finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult],
) -> None:
    root, _, result = finished
    texts = open_workspace(root).tables.items("demo").texts
    shown = ""
    for event in result.get_asset_materialization_events():
        for name, value in event.materialization.metadata.items():
            shown += f"{name}: {value.value}\n"
            if isinstance(value, dg.FloatMetadataValue):
                assert math.isfinite(value.value or 0.0), name
            assert isinstance(
                value,
                dg.FloatMetadataValue
                | dg.IntMetadataValue
                | dg.TextMetadataValue
                | dg.MarkdownMetadataValue
                | dg.UrlMetadataValue
                | dg.PathMetadataValue,
            ), name
    assert not [text for text in texts if text in shown]
    effect = metadata_of(result, "comparison/effect_estimates")
    assert {"primary effect", "primary effect low", "primary effect high"} <= set(effect)
    assert effect["primary effect"] == metadata_of(result, "comparison/decision")["primary effect"]


def test_the_digest_is_written_from_the_decided_experiments(
    finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, instance, result = finished
    monkeypatch.setenv("SMO_ROOT", str(root))
    digested = defs().resolve_job_def("changes_digest").execute_in_process(instance=instance)
    assert digested.success
    shown = metadata_of(digested, "comparison/digest")
    assert (shown["changes"], shown["ships"]) == (1, int(metadata_of(result, "comparison/decision")["verdict"] == "ship"))
    page = Path(str(shown["file"])).read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and Path(str(shown["file"])).parent == root / ".smo"
    (address,) = [str(value) for name, value in shown.items() if name.startswith("page in ")]
    assert address.startswith("http://127.0.0.1:5000/#/experiments/") and "/artifacts/report/digest.html" in address


def test_a_new_report_asks_for_a_digest_once(finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult]) -> None:
    _, instance, result = finished
    repository = defs().get_repository_def()
    context = dg.build_sensor_context(instance=instance, repository_def=repository)
    asked = new_reports.evaluate_tick(context)
    assert [request.run_key for request in asked.run_requests or []] == [f"digest-{result.run_id}"]
    later = dg.build_sensor_context(instance=instance, repository_def=repository, cursor=asked.cursor)
    assert not new_reports.evaluate_tick(later).run_requests


def test_dagster_and_the_command_line_decide_alike(
    finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult],
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the workers of the run before are warm; starting new ones takes seconds
    monkeypatch.setattr(training, "ReplicatePool", lambda **options: contextlib.nullcontext(shared_pool(options["threads"])))
    shutil.copytree(template, tmp_path / "other")
    workspace = open_workspace(tmp_path / "other")
    file = find_experiment(workspace, "quick")
    experiment = register_experiment(workspace, file.raw, file.source).experiment
    conclusion = run_experiment(workspace, experiment, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), launched_by="test")
    assert conclusion.trained == FITS
    assert conclusion.record.decision.digest == metadata_of(finished[2], "comparison/decision")["digest"]


def test_a_second_run_trains_nothing_and_decides_the_same(
    finished: tuple[Path, dg.DagsterInstance, dg.ExecuteInProcessResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, instance, first = finished
    monkeypatch.setenv("SMO_ROOT", str(root))

    def refuse(*_: object) -> None:
        raise AssertionError("something was queued although everything is in the store")

    monkeypatch.setattr(ReplicatePool, "queue", lambda pool, jobs: refuse() if list(jobs) else None)
    monkeypatch.setattr(ReplicatePool, "complete", lambda pool, job: job.key)
    again = run_experiment_job(instance)
    assert again.success
    assert len(fits(root)) == FITS
    assert metadata_of(again, "comparison/decision")["digest"] == metadata_of(first, "comparison/decision")["digest"]
    assert metadata_of(again, "comparison/report")["mlflow run"] == metadata_of(first, "comparison/report")["mlflow run"]


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("sample_ratio", ("rule: default", "rule: default\nallocation: [1, 9]")),
        ("enough_matched_items", ("rule: default", "rule: strict")),
    ],
)
def test_an_invalid_experiment_is_a_finished_run_with_a_failed_check(
    project: Path, instance: dg.DagsterInstance, check: str, change: tuple[str, str]
) -> None:
    (project / "configs" / "rules" / "strict.yaml").write_text("min_matched_items: 100000\n", encoding="utf-8")
    write_experiment(project, QUICK.replace(*change))
    result = run_experiment_job(instance)
    assert result.success
    found = checks(result)
    assert [name for name, evaluation in found.items() if not evaluation.passed] == [check]
    assert found[check].severity is dg.AssetCheckSeverity.ERROR
    assert not found[check].blocking
    assert metadata_of(result, "comparison/decision")["verdict"] == "invalid"
    assert "primary effect" not in metadata_of(result, "comparison/effect_estimates")
    assert fits(project) == []


def test_an_unknown_guideline_is_a_failure_in_one_sentence(project: Path, instance: dg.DagsterInstance) -> None:
    write_experiment(project, QUICK.replace("treatment: {guideline: hate@4}", "treatment: {guideline: hate@9}"))
    result = run_experiment_job(instance)
    assert not result.success
    sentence = failure_sentence(result)
    assert "hate@9" in sentence
    assert "\n" not in sentence


def test_a_partition_that_somebody_typed_in_says_that_there_is_no_such_experiment(
    project: Path, instance: dg.DagsterInstance
) -> None:
    result = run_experiment_job(instance, "typed-in")
    assert not result.success
    assert "typed-in" in failure_sentence(result)
    assert "quick" in failure_sentence(result)


def test_ratings_that_are_not_there_are_a_failure_in_one_sentence(bare_project: Path, instance: dg.DagsterInstance) -> None:
    result = run_experiment_job(instance)
    assert not result.success
    assert failure_sentence(result)


class _KilledOnce(ReplicatePool):
    """A pool whose workers are killed, as by the kernel when memory runs out, before any of them can finish."""

    killed = 0

    def queue(self, jobs: Any) -> None:
        super().queue(jobs)
        if self.killed == 0 and self._executor is not None:
            processes = list((self._executor._processes or {}).values())
            for process in processes:
                os.kill(process.pid, signal.SIGKILL)
            self.killed = len(processes)


def test_a_replicate_whose_worker_was_killed_is_tried_again(
    project: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = _KilledOnce(threads=1)
    monkeypatch.setattr(assets.arms, "shared_pool", lambda threads: pool)
    try:
        result = run_experiment_job(instance)
    finally:
        pool.close(wait=False)
    assert pool.killed > 0
    retried = [event for event in result.all_events if event.is_step_up_for_retry]
    assert [event.step_key for event in retried] == ["control__replicates.control_fit_and_score[control_snapshot_0]"]
    assert result.success
    assert len(fits(project)) == FITS
