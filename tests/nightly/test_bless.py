"""A baseline: made once, kept for ever, and refused when a part of it is no longer what it was."""

import dataclasses

import pytest
import yaml

from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.errors import BaselineChanged, NightlyError
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly import materials as materials_module
from smo_pipelines.nightly.bless import bless, blessed_dates, current_baseline
from smo_pipelines.nightly.night import pending_nights, run_night, run_nights
from smo_pipelines.nightly.records import stored_baselines
from tests.examples.nights import BLESSED, FAR, PLAN, add_labels, day, make_nightly_project, plan_of, write_plan


def test_runs_are_draws_of_days_before_the_blessing(quiet: Workspace) -> None:
    baseline = current_baseline(quiet, plan_of(quiet))
    assert baseline.id == day(BLESSED).isoformat()
    dates = [run.date for run in baseline.runs]
    assert len(dates) == 20 and max(dates) == day(BLESSED) and min(dates) == day(BLESSED - 11)
    assert len({run.run.training for run in baseline.runs}) == len({run.run.fit for run in baseline.runs}) == 20
    assert [run.run.id.text for run in baseline.runs][:2] == [f"small/blessed/{baseline.id}/{k:02d}" for k in range(2)]
    for stream in baseline.streams:
        assert len(set(baseline.values(stream))) > 10, "each run differs"


def test_dates_are_spread_evenly(quiet: Workspace) -> None:
    plan = dataclasses.replace(plan_of(quiet), blessed_over_days=10)
    assert blessed_dates(plan, day(40), 5) == tuple(day(40 - k) for k in (0, 2, 4, 6, 8))
    assert set(blessed_dates(dataclasses.replace(plan, blessed_over_days=0), day(40), 5)) == {day(40)}


def test_blessing_again_changes_nothing_and_another_day_is_another_baseline(quiet: Workspace) -> None:
    plan = plan_of(quiet)
    first = current_baseline(quiet, plan)
    same, new = bless(quiet, plan, date=day(BLESSED), now=FAR)
    assert not new and same == first
    run_night(quiet, plan, day(BLESSED + 1), now=FAR)
    later, new = bless(quiet, plan, date=day(BLESSED + 2), now=FAR)
    assert new and later != first
    assert stored_baselines(quiet.store, plan.id) == (first, later), "the history is kept"
    assert current_baseline(quiet, plan) == later
    assert pending_nights(quiet, plan, FAR)[0] == day(BLESSED + 3)
    more, _ = bless(quiet, plan, date=day(BLESSED + 2), now=FAR, runs=21)
    assert more.id == f"{day(BLESSED + 2).isoformat()}.2" and len(more.runs) == 21


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"recipe": {**PLAN["recipe"], "overlap": 5}}, "recipe was"),  # type: ignore[dict-item]
        ({"items": 150}, "draw was '160 items of 12 days"),
        ({"runs": 3}, "draw was"),
        ({"alpha": 0.01}, "false alarms was '0.05 in 365 nights' and is '0.01 in 365 nights'"),
        ({"streams": [{**PLAN["streams"][0], "margin": 0.04}, PLAN["streams"][1]]}, "margin 0.05"),  # type: ignore[index, dict-item]
        ({"streams": [PLAN["streams"][0]]}, "is 'not there'"),  # type: ignore[index]
    ],
)
def test_a_changed_plan_is_refused_with_what_changed(quiet: Workspace, change: dict[str, object], part: str) -> None:
    write_plan(quiet.root.path, **change)
    changed = open_workspace(quiet.root.path)
    with pytest.raises(BaselineChanged) as refused:
        run_nights(changed, plan_of(changed), now=FAR, until=day(BLESSED + 1))
    assert part.removesuffix("'not there'") in str(refused.value) and "smo bless small" in str(refused.value)


