"""Prices and the digest of decisions that were really made; the small experiment takes seconds."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.phrases import shown_effect
from smo_pipelines.domain.price import ComputeUse, Money
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import ConfigError
from smo_pipelines.experiment.change_digest import change_digest, publish_digest
from smo_pipelines.experiment.decision_json import decision_from_json
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.price import experiment_price, spending_from_json
from smo_pipelines.experiment.record import publish, tracker_of
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.run import Conclusion, run_experiment
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from tests.examples.projects import SPEC, write_spec
from tests.examples.records import example_record

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FEW: dict[str, Any] = {"raters": "fixed", "redraws": None}  # no redraws: four fits, which the experiments here share


def decide(workspace: Workspace, name: str, day: int = 0) -> Conclusion:
    experiment = register_experiment(workspace, find_experiment(workspace, name).raw, "a test").experiment
    conclusion = run_experiment(workspace, experiment, clock=lambda: NOON + timedelta(days=day), launched_by="a test")
    publish(workspace, conclusion.record)
    return conclusion


def test_a_decision_is_read_back_as_it_was_written() -> None:
    decision = example_record().decision
    assert decision_from_json(decision.to_json()) == decision
    assert decision_from_json(decision.to_json()).digest == decision.digest


def test_nothing_decided_is_said(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="no experiment is decided yet"):
        change_digest(workspace)


@pytest.fixture(scope="module")
def project(filled_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for several tests that read it, or add to it what the others do not look at."""
    root = tmp_path_factory.mktemp("decided") / "project"
    shutil.copytree(filled_project, root)
    return root


@pytest.fixture(scope="module")
def decided(project: Path) -> dict[str, Conclusion]:
    """Three decisions: on a guideline edit, on a smaller overlap, and a second look at the first."""
    workspace = open_workspace(project)
    (workspace.root.configs / "costs.yaml").write_text("currency: USD\ncore_hour: 0.05\n")
    write_spec(project, **FEW)
    overlap = {"control": {**SPEC["control"], "guideline": "hate@4"}, "treatment": {"overlap": 2}, "guardrails": None}
    write_spec(project, "fewer", change={"id": "OC-0043", "what": "two <raters>"}, **overlap, **FEW)
    found = {"first": decide(workspace, "small"), "fewer": decide(workspace, "fewer", day=1)}
    spec_hash = found["first"].record.experiment.spec_hash
    write_spec(project, version=2, supersedes=spec_hash, replicates=3, **FEW)
    # experiments are read once a workspace
    return {**found, "second": decide(open_workspace(project), "small", day=2)}


def test_what_was_spent_is_measured_and_has_a_price(project: Path, decided: dict[str, Conclusion]) -> None:
    workspace, record = open_workspace(project), decided["first"].record
    # five ratings an item in both arms cost the same, two cost two fifths
    price = record.price
    assert price is not None
    totals = [arm.spending.labels.total for arm in price.arms]
    assert totals[0] == totals[1] and isinstance(totals[0], Money) and totals[0].currency == "USD"
    arms = load_arms(workspace, record.experiment)
    jobs = jobs_of(workspace, arms)
    assert all(workspace.store.get("fits", job.key).meta["seconds"] > 0 for job in jobs)
    assert all(isinstance(arm.spending.compute, ComputeUse) and arm.spending.compute.hours > 0 for arm in price.arms)
    assert all(isinstance(arm.computing, Money) for arm in price.arms)
    cheaper = decided["fewer"].record.price
    assert cheaper is not None
    control, treatment = (arm.spending.labels.total for arm in cheaper.arms)
    assert isinstance(control, Money) and isinstance(treatment, Money)
    assert treatment.amount == pytest.approx(0.4 * control.amount, rel=0.02)  # raters of different pay fall out by chance
    assert isinstance(cheaper.extra, Money) and cheaper.extra.amount < 0

    # what is kept is what was spent; the same is found again
    kept = workspace.store.get("decisions", record.experiment.spec_hash)
    assert spending_from_json(kept.read("spending.json").decode()) == tuple(arm.spending for arm in price.arms)
    assert experiment_price(workspace, arms, jobs, shown_effect(record.decision)) == price
    assert "What it cost" in (workspace.root.state / "reports" / "small.html").read_text()


def test_decisions_are_read_together_and_superseded_ones_marked(project: Path, decided: dict[str, Conclusion]) -> None:
    digest = change_digest(open_workspace(project))
    names = [(one.change.experiment, one.change.version, one.change.superseded_by) for one in digest.changes]
    assert names == [("small", 1, 2), ("fewer", 1, None), ("small", 2, None)]
    assert [one.change.kind for one in digest.changes[:2]] == [ChangeKind.guideline_edit, ChangeKind.overlap_change]
    records = [conclusion.record for conclusion in decided.values()]
    assert [one.change.effect for one in digest.changes] == [shown_effect(record.decision) for record in records]
    assert [one.change.price for one in digest.changes] == [record.price for record in records]
    assert digest.changes[2].change.looks == 2
    # two first looks at 5% and a second one at half of that
    assert digest.false_ships.expected_at_most == pytest.approx(2 * 0.025 + 0.0125)
    (use,) = digest.benchmarks
    assert (use.benchmark, len(use.experiments)) == ("gold", 3)


def test_in_the_tracker_one_run_says_it_and_the_next_takes_its_place(project: Path, decided: dict[str, Conclusion]) -> None:
    workspace = open_workspace(project)
    published = publish_digest(workspace, change_digest(workspace))
    assert publish_digest(workspace, change_digest(workspace)).runs == published.runs
    page = (workspace.root.state / "digest.html").read_text()
    assert "wo &lt;raters&gt;" in page and "<raters>" not in page
    client = tracker_of(workspace)._client
    (run,) = client.search_runs([published.runs["hate"].experiment_id], "tags.`smo.role` = 'digest'")
    assert run.data.tags["smo.state"] == "final"
    assert run.data.metrics["0 digest/changes decided"] == 2
    assert {file.path for file in client.list_artifacts(run.info.run_id, "report")} == {"report/digest.html"}
    write_spec(project, "third", change={"id": "OC-0044", "what": "again"}, area="elsewhere", **FEW)
    later = open_workspace(project)
    decide(later, "third", day=3)
    renewed = publish_digest(later, change_digest(later))
    assert set(renewed.runs) == {"hate", "elsewhere"}
    assert renewed.runs["hate"].run_id != published.runs["hate"].run_id
    (run,) = client.search_runs([published.runs["hate"].experiment_id], "tags.`smo.role` = 'digest'")
    assert run.info.run_id == renewed.runs["hate"].run_id


def test_fits_from_before_times_were_kept_leave_computing_unknown(workspace: Workspace) -> None:
    write_spec(workspace.root.path, **FEW)
    record = decide(workspace, "small").record
    arms = load_arms(workspace, record.experiment)
    jobs = jobs_of(workspace, arms)
    fit = workspace.store.get("fits", jobs[0].key)
    untimed = {name: value for name, value in fit.meta.items() if name != "seconds"}
    files = {name: fit.read(name) for name in fit.names}
    workspace.store.put("fits", fit.key, meta=json.loads(json.dumps(untimed)), files=files, replace=True)
    price = experiment_price(workspace, arms, jobs, shown_effect(record.decision))
    control = price.arms[0].spending.compute
    assert isinstance(control, NotMeasured)
    assert control.sentence == "1 of 2 fits were made before their time was kept"
    assert isinstance(price.arms[1].spending.compute, ComputeUse)
