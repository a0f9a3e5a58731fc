"""The labels of a night in figures, each against its own history."""

from smo_pipelines.domain.quality import Measured, NotMeasured
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.figures import POOL_DRIFT, label_figures
from smo_pipelines.nightly.night import nights_of, run_nights
from tests.examples.nights import BLESSED, FAR, day, plan_of
from tests.nightly.conftest import LAST


def test_quiet_labels_do_not_move(quiet: Workspace) -> None:
    plan = plan_of(quiet)
    run_nights(quiet, plan, now=FAR, until=day(BLESSED + 2))
    baseline = current_baseline(quiet, plan)
    figures = {figure.name: figure for figure in label_figures(baseline, nights_of(quiet, baseline))}
    assert set(figures) == {"volume", "agreement", "gold_accuracy", "positive_share", POOL_DRIFT}
    assert {figure.moved for figure in figures.values()} == {0}
    assert figures["volume"].history[0] == (baseline.date, baseline.labels.figures["volume"])
    drift = figures[POOL_DRIFT].now
    assert isinstance(drift, Measured) and drift.value == 0.0 and isinstance(drift.interval, NotMeasured)
    assert label_figures(baseline, ()) == ()


def test_another_pool_moves_them(swapped: Workspace) -> None:
    baseline = current_baseline(swapped, plan_of(swapped))
    nights = nights_of(swapped, baseline)
    assert nights[-1].date == day(LAST)
    half_way = [night for night in nights if night.date <= day(38)]
    figures = {figure.name: figure for figure in label_figures(baseline, half_way)}
    assert figures["gold_accuracy"].moved == -1 and figures["volume"].moved == 0
    assert figures[POOL_DRIFT].moved == 1
    last = {figure.name: figure for figure in label_figures(baseline, nights)}
    assert [then for then, _ in last["agreement"].history] == [day(LAST - 12), day(BLESSED)], "windows that share no rating"
    assert last[POOL_DRIFT].now.value == 1.0 and last[POOL_DRIFT].moved == 0, "it was as large on an earlier night"  # type: ignore[union-attr]
