"""The gate on a real experiment, real nights and a real registry in a SQLite file."""

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from smo_pipelines.cli.main import main
from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.promotion import AliasName
from smo_pipelines.experiment.fits import fit_by_key, load_fit
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.record import decided_verdict, publish
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.run import run_experiment
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly import gate as gate_module
from smo_pipelines.nightly.bless import bless
from smo_pipelines.nightly.moves import moves_of
from smo_pipelines.nightly.night import run_nights
from smo_pipelines.nightly.promotion import promote, sync_registry
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation
from smo_pipelines.tracking.registry import ModelRegistry
from tests.examples.mlflow_at import mlflow_at
from tests.examples.ports import free_port
from tests.examples.projects import make_project, write_spec

BLESSED = dt.date(2026, 5, 1)
AFTER = dt.datetime(2026, 5, 3, 5, tzinfo=dt.UTC)
CHAMPION, CHALLENGER, PREVIOUS = AliasName.champion, AliasName.challenger, AliasName.previous_champion
TEXTS = ["they are all vermin", "a lovely soup", "go away, all of you"]

STREAM = {"metric": "average_precision", "on": "gold", "gold": "hate@4", "margin": 0.1, "floor": 0.2}
PLAN: dict[str, Any] = {
    "area": "hate",
    "recipe": {"project": "demo", "question": "hate", "items": {"split": "train"}},
    "label_set": "hate@4",
    "classifier": "quick",
    "items": 100,
    "blessed_over_days": 0,
    "streams": [STREAM],
}


def write_plan(project: Path, name: str = "demo", **changes: Any) -> None:
    (project / "configs" / "nightly").mkdir(exist_ok=True)
    (project / "configs" / "nightly" / f"{name}.yaml").write_text(yaml.safe_dump({**PLAN, **changes}))


def experiment_of(workspace: Workspace, name: str) -> Experiment:
    file = find_experiment(workspace, name)
    return resolve_experiment(file.raw, workspace.catalogue, file.source)


