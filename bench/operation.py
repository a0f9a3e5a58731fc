"""The embedded operation in memory: what raters answer under a way of working, and fresh benchmarks of the same items' kind."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.labels import Votes
from smo_pipelines.simulate.items import SimulatedItem, draw_items
from smo_pipelines.simulate.markets import MARKETS
from smo_pipelines.simulate.policy import PLANTED_CAUSE
from smo_pipelines.simulate.raters import RATINGS_PER_ITEM, RatingPass, SimulatedRater, rate_items

__all__ = [
    "BENCHMARK",
    "LOCALES",
    "Operation",
    "Rated",
    "fresh_benchmark",
    "fresh_items",
    "golds_of",
    "halves",
    "hate_items",
    "rate",
]

BENCHMARK = "fresh"
LOCALES = frozenset(market.locale for market in MARKETS)
_OLD, _NEW = PLANTED_CAUSE.before, PLANTED_CAUSE.after


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How raters work on the hate policy.

    Attributes
    ----------
    known : frozenset of str
        Locales where hate@4 was in force from the first round on; hate@3 was elsewhere.
    again : frozenset of str
        Locales whose items the same core raters rate in a second round, under hate@4. Where it is new to them, each follows it as far
        as is that rater's habit; the noise of the two rounds has correlation 1/2.
    vendor : frozenset of str
        Locales whose items the vendor's raters label, in place of the core raters.
    strictness, lapse : float
        What the form of the second round adds to each rater's strictness, and to the probability of a careless answer.
    panel : int
        Ratings that are kept of an item's six, the first in order of assignment, which is random.
    careful : bool
        Keep only the raters whose lapse is below the median of their pool.
    """

    known: frozenset[str] = LOCALES
    again: frozenset[str] = frozenset()
    vendor: frozenset[str] = frozenset()
    strictness: float = 0.0
    lapse: float = 0.0
    panel: int = RATINGS_PER_ITEM
    careful: bool = False

    def __post_init__(self) -> None:
        if self.vendor & self.again:
            raise ValueError("the vendor rates once")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rated:
    """Ratings as arrays of shape (n_ratings,): positions of item and rater, and whether the answer is violating."""

    item: np.ndarray
    rater: np.ndarray
    positive: np.ndarray

    def kept(self, keep: np.ndarray) -> "Rated":
        """Return some of the ratings."""
        return Rated(item=self.item[keep], rater=self.rater[keep], positive=self.positive[keep])

    def kept_where(self, items: np.ndarray) -> "Rated":
        """Return the ratings of some items: shape (n_items,), bool."""
        return self.kept(items[self.item])

    def votes(self, raters: Sequence[SimulatedRater]) -> Votes:
        """Return the ratings in the form of a snapshot's votes, raters by the order of their pseudonyms."""
        names = np.array([rater.rater_id for rater in raters])
        order = np.argsort(names)
        place = np.empty(len(names), dtype=np.int64)
        place[order] = np.arange(len(names))
        return Votes(item=self.item, rater=place[self.rater], label=self.positive.astype(np.int8), rater_ids=names[order])


def hate_items(seed: int, count: int, locales: frozenset[str] = LOCALES) -> list[SimulatedItem]:
    """Return so many training items of the hate policy in some locales."""
    share = sum(market.share for market in MARKETS if market.locale in locales)
    drawn = draw_items(seed, split="train", count=round(1.2 * count / share) + 20, policies=["hate"])
    kept = [item for item in drawn if item.locale in locales]
    if len(kept) < count:
        raise ValueError(f"{len(kept)} of {len(drawn)} items are of {sorted(locales)}, {count} are asked for")
    return kept[:count]


def fresh_items(seed: int, count: int, locales: frozenset[str] = LOCALES) -> list[SimulatedItem]:
    """Draw benchmark items of the hate policy, and return those of some locales."""
    drawn = draw_items(seed, split="benchmark", count=count, policies=["hate"])
    return [item for item in drawn if item.locale in locales]


def golds_of(items: Sequence[SimulatedItem]) -> dict[str, np.ndarray]:
    """Return what is right under hate@3 and hate@4: 0 or 1, shape (n_items,)."""
    return {name: np.array([item.gold[name] == "violating" for item in items], dtype=np.int8) for name in (_OLD, _NEW)}


def fresh_benchmark(seed: int, count: int, locales: frozenset[str] = LOCALES) -> Benchmark:
    """Return a benchmark of fresh items; each item is its own cluster (``docs/decisions/004``)."""
    items = fresh_items(seed, count, locales)
    return Benchmark(
        name=BENCHMARK,
        item_ids=np.array([item.item_id for item in items]),
        texts=np.array([item.text for item in items], dtype=object),
        golds=golds_of(items),
        clusters=np.arange(len(items)),
    )


def rate(seed: int, items: Sequence[SimulatedItem], raters: Sequence[SimulatedRater], way: Operation) -> Rated:
    """Return the ratings of items under a way of working; with one seed, two ways share what they do not change."""
    seen = [
        replace(item, gold={_OLD: item.gold[_NEW if item.locale in way.known else _OLD], _NEW: item.gold[_NEW]}) for item in items
    ]
    first, second, vendor = rate_items(seed, seen, raters)
    if way.strictness or way.lapse:
        moved = [replace(r, strictness=r.strictness + way.strictness, lapse=min(r.lapse + way.lapse, 1.0)) for r in raters]
        second = rate_items(seed, seen, moved)[1]
    locale = np.array([item.locale for item in items])
    places = ((first, LOCALES - way.again - way.vendor), (second, way.again), (vendor, way.vendor))
    parts = [_first_of(one, way.panel).kept_where(np.isin(locale, sorted(where))) for one, where in places]
    found = Rated(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "rater", "positive")})
    if not way.careful:
        return found
    middle = {pool: np.median([r.lapse for r in raters if r.pool == pool]) for pool in {r.pool for r in raters}}
    careful = np.array([rater.lapse < middle[rater.pool] for rater in raters])
    return found.kept(careful[found.rater])


def halves(rated: Rated, raters: Sequence[SimulatedRater], rng: np.random.Generator) -> tuple[Rated, Rated]:
    """Return the ratings of two disjoint random halves of the raters."""
    half = rng.permutation(len(raters)) % 2
    return rated.kept(half[rated.rater] == 0), rated.kept(half[rated.rater] == 1)


def _first_of(one: RatingPass, panel: int) -> Rated:
    """Return the first so many ratings of each item; all items of a pass have the same number, one after the other."""
    keep = np.arange(len(one.item)) % RATINGS_PER_ITEM < panel
    return Rated(item=one.item, rater=one.rater, positive=one.positive).kept(keep)
