"""What changed between two label snapshots: flips, who owns them, the shift of the positive share, what to look at again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from smo_pipelines.domain.effects import Interval, NotEstimable
from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.pools import PoolComparison

__all__ = [
    "ClauseTouch",
    "Component",
    "FlipCount",
    "LabelShift",
    "OwnedFlips",
    "Ownership",
    "ReviewItem",
    "ReviewReason",
    "ShareShift",
]


@dataclass(frozen=True, kw_only=True)
class FlipCount:
    """Items of one group whose label differs between the arms, beside what redrawing the same raters would flip.

    Attributes
    ----------
    items : int
        Items that both arms label 0 or 1; flips are counted among these.
    to_positive, to_negative : int
    to_tie, from_tie : int
        Further items that are tied in the treatment alone, and in the control alone; no flips, since a tie is no label.
    expected, expected_low, expected_high : float or None
        Mean, 2.5 and 97.5 per cent points of the flips that drawing the raters again would make; None where it is not known.
    net_low, net_high : float or None
        2.5 and 97.5 per cent points of what such flips would leave of ``to_positive - to_negative``, which they move either way.
    raters : int or None
        Raters behind the group's labels in the arm that has fewer; None where it is not known.
    """

    group: str
    items: int
    to_positive: int
    to_negative: int
    to_tie: int = 0
    from_tie: int = 0
    expected: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    raters: int | None = None

    @property
    def flips(self) -> int:
        """Items whose label differs."""
        return self.to_positive + self.to_negative

    @property
    def net(self) -> int:
        """Items that became positive less those that became negative."""
        return self.to_positive - self.to_negative

    @property
    def beyond_chance(self) -> float | None:
        """Flips that chance does not account for: their excess, or the part that goes one way where that is more.

        Chance flips as many items to positive as to negative. So a change that flips few items, all one way, shows in the net
        although it hides in the count.
        """
        return None if self.excess is None else max(self.excess, float(abs(self.net)))

    @property
    def within_chance(self) -> bool | None:
        """Whether neither the count nor the direction of the flips needs a cause; None where it is not known."""
        if self.excess_interval is None or self.net_low is None or self.net_high is None:
            return None
        return self.excess_interval.low <= 0 and self.net_low <= self.net <= self.net_high

    @property
    def excess(self) -> float | None:
        """Flips beyond the expected ones: what may be the change's."""
        return None if self.expected is None else self.flips - self.expected

    @property
    def excess_interval(self) -> Interval | None:
        """The flips that are left when chance made as many, or as few, as in 95% of redraws."""
        if self.expected_low is None or self.expected_high is None:
            return None
        return Interval(low=self.flips - self.expected_high, high=self.flips - self.expected_low)


class Component(StrEnum):
    """The part of an operational change that can own a flip."""

    clause = "clause"
    guideline = "guideline"
    """The guideline changed, and the item's clause is not known."""
    instrument = "instrument"
    pool = "pool"
    period = "period"
    """Other ratings in time: another ``as_of`` or window."""
    overlap = "overlap"
    qa = "qa"
    aggregation = "aggregation"
    ties = "ties"
    unexplained = "unexplained"


@dataclass(frozen=True, kw_only=True)
class OwnedFlips:
    """The items that one component owns and the flips among them; ``name`` is the clause, or what the recipe field was and is."""

    component: Component
    name: str
    count: FlipCount


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """Every matched item under one owner, so that the owners' items, flips and expected flips sum to the totals.

    ``refused`` says why no owner may be named although the counts are there.
    """

    owners: tuple[OwnedFlips, ...]
    refused: NotEstimable | None = None


@dataclass(frozen=True, kw_only=True)
class ShareShift:
    """A change of the share of positive labels, treatment minus control.

    Attributes
    ----------
    change : float
        In units of share. Not always ``treatment - control``: an item-mix part is a part of the difference of those two.
    variances : mapping of str to float
        Variance of the change by source: ``items`` and ``raters``.
    n_items : int
    effective_raters : float
        Of the arm that has fewer.
    """

    control: float
    treatment: float
    change: float
    interval: Interval
    p: float
    variances: Mapping[str, float]
    n_items: int
    effective_raters: float
    redraws: int


@dataclass(frozen=True, kw_only=True)
class ClauseTouch:
    """One edited clause and the items it is about: ``inside`` counts the flips among them, ``outside`` those among all others.

    ``known_by`` counts the items by how they are known to be the clause's: ``clause`` (cited or given) or ``items`` (the
    predicate in the guideline).
    """

    edit: ClauseEdit
    known_by: Mapping[str, int]
    inside: FlipCount
    outside: FlipCount
    shift: ShareShift | NotEstimable


class ReviewReason(StrEnum):
    """Why an item is worth a second look."""

    against_gold = "against_gold"
    unexpected_flip = "unexpected_flip"
    not_as_edited = "not_as_edited"
    groups_disagree = "groups_disagree"
    near_tie = "near_tie"


@dataclass(frozen=True, kw_only=True)
class ReviewItem:
    """An item to look at again, its priority from 0 to 1 and its reasons, the heaviest first."""

    item_id: str
    priority: float
    reasons: tuple[ReviewReason, ...]


@dataclass(frozen=True, kw_only=True)
class LabelShift:
    """What changed in the labels between the arms.

    Attributes
    ----------
    matched_items, only_control, only_treatment, leaked_items : int
    total : FlipCount
    by : mapping of str to tuple of FlipCount
        The flips split by an item attribute or by a group of raters, e.g. ``{"clause": (...), "raters' pool": (...)}``.
    matched_shift : ShareShift or NotEstimable or None
        On the items that both arms label.
    mix_shift : ShareShift or NotEstimable or None
        What the items that one arm alone labels add to the difference of the arms' positive shares.
    ownership : Ownership or None
    clauses : tuple of ClauseTouch
    review : tuple of ReviewItem
        Most urgent first.
    raters : PoolComparison or NotEstimable or None
        The raters of both arms.
    """

    matched_items: int
    only_control: int
    only_treatment: int
    leaked_items: int
    total: FlipCount
    by: Mapping[str, tuple[FlipCount, ...]] = field(default_factory=dict)
    matched_shift: ShareShift | NotEstimable | None = None
    mix_shift: ShareShift | NotEstimable | None = None
    ownership: Ownership | None = None
    clauses: tuple[ClauseTouch, ...] = ()
    review: tuple[ReviewItem, ...] = ()
    raters: PoolComparison | NotEstimable | None = None
