from pathlib import Path
from typing import Any

import pytest
import yaml

from smo_pipelines.config.catalogue import load_classifiers
from smo_pipelines.config.components import components_text, load_components
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.errors import ConfigError
from smo_pipelines.stats.metrics import METRICS

CHECKOUT = ProjectRoot(Path(__file__).parents[2])
ROW: dict[str, Any] = {
    "metric": "f1",
    "on": "gold",
    "project": "demo",
    "benchmark": "0123456789ab",
    "training_items": 900,
    "sd_seed": 0.01,
    "sd_item": 0.2,
    "sd_seed_by_item": 0.1,
    "run_df": 8,
    "units": 400,
    "source": "a study",
}


def written(folder: Path, **changes: Any) -> ProjectRoot:
    (folder / "configs" / "components").mkdir(parents=True)
    content = {"classifier": "0123456789ab", "measured": [{**ROW, **changes}]}
    (folder / "configs" / "components" / "quick.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return ProjectRoot(folder)


def test_a_classifier_of_which_nothing_was_measured_has_no_components(tmp_path: Path) -> None:
    assert load_components(written(tmp_path), "another") is None


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = load_components(written(tmp_path, sd_rater=0.02, effective_raters=40, redraw_df=9, threshold="control"), "quick")
    assert found is not None
    (tmp_path / "configs" / "components" / "again.yaml").write_text(components_text(found), encoding="utf-8")
    assert load_components(ProjectRoot(tmp_path), "again") == found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sd_seed": -0.1}, "sd_seed: input should be greater than or equal to 0"),
        ({"sd_seed": float("nan")}, "sd_seed"),
        ({"sd_rater": 0.02}, "a rater standard deviation goes with the effective raters"),
        ({"benchmark": "gold"}, "benchmark"),
        ({"sd_seeds": 0.1}, "unknown key 'measured.sd_seeds'; did you mean 'sd_seed'?"),
        ({"change": "weather"}, "change"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_components(written(tmp_path, **changes), "quick")
    assert "configs/components/quick.yaml" in str(refused.value) and said in str(refused.value)


def test_every_shipped_file_is_of_a_shipped_classifier_as_it_is_configured_now() -> None:
    classifiers = load_classifiers(CHECKOUT)
    names = [path.stem for path in (CHECKOUT.configs / "components").glob("*.yaml")]
    assert names
    for name in names:
        found = load_components(CHECKOUT, name)
        assert found is not None and classifiers[name].digest.startswith(found.classifier), name
        assert {one.question.metric for one in found.measured} <= METRICS.keys()
