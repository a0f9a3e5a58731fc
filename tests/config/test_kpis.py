import pytest
import yaml

from smo_pipelines.config.kpis import load_kpis
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.effects import Direction
from smo_pipelines.domain.quality import Measure
from smo_pipelines.errors import ConfigError, UnknownName
from tests.examples.projects import CHECKOUT

ONE = {"name": "accuracy", "measure": "gold_accuracy", "target": 0.9, "limit": 0.8, "owner": "team:quality"}


def load(folder, *kpis, name="demo"):
    (folder / "configs" / "kpis").mkdir(parents=True, exist_ok=True)
    (folder / "configs" / "kpis" / f"{name}.yaml").write_text(yaml.safe_dump({"kpis": list(kpis)}), encoding="utf-8")
    return load_kpis(ProjectRoot(folder), "demo")


def test_the_shipped_key_figures_are_readable():
    kpis = load_kpis(ProjectRoot(CHECKOUT), "demo")
    assert len({kpi.name for kpi in kpis}) == len(kpis) >= 5
    assert {kpi.owner for kpi in kpis} == {"team:quality", "team:operations"}


def test_a_key_figure_takes_its_direction_from_its_measure(tmp_path):
    (kpi,) = load(tmp_path, {**ONE, "where": {"pool": "core"}, "by": "locale", "window_days": 7})
    assert kpi.measure is Measure.gold_accuracy and kpi.direction is Direction.higher_is_better
    assert (kpi.where, kpi.by, kpi.window_days) == ((("pool", ("core",)),), ("locale",), 7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"measure": "gold_acuracy"}, "measure"),
        ({"limit": 0.95}, "higher is better, so the limit 0.95 must not be better than the target 0.9"),
        ({"measure": "positive_share"}, "neither better high nor better low by itself: say direction"),
        ({"measure": "vitality"}, "vitality is of one rater"),
        ({"owner": "Ann"}, "owner"),
        ({"target": float("nan")}, "target"),
        ({"window_days": 0}, "window_days"),
        ({"windowdays": 7}, "did you mean 'window_days'"),
    ],
)
def test_a_mistake_is_said_where_it_is(tmp_path, change, said):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {**ONE, **change})
    assert "configs/kpis/demo.yaml" in str(caught.value) and said in str(caught.value)


def test_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="stand twice"):
        load(tmp_path, ONE, ONE)


def test_a_project_without_key_figures_is_told_so(tmp_path):
    with pytest.raises(ConfigError, match=r"write configs/kpis/demo\.yaml"):
        load_kpis(ProjectRoot(tmp_path), "demo")
    with pytest.raises(UnknownName, match="did you mean 'demo2'"):
        load(tmp_path, ONE, name="demo2")
