"""Nightly plans are read strictly: what is not legal is refused in one sentence that says what is."""

from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.config.nightly import find_nightly_plan, load_nightly_plans, resolve_nightly_plan
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.effects import ThresholdKind
from smo_pipelines.errors import ConfigError
from tests.examples.nights import PLAN, make_nightly_project, write_plan
from tests.examples.projects import CHECKOUT


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue(ProjectRoot(make_nightly_project(tmp_path_factory.mktemp("plans") / "project")))


def stream(**changes: Any) -> dict[str, Any]:
    return {"metric": "average_precision", "on": "gold", "gold": "hate@4", "margin": 0.05, **changes}


def test_a_plan_says_what_is_trained_and_watched(catalogue: Catalogue) -> None:
    plan = find_nightly_plan(catalogue, "small")
    assert plan.id == "small"
    assert (plan.items, plan.window_days, plan.runs, plan.blessed_runs) == (160, 12, 2, 20)
    assert [spec.question.threshold for spec in plan.streams] == [ThresholdKind.tuned, ThresholdKind.control]
    assert plan.benchmarks == ("gold",)
    assert {name for name, _ in plan.pins} == {"pool all", "guideline hate@4"}


def test_the_shipped_plan_can_be_read() -> None:
    assert "demo" in load_nightly_plans(Catalogue(ProjectRoot(CHECKOUT)))


def test_the_label_set_is_the_recipes_guideline_where_it_has_one(catalogue: Catalogue) -> None:
    raw = {**PLAN, "recipe": {**PLAN["recipe"], "guideline": "hate@3"}}  # type: ignore[dict-item]
    raw.pop("label_set")
    assert resolve_nightly_plan("small", raw, catalogue, "a test").label_set == "hate@3"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"item": 3}, "unknown key 'item'; did you mean 'items'?"),
        ({"recipe": {**PLAN["recipe"], "window_days": 7}}, "recipe.window_days is given by the date of each night"),
        ({"recipe": {**PLAN["recipe"], "as_of": "2026-01-01"}}, "recipe.as_of is given by the date of each night"),
        ({"label_set": ""}, "say with label_set"),
        ({"label_set": "hate@9"}, "unknown guideline 'hate@9'"),
        ({"label_set": "scams@1"}, "guideline scams@1 is about 'scams', the recipe asks 'hate'"),
        ({"classifier": "quik"}, "unknown classifier 'quik'; did you mean 'quick'?"),
        ({"blessed_runs": 5}, "greater than or equal to 20"),
        ({"streams": []}, "at least 1"),
        ({"streams": [stream(margin=0)]}, "greater than 0"),
        ({"streams": [stream(), stream(margin=0.1)]}, "stands twice"),
        ({"streams": [stream(on="nothing")]}, "unknown benchmark 'nothing'"),
        ({"streams": [stream(gold="")]}, "must say which gold"),
        ({"streams": [stream(metric="functional_pass_rate_worst")]}, "functionality"),
        ({"streams": [stream(by="market")]}, "no slice 'market'"),
        ({"streams": [stream(by="locale", items="slice:locale=en-GB")]}, "leave one of them out"),
        ({"streams": [stream(items="gold_unchanged")]}, "compares two guidelines"),
        ({"streams": [stream(threshold="baseline")]}, "is read at no threshold"),
        ({"streams": [stream(threshold="control")]}, "tuned' or 'baseline"),
        ({"schedule": {"hour": 25}}, "less than or equal to 23"),
        ({"schedule": {"time_zone": "Asia/Singapor"}}, "did you mean 'Asia/Singapore'?"),
    ],
)
def test_what_is_not_legal_is_refused(catalogue: Catalogue, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_nightly_plan("small", {**PLAN, **changes}, catalogue, "a test")
    assert said in str(refused.value)


def test_ids(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a legal id"):
        resolve_nightly_plan("a plan", PLAN, catalogue, "a test")
    with pytest.raises(ConfigError, match="did you mean 'small'"):
        find_nightly_plan(catalogue, "smal")
    other = Catalogue(ProjectRoot(make_nightly_project(tmp_path / "project")))
    write_plan(other.root.path, "Small")
    with pytest.raises(ConfigError, match="differ by case alone"):
        load_nightly_plans(other)