def test_changed_classifier_benchmark_and_code_are_refused(quiet: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    until = day(BLESSED + 1)
    with monkeypatch.context() as patch:
        patch.setattr(materials_module, "CODE_VERSION", "fit 99, score 2")
        with pytest.raises(BaselineChanged, match="code was"):
            run_nights(quiet, plan_of(quiet), now=FAR, until=until)
    classifier = quiet.root.configs / "classifiers" / "quick.yaml"
    before = classifier.read_text()
    classifier.write_text(yaml.safe_dump({"kind": "tfidf", "ngrams": [2, 4]}))
    changed = open_workspace(quiet.root.path)
    with pytest.raises(BaselineChanged, match="classifier was"):
        run_nights(changed, plan_of(changed), now=FAR, until=until)
    classifier.write_text(before)
    benchmark = quiet.root.configs / "benchmarks" / "gold.yaml"
    spec = yaml.safe_load(benchmark.read_text())
    benchmark.write_text(yaml.safe_dump({**spec, "items": {**spec["items"], "locale": "en-GB"}}))
    changed = open_workspace(quiet.root.path)
    with pytest.raises(BaselineChanged, match="benchmark gold was"):
        run_nights(changed, plan_of(changed), now=FAR, until=until)


def test_alerts_and_their_hour_are_no_part_but_the_windows_hour_is(quiet: Workspace) -> None:
    write_plan(quiet.root.path, alerts={"webhooks": [{"url_env": "SMO_ALERT_WEBHOOK"}]}, blessed_runs=30, description="other words")
    changed = open_workspace(quiet.root.path)
    assert run_nights(changed, plan_of(changed), now=FAR, until=day(BLESSED + 1))
    write_plan(quiet.root.path, schedule={"hour": 9})
    changed = open_workspace(quiet.root.path)
    with pytest.raises(BaselineChanged, match="draw was"):
        run_nights(changed, plan_of(changed), now=FAR, until=day(BLESSED + 2))


def refused(workspace: Workspace, plan: NightlyPlan, number: int = BLESSED, **arguments: int) -> str:
    with pytest.raises(NightlyError) as error:
        bless(workspace, plan, date=day(number), now=FAR, **arguments)
    return str(error.value)


def test_what_cannot_be_blessed_is_refused_and_leaves_nothing(quiet: Workspace) -> None:
    plan = plan_of(quiet)
    assert "at least 20 runs, got 19" in refused(quiet, plan, runs=19)
    assert "holds" in refused(quiet, dataclasses.replace(plan, items=5000)) and "a draw takes 5,000" in refused(
        quiet, dataclasses.replace(plan, items=5000)
    )
    high = dataclasses.replace(plan, streams=(dataclasses.replace(plan.streams[0], floor=0.99),))
    assert "on the wrong side of the floor 0.99" in refused(quiet, high, BLESSED + 1)
    with pytest.raises(NightlyError, match="which is not over"):
        bless(quiet, plan, date=day(BLESSED), now=plan.schedule.moment(day(BLESSED - 1)))
    assert len(stored_baselines(quiet.store, plan.id)) == 1


def test_slices_without_enough_items_are_not_watched(quiet: Workspace) -> None:
    streams = [{"metric": "average_precision", "on": "gold", "gold": "hate@4", "by": "clause", "margin": 0.1}]
    write_plan(quiet.root.path, "sliced", streams=streams)
    workspace = open_workspace(quiet.root.path)
    baseline, _ = bless(workspace, plan_of(workspace, "sliced"), date=day(BLESSED), now=FAR)
    watched = {stream.question.items for stream in baseline.streams}
    left_out = {why.question.items for why in baseline.unwatched}
    assert watched and left_out and not watched & left_out
    assert all(why.sentence for why in baseline.unwatched)


def test_a_history_that_was_imported_in_bulk(tmp_path_factory: pytest.TempPathFactory) -> None:
    workspace = open_workspace(make_nightly_project(tmp_path_factory.mktemp("bulk") / "project"))
    plan = plan_of(workspace)
    with pytest.raises(NightlyError, match="has no baseline"):
        current_baseline(workspace, plan)
    add_labels(workspace, days=30, imported_on=BLESSED + 1)  # half a day after the moment of the blessing's date
    with pytest.raises(NightlyError, match="--imported-later"):
        bless(workspace, plan, date=day(BLESSED), now=FAR)
    now = plan.schedule.moment(day(BLESSED + 1))
    baseline, _ = bless(workspace, plan, date=day(BLESSED), now=now, known_at_blessing=True)
    assert baseline.known_at_blessing and baseline.seen_at == now and len({run.run.training for run in baseline.runs}) == 20
    assert stored_baselines(workspace.store, plan.id) == (baseline,)
    assert bless(workspace, plan, date=day(BLESSED), now=FAR, known_at_blessing=True) == (baseline, False)
    night = run_night(workspace, plan, day(BLESSED + 1), now=FAR)
    assert len(night.runs) == 2, "the first night sees the history too"
