"""Nights of a plan: their draws, what each run said, and the baseline that they are compared with."""

import datetime as dt
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from smo_pipelines.domain.digests import digest_of, hash_to_unit
from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.quality import Measured, NotMeasured

__all__ = [
    "Baseline",
    "BlessedRun",
    "DrawId",
    "GroupCount",
    "LabelWindow",
    "Night",
    "Repeat",
    "StoredRun",
    "StreamValue",
    "mean_value",
]

StreamValue = float | NotEstimable
"""The number of a stream, or why there is none; never NaN."""

_SEEDS = 2**31


@dataclass(frozen=True, kw_only=True, order=True)
class DrawId:
    """The name of one run: what it draws is a function of this name and of the labels that its date shows.

    ``occasion`` is ``"night"`` or ``"blessed"``, ``of`` the night's date or the baseline's id.
    """

    plan: str
    occasion: str
    of: str
    index: int

    @classmethod
    def night(cls, plan: str, date: dt.date, index: int) -> "DrawId":
        """Return the name of a run of a night."""
        return cls(plan=plan, occasion="night", of=date.isoformat(), index=index)

    @classmethod
    def blessed(cls, plan: str, baseline: str, index: int) -> "DrawId":
        """Return the name of a run of a baseline."""
        return cls(plan=plan, occasion="blessed", of=baseline, index=index)

    @property
    def text(self) -> str:
        """The name, e.g. ``demo/night/2026-04-01/0`` or ``demo/blessed/2026-03-31/07``."""
        number = f"{self.index:02d}" if self.occasion == "blessed" else str(self.index)
        return f"{self.plan}/{self.occasion}/{self.of}/{number}"

    def unit(self, what: str) -> float:
        """Return a number in (0, 1) that depends on the name and on what it is for."""
        return float(hash_to_unit(f"nightly {what}", [self.text])[0])

    @property
    def seed(self) -> int:
        """The training seed."""
        return int(self.unit("seed") * _SEEDS)


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One run, scored.

    Attributes
    ----------
    fit, training : str
        Their keys in the store.
    threshold : float
        The run's own, tuned on its development split.
    values : mapping of stream name to float or NotEstimable
    """

    id: DrawId
    fit: str
    training: str
    threshold: float
    values: Mapping[str, StreamValue]


@dataclass(frozen=True, kw_only=True)
class BlessedRun:
    """A run of a baseline, and the date whose labels it drew from."""

    date: dt.date
    run: StoredRun


@dataclass(frozen=True, kw_only=True)
class GroupCount:
    """Ratings of one group, and how many raters gave them."""

    ratings: int
    raters: int


@dataclass(frozen=True, kw_only=True)
class LabelWindow:
    """The labels that a night could draw from, counted: no estimate of anything, so without intervals.

    Attributes
    ----------
    start, end : datetime
        Ratings made after the one and not after the other count.
    digest : str
        The name of the content: items, labels and votes.
    items : int
        Items that a draw may take; ``leaked`` further ones stand in a benchmark.
    by : mapping of str to mapping of str to GroupCount
        By value of ``guideline``, ``instrument``, ``pool`` and ``locale``.
    figures : mapping of str to Measured or NotMeasured
        ``volume``, ``agreement``, ``gold_accuracy`` and ``positive_share`` of these ratings.
    """

    start: dt.datetime
    end: dt.datetime
    digest: str
    items: int
    leaked: int
    ratings: int
    raters: int
    by: Mapping[str, Mapping[str, GroupCount]]
    figures: Mapping[str, Measured | NotMeasured]


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A night whose labels are those of an earlier night: its fits are scored again and must say the same, byte for byte.

    ``differs`` names the runs and benchmarks that did not; with none the night says nothing new and is no test.
    """

    of: dt.date
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Night:
    """One night as it is stored: no clock, duration or machine in it.

    Attributes
    ----------
    baseline : str
        The digest of the baseline it is compared with.
    runs : tuple of StoredRun
        Empty where ``not_drawn`` says why, and for a repeat of an earlier night.
    labels : LabelWindow or NotEstimable
    """

    plan: str
    baseline: str
    date: dt.date
    runs: tuple[StoredRun, ...]
    labels: LabelWindow | NotEstimable
    not_drawn: NotEstimable | None = None
    repeat: Repeat | None = None

    def mean(self, stream: Stream) -> StreamValue:
        """Return the mean of the night's runs, which is the unit that is tested."""
        if self.not_drawn is not None:
            return self.not_drawn
        if self.repeat is not None:
            sentence = f"nothing is new since {self.repeat.of.isoformat()}: the same labels, so an equality check and no test"
            return NotEstimable(question=stream.question, code=WhyNot.no_run_variance, sentence=sentence)
        return mean_value([run.values[stream.name] for run in self.runs])


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A blessed reference: runs of the production recipe, each on its own draw of labels from before the blessing.

    Attributes
    ----------
    id : str
        The date of the blessing, with a number where a date has several.
    known_at_blessing : bool
        Whether its draws saw all that had been imported when it was blessed (a history that came in bulk), and not what had been by
        their own date.
    seen_at : datetime or None
        That moment; None where each draw saw what its own date had.
    parts : mapping of str to str
        What a night must share with it, by name: recipe, classifier, code, benchmarks, streams and so on.
    streams : tuple of Stream
        What is watched; ``unwatched`` says why some values of a slice are not.
    threshold : float
        The mean of the runs' tuned thresholds.
    labels : LabelWindow
        Of the window that ends at the blessing.
    """

    plan: str
    id: str
    date: dt.date
    known_at_blessing: bool
    parts: Mapping[str, str]
    streams: tuple[Stream, ...]
    unwatched: tuple[NotEstimable, ...]
    runs: tuple[BlessedRun, ...]
    threshold: float
    labels: LabelWindow
    seen_at: dt.datetime | None = None

    @cached_property
    def digest(self) -> str:
        """The name of this baseline: nights are stored under it."""
        fits = [(run.run.id.text, run.run.fit) for run in self.runs]
        return digest_of({"id": self.id, "date": self.date.isoformat(), "parts": dict(self.parts), "fits": fits})

    def values(self, stream: Stream) -> tuple[float, ...]:
        """Return a stream's number in each blessed run."""
        found = [run.run.values[stream.name] for run in self.runs]
        return tuple(value for value in found if isinstance(value, float))

    def mean(self, stream: Stream) -> float:
        """Return the mean of a stream over the blessed runs."""
        return statistics.fmean(self.values(stream))

    def changed_parts(self, now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return the parts that differ from those of now, as (then, now); a part that is not there is empty."""
        names = sorted({*self.parts, *now})
        pairs = {name: (self.parts.get(name, ""), now.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def mean_value(values: list[StreamValue]) -> StreamValue:
    """Return the mean of some runs' numbers, or why the first that has none has none.

    Examples
    --------
    >>> mean_value([0.5, 0.25])
    0.375
    """
    for value in values:
        if isinstance(value, NotEstimable):
            return value
    return statistics.fmean(value for value in values if isinstance(value, float))
