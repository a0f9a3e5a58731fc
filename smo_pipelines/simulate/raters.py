"""Raters with known habits, and the ratings that follow from them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smo_pipelines.simulate.items import SimulatedItem
from smo_pipelines.simulate.markets import MARKETS, Market
from smo_pipelines.simulate.policy import CLAUSES, GUIDELINES, NO_CLAUSE
from smo_pipelines.simulate.streams import stream

__all__ = ["RATINGS_PER_ITEM", "RatingPass", "SimulatedRater", "draw_raters", "rate_items"]

RATINGS_PER_ITEM = 6

_ALL_CLAUSES = tuple(clause for clauses in CLAUSES.values() for clause in clauses)
_THREAT_CLAUSES = frozenset({"3.5", *CLAUSES["threats"]})
_BLIND_SHARE = 0.05
_BLIND_SHARE_OF_THREATS = 0.8
_BLIND_SHIFT = 2.2
_NOISE_KEPT = 0.5
_MISCITED = 0.12


@dataclass(frozen=True, kw_only=True)
class _Pool:
    name: str
    strictness: float
    spread: float
    max_lapse: float
    follow: float
    follow_sd: float


_CORE = _Pool(name="core", strictness=0.0, spread=0.45, max_lapse=0.08, follow=0.9, follow_sd=0.2)
_VENDOR = _Pool(name="vendor-lenient", strictness=-0.6, spread=0.45, max_lapse=0.12, follow=0.75, follow_sd=0.3)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedRater:
    """One rater and the habits that make the ratings.

    Attributes
    ----------
    strictness : float
        Added to every reading: above 0 flags more.
    lapse : float
        Probability of a label that is the toss of a coin.
    follow : float
        Response to a guideline edit: 0 keeps rating by the old clause, 1 follows the new one, 0.5 is of two minds.
    blind_spots : tuple of str
        Clauses whose breaches the rater tends not to see.
    """

    rater_id: str
    pool: str
    locale: str
    language: str
    pay: float
    strictness: float
    lapse: float
    follow: float
    blind_spots: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class RatingPass:
    """All ratings of one pool in one round (of no pool when empty): row j is rater ``rater[j]``'s label of item ``item[j]``.

    Attributes
    ----------
    pool : str
    current : bool
        True under the newest version of each policy, False under the one before.
    item, rater : ndarray of shape (n_ratings,), int64
        Positions in the lists of items and raters.
    positive : ndarray of shape (n_ratings,), bool
    clause : ndarray of shape (n_ratings,), str
        The clause cited for a positive label, the empty string for a negative one.
    """

    pool: str
    current: bool
    item: np.ndarray
    rater: np.ndarray
    positive: np.ndarray
    clause: np.ndarray


def draw_raters(seed: int) -> list[SimulatedRater]:
    """Draw every rater of both pools in every market."""
    raters: list[SimulatedRater] = []
    for pool in (_CORE, _VENDOR):
        rng = stream(seed, "raters", pool.name)
        for market in MARKETS:
            for _ in range(market.core if pool is _CORE else market.vendor):
                raters.append(_rater(seed, len(raters), pool, market, rng))
    return raters


def _rater(seed: int, number: int, pool: _Pool, market: Market, rng: np.random.Generator) -> SimulatedRater:
    strictness, follow = rng.standard_normal(2)
    lapse, *blind = rng.random(1 + len(_ALL_CLAUSES))
    share = {c: _BLIND_SHARE_OF_THREATS if pool is _VENDOR and c in _THREAT_CLAUSES else _BLIND_SHARE for c in _ALL_CLAUSES}
    return SimulatedRater(
        rater_id="r" + hashlib.sha256(f"demo rater {seed}/{number}".encode()).hexdigest()[:15],
        pool=pool.name,
        locale=market.locale,
        language=market.language,
        pay=market.pay if pool is _CORE else round(0.55 * market.pay, 3),
        strictness=pool.strictness + pool.spread * float(strictness),
        lapse=pool.max_lapse * float(lapse),
        follow=float(np.clip(pool.follow + pool.follow_sd * follow, 0.0, 1.0)),
        blind_spots=tuple(c for c, u in zip(_ALL_CLAUSES, blind, strict=True) if u < share[c]),
    )


def rate_items(seed: int, items: Sequence[SimulatedItem], raters: Sequence[SimulatedRater]) -> list[RatingPass]:
    """Rate every item three times over: core before the edit, the same core raters after it, and the vendor after it.

    The reading of item i by rater r is ``v + strictness + blind spot + noise`` and is flagged above 0, where ``v`` is plus or minus
    the item's clarity by its gold; after an edit ``v = old + follow * (new - old)``. The noise is standard normal, with correlation
    1/2 between the two rounds of the same rater and item.

    Returns
    -------
    list of RatingPass
        Policies with a single version have no ratings in the first.
    """
    crowd = _Crowd(items=items, raters=raters)
    core = _assign(stream(seed, "assignment", _CORE.name), items, raters, _CORE.name)
    vendor = _assign(stream(seed, "assignment", _VENDOR.name), items, raters, _VENDOR.name)
    first = stream(seed, "noise", "core").standard_normal(len(core[0]))
    fresh = stream(seed, "noise", "core again").standard_normal(len(core[0]))
    second = _NOISE_KEPT * first + np.sqrt(1 - _NOISE_KEPT**2) * fresh
    third = stream(seed, "noise", "vendor").standard_normal(len(vendor[0]))
    edited = np.array([len(GUIDELINES[item.policy]) > 1 for item in items], dtype=bool)[core[0]]
    before = (core[0][edited], core[1][edited])
    return [
        _one_pass(stream(seed, "pass", "before"), crowd, first[edited], before, current=False),
        _one_pass(stream(seed, "pass", "after"), crowd, second, core, current=True),
        _one_pass(stream(seed, "pass", "vendor"), crowd, third, vendor, current=True),
    ]


def _assign(
    rng: np.random.Generator, items: Sequence[SimulatedItem], raters: Sequence[SimulatedRater], pool: str
) -> tuple[np.ndarray, np.ndarray]:
    """Give each item six raters of its language and pool, at random with equal workloads.

    Returns
    -------
    (item, rater) : two ndarrays of shape (6 * n_items,), int64
    """
    speaks = {market.locale: market.language for market in MARKETS}
    tongues = np.array([speaks[item.locale] for item in items])
    who, what = [], []
    for tongue in sorted(set(tongues.tolist())):
        mine = np.flatnonzero(tongues == tongue)
        able = np.array([k for k, rater in enumerate(raters) if rater.pool == pool and rater.language == tongue])
        an_order = len(able) // RATINGS_PER_ITEM  # items that one shuffled order of the raters serves
        orders = rng.permuted(np.tile(able, (-(-len(mine) // an_order), 1)), axis=1)
        who.append(orders[:, : an_order * RATINGS_PER_ITEM].reshape(-1, RATINGS_PER_ITEM)[: len(mine)].ravel())
        what.append(np.repeat(mine, RATINGS_PER_ITEM))
    if not what:
        return np.array([], dtype=np.int64), np.array([], dtype=np.int64)
    item, rater = np.concatenate(what), np.concatenate(who)
    order = np.argsort(item, kind="stable")
    return item[order], rater[order]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Crowd:
    items: Sequence[SimulatedItem]
    raters: Sequence[SimulatedRater]


def _one_pass(
    rng: np.random.Generator, crowd: _Crowd, noise: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], *, current: bool
) -> RatingPass:
    items, raters = crowd.items, crowd.raters
    item, rater = pairs
    old, new = _sides(items, -2), _sides(items, -1)
    clarity = np.array([i.clarity for i in items])[item]
    follow = np.array([r.follow for r in raters])[rater]
    side = old[item] + follow * (new[item] - old[item]) if current else old[item]
    violating = (new if current else old)[item] > 0
    reading = clarity * side + np.array([r.strictness for r in raters])[rater] + noise
    reading -= _BLIND_SHIFT * (_blind(items, raters)[rater, item] & violating)
    lapsed = rng.random(len(item)) < np.array([r.lapse for r in raters])[rater]
    positive = np.where(lapsed, rng.random(len(item)) < 0.5, reading > 0)
    pool = raters[rater[0]].pool if len(rater) else ""
    return RatingPass(
        pool=pool, current=current, item=item, rater=rater, positive=positive, clause=_cited(rng, items, item, positive)
    )


def _sides(items: Sequence[SimulatedItem], version: int) -> np.ndarray:
    """Return 1 where the newest (-1) or the previous (-2) version of an item's policy makes it violating, else -1."""
    labels = [list(item.gold.values()) for item in items]
    return np.array([1.0 if gold[max(version, -len(gold))] == "violating" else -1.0 for gold in labels])


