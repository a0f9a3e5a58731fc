"""The plan of a nightly regression evaluation: when it runs, what it draws, and which numbers it watches."""

import datetime as dt
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from smo_pipelines.domain.alerts import AlertSettings
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.effects import Direction, Question, ThresholdKind
from smo_pipelines.domain.labels import SnapshotRecipe

__all__ = ["NightlyPlan", "Schedule", "Stream", "StreamSpec"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a night is due: at this time of day, in this time zone (an IANA name)."""

    hour: int = 3
    minute: int = 0
    time_zone: str = "UTC"

    def moment(self, date: dt.date) -> dt.datetime:
        """Return the moment, in UTC, at which the night of a date begins and its window of labels ends."""
        local = dt.datetime.combine(date, dt.time(self.hour, self.minute), tzinfo=ZoneInfo(self.time_zone))
        return local.astimezone(dt.UTC)

    def newest(self, now: dt.datetime) -> dt.date:
        """Return the date of the newest night that is due."""
        today = now.astimezone(ZoneInfo(self.time_zone)).date()
        return today if self.moment(today) <= now else today - dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One entry of a plan's ``streams``: a question that is watched, or one for each value of a slice.

    Parameters
    ----------
    question : Question
        ``threshold`` is ``control`` for the baseline's mean threshold, given to every run.
    margin : float
        In the metric's unit: a loss of up to so much is no alarm.
    floor : float or None
        A level of the metric; one night on the wrong side of it is an alarm at once.
    by : str
        A slice of the benchmark: one stream for each of its values. Empty for one stream.
    """

    question: Question
    margin: float
    floor: float | None = None
    by: str = ""

    @property
    def name(self) -> str:
        """The entry in words, unique within a plan."""
        return f"{_name(self.question)} {f'by {self.by}' if self.by else ''}".strip()

    def __post_init__(self) -> None:
        if self.margin <= 0.0:
            raise ValueError(f"the margin of {self.question.label} must be above 0, got {self.margin:g}")


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One number that is watched every night."""

    question: Question
    direction: Direction
    margin: float
    floor: float | None = None

    @property
    def name(self) -> str:
        """The stream in words, unique within a plan."""
        return _name(self.question)

    @property
    def at_baseline(self) -> bool:
        """Whether it is read at the baseline's threshold."""
        return self.question.threshold is ThresholdKind.control

    def below_floor(self, value: float) -> bool:
        """Whether one night's number is on the wrong side of the floor."""
        return self.floor is not None and self.direction.sign * (value - self.floor) < 0.0


@dataclass(frozen=True, kw_only=True)
class NightlyPlan:
    """What is trained and watched every night.

    Parameters
    ----------
    recipe : SnapshotRecipe
        The production recipe, without ``as_of`` and window, which the night's date gives.
    label_set : str
        The guideline that says which labels there are and which is positive.
    benchmarks : tuple of str
        All that a run is scored on.
    window_days, items : int
        A draw takes so many items of those that were rated in so many days before its date.
    runs : int
        Runs a night.
    blessed_runs : int
        Runs of a baseline.
    blessed_over_days : int
        Their dates are spread evenly over so many days up to the blessing.
    alpha, horizon_nights : float, int
        The chance of any false alarm, over all streams, within so many nights of a blessing.
    pins : tuple of (str, str)
        Digests of the files that the plan names.
    first_night : date
        Calendars of nights begin here; part of no baseline.
    alerts : AlertSettings
        Where its alerts go; part of no baseline.
    """

    id: str
    area: str
    recipe: SnapshotRecipe
    label_set: str
    classifier: ClassifierConfig
    benchmarks: tuple[str, ...]
    streams: tuple[StreamSpec, ...]
    items: int
    window_days: int = 28
    runs: int = 2
    blessed_runs: int = 20
    blessed_over_days: int = 28
    alpha: float = 0.05
    horizon_nights: int = 365
    schedule: Schedule = field(default_factory=Schedule)
    pins: tuple[tuple[str, str], ...] = ()
    first_night: dt.date = dt.date(2026, 1, 1)
    alerts: AlertSettings = field(default_factory=AlertSettings)


def _name(question: Question) -> str:
    return question.label.replace("at control's threshold", "at the baseline's threshold")
