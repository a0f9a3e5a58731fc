"""The plan of an experiment: made before it is trained, from files or from the control's first fits, and never again."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.domain.decisions import FindingCode, Verdict
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role, WhyNot
from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.domain.plans import Plan, PlannedQuestion
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.plan import findings_of, make_plan, pilot_ids
from smo_pipelines.experiment.plans import find_plan, keep_plan, plan_from_json
from smo_pipelines.experiment.prepare import build_arms, is_pinned
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.replicate import ReplicateJob, run_replicate
from smo_pipelines.experiment.run import Conclusion, plan_of, run_experiment
from smo_pipelines.experiment.workspace import Workspace
from tests.examples.projects import spec

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def planned(workspace: Workspace, **changes: Any) -> tuple[Plan, list[str]]:
    """Return the plan of a spec that nobody registered, and the labels of the fits that were asked for."""
    arms = build_arms(workspace, resolve_experiment(spec(**changes), workspace.catalogue))
    asked: list[str] = []

    def fit(jobs: Sequence[ReplicateJob]) -> None:
        asked.extend(job.id.label for job in jobs)
        for job in jobs:
            run_replicate(job)

    return plan_of(workspace, arms, fit), asked


def run(workspace: Workspace, **changes: Any) -> Conclusion:
    experiment = register_experiment(workspace, spec(**changes), "a test").experiment
    return run_experiment(workspace, experiment, clock=lambda: NOW, launched_by="a test")


def write_components(workspace: Workspace, plan: Plan, **changes: Any) -> None:
    """Write what a plan was made from as the project's file of measured components."""
    arms = build_arms(workspace, resolve_experiment(spec(), workspace.catalogue))
    rows = []
    for one in plan.questions:
        assert isinstance(one, PlannedQuestion)
        question = {"metric": one.question.metric, "on": one.question.on, "gold": one.question.gold, "items": one.question.items}
        facts = {"project": "demo", "benchmark": arms.benchmarks[0].digest[:16], "training_items": len(arms.matching)}
        parts = {name: value for name, value in vars(one.components).items() if value is not None}
        rows.append({**question, **facts, **parts, "source": "an earlier study", **changes})
    folder = workspace.root.configs / "components"
    folder.mkdir(exist_ok=True)
    content = {"classifier": arms.experiment.classifier.digest[:16], "seconds_a_fit": 2.5, "measured": rows}
    (folder / "quick.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_control_alone_is_fitted_to_plan_from_and_nothing_is_registered(workspace: Workspace) -> None:
    plan, asked = planned(workspace)
    assert asked == [f"control-snapshot-{k}" for k in range(4)] + [f"control-redraw-{k}" for k in range(3)]
    assert [one.question.role for one in plan.questions] == [Role.primary, Role.guardrail]
    for one in plan.questions:
        assert isinstance(one, PlannedQuestion)
        assert 0.0 < one.power < 1.0 and one.power in one.interval
        assert one.source == "4 fits of the control and 3 on redraws of its raters, trained for this plan"
        assert (one.components.run_df, one.components.redraw_df) == (3.0, 2.0)
        assert one.cost.minutes is not None and one.cost.labels == 0
    assert workspace.store.keys("registered") == workspace.store.keys("plans") == workspace.store.keys("prepared") == []
    again, asked_again = planned(workspace)
    assert again == plan, "the same fits give the same plan"
    assert asked_again == asked, "who runs them finds them in the store"


def test_pilot_fits_are_the_ones_the_experiment_needs(workspace: Workspace) -> None:
    experiment = resolve_experiment(spec(replicates=6, redraws=8), workspace.catalogue)
    pilot = pilot_ids(experiment)
    assert set(pilot) <= set(experiment.replicate_ids())
    assert {one.arm for one in pilot} == {ArmName.control}
    kinds = [one.kind for one in pilot]
    assert (kinds.count(ReplicateKind.snapshot), kinds.count(ReplicateKind.redraw)) == (4, 5)
    fixed = pilot_ids(resolve_experiment(spec(raters="fixed", redraws=None), workspace.catalogue))
    assert [one.kind for one in fixed].count(ReplicateKind.redraw) == 3, "redraws show how far other labels move single items"


def test_a_plan_is_stored_before_training_and_never_made_again(workspace: Workspace) -> None:
    conclusion = run(workspace)
    experiment = conclusion.record.experiment
    plan = find_plan(workspace.store, experiment)
    assert plan is not None and plan == conclusion.record.plan
    assert plan_from_json(json.dumps(json.loads(workspace.store.get("plans", experiment.spec_hash).read("plan.json")))) == plan

    def refuse(_: Sequence[ReplicateJob]) -> None:
        raise AssertionError("a plan that is stored is not made again")

    write_components(workspace, plan, sd_seed=0.5)
    arms = build_arms(workspace, experiment)
    assert plan_of(workspace, arms, refuse) == plan
    keep_plan(workspace.store, replace(plan, alpha=0.5))
    assert find_plan(workspace.store, experiment) == plan
    codes = [finding.code for finding in conclusion.record.decision.findings]
    assert codes.count(FindingCode.planned_power) == 1
    assert run(workspace).record.decision.digest == conclusion.record.decision.digest


def test_the_plan_foretells_the_width_that_comes(workspace: Workspace) -> None:
    """Not a calibration: the interval of one experiment is within a factor two of the one that was planned."""
    record = run(workspace, replicates=4, redraws=5).record
    assert record.plan is not None
    for one in record.plan.questions:
        assert isinstance(one, PlannedQuestion)
        found = next(e for e in record.decision.effects if e.question == one.question)
        assert isinstance(found, EffectEstimate)
        half = (found.interval.high - found.interval.low) / 2
        assert 0.5 < half / one.half_width < 2.0, one.question


def test_components_of_a_file_are_planned_from_and_nothing_is_fitted(workspace: Workspace) -> None:
    from_fits, _ = planned(workspace)
    write_components(workspace, from_fits)
    from_file, asked = planned(workspace)
    assert asked == []
    for one, other in zip(from_file.questions, from_fits.questions, strict=True):
        assert isinstance(one, PlannedQuestion) and isinstance(other, PlannedQuestion)
        assert one.source == "an earlier study"
        assert one.power == other.power


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"benchmark": "0123456789abcdef"}, "another version of the benchmark"),
        ({"project": "elsewhere"}, "another project's labels"),
        ({"training_items": 5000}, "many more items to learn from"),
        ({"change": "rater_pool_swap"}, "another kind of change"),
        ({"sd_rater": None, "effective_raters": None, "redraw_df": None}, "no rater part"),
    ],
)
def test_components_of_something_else_are_not_used(workspace: Workspace, changes: dict[str, Any], why: str) -> None:
    from_fits, _ = planned(workspace)
    write_components(workspace, from_fits, **changes)
    assert planned(workspace)[1] != [], why


