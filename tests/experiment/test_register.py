import json
from hashlib import sha256
from typing import Any

import pytest

from smo_pipelines.analysis.compare import alpha_of
from smo_pipelines.errors import RegistrationError, UnknownName
from smo_pipelines.experiment.register import find_experiment, known_experiments, register_experiment
from smo_pipelines.experiment.workspace import Workspace
from tests.examples.projects import spec, write_spec


def _register(workspace: Workspace, **changes: Any) -> str:
    return register_experiment(workspace, spec(**changes), "a test").experiment.spec_hash


def test_registering_twice_changes_nothing(workspace: Workspace) -> None:
    assert register_experiment(workspace, spec(), "a test").new
    again = register_experiment(workspace, spec(), "another door")
    assert not again.new
    assert workspace.store.keys("registered") == ["small.v1"]
    assert workspace.store.get("registered", "small.v1").meta["spec_hash"] == again.experiment.spec_hash


def test_versions_follow_each_other_and_each_is_another_look(workspace: Workspace) -> None:
    first = _register(workspace)
    second = _register(workspace, version=2, supersedes=first, replicates=3)
    third = register_experiment(workspace, spec(version=3, supersedes=second), "a test").experiment
    assert third.looks == 3
    assert workspace.store.keys("registered") == ["small.v1", "small.v2", "small.v3"]
    with pytest.raises(RegistrationError, match=f"must say `supersedes: {third.spec_hash}`, got '{second}'"):
        _register(workspace, version=4, supersedes=second)


def test_the_resolved_spec_and_its_rule_are_stored_and_are_what_the_hashes_are_of(workspace: Workspace) -> None:
    experiment = register_experiment(workspace, spec(), "a test").experiment
    entry = workspace.store.get("registered", "small.v1")
    assert sha256(entry.read("spec.json")).hexdigest() == entry.meta["spec_hash"] == experiment.spec_hash
    assert sha256(entry.read("rule.json")).hexdigest() == entry.meta["rule_hash"] == experiment.rule.digest
    assert json.loads(entry.read("spec.json"))["rule"] == json.loads(entry.read("rule.json"))


def test_a_superseded_version_is_not_run_any_more(workspace: Workspace) -> None:
    first = _register(workspace)
    _register(workspace, version=2, supersedes=first, replicates=3)
    with pytest.raises(RegistrationError, match="version 1 was never decided and version 2 has superseded it"):
        _register(workspace)
    workspace.store.put("decisions", first, meta={"verdict": "hold"})
    assert _register(workspace) == first, "a decided version can be read again"


def test_each_further_look_at_the_same_data_halves_alpha(workspace: Workspace) -> None:
    alphas, before = [], None
    for version in (1, 2, 3):
        given = {"version": version} if before is None else {"version": version, "supersedes": before}
        experiment = register_experiment(workspace, spec(**given), "a test").experiment
        before = experiment.spec_hash
        alphas.append(alpha_of(experiment))
    assert alphas == [0.05, 0.025, 0.0125]


def test_a_form_is_found_when_no_file_is_there_and_its_newest_version(workspace: Workspace) -> None:
    first = _register(workspace, id="form-1")
    _register(workspace, id="form-1", version=2, supersedes=first)
    found = find_experiment(workspace, "form-1")
    assert found.raw["version"] == 2 and found.source == "the launch form (form-1)"
    write_spec(workspace.root.path, "form-1")
    assert find_experiment(workspace, "form-1").source == "experiments/form-1.yaml"
    assert sorted(known_experiments(workspace)) == ["form-1", "small"]
    with pytest.raises(UnknownName, match="did you mean 'form-1'"):
        find_experiment(workspace, "form-2")