def _blind(items: Sequence[SimulatedItem], raters: Sequence[SimulatedRater]) -> np.ndarray:
    """Return whether each rater has a blind spot for each item's clause, of shape (n_raters, n_items)."""
    table = np.array([[clause in rater.blind_spots for clause in (*_ALL_CLAUSES, NO_CLAUSE)] for rater in raters], dtype=bool)
    column = {clause: k for k, clause in enumerate((*_ALL_CLAUSES, NO_CLAUSE))}
    return table[:, [column[item.clause] for item in items]]


def _cited(rng: np.random.Generator, items: Sequence[SimulatedItem], item: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Cite the item's clause for a positive label, or now and then another clause of the policy."""
    own = np.array([i.clause for i in items], dtype=object)[item]
    other = rng.random(len(item))
    wrong = (rng.random(len(item)) < _MISCITED) | (own == NO_CLAUSE)
    names, widths = _clauses_of(tuple(CLAUSES))
    policy = np.array([list(CLAUSES).index(i.policy) for i in items], dtype=np.int64)[item]
    guesses = names[policy, (other * widths[policy]).astype(int)]
    cited = np.where(wrong, guesses, own)
    return np.where(positive, cited, "").astype(object)


def _clauses_of(policies: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return each policy's clauses (a row each, filled up with the empty string) and how many there are."""
    widths = np.array([len(CLAUSES[policy]) for policy in policies])
    names = np.full((len(policies), widths.max()), "", dtype=object)
    for row, policy in enumerate(policies):
        names[row, : widths[row]] = CLAUSES[policy]
    return names, widths
