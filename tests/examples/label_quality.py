"""The quality of labels of invented experiments: one arm measured, one not, key figures of every status and of few raters."""

from datetime import UTC, datetime, timedelta

from smo_pipelines.analysis.kpis import judge_kpi
from smo_pipelines.domain.effects import Direction, Interval, WhyNot
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.kpis import Kpi, KpiOutcome, KpiWindow
from smo_pipelines.domain.quality import Measure, Measured, NotMeasured
from smo_pipelines.domain.records import LabelQuality, ProjectKpis

__all__ = ["GOLD_KPI", "NOT_REVIEWED", "example_quality", "gold_outcome", "share"]

NOT_REVIEWED = NotMeasured(code=WhyNot.not_recorded, sentence="no rating was reviewed")
GOLD_KPI = Kpi(
    name="accuracy on gold",
    measure=Measure.gold_accuracy,
    target=0.9,
    limit=0.8,
    direction=Direction.higher_is_better,
    owner="team:quality",
    window_days=28,
    by=("pool",),
)
_END = datetime(2026, 4, 1, tzinfo=UTC)


def share(value: float) -> Measured:
    return Measured(value=value, interval=Interval(low=value - 0.02, high=value + 0.02), n=100, unit="share")


def gold_outcome(told: Measured | NotMeasured, *, pool: str = "core", raters: int = 9) -> KpiOutcome:
    window = KpiWindow(start=_END - timedelta(days=28), end=_END, told=told)
    return judge_kpi(GOLD_KPI, [window], keys=(("pool", pool),), raters=raters)


def example_quality() -> LabelQuality:
    alpha = Measured(value=0.712, interval=Interval(low=-0.05, high=0.77), n=3100, unit="")
    absent = NotMeasured(code=WhyNot.one_rating_an_item, sentence="none of the 3874 items has two ratings")
    outcomes = (
        gold_outcome(share(0.95)),
        gold_outcome(share(0.7), pool="vendor"),
        gold_outcome(share(0.5), pool="tiny", raters=4),
    )
    return LabelQuality(
        agreement={ArmName.control: alpha, ArmName.treatment: absent},
        kpis=(ProjectKpis(project="demo", outcomes=outcomes),),
    )
