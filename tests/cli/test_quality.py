import shutil
from pathlib import Path

import pytest

from smo_pipelines.domain.kpis import KpiStatus, KpiTrend
from smo_pipelines.experiment.kpis import kpi_outcomes
from smo_pipelines.experiment.workspace import open_workspace
from smo_pipelines.labels.rated_rows import rated_rows
from tests.cli.conftest import Smo
from tests.examples.projects import CHECKOUT


@pytest.fixture
def with_kpis(project: Path) -> Path:
    shutil.copytree(CHECKOUT / "configs" / "kpis", project / "configs" / "kpis")
    return project


def test_quality_by_pool_shows_values_with_intervals_and_what_is_not_measured(smo: Smo, project: Path) -> None:
    answer = smo("quality", "demo", "--by", "pool")
    assert answer.code == 0 and answer.err == ""
    assert "question hate, pool core: 3,120 ratings of 260 items by 120 raters" in answer.out
    assert "Krippendorff's alpha" in answer.out and "USD" in answer.out
    assert "not measured: Acceptance score, Fixed, Rejected, Cost an accepted label (no rating was reviewed)" in answer.out


def test_quality_of_raters_is_one_table_a_measure_and_marked(smo: Smo, project: Path) -> None:
    answer = smo(
        "quality", "demo", "--by", "rater", "--where", "locale=th-TH", "--where", "guideline=hate@4", "--measure", "vitality"
    )
    assert answer.code == 0
    assert "Vitality: alpha of all raters minus alpha without this one" in answer.out
    assert "* fewer than 5 raters" in answer.out


def test_pools_are_compared_inside_and_across_with_what_chance_would_give(smo: Smo, project: Path) -> None:
    answer = smo("quality", "demo", "--between", "pool", "--where", "guideline=hate@4")
    assert answer.code == 0 and answer.err == ""
    said = " ".join(answer.out.split())
    assert "question hate, guideline hate@4" in said and "excess by chance p core 120 260 " in said
    assert "vendor-lenient 60 260 " in said and "random groups of as many raters" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "pol"], "did you mean 'pool'"),
        (["--where", "pool"], "write e.g. --where pool=core"),
        (["--where", "pool=none"], "has no rating with pool in ['none']"),
        (["--measure", "alfa"], "did you mean 'alpha'"),
        (["--between", "pol"], "did you mean 'pool'"),
        (["--between", "pool", "--measure", "alpha"], "leave out --measure and --scale"),
        (["--scale", "nominale"], "did you mean 'nominal'"),
        (["--as-of", "yesterday"], "is not a moment"),
        (["--as-of", "2020-01-01"], "nothing of project 'demo' was imported by"),
    ],
)
def test_a_mistake_is_one_line(smo: Smo, project: Path, arguments: list[str], said: str) -> None:
    answer = smo("quality", "demo", *arguments)
    assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1


def test_an_unknown_project_is_said(smo: Smo, project: Path) -> None:
    assert "has no ratings" in smo("quality", "demmo").err
    assert "configs/kpis/demo.yaml" in smo("kpis", "demo").err


def test_kpis_print_status_trend_and_a_sentence_each(smo: Smo, with_kpis: Path) -> None:
    answer = smo("kpis", "demo")
    assert answer.code == 0 and answer.err == ""
    assert "accepted in review (team:quality)" in answer.out
    assert "no rating was reviewed" in " ".join(answer.out.split())
    assert "met" in answer.out and "not known" in answer.out.splitlines()[-1]
    assert all(len(line) <= 80 for line in answer.out.splitlines())


def test_key_figures_have_their_own_history(with_kpis: Path) -> None:
    outcomes = kpi_outcomes(open_workspace(with_kpis), "demo")
    by_name = {(outcome.kpi.name, *outcome.keys): outcome for outcome in outcomes}
    time = by_name["time a label",]
    assert len(time.windows) == 5 and time.trend is KpiTrend.no_clear_change and time.status is KpiStatus.met
    # three rounds of rating, in days 15 to 20, 29 to 34 and 36 to 41 of the operation: nothing was rated in the third window
    rated = [not hasattr(window.told, "code") for window in time.windows]
    assert rated == [True, True, False, True, False]
    pools = [dict(outcome.keys)["pool"] for outcome in outcomes if outcome.kpi.name == "accuracy on gold"]
    assert pools == ["core", "vendor-lenient"]
    assert time.windows[0].end == rated_rows(open_workspace(with_kpis).tables, "demo").newest


def test_a_group_that_fell_silent_is_not_known(with_kpis: Path) -> None:
    path = with_kpis / "configs" / "kpis" / "demo.yaml"
    path.write_text(
        "kpis:\n- {name: speed, measure: throughput, by: pool, target: 1, owner: 'team:ops', window_days: 7}\n", encoding="utf-8"
    )
    core, lenient = kpi_outcomes(open_workspace(with_kpis), "demo")
    assert (core.status, core.raters) == (KpiStatus.not_known, 0)  # the last round was the vendor's alone
    assert "no rating was made in this time" in core.sentence
    assert lenient.raters == 60
