"""What one experiment has computed, the next does not compute again."""

from datetime import UTC, datetime
from typing import Any

import yaml

from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.domain.labels import TIE
from smo_pipelines.experiment.prepare import build_arms
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.run import Conclusion, run_experiment
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from tests.examples.projects import spec

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FITS_OF_AN_ARM = 2 + 3  # replicates and redraws
MORE_TO_PLAN_FROM = 2  # four of the control are planned from


def run(workspace: Workspace, **changes: Any) -> Conclusion:
    experiment = register_experiment(workspace, spec(**changes), "a test").experiment
    return run_experiment(workspace, experiment, clock=lambda: NOW, launched_by="a test")


def test_fits_are_trained_once_whatever_asks_for_them(workspace: Workspace) -> None:
    first = run(workspace)
    assert first.trained == 2 * FITS_OF_AN_ARM + MORE_TO_PLAN_FROM
    hash_of_first = first.record.experiment.spec_hash
    again = {"version": 2, "supersedes": hash_of_first}

    margin = [{"metric": "average_precision", "on": "gold", "items": "gold_unchanged", "margin": 0.01}]
    assert run(workspace, guardrails=margin, **again).trained == 0, "a margin is not part of a fit"
    (workspace.root.configs / "rules" / "strict.yaml").write_text("alpha: 0.01\n")
    strict = open_workspace(workspace.root.path)
    assert run(strict, id="strictly", rule="strict").trained == 0, "nor is a rule"

    added = {"kind": "items", "project": "demo", "items": {"split": "benchmark", "locale": "en-GB"}, "golds": ["hate@3", "hate@4"]}
    (workspace.root.configs / "benchmarks" / "english.yaml").write_text(yaml.safe_dump(added))
    wider = open_workspace(workspace.root.path)
    assert run(wider, id="wider", benchmarks=["english"]).trained == 0, "nor a benchmark, unless its texts leave training"

    other = {"guideline": "hate@4", "pool": "vendor-lenient@1"}
    assert run(wider, id="other", treatment=other).trained == FITS_OF_AN_ARM, "the control is there"


def test_soft_labels_keep_the_items_that_majority_loses(workspace: Workspace) -> None:
    """An even number of ratings ties some items; only an experiment whose arms both learn soft labels keeps them."""
    tied = {
        "project": "demo",
        "question": "hate",
        "items": {"split": "train"},
        "guideline": "hate@3",
        "pool": "core@1",
        "overlap": 4,
    }
    soft = {**tied, "aggregation": "soft_shares"}
    shared = {"guardrails": [], "raters": "random"}
    both = build_arms(
        workspace,
        register_experiment(workspace, spec(id="soft", control=soft, treatment={"overlap": 2}, **shared), "a test").experiment,
    )
    one = build_arms(
        workspace,
        register_experiment(
            workspace, spec(id="mixed", control=tied, treatment={"aggregation": "soft_shares"}, **shared), "a test"
        ).experiment,
    )
    assert both.matching.tied == 0 and one.matching.tied > 0
    kept = both.training_set(ArmName.control, ReplicateKind.snapshot, 0)
    assert (kept.labels == TIE).any() and kept.targets is not None
    assert set(kept.targets.shares[kept.labels == TIE, 1]) == {0.5}
    assert one.training_set(ArmName.control, ReplicateKind.snapshot, 0).targets is None
    learned = one.training_set(ArmName.treatment, ReplicateKind.snapshot, 0)
    assert learned.targets is not None and set(learned.labels.tolist()) == {0, 1}
    redrawn = [both.training_set(ArmName.control, ReplicateKind.redraw, k).targets for k in range(2)]
    assert redrawn[0] is not None and redrawn[1] is not None and redrawn[0].digest != redrawn[1].digest

    found = run(workspace, id="soft", control=soft, treatment={"overlap": 2}, **shared)
    assert found.trained == 2 * FITS_OF_AN_ARM + MORE_TO_PLAN_FROM
