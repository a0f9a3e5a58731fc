"""Pools whose raters follow from what the raters did, and how two sets of raters compare."""

from dataclasses import asdict, dataclass

from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.labels import RaterPool

__all__ = ["GoldAccuracy", "Period", "PoolComparison", "PoolRule", "Volume"]


@dataclass(frozen=True, kw_only=True)
class Period:
    """A stretch of time from a moment (included) to another (not included), ISO-8601; None is open."""

    start: str | None = None
    before: str | None = None


@dataclass(frozen=True, kw_only=True)
class GoldAccuracy:
    """Raters who are shown to be accurate on gold: the lower end of their 95% Wilson interval is at least ``at_least``.

    Only gold ratings given before ``before`` count, so the pool's raters do not depend on what came later.
    """

    at_least: float
    on: int
    before: str


@dataclass(frozen=True, kw_only=True)
class Volume:
    """How many ratings, neither skipped nor gold, a rater had given before a moment: at least so many, fewer than so many, or both."""

    before: str
    at_least: int | None = None
    fewer_than: int | None = None


@dataclass(frozen=True, kw_only=True)
class PoolRule(RaterPool):
    """A pool that must be resolved to its raters before it can select ratings (``labels.pools.resolve_pool``).

    All parts must hold: the attributes, the list where there is one, accuracy, joining, activity and volume.

    Parameters
    ----------
    gold_accuracy : GoldAccuracy or None
    joined : Period or None
        When the rater joined (``since``).
    active : Period or None
        The rater gave a rating in this period.
    volume : Volume or None
    """

    gold_accuracy: GoldAccuracy | None = None
    joined: Period | None = None
    active: Period | None = None
    volume: Volume | None = None

    @property
    def digest(self) -> str:
        """The name of this rule; ``volume``, which came later, is part of it only where it is used."""
        return digest_of({name: value for name, value in asdict(self).items() if name != "volume" or value is not None})


@dataclass(frozen=True, kw_only=True)
class PoolComparison:
    """Two sets of raters and their work: two pools, one pool at two moments, or the arms of an experiment.

    Attributes
    ----------
    raters_before, raters_after, shared : int
    ratings_before, ratings_after : int
    shared_ratings_before, shared_ratings_after : float
        Share of each side's ratings that the shared raters gave.
    moved_ratings : float
        Half the sum over raters of the difference of their shares of the ratings: 0 for the same work by the same raters, 1 for
        disjoint raters.
    """

    before: str
    after: str
    raters_before: int
    raters_after: int
    shared: int
    ratings_before: int
    ratings_after: int
    shared_ratings_before: float
    shared_ratings_after: float
    moved_ratings: float

    @property
    def left(self) -> int:
        """Raters of the first side alone."""
        return self.raters_before - self.shared

    @property
    def joined(self) -> int:
        """Raters of the second side alone."""
        return self.raters_after - self.shared

    @property
    def jaccard(self) -> float:
        """Shared raters over all raters of either side."""
        return self.shared / (self.shared + self.left + self.joined)
