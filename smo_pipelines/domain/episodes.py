"""What nights add up to: how each watched number stands, its episodes, and what is known of the cause of an alarm."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from smo_pipelines.domain.digests import digest_of, short
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.nights import StreamValue
from smo_pipelines.domain.pools import PoolComparison
from smo_pipelines.domain.quality import Measured, NotMeasured

__all__ = [
    "SMALL_GROUPS",
    "AlarmKind",
    "Cause",
    "ChangePoint",
    "Episode",
    "Explanation",
    "FigureChange",
    "GroupChange",
    "LabelFigure",
    "LeftOut",
    "NightPoint",
    "NightlyState",
    "ShareChange",
    "StreamState",
    "StreamStatus",
]


SMALL_GROUPS = "(fewer than 5 raters)"
"""Stands for all groups of fewer than five raters together."""


class AlarmKind(StrEnum):
    """``drift``: the detector has enough evidence of a loss beyond the margin; ``floor``: one night was beyond the floor."""

    drift = "drift"
    floor = "floor"


class StreamStatus(StrEnum):
    """How a watched number stands after the newest night."""

    quiet = "quiet"
    alarm = "alarm"
    no_night = "no night yet"


@dataclass(frozen=True, kw_only=True)
class NightPoint:
    """One night of one stream.

    Attributes
    ----------
    value : float or NotEstimable
        Mean over the night's runs.
    statistic : float
        Evidence of a loss beyond the margin (Shiryaev-Roberts), carried over a night that has no value; it grows by 1 a night when
        nothing is wrong, and alarms at the stream's threshold.
    p : float or None
        Of the night's rank; None where it does not count.
    alarms : tuple of AlarmKind
        What this night alarmed for, whether or not an episode was open.
    """

    date: dt.date
    value: StreamValue
    statistic: float
    p: float | None
    alarms: tuple[AlarmKind, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChangePoint:
    """When a change began.

    Attributes
    ----------
    first : date
        Its likeliest first night.
    earliest, latest : date
        The 95% interval, both ends in it.
    from_the_start : bool
        The interval reaches the first night after the blessing, so that the change may be older.
    """

    first: dt.date
    earliest: dt.date
    latest: dt.date
    from_the_start: bool = False


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One lasting change of one stream, which alerts once however many nights it lasts.

    Attributes
    ----------
    opened : date
        The night of its first alarm.
    statistic : float
        Of the night on which it was opened.
    since : ChangePoint or NotEstimable
    closed : date or None
        The first night after it; None while it lasts. A blessing ends it without closing it.
    """

    plan: str
    baseline: str
    stream: Stream
    kind: AlarmKind
    opened: dt.date
    statistic: float
    since: ChangePoint | NotEstimable
    closed: dt.date | None = None

    @property
    def key(self) -> str:
        """Its name, unique over plans and legal as a file name: an alert is sent once for it."""
        return f"{self.plan[:39]}.{self.opened.isoformat()}.{short(digest_of([self.plan, self.baseline, self.stream.name, self.kind]))}"

    @property
    def open(self) -> bool:
        """Whether it lasts."""
        return self.closed is None


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """How one stream stands, with every night since the blessing.

    Attributes
    ----------
    baseline_mean : float
        Over the blessed runs.
    threshold : float
        The statistic from which the detector alarms.
    """

    stream: Stream
    status: StreamStatus
    baseline_mean: float
    threshold: float
    nights: tuple[NightPoint, ...]

    @property
    def statistic(self) -> float:
        """The newest evidence; 0 before the first night."""
        return self.nights[-1].statistic if self.nights else 0.0

    @property
    def newest(self) -> NightPoint | None:
        """The newest night that has a value."""
        return next((night for night in reversed(self.nights) if isinstance(night.value, float)), None)


@dataclass(frozen=True, kw_only=True)
class NightlyState:
    """Everything that the stored runs of a plan say under one baseline: a function of them alone."""

    plan: str
    baseline: str
    blessed: dt.date
    newest: dt.date | None
    streams: tuple[StreamState, ...]
    episodes: tuple[Episode, ...]

    @property
    def open_episodes(self) -> tuple[Episode, ...]:
        """The episodes that last."""
        return tuple(episode for episode in self.episodes if episode.open)


@dataclass(frozen=True, kw_only=True)
class ShareChange:
    """One group's share of the ratings then and now, counted."""

    value: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Now less then."""
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class GroupChange:
    """How the ratings moved between the groups of one grouping, e.g. ``pool``.

    Attributes
    ----------
    moved : float
        Half the sum of the absolute changes of share: 0 for the same shares, 1 for no group in common.
    shares : tuple of ShareChange
        The largest change first; groups of fewer than five raters in both windows are one, :data:`SMALL_GROUPS`.
    ordinary : float
        The most that the ratings had moved on a night before the change.
    began : date or None
        The first night on which the group that grew most had gained a tenth of what it gained; None where none grew.
    """

    grouping: str
    moved: float
    shares: tuple[ShareChange, ...]
    ordinary: float = 0.0
    began: dt.date | None = None

    @property
    def grew(self) -> ShareChange | None:
        """The group whose share grew most, if one did; not the small ones, which are no group."""
        known = [share for share in self.shares if share.value != SMALL_GROUPS and share.change > 0.0]
        return max(known, key=lambda share: share.change, default=None)


@dataclass(frozen=True, kw_only=True)
class FigureChange:
    """A measure of the labels in the baseline's window and in the newest one; ``moved`` is 1, -1, 0 (not clearly) or None (unknown)."""

    name: str
    before: Measured | NotMeasured
    after: Measured | NotMeasured
    moved: int | None


@dataclass(frozen=True, kw_only=True)
class LabelFigure:
    """A measure of the labels of the newest night against its own history.

    Attributes
    ----------
    history : tuple of (date, Measured or NotMeasured)
        At the blessing and on the nights a whole number of windows before the newest, the newest first.
    moved : int or None
        1 or -1 when it is clearly above or below the mean of its history, 0 when not clearly, None when there is nothing to compare.
    """

    name: str
    now: Measured | NotMeasured
    history: tuple[tuple[dt.date, Measured | NotMeasured], ...]
    moved: int | None


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Nights of the episode drawn again without the ratings of one group that came or grew.

    Attributes
    ----------
    gain : EffectEstimate or NotEstimable
        Without the group (treatment) against with it (control), the same draws otherwise.
    remaining : EffectEstimate or NotEstimable
        Without the group against the baseline.
    """

    grouping: str
    value: str
    gain: EffectEstimate | NotEstimable
    remaining: EffectEstimate | NotEstimable


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The group whose ratings came or grew with the change, and whose absence undoes it.

    ``confirmed`` is False where leaving its ratings out could not be tried or is within noise: then it is the one group that moved
    clearly, and associated with the change.
    """

    grouping: str
    value: str
    confirmed: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is known of an episode.

    Attributes
    ----------
    effect : EffectEstimate or NotEstimable
        The nights of the episode against the baseline, over runs and items.
    nights : tuple of date
        Those nights.
    figures : tuple of FigureChange
    groups : tuple of GroupChange
        How the ratings moved between groups, from the baseline's window to the newest one, the most moved first.
    raters : PoolComparison or NotEstimable
        The raters of both windows.
    left_out : tuple of LeftOut
    """

    episode: Episode
    effect: EffectEstimate | NotEstimable
    nights: tuple[dt.date, ...]
    figures: tuple[FigureChange, ...]
    groups: tuple[GroupChange, ...]
    raters: PoolComparison | NotEstimable
    left_out: tuple[LeftOut, ...]
    cause: Cause | NotEstimable
