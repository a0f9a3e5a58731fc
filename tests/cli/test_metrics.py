import pytest

from smo_pipelines.benchmarks.metric_module import EVALUATE_MODULES, card_of
from smo_pipelines.stats.metrics import METRICS
from tests.cli.conftest import Smo


@pytest.mark.parametrize("columns", ["80", "200"])
def test_every_metric_is_listed_whole_with_the_folder_that_evaluate_loads(
    smo: Smo, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    answer = smo("metrics")
    assert answer.code == 0
    said = " ".join(answer.out.split())
    for name, metric in METRICS.items():
        facts = f"{metric.title}: {metric.unit}, {metric.low:g} to {metric.high:g}, {metric.direction.value} is better"
        assert f" {name} {facts}" in said
        assert (f" {name} {facts}; at a threshold" in said) == metric.thresholded
        assert " ".join(metric.reference.split()) in said
    assert "…" not in said
    assert str(EVALUATE_MODULES) in "".join(answer.out.split())


def test_one_metric_is_its_card(smo: Smo) -> None:
    assert smo("metrics", "bpsn_auc").out.strip() == card_of(METRICS["bpsn_auc"]).strip()


def test_a_mistyped_metric_is_one_line(smo: Smo) -> None:
    answer = smo("metrics", "bpsn")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "error: unknown metric 'bpsn'; did you mean 'bpsn_auc'?\n"
