"""The public ratings of Kern et al. (2023), from their files to a decision, with the quick classifier in place of the transformer."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.decisions import FindingCode
from smo_pipelines.domain.effects import EffectEstimate, Role, ThresholdKind
from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.matrix import held_out_matrix
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.run import Conclusion, run_experiment
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.formats import read

pytestmark = pytest.mark.real_data
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Iterator[Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMO_STATE", str(tmp_path_factory.mktemp("state")))
        workspace = Workspace(ProjectRoot(Path(__file__).parents[2]))
        folder = Path(os.environ["SMO_REAL_DATA"]) / "kern2023"
        workspace.tables.append(read("kern2023", folder, key=b"a key of this test alone"), imported_at=NOW)
        yield workspace


@pytest.fixture(scope="module")
def conclusion(workspace: Workspace) -> Conclusion:
    raw = dict(find_experiment(workspace, "kern2023-a-to-b").raw)
    raw |= {"id": "kern2023-quick", "classifier": "tfidf", "replicates": 3, "redraws": 4}
    experiment = register_experiment(workspace, raw, "this test").experiment
    return run_experiment(workspace, experiment, clock=lambda: NOW, launched_by="a test")


def test_both_arms_label_every_training_tweet(conclusion):
    # 2,250 of the 3,000 tweets are the published training part; each is labelled under either instrument by three raters
    control, treatment = conclusion.record.arms
    assert (control.n_items, treatment.n_items) == (2250, 2250)
    # of the 184 and 183 raters of the published table, one of A labelled held-out tweets only (counted in the files)
    assert (control.n_raters, treatment.n_raters) == (183, 183)
    shift = conclusion.record.labels
    assert (shift.only_control, shift.only_treatment) == (0, 0)


def test_the_declared_assignment_of_raters_is_checked_and_holds(conclusion):
    checked = {finding.code: finding for finding in conclusion.record.decision.findings}
    assert checked[FindingCode.sample_ratio].passed
    assert all(finding.passed for finding in checked.values() if finding.blocking)


def test_it_decides_on_hatecheck_at_both_operating_points_with_rater_variance(conclusion):
    effects = [e for e in conclusion.record.decision.effects if isinstance(e, EffectEstimate)]
    primary = next(e for e in effects if e.question.role is Role.primary)
    assert primary.n_items == 3728
    assert primary.n_clusters < 1000  # templates, not cases, are independent of each other
    assert primary.components["raters"] > 0
    (guardrail,) = (e for e in effects if e.question.role is Role.guardrail)
    assert guardrail.question.metric == "balanced_accuracy"
    flagged = [e for e in effects if e.question.metric == "false_positive_rate" and e.question.on == "hatecheck"]
    assert {e.question.threshold for e in flagged} == set(ThresholdKind)
    assert conclusion.trained == 2 * (3 + 4)  # planned from the components that are shipped, so without a fit more


def test_held_out_labels_are_shown_as_diagnostic(conclusion):
    held_out = [b for b in conclusion.record.benchmarks if b.name.startswith("kern2023-heldout")]
    assert len(held_out) == 2
    assert all(b.diagnostic for b in held_out)


def test_held_out_labels_exist_for_every_instrument_and_question(workspace, real_data):
    ratings = pd.read_csv(real_data / "kern2023" / "full_test_s.csv")
    sizes = {}
    for column, prefix in (("hate.speech", "kern2023-heldout"), ("offensive.language", "kern2023-offensive-heldout")):
        shares = ratings.groupby(["version", "tweet.id"])[column].mean().dropna()
        decided = shares[shares != 0.5]  # a tie of two ratings has no majority
        sizes |= {f"{prefix}-{version}": len(of) for version, of in decided.groupby(level=0)}
    assert len(sizes) == 10 and sizes["kern2023-heldout-A"] == 750
    assert {name: len(load_benchmark(workspace, name)) for name in sizes} == sizes


def test_the_matrix_of_training_and_test_instruments(workspace, conclusion):
    matrix = held_out_matrix(workspace, ["kern2023-quick"], "auroc")
    assert matrix.columns == ("kern2023-heldout-A", "kern2023-heldout-B")
    assert [row.trained_on for row in matrix.rows] == [
        "kern2023-quick control: instrument A",
        "kern2023-quick treatment: instrument B",
    ]
    for row, arm in zip(matrix.rows, ArmName, strict=True):
        for name in matrix.columns:
            level = row.levels[name]
            fits = [r for r in conclusion.record.replicates if r.id.arm is arm and r.id.kind is ReplicateKind.snapshot]
            assert level.value == pytest.approx(np.mean([fit.metrics[f"auroc on {name}"] for fit in fits]), abs=1e-12)
            assert level.value in level.interval and 0.02 < level.interval.high - level.interval.low < 0.2
            assert (level.n_runs, level.n_items) == (3, 750)
    assert held_out_matrix(workspace, ["kern2023-quick", "kern2023-quick"], "auroc") == matrix