def test_components_of_another_configuration_are_not_used(workspace: Workspace) -> None:
    from_fits, _ = planned(workspace)
    write_components(workspace, from_fits)
    (workspace.root.configs / "classifiers" / "quick.yaml").write_text("kind: tfidf\nngrams: [2, 4]\n", encoding="utf-8")
    again = Workspace(workspace.root)
    assert planned(again)[1] != []


def test_an_experiment_that_can_have_no_interval_is_invalid_before_anything_else_is_trained(workspace: Workspace) -> None:
    conclusion = run(workspace, id="one-run", replicates=1)
    decision = conclusion.record.decision
    assert decision.verdict is Verdict.invalid
    assert "1 run an arm says nothing about the spread between runs" in decision.sentence
    assert decision.effects == () and conclusion.record.replicates == ()
    arms = build_arms(workspace, conclusion.record.experiment)
    treatment = [job.key for job in jobs_of(workspace, arms) if job.id.arm is ArmName.treatment]
    assert all(workspace.store.find("fits", key) is None for key in treatment)
    (found,) = [f for f in findings_of(workspace, arms) if f.code is FindingCode.power_unknown]
    assert found.blocking and not found.passed


def test_one_rating_an_item_leaves_a_claim_about_these_raters_unplanned_but_valid(workspace: Workspace) -> None:
    control = {**spec()["control"], "overlap": 1}
    plan, _ = planned(workspace, id="single", control=control, raters="fixed", redraws=None)
    assert isinstance(plan.primary, NotEstimable) and plan.primary.code is WhyNot.not_recorded
    record = run(workspace, id="single", control=control, raters="fixed", redraws=None).record
    assert record.decision.verdict is not Verdict.invalid
    (warned,) = [f for f in record.decision.findings if f.code is FindingCode.power_unknown]
    assert not warned.blocking and not warned.passed


def test_low_power_is_a_warning_that_decides_nothing(workspace: Workspace) -> None:
    record = run(workspace).record
    (warned,) = [f for f in record.decision.findings if f.code is FindingCode.planned_power]
    assert not warned.blocking and not warned.passed and warned.actual < warned.limit == 0.8
    assert record.decision.verdict is not Verdict.invalid
    assert any("the lowest planned power" in reason.lower() for reason in record.decision.reasons)


def test_the_pilot_is_asked_for_once(workspace: Workspace) -> None:
    arms = build_arms(workspace, resolve_experiment(spec(), workspace.catalogue))
    from smo_pipelines.experiment.stored import put_benchmark

    for benchmark in arms.benchmarks:
        put_benchmark(workspace.store, benchmark)
    calls: list[int] = []

    def fit(jobs: Sequence[ReplicateJob]) -> None:
        calls.append(len(jobs))
        for job in jobs:
            run_replicate(job)

    make_plan(workspace, arms, pilot=jobs_of(workspace, arms, pilot_ids(arms.experiment)), fit=fit)
    assert calls == [7]
    assert not is_pinned(workspace, arms.experiment)
