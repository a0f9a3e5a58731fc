"""Uses of benchmarks, counted from decisions that were really made; the small experiment takes seconds."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from smo_pipelines.domain.digests import short
from smo_pipelines.errors import ConfigError
from smo_pipelines.experiment.benchmark_uses import benchmark_uses, earlier_versions, uses_by_others
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.matrix import held_out_matrix
from smo_pipelines.experiment.record import publish
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.run import Conclusion, run_experiment
from smo_pipelines.experiment.workspace import Workspace
from tests.examples.projects import write_spec

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FEW: dict[str, Any] = {"raters": "fixed", "redraws": None}  # no redraws: four fits, which all experiments here share


def decide(workspace: Workspace, name: str) -> Conclusion:
    experiment = register_experiment(workspace, find_experiment(workspace, name).raw, "a test").experiment
    conclusion = run_experiment(workspace, experiment, clock=lambda: NOW, launched_by="a test")
    publish(workspace, conclusion.record)
    return conclusion


def test_a_benchmark_is_used_by_each_decided_experiment_once(workspace: Workspace) -> None:
    write_spec(workspace.root.path, **FEW)
    gold = load_benchmark(workspace, "gold")
    assert benchmark_uses(workspace) == {}
    first = decide(workspace, "small")
    assert benchmark_uses(workspace) == {gold.digest: ("small",)}
    decide(workspace, "small")  # again: the same decision
    assert benchmark_uses(workspace) == {gold.digest: ("small",)}
    assert dict(first.record.earlier_uses) == {"gold": 0}
    write_spec(workspace.root.path, "other", area="elsewhere", **FEW)
    again = Workspace(workspace.root)  # experiments and configs are read once a workspace
    second = decide(again, "other")
    assert benchmark_uses(again) == {gold.digest: ("other", "small")}
    assert dict(second.record.earlier_uses) == {"gold": 1}
    assert uses_by_others(again, [gold], first.record.experiment.spec_hash) == {"gold": 1}
    page = (workspace.root.state / "reports" / "other.html").read_text()
    assert f"<code>{short(gold.digest)}</code>" in page and "other decided experiments scored on it before: 1" in page
    with pytest.raises(ConfigError, match="no diagnostic benchmark was scored"):
        held_out_matrix(again, ["small", "other"], "auroc")

    # another version starts at nothing, and the old one keeps its uses
    file = workspace.root.configs / "benchmarks" / "gold.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"cluster": "locale"}))
    changed = Workspace(workspace.root)
    new = load_benchmark(changed, "gold")
    assert new.digest not in benchmark_uses(changed) and gold.digest in benchmark_uses(changed)
    assert set(earlier_versions(changed, new)) == {gold.digest}


def test_an_experiment_that_has_not_been_run_has_no_matrix(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="'small' has not been run; `smo run small` fits its arms"):
        held_out_matrix(workspace, ["small"], "auroc")


def test_arms_of_two_experiments_that_hold_the_same_fits_are_one_row(workspace: Workspace) -> None:
    benchmarks = workspace.root.configs / "benchmarks"
    content = yaml.safe_load((benchmarks / "gold.yaml").read_text())
    for name, locale in (("seen-here", ["en-GB"]), ("seen-there", ["en-SG"])):
        one = {**content, "items": {**content["items"], "locale": locale}, "golds": ["hate@4"], "diagnostic": True}
        (benchmarks / f"{name}.yaml").write_text(json.dumps(one))
    write_spec(workspace.root.path, "here", benchmarks=["seen-here"], **FEW)
    write_spec(workspace.root.path, "there", benchmarks=["seen-there"], **FEW)
    opened = Workspace(workspace.root)
    for name in ("here", "there"):
        decide(opened, name)
    alone = held_out_matrix(opened, ["here"], "auroc")
    both = held_out_matrix(opened, ["here", "there"], "auroc")
    assert alone.columns == ("seen-here",) and both.columns == ("seen-here", "seen-there")
    assert [row.trained_on for row in both.rows] == ["here control: guideline hate@3", "here treatment: guideline hate@4"]
    assert [row.levels["seen-here"] for row in both.rows] == [row.levels["seen-here"] for row in alone.rows]