def run(workspace: Workspace, name: str) -> Experiment:
    file = find_experiment(workspace, name)
    experiment = register_experiment(workspace, file.raw, file.source).experiment
    publish(workspace, run_experiment(workspace, experiment, clock=lambda: AFTER, launched_by="test").record)
    return experiment


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an experiment that ships, another with the same change, and a blessed plan with two quiet nights."""
    project = make_project(tmp_path_factory.mktemp("shipped") / "project")
    workspace = open_workspace(project)
    operation = simulate_operation(0, train_items=500, benchmark_items=800, policies=["hate"])
    write_operation(workspace.tables, operation, imported_at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    easy = {
        "replicates": 5,
        "redraws": 8,
        "guardrails": [{"metric": "average_precision", "on": "gold", "items": "gold_unchanged", "margin": 0.3}],
    }
    write_spec(
        project,
        "ships",
        **easy,
        primary={"metric": "average_precision", "on": "gold", "gold": "hate@4", "smallest_effect_of_interest": 0.001},
    )
    write_spec(
        project,
        "again",
        **easy,
        primary={"metric": "average_precision", "on": "gold", "gold": "hate@4", "smallest_effect_of_interest": 0.002},
    )
    write_plan(project)
    assert decided_verdict(workspace, run(workspace, "ships")) == Verdict.ship
    plan = gate_module.plans_of(workspace, "hate")[0]
    bless(workspace, plan, date=BLESSED, now=AFTER)
    run_nights(workspace, plan, now=AFTER)
    return project


@pytest.fixture
def workspace(shipped: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(shipped, tmp_path / "project")
    return open_workspace(tmp_path / "project")


@pytest.mark.filterwarnings("ignore")  # of libraries that MLflow loads
def test_a_shipped_model_becomes_champion_when_the_nights_hold(workspace: Workspace) -> None:
    done = promote(workspace, experiment_of(workspace, "ships"), by="Ana", now=AFTER)
    assert done.outcome.passed, done.outcome.failures
    assert {check.name for check in done.outcome.checks} == {"decision", "nights", "episodes", "floors", "candidate"}
    assert done.registered.synced is not None and done.registered.synced.aliases == {CHAMPION: "1"}
    registry = ModelRegistry(gate_tracker(workspace), "hate")
    (version,) = registry.versions().values()
    baseline = gate_module.stored_baselines(workspace.store, "demo")[-1]
    assert version.tags["gate"] == "pass" and version.tags["approved_by"] == "Ana"
    assert version.tags["smo.baseline.demo"] == baseline.digest and version.tags["smo.blessed.demo"] == "2026-05-01"
    assert version.tags["smo.experiment"] == "ships" and version.tags["gate_report"].startswith("runs:/")

    again = promote(workspace, experiment_of(workspace, "ships"), by="Ben", now=AFTER)
    assert again.move is None and [move.by for move in moves_of(workspace.store, "hate")] == ["Ana"], "asking again moves nothing"

    import mlflow

    with mlflow_at(workspace.tracking_uri):
        served = mlflow.pyfunc.load_model("models:/smo-hate-clf@champion").predict(TEXTS)
    fitted = load_fit(workspace, fit_by_key(workspace, version.fit))
    np.testing.assert_array_equal(served["score"].to_numpy(), fitted.score(TEXTS))


def gate_tracker(workspace: Workspace) -> Any:
    from smo_pipelines.experiment.record import tracker_of

    return tracker_of(workspace)


def test_what_has_no_decision_is_refused_and_moves_nothing(workspace: Workspace) -> None:
    done = promote(workspace, experiment_of(workspace, "again"), by="Ana", now=AFTER)
    assert done.outcome.failures == ("again has no decision yet: `smo run again` gives one",)
    assert done.move is None and moves_of(workspace.store, "hate") == () and done.registered.synced is None


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.ship])
def test_only_ship_may_be_promoted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> None:
    monkeypatch.setattr(gate_module, "decided_verdict", lambda *_: str(verdict))
    done = promote(workspace, experiment_of(workspace, "ships"), by="Ana", now=AFTER)
    assert not done.outcome.passed and "only SHIP may be promoted" in done.outcome.failures[0]
    assert moves_of(workspace.store, "hate") == ()


@pytest.mark.filterwarnings("ignore")
def test_a_shipped_model_that_the_nights_hold_up_is_challenger_and_then_champion(workspace: Workspace) -> None:
    late = AFTER + dt.timedelta(days=4)
    held = promote(workspace, experiment_of(workspace, "ships"), by="Ana", now=late)
    assert held.outcome.failures == ("the newest night of plan demo is of 2026-05-03, 4 nights ago: `smo nightly demo` catches up",)
    assert held.registered.synced is not None and held.registered.synced.aliases == {CHALLENGER: "1"}
    assert promote(workspace, experiment_of(workspace, "ships"), by="Ana", now=late).move is None
    passed = promote(workspace, experiment_of(workspace, "ships"), by="Ben", now=AFTER)
    assert passed.registered.synced is not None and passed.registered.synced.aliases == {CHAMPION: "1"}, "no longer a challenger"
    assert [move.to for move in moves_of(workspace.store, "hate")] == [CHALLENGER, CHAMPION]
    assert ModelRegistry(gate_tracker(workspace), "hate").versions().popitem()[1].tags["gate"] == "pass"


def test_an_open_episode_or_a_broken_floor_holds_a_model_up(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.examples.nightly_records import nightly_record

    alarm = nightly_record(60, drops={2: (30, 60, 0.15)}).state
    quiet = gate_module.fold_state(workspace, gate_module.plans_of(workspace, "hate")[0])
    monkeypatch.setattr(gate_module, "fold_state", lambda *_: replace(quiet, episodes=alarm.episodes))
    judged = gate_module.judge(workspace, experiment_of(workspace, "ships"), now=AFTER)
    (failure,) = judged.outcome.failures
    assert failure.startswith("1 episode is open: False positive rate on demo-lookalikes") and judged.candidate is not None
    (state,) = quiet.streams
    broken = replace(state, nights=(*state.nights[:-1], replace(state.nights[-1], value=0.1)))
    monkeypatch.setattr(gate_module, "fold_state", lambda *_: replace(quiet, streams=(broken,)))
    assert gate_module.judge(workspace, experiment_of(workspace, "ships"), now=AFTER).outcome.failures == (
        "a floor is broken: Average precision on gold, gold hate@4 is 10.0",
    )


def test_a_candidate_must_keep_the_floors_itself(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = gate_module.plans_of(workspace, "hate")[0]
    state = gate_module.fold_state(workspace, plan)
    stream = state.streams[0].stream
    for value, said in (
        (0.1, "Average precision on gold, gold hate@4 of the candidate is 10.0, beyond the floor 20.0"),
        (None, "of the candidate is not known (it was not measured)"),
    ):
        values = {} if value is None else {stream.name: value}
        monkeypatch.setattr(gate_module, "_candidate_values", lambda *_, values=values: values)
        (failure,) = gate_module.judge(workspace, experiment_of(workspace, "ships"), now=AFTER).outcome.failures
        assert said in failure


def test_a_floor_on_items_that_the_candidate_was_trained_on_is_not_known(workspace: Workspace) -> None:
    """A benchmark that the experiment was not scored on may hold its training items."""
    content = yaml.safe_load((workspace.root.configs / "benchmarks" / "gold.yaml").read_text())
    content["items"] = {"split": "train", "policy": "hate"}
    (workspace.root.configs / "benchmarks" / "trained.yaml").write_text(yaml.safe_dump(content))
    write_plan(workspace.root.path, streams=[STREAM, {**STREAM, "on": "trained"}], benchmarks=["trained"])
    fresh = open_workspace(workspace.root.path)
    experiment = experiment_of(fresh, "ships")
    plan = gate_module.plans_of(fresh, "hate")[0]
    materials = gate_module.gather(fresh, plan)
    baseline = gate_module.stored_baselines(fresh.store, "demo")[-1]
    other = replace(baseline.streams[0], question=replace(baseline.streams[0].question, on="trained"))
    arms = load_arms(fresh, experiment)
    jobs = [job for job in gate_module.jobs_of(fresh, arms) if job.id.label.startswith("treatment-snapshot")][:1]
    values = gate_module._candidate_values(materials, replace(baseline, streams=(*baseline.streams, other)), jobs)
    assert isinstance(values[baseline.streams[0].name], float)
    leaked = values[other.name]
    assert isinstance(leaked, NotEstimable) and "of its training items stand in trained" in leaked.sentence
    # and the baseline is of other streams and benchmarks now
    (failure,) = gate_module.judge(fresh, experiment, now=AFTER).outcome.failures
    assert failure.startswith("the baseline of plan demo is of another benchmark trained")


def test_a_plan_without_a_baseline_and_an_area_without_a_plan_hold_everything_up(workspace: Workspace) -> None:
    write_plan(workspace.root.path, "other")
    fresh = open_workspace(workspace.root.path)
    failures = gate_module.judge(fresh, experiment_of(fresh, "ships"), now=AFTER).outcome.failures
    assert failures == ("nightly plan other has no baseline: `smo bless other` makes one",), "every plan of the area is asked"
    for name in ("other", "demo"):
        write_plan(workspace.root.path, name, area="elsewhere")
    fresh = open_workspace(workspace.root.path)
    (failure,) = gate_module.judge(fresh, experiment_of(fresh, "ships"), now=AFTER).outcome.failures
    assert failure.startswith("no nightly plan watches the area 'hate'")


@pytest.mark.filterwarnings("ignore")
def test_a_registry_that_is_down_is_brought_up_to_date_later(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = promote(workspace, experiment_of(workspace, "ships"), by="Ana", now=AFTER)
    assert done.outcome.passed and done.move is not None and "the move is recorded" in done.registered.waiting
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    synced = sync_registry(workspace, "hate").synced
    assert synced is not None and synced.aliases == {CHAMPION: "1"}


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command in this process; return its code and all it says, on one line."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    said = capsys.readouterr()
    return int(stop.value.code or 0), " ".join((said.out + said.err).split())


@pytest.mark.filterwarnings("ignore")
def test_a_second_champion_leaves_the_first_as_previous_and_a_hand_that_moves_an_alias_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = workspace.root.path
    monkeypatch.setenv("SMO_ROOT", str(root))
    clock = ("--clock", AFTER.isoformat())
    code, text = say(capsys, "promote", "again", *clock)
    assert code == 2 and "again does not become champion: again has no decision yet" in text
    # the same change on another classifier: the same fits would be the same model
    spec = yaml.safe_load((root / "experiments" / "again.yaml").read_text())
    (root / "configs" / "classifiers" / "other.yaml").write_text(yaml.safe_dump({"kind": "tfidf", "ngrams": [2, 4]}))
    write_spec(root, "again", **{**{key: value for key, value in spec.items() if key != "id"}, "classifier": "other"})
    fresh = open_workspace(root)
    assert decided_verdict(fresh, run(fresh, "again")) == Verdict.ship
    assert "is champion now of hate" in say(capsys, "promote", "ships", "--by", "Ana", *clock)[1]
    code, text = say(capsys, "promote", "again", *clock)
    assert code == 0 and "champion = version 2" in text and "previous-champion = version 1" in text, text
    with gate_tracker(workspace).session() as client:
        client.set_registered_model_alias("smo-hate-clf", "champion", "1")
    _, listed = say(capsys, "registry")
    assert "champion pointed at version 1, where somebody else had put it; it was put back" in listed
    assert "champion: again" in listed and "previous-champion: ships" in listed
