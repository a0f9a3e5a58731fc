"""Nights through Dagster: what starts them, what a run shows, and what a failure leaves alone."""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

import assets.nightly
from assets.definitions import defs
from assets.nightly_metadata import check_results, stream_checks
from assets.resources import SmoProject
from smo_pipelines.domain.nights import Night, Repeat
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly.bless import bless, current_baseline
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.night import pending_nights
from tests.examples.dagster_runs import failure_sentence, job
from tests.examples.nights import BLESSED, add_labels, day, make_nightly_project, plan_of, write_plan

MISSED, NEWEST = (day(BLESSED + k).isoformat() for k in (1, 2))
MORNING = dt.datetime.fromisoformat(f"{NEWEST}T03:05:00+00:00")


@pytest.fixture(scope="module")
def blessed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = open_workspace(make_nightly_project(tmp_path_factory.mktemp("nightly") / "project"))
    add_labels(workspace, days=BLESSED + 4)
    bless(workspace, plan_of(workspace), date=day(BLESSED), now=MORNING)
    return workspace


@pytest.fixture
def nights(blessed: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A copy whose clock says the morning of the second night."""
    root = tmp_path / "project"
    shutil.copytree(blessed.root.path, root)
    monkeypatch.setenv("SMO_ROOT", str(root))
    monkeypatch.setenv("SMO_CLOCK", MORNING.isoformat())
    return open_workspace(root)


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A schedule's tick looks its instance up by reference."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def tick(name: str, instance: dg.DagsterInstance) -> ScheduleExecutionData:
    """Return what a schedule asks for; its context is left, since the instance that it opens stays the current one until then."""
    definitions = defs()
    schedule = next(one for one in definitions.schedules or [] if one.name == name)
    assert isinstance(schedule, dg.ScheduleDefinition)
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=MORNING,
        resources={"project": SmoProject()},
        repository_def=definitions.get_repository_def(),
    ) as context:
        return schedule.evaluate_tick(context)


def run(instance: dg.DagsterInstance, night: str) -> dg.ExecuteInProcessResult:
    return job("nightly_small").execute_in_process(partition_key=night, instance=instance, raise_on_error=False)


def test_the_schedule_asks_for_every_night_that_is_due_in_order(nights: Workspace, on_disk: dg.DagsterInstance) -> None:
    schedule = next(one for one in defs().schedules or [] if one.name == "nightly_small")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * *", "UTC")
    asked = tick("nightly_small", on_disk).run_requests or []
    assert [one.partition_key for one in asked] == [MISSED, NEWEST]
    assert len({one.run_key for one in asked}) == 2
    for one in asked:
        on_disk.create_run_for_job(
            job("nightly_small"), status=dg.DagsterRunStatus.STARTED, tags={**one.tags, "dagster/partition": str(one.partition_key)}
        )
    assert "stored or under way" in str(tick("nightly_small", on_disk).skip_message)


def test_a_plan_without_a_baseline_is_skipped_and_says_what_to_do(nights: Workspace, on_disk: dg.DagsterInstance) -> None:
    write_plan(nights.root.path, "other")
    assert "smo bless other" in str(tick("nightly_other", on_disk).skip_message)


def test_a_night_runs_the_missed_one_before_it_and_shows_numbers_that_are_plotted(
    nights: Workspace, instance: dg.DagsterInstance
) -> None:
    result = run(instance, NEWEST)
    assert result.success
    plan = plan_of(nights)
    assert pending_nights(nights, plan, MORNING) == ()
    state = fold_state(nights, plan)
    shown = {name: value.value for name, value in result.get_asset_materialization_events()[0].materialization.metadata.items()}
    for one in state.streams:
        assert [point.date.isoformat() for point in one.nights] == [MISSED, NEWEST]
        assert shown[f"value: {one.stream.name}"] == pytest.approx(one.nights[-1].value, rel=1e-5)
        assert shown[f"evidence share of alarm: {one.stream.name}"] == pytest.approx(one.statistic / one.threshold, rel=1e-5)
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert set(checks) == {"labels_are_there", "average_precision_on_gold", "false_positive_rate_on_gold_at_baseline"}
    assert all(one.passed for one in checks.values())
    assert (nights.root.state / "reports" / "nightly-small.html").is_file()

    again = run(instance, NEWEST)
    assert again.success and fold_state(nights, plan) == state


def test_a_failed_night_is_tried_again_without_touching_the_state(
    nights: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(instance, MISSED).success
    plan = plan_of(nights)
    before = fold_state(nights, plan)
    monkeypatch.setattr(assets.nightly, "_RETRY", dg.RetryPolicy(max_retries=1, delay=0))
    tables, away = nights.root.state / "tables", nights.root.state / "tables-away"
    tables.rename(away)
    failed = run(instance, NEWEST)
    assert not failed.success
    assert len([event for event in failed.all_events if event.is_step_up_for_retry]) == 1
    assert "selects no item of the project 'demo'; import the project's items first" in failure_sentence(failed)
    assert fold_state(nights, plan) == before
    shutil.rmtree(tables, ignore_errors=True)
    away.rename(tables)
    assert run(instance, NEWEST).success
    assert [point.date.isoformat() for point in fold_state(nights, plan).streams[0].nights] == [MISSED, NEWEST]


def test_the_sensor_starts_overdue_nights_and_gives_up_after_three_runs(
    nights: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = next(one for one in defs().sensors or [] if one.name == "nightly_catch_up")

    def asked() -> list[str]:
        context = dg.build_sensor_context(instance=instance, definitions=defs(), resources={"project": SmoProject()})
        found = sensor.evaluate_tick(context)
        return [str(one.partition_key) for one in found.run_requests or []]

    assert asked() == [MISSED]  # the newest is five minutes old: the schedule's
    monkeypatch.setenv("SMO_CLOCK", f"{NEWEST}T04:00:00Z")
    assert asked() == [MISSED, NEWEST]
    context = dg.build_sensor_context(instance=instance, definitions=defs(), resources={"project": SmoProject()})
    tags = next(iter(sensor.evaluate_tick(context).run_requests or [])).tags
    for _ in range(3):
        instance.create_run_for_job(
            job("nightly_small"),
            status=dg.DagsterRunStatus.FAILURE,
            tags={**tags, "dagster/partition": MISSED},
        )
    assert asked() == [NEWEST]
    instance.create_run_for_job(
        job("nightly_small"), status=dg.DagsterRunStatus.STARTED, tags={**tags, "dagster/partition": NEWEST}
    )
    assert asked() == []


def test_two_golds_of_one_benchmark_are_two_checks(nights: Workspace) -> None:
    plan = plan_of(nights)
    first = plan.streams[0]
    other = replace(first, question=replace(first.question, gold="hate@3"))
    names = set(stream_checks(replace(plan, streams=(first, other))))
    assert names == {"labels_are_there", "average_precision_on_gold_hate_4", "average_precision_on_gold_hate_3"}


def test_a_night_that_repeats_its_labels_passes_until_scores_differ(nights: Workspace) -> None:
    plan, date = plan_of(nights), day(BLESSED + 1)
    state = fold_state(nights, plan)
    night = Night(
        plan=plan.id, baseline="b", date=date, runs=(), labels=current_baseline(nights, plan).labels, repeat=Repeat(of=day(BLESSED))
    )
    passed = [one.passed for one in check_results(plan, state, night)]
    assert passed[0]
    differing = replace(night, repeat=Repeat(of=day(BLESSED), differs=("run 0: its scores on gold",)))
    assert not next(iter(check_results(plan, state, differing))).passed


def test_the_form_blesses_and_refuses_too_few_runs(nights: Workspace, instance: dg.DagsterInstance) -> None:
    def bless_with(**values: object) -> dg.ExecuteInProcessResult:
        config = {"ops": {"bless": {"config": {"plan": "small", **values}}}}
        return job("bless_baseline").execute_in_process(run_config=config, instance=instance, raise_on_error=False)

    refused = bless_with(date=NEWEST, runs=3)
    assert not refused.success and "at least 20 runs" in failure_sentence(refused)
    assert "is not a date" in failure_sentence(bless_with(date="yesterday"))
    assert bless_with(date=NEWEST).output_for_node("bless") == NEWEST


def test_a_plan_with_a_mistake_does_not_keep_the_others_from_loading(nights: Workspace, instance: dg.DagsterInstance) -> None:
    (nights.root.configs / "nightly" / "broken.yaml").write_text(json.dumps({"area": "hate", "strems": []}))
    assert {one.name for one in defs().schedules or []} >= {"nightly_small", "nightly_broken"}
    failed = job("nightly_broken").execute_in_process(partition_key=MISSED, instance=instance, raise_on_error=False)
    assert "strems" in failure_sentence(failed)
    assert not any(event.is_step_up_for_retry for event in failed.all_events)  # it would only be read again
