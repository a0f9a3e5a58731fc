"""Everything that a plan's nights under one baseline are remembered by: what the nightly page shows and the tracker is sent."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from smo_pipelines.domain.alerts import Acknowledgement
from smo_pipelines.domain.episodes import Episode, Explanation, LabelFigure, NightlyState
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.domain.nights import Baseline, Night

__all__ = ["NightlyRecord"]


@dataclass(frozen=True, kw_only=True)
class NightlyRecord:
    """A plan's nights since a blessing, and what they add up to.

    Attributes
    ----------
    nights : tuple of Night
        All that are stored under the baseline, the oldest first.
    explanations : tuple of Explanation
        Of the episodes of the state; one may be without.
    unexplained : mapping of str to str
        By episode key, why nothing is known of one.
    figures : tuple of LabelFigure
        Of the labels of the newest night that has labels.
    due : date
        The newest night that was due when this was gathered.
    acknowledged : mapping of str to Acknowledgement
        By episode key.
    links : mapping of str to str
        Name and address, e.g. of the orchestrator.
    """

    plan: NightlyPlan
    baseline: Baseline
    nights: tuple[Night, ...]
    state: NightlyState
    explanations: tuple[Explanation, ...]
    due: dt.date
    figures: tuple[LabelFigure, ...] = ()
    unexplained: Mapping[str, str] = field(default_factory=dict)
    acknowledged: Mapping[str, Acknowledgement] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[dt.date, ...]:
        """The nights since the blessing that were due and did not run; a night that ran and had nothing to draw is not among them."""
        there = {night.date for night in self.nights}
        days = (self.due - self.baseline.date).days
        dates = (self.baseline.date + dt.timedelta(days=k) for k in range(1, days + 1))
        return tuple(date for date in dates if date not in there)

    @property
    def newest(self) -> Night | None:
        """The newest night that ran; None before the first."""
        return self.nights[-1] if self.nights else None

    def explained(self, episode: Episode) -> Explanation | None:
        """Return what is known of an episode."""
        return next((one for one in self.explanations if one.episode.key == episode.key), None)
