"""Another id for a question that was decided: the report says that its alpha knows nothing of the first look."""

from typing import Any

from smo_pipelines.domain.decisions import FindingCode
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.experiment.earlier_looks import decided_twins, looks_findings
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.workspace import Workspace
from tests.examples.projects import spec


def register(workspace: Workspace, **changes: Any) -> Experiment:
    return register_experiment(workspace, spec(**changes), "a test").experiment


def decide(workspace: Workspace, experiment: Experiment, verdict: str = "hold") -> None:
    workspace.store.put("decisions", experiment.spec_hash, meta={"verdict": verdict})


def test_a_look_under_another_id_is_told_with_what_it_found(workspace: Workspace) -> None:
    decide(workspace, register(workspace), "roll_back")
    again = register(workspace, id="again", replicates=4)
    (found,) = looks_findings(workspace, again)
    assert found.code is FindingCode.earlier_looks and not found.passed and not found.blocking
    assert "decided: small (roll back); this is another look at the same data" in found.sentence
    assert (found.actual, found.limit) == (1.0, 0.0)


def test_every_version_counts_that_was_decided_and_no_other(workspace: Workspace) -> None:
    first = register(workspace)
    second = register(workspace, version=2, supersedes=first.spec_hash, replicates=3)
    register(workspace, version=3, supersedes=second.spec_hash, replicates=4)
    for experiment in (first, second):
        decide(workspace, experiment)
    assert decided_twins(workspace, register(workspace, id="again")) == ["small (hold)", "small version 2 (hold)"]


def test_what_is_decided_later_changes_nothing_that_is_registered(workspace: Workspace) -> None:
    first, second = register(workspace), register(workspace, id="second")
    decide(workspace, first)
    assert looks_findings(workspace, second) == ()
    assert looks_findings(workspace, register(workspace, id="second")) == ()
    assert looks_findings(workspace, first) == ()


def test_another_question_arm_or_classifier_and_an_aa_test_are_no_further_look(workspace: Workspace) -> None:
    decide(workspace, register(workspace))
    given = spec()
    other_metric = {"primary": {**given["primary"], "metric": "auroc"}}
    other_arm = {"control": {**given["control"], "overlap": 4}}
    for name, changes in (("other-metric", other_metric), ("other-arm", other_arm)):
        assert looks_findings(workspace, register(workspace, id=name, **changes)) == ()
    (workspace.root.configs / "classifiers" / "wider.yaml").write_text("kind: tfidf\nngrams: [2, 4]\n", encoding="utf-8")
    fresh = Workspace(workspace.root)
    assert looks_findings(fresh, register(fresh, id="other-classifier", classifier="wider")) == ()
    nothing = {"treatment": {}, "null_test": "disjoint_seeds"}
    first = register(workspace, id="aa-1", **nothing)
    decide(workspace, first)
    assert looks_findings(workspace, register(workspace, id="aa-2", **nothing)) == ()
