"""Every shipped experiment is likely to show what it is for, by components that are shipped with it; one that is not fails here."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smo_pipelines.analysis.compare import alpha_of
from smo_pipelines.config.components import load_components
from smo_pipelines.config.experiments import Catalogue, load_experiment_files, resolve_experiment
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.effects import Question
from smo_pipelines.domain.experiments import Experiment, RaterClaim
from smo_pipelines.domain.plans import TARGET_POWER, MeasuredComponents, PlannedQuestion
from smo_pipelines.experiment.prepare import build_arms
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.run import plan_of
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.formats import read
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation
from smo_pipelines.stats.power import PowerDesign, RaterDraw, power

CHECKOUT = ProjectRoot(Path(__file__).parents[2])
SHIPPED = load_experiment_files(CHECKOUT)
EMBEDDED = sorted(name for name, file in SHIPPED.items() if file.raw["control"]["project"] == "demo")
KERN = sorted(set(SHIPPED) - set(EMBEDDED))


def resolved(name: str) -> Experiment:
    return resolve_experiment(SHIPPED[name].raw, Catalogue(CHECKOUT), SHIPPED[name].source)


def asked(experiment: Experiment) -> dict[Question, float]:
    rule = experiment.rule
    rails = {guardrail.question: guardrail.margin for guardrail in rule.guardrails}
    return {rule.primary.question: rule.primary.smallest_effect_of_interest, **rails}


def shipped_components(experiment: Experiment, question: Question) -> MeasuredComponents:
    file = load_components(CHECKOUT, experiment.classifier.name)
    assert file is not None, f"configs/components/{experiment.classifier.name}.yaml is not shipped"
    assert experiment.classifier.digest.startswith(file.classifier), "measured with another configuration of the classifier"
    wanted = (question.metric, question.on, question.items, question.threshold, experiment.control.project)
    for one in file.measured:
        of = one.question
        same_gold = not (of.gold and question.gold) or of.gold == question.gold
        if (of.metric, of.on, of.items, of.threshold, one.project) == wanted and same_gold and one.change is experiment.kind:
            return one
    raise AssertionError(f"no components of {question.label} are shipped for a change of the kind {experiment.kind}")


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_shipped_experiment_has_enough_power(name: str) -> None:
    """From the measured sizes of benchmark and rater pool, so that it needs no data."""
    experiment = resolved(name)
    for question, distance in asked(experiment).items():
        found = shipped_components(experiment, question)
        parts = found.components
        raters = None
        if experiment.raters is RaterClaim.random:
            assert parts.effective_raters is not None
            raters = RaterDraw(redraws=experiment.redraws, effective_raters=parts.effective_raters, same_raters=parts.same_raters)
        design = PowerDesign(
            runs=experiment.replicates,
            units=parts.units,
            clustered="hatecheck" in question.on,
            raters=raters,
            shared_seeds=experiment.null_test is None,
        )
        assert power(parts, design, distance, alpha_of(experiment)) >= TARGET_POWER, question.label


def refuse(_: Sequence[ReplicateJob]) -> None:
    raise AssertionError("the components that are shipped do not fit the experiment: it would be planned from fits")


def check_plan(workspace: Workspace, name: str) -> None:
    plan = plan_of(workspace, build_arms(workspace, resolved(name)), refuse)
    for one in plan.questions:
        assert isinstance(one, PlannedQuestion), one
        assert one.enough, one.question.label


@pytest.fixture(scope="module")
def operation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("operation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMO_STATE", str(state))
        write_operation(Workspace(CHECKOUT).tables, simulate_operation(0), imported_at=datetime(2026, 5, 1, tzinfo=UTC))
    return state


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_experiments_are_planned_with_enough_power_and_no_fit(
    name: str, operation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMO_STATE", str(operation))
    check_plan(Workspace(CHECKOUT), name)


@pytest.mark.real_data
@pytest.mark.parametrize("name", KERN)
def test_the_public_experiments_are_planned_with_enough_power_and_no_fit(
    name: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMO_STATE", str(tmp_path))
    workspace = Workspace(CHECKOUT)
    workspace.tables.append(
        read("kern2023", real_data / "kern2023", key=b"a key of this test alone"), imported_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    check_plan(workspace, name)


def test_changes_of_another_kind_do_not_pass_by_components_of_this_one() -> None:
    experiment = resolved(EMBEDDED[0])
    assert all(shipped_components(experiment, question).change is experiment.kind for question in asked(experiment))
    assert ChangeKind.compound not in {resolved(name).kind for name in SHIPPED}
