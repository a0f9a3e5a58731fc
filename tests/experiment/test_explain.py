from datetime import UTC, datetime
from pathlib import Path

import pytest

from smo_pipelines.domain.attribution import Attribution, Partition, Split
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.experiments import Experiment, RaterClaim
from smo_pipelines.errors import ConfigError
from smo_pipelines.experiment.explain import Explanation, explain, show_in_report
from smo_pipelines.experiment.record import publish
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.run import run_experiment
from smo_pipelines.experiment.workspace import Workspace
from tests.examples.projects import spec

BY = (Partition.clauses, Partition.recipe)


def clock() -> datetime:
    return datetime(2026, 5, 2, tzinfo=UTC)


@pytest.fixture
def decided(workspace: Workspace) -> Experiment:
    experiment = register_experiment(workspace, spec(raters="fixed", redraws=0), "a test").experiment
    assert experiment.raters is RaterClaim.fixed
    publish(workspace, run_experiment(workspace, experiment, clock=clock, launched_by="a test").record)
    return experiment


def by(explanation: Explanation, partition: Partition) -> Attribution:
    return next(one for one in explanation.attributions if one.partition is partition)


def test_a_change_is_split_once_and_shown_in_the_report(workspace: Workspace, decided: Experiment) -> None:
    told: list[str] = []
    first = explain(workspace, decided, by=BY, on_progress=lambda label, _: told.append(label))
    clauses = by(first, Partition.clauses)
    assert first.trained > 0
    assert told[0] == "total"
    assert clauses.players[0].name == "clause 3.2"
    assert clauses.player("clause 3.2").flips > 20
    assert clauses.agreement is not None
    assert clauses.agreement.same_classifier and clauses.agreement.same_sign
    split = clauses.splits[0]
    assert isinstance(split, Split)
    assert split.shares[0].player == "clause 3.2"  # the embedded operation's planted cause
    assert sum(share.shapley.estimate for share in split.shares) == pytest.approx(split.treatment - split.control, abs=1e-9)
    again = explain(workspace, decided, by=BY)
    assert again.trained == 0
    assert again.attributions == first.attributions
    page = Path(show_in_report(workspace, decided, clock=clock)).read_text(encoding="utf-8")
    assert "Which part of the change moved the model" in page
    assert "clause 3.2" in page


def test_one_changed_field_is_nothing_to_split(workspace: Workspace, decided: Experiment) -> None:
    refused = by(explain(workspace, decided, by=(Partition.recipe,)), Partition.recipe).refused
    assert refused is not None
    assert refused.code is WhyNot.no_group


def test_coalitions_with_equal_labels_are_fitted_once(workspace: Workspace, decided: Experiment) -> None:
    explanation = explain(workspace, decided, by=(Partition.clauses,))
    clauses = by(explanation, Partition.clauses)
    still = [player for player in clauses.players if not player.flips]
    assert still, "an edited clause that changes no label"
    coalitions = 2 ** (len(clauses.players) - len(still))
    nulls = 19 * (len(clauses.players) - len(still))
    assert explanation.trained <= coalitions * clauses.runs + nulls


def test_an_experiment_without_a_decision_is_not_explained(workspace: Workspace) -> None:
    experiment = register_experiment(workspace, spec(id="waiting"), "a test").experiment
    with pytest.raises(ConfigError, match="smo run waiting"):
        explain(workspace, experiment)
