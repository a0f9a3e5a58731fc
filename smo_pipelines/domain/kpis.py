"""Key figures of an operation: a measure with a target and a limit, and how it stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from smo_pipelines.domain.effects import Direction
from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN, Measure, Measured, NotMeasured

__all__ = ["Kpi", "KpiOutcome", "KpiStatus", "KpiTrend", "KpiWindow", "kpi_counts", "worst_first"]


class KpiStatus(StrEnum):
    """How a key figure stands (the rule is in :func:`smo_pipelines.analysis.kpis.kpi_status`)."""

    met = "met"
    missed_target = "missed target"
    beyond_limit = "beyond limit"
    not_known = "not known"


class KpiTrend(StrEnum):
    """How a key figure moved against its own earlier windows."""

    improving = "improving"
    worsening = "worsening"
    no_clear_change = "no clear change"
    no_history = "no history"


@dataclass(frozen=True, kw_only=True)
class Kpi:
    """One key figure.

    Parameters
    ----------
    target, limit : float
        In the measure's unit (shares from 0 to 1); ``limit`` is the value beyond which somebody must act, at or worse than the
        target; None for none.
    owner : str
        Whom it concerns, e.g. ``"team:quality"``.
    where : ItemPredicate
        Only the ratings with these values of groupings.
    by : tuple of str
        Judge each group apart.
    window_days : int
        How many days a window has.
    """

    name: str
    measure: Measure
    target: float
    limit: float | None
    direction: Direction
    owner: str
    window_days: int
    where: ItemPredicate = ()
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.limit is not None and self.direction.sign * (self.limit - self.target) > 0:
            better = "lower" if self.direction is Direction.lower_is_better else "higher"
            raise ValueError(f"{better} is better, so the limit {self.limit:g} must not be better than the target {self.target:g}")


@dataclass(frozen=True, kw_only=True)
class KpiWindow:
    """The measure over the ratings made after ``start`` and not after ``end``."""

    start: datetime
    end: datetime
    told: Measured | NotMeasured


@dataclass(frozen=True, kw_only=True)
class KpiOutcome:
    """How one key figure of one group stands.

    Attributes
    ----------
    keys : tuple of (str, str)
        The group, where the figure is judged by group.
    raters : int
        Raters in the newest window: with fewer than 5 it stays off pages that others read.
    windows : tuple of KpiWindow
        Newest first; the first is judged, the others are its history.
    """

    kpi: Kpi
    keys: tuple[tuple[str, str], ...]
    raters: int
    windows: tuple[KpiWindow, ...]
    status: KpiStatus
    trend: KpiTrend
    sentence: str

    @property
    def shareable(self) -> bool:
        """Whether a page that others read may show it; that nobody rated tells of nobody."""
        return self.raters >= FEWEST_RATERS_SHOWN or not self.raters


def worst_first(outcomes: Iterable[KpiOutcome]) -> tuple[KpiOutcome, ...]:
    """Return outcomes in the order in which somebody should look at them: what is met comes last."""
    order = (KpiStatus.beyond_limit, KpiStatus.missed_target, KpiStatus.not_known, KpiStatus.met)
    return tuple(sorted(outcomes, key=lambda outcome: order.index(outcome.status)))


def kpi_counts(outcomes: tuple[KpiOutcome, ...]) -> Mapping[KpiStatus, int]:
    """Return how many key figures stand how."""
    return {status: sum(outcome.status is status for outcome in outcomes) for status in KpiStatus}
