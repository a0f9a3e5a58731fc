from typing import Any

import pytest

from smo_pipelines.config.experiments import Catalogue, load_experiment_files, resolve_experiment
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.experiments import Experiment, NullTest, RaterClaim
from smo_pipelines.errors import ConfigError, UnknownName
from tests.examples.projects import spec, write_spec


def _resolve(root: ProjectRoot, **changes: Any) -> Experiment:
    return resolve_experiment(spec(**changes), Catalogue(root))


def test_the_treatment_says_only_what_changes(root: ProjectRoot) -> None:
    experiment = _resolve(root, treatment={"guideline": "hate@4", "overlap": None})
    assert experiment.treatment.guideline == "hate@4"
    assert experiment.control.overlap == 5 and experiment.treatment.overlap is None
    assert (experiment.treatment.items, experiment.treatment.pool) == (experiment.control.items, "core@1")
    assert experiment.kind is ChangeKind.compound


def test_the_order_of_keys_and_values_is_no_change(root: ProjectRoot) -> None:
    one = _resolve(root, control={**spec()["control"], "items": {"split": "train", "locale": ["en-GB", "id-ID"]}})
    items = {"locale": ["id-ID", "en-GB"], "split": ["train"]}
    other = resolve_experiment(dict(reversed(spec(control={**spec()["control"], "items": items}).items())), Catalogue(root))
    assert one.spec_hash == other.spec_hash


def test_defaults(root: ProjectRoot) -> None:
    experiment = _resolve(root, redraws=None, replicates=None, raters=None, assignment=None)
    assert (experiment.redraws, experiment.replicates, experiment.raters) == (10, 5, RaterClaim.random)
    assert not experiment.assignment.causal
    assert _resolve(root, redraws=None, raters="fixed").redraws == 0


def test_a_null_test_of_raters_splits_them(root: ProjectRoot) -> None:
    experiment = _resolve(root, treatment=None, null_test="rater_halves", guardrails=[])
    assert (experiment.control.rater_half, experiment.treatment.rater_half) == (0, 1)
    assert experiment.null_test is NullTest.rater_halves and experiment.kind is ChangeKind.none
    with pytest.raises(ConfigError, match="null_test is for two equal arms"):
        _resolve(root, null_test="rater_halves")


def test_pins_name_what_was_read(root: ProjectRoot) -> None:
    assert [name for name, _ in _resolve(root).pins] == ["benchmark gold", "guideline hate@3", "guideline hate@4", "pool core@1"]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (
            {"control": {"project": "demo", "question": "hate"}, "treatment": {"pool": "core@1"}},
            ConfigError,
            "must name a guideline",
        ),
        ({"control": {**spec()["control"], "question": "threats"}}, ConfigError, "about the question 'hate'"),
        ({"primary": {**spec()["primary"], "gold": None}}, ConfigError, "primary.gold"),
        ({"primary": {k: v for k, v in spec()["primary"].items() if k != "gold"}}, ConfigError, "must say which gold"),
        ({"primary": {**spec()["primary"], "items": "some"}}, ConfigError, "legal are all, gold_unchanged and slice:"),
        ({"primary": {**spec()["primary"], "items": "slice:locale"}}, ConfigError, "legal are all, gold_unchanged and slice:"),
        ({"primary": {**spec()["primary"], "metric": "bpsn_auc"}}, ConfigError, "name it as items: slice:<name>=<value>"),
        (
            {"primary": {**spec()["primary"], "metric": "functional_pass_rate_worst"}},
            ConfigError,
            "needs a slice named functionality",
        ),
        (
            {"primary": {**spec()["primary"], "metric": "functional_pass_rate_macro"}},
            ConfigError,
            "needs a slice named functionality",
        ),
        ({"redraws": 2}, ConfigError, "at least 3 redraws"),
        ({"benchmarks": ["odd"]}, UnknownName, "benchmark 'odd'"),
        ({"allocation": [1, 0]}, ConfigError, "allocation.1"),
    ],
)
def test_combinations_that_mean_nothing(changes: dict[str, Any], error: type[Exception], said: str, root: ProjectRoot) -> None:
    with pytest.raises(error) as refused:
        _resolve(root, **changes)
    assert said in str(refused.value)


def test_a_benchmark_of_unknown_gold_or_raters(root: ProjectRoot) -> None:
    folder = root.configs / "benchmarks"
    (folder / "odd.yaml").write_text("kind: items\nproject: demo\ngolds: [hate@9]\n")
    with pytest.raises(UnknownName, match=r"\(the gold of benchmark 'odd'\) 'hate@9'"):
        _resolve(root, benchmarks=["odd"])
    recipe = "{project: demo, question: hate, guideline: hate@4, pool: nobody}"
    (folder / "odd.yaml").write_text(f"kind: heldout\nrecipe: {recipe}\n")
    with pytest.raises(UnknownName, match=r"pool \(of benchmark 'odd'\) 'nobody'"):
        _resolve(root, benchmarks=["odd"])


def test_files_are_named_by_their_ids(root: ProjectRoot) -> None:
    write_spec(root.path, "another")
    files = load_experiment_files(root)
    assert list(files) == ["another", "small"]
    assert files["small"].source == "experiments/small.yaml"
