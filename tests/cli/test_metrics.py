import pytest

from smo_pipelines.benchmarks.metric_module import EVALUATE_MODULES, card_of
from smo_pipelines.stats.metrics import METRICS
from tests.cli.conftest import Smo


def test_every_metric_is_listed_with_the_folder_that_evaluate_loads(smo: Smo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    answer = smo("metrics")
    assert answer.code == 0
    rows = {
        cells[1].strip(): cells
        for cells in (line.split("│") for line in answer.out.splitlines())
        if len(cells) > 9 and cells[1].strip()
    }
    assert set(rows) == set(METRICS)
    for name, metric in METRICS.items():
        said = [cell.strip() for cell in rows[name][2:10]]
        assert said[:2] == [metric.title, metric.unit]
        assert said[3:6] == [metric.direction.value, "yes" if metric.thresholded else "no", str(metric.needs)]
    assert str(EVALUATE_MODULES) in answer.out


def test_one_metric_is_its_card(smo: Smo) -> None:
    assert smo("metrics", "bpsn_auc").out.strip() == card_of(METRICS["bpsn_auc"]).strip()


def test_a_mistyped_metric_is_one_line(smo: Smo) -> None:
    answer = smo("metrics", "bpsn")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "error: unknown metric 'bpsn'; did you mean 'bpsn_auc'?\n"
