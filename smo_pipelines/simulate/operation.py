"""The embedded operation as tables: items, raters and ratings of the project ``demo``, with the truth beside them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from smo_pipelines.simulate.items import SimulatedItem, draw_items
from smo_pipelines.simulate.policy import GUIDELINES, PLANTED_CAUSE, POLICIES, Form, PlantedCause
from smo_pipelines.simulate.raters import RatingPass, SimulatedRater, draw_raters, rate_items
from smo_pipelines.simulate.streams import stream

__all__ = ["PROJECT", "OperationTruth", "SimulatedOperation", "simulate_operation"]

PROJECT = "demo"
ORIGIN = dt.datetime(2026, 3, 2, 6, 0, tzinfo=dt.UTC)
"""The moment from which the operation's times count."""

_ITEM_DAYS = 14
_ROUND_STARTS = (15, 29, 36)
_ROUND_DAYS = 5
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, kw_only=True, eq=False)
class OperationTruth:
    """What is true of an operation and what no export would say.

    Attributes
    ----------
    items : DataFrame
        ``item_id, split, policy, locale, clause, form, template, clarity, gold_before, gold_after, changed``: gold under the
        previous and the newest version of the policy (equal where there is one).
    raters : DataFrame
        ``rater_id, pool, locale, strictness, lapse, follow, blind_spots``.
    cause : PlantedCause
        Why gold differs between the two versions of the hate guideline.
    """

    items: pd.DataFrame
    raters: pd.DataFrame
    cause: PlantedCause


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedOperation:
    """The tables of one operation in the columns of the label tables, and their truth."""

    seed: int
    items: pd.DataFrame
    raters: pd.DataFrame
    ratings: pd.DataFrame
    truth: OperationTruth


def simulate_operation(
    seed: int,
    *,
    train_items: int,
    benchmark_items: int,
    policies: Sequence[str] = POLICIES,
    rater_seed: int | None = None,
) -> SimulatedOperation:
    """Simulate a moderation operation whose labels and causes are known exactly.

    Every training item is rated by six core raters under the previous version of its policy, by the same six under the newest, and
    by six vendor raters under the newest. Benchmark items have gold and no ratings. Equal arguments give equal tables.

    Parameters
    ----------
    seed : int
    train_items, benchmark_items : int
        Items of each split over all policies; about 60% are of the hate policy unless ``policies`` says otherwise.
    policies : sequence of str
        Which policies' queues to simulate.
    rater_seed : int, optional
        Draw other raters, assignments and ratings for the same items; ``seed`` by default.

    Raises
    ------
    LabelError
        When the templates cannot give so many different texts.
    """
    train = draw_items(seed, split="train", count=train_items, policies=policies)
    benchmark = draw_items(seed, split="benchmark", count=benchmark_items, policies=policies)
    whose = seed if rater_seed is None else rater_seed
    raters = draw_raters(whose)
    passes = rate_items(whose, train, raters)
    return SimulatedOperation(
        seed=seed,
        items=_items_table([*train, *benchmark], np.concatenate([_item_times(seed, train), _item_times(seed, benchmark)])),
        raters=_raters_table(raters),
        ratings=pd.concat([_ratings_table(whose, k, p, train, raters) for k, p in enumerate(passes)], ignore_index=True),
        truth=_truth([*train, *benchmark], raters),
    )


def _moments(days: np.ndarray) -> pd.DatetimeIndex:
    """Return moments, whole seconds, so many days after the origin."""
    seconds = np.floor(days * _SECONDS_A_DAY).astype("int64").astype("timedelta64[s]")
    return pd.DatetimeIndex(np.datetime64(ORIGIN.replace(tzinfo=None), "us") + seconds.astype("timedelta64[us]")).tz_localize("UTC")


def _item_times(seed: int, items: list[SimulatedItem]) -> np.ndarray:
    split = items[0].split if items else "none"
    return _ITEM_DAYS * stream(seed, "item times", split).random(len(items))


def _items_table(items: list[SimulatedItem], days: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item_id": [item.item_id for item in items],
            "project": PROJECT,
            "text": [item.text for item in items],
            "locale": [item.locale for item in items],
            "created_at": _moments(days),
            "attributes": [
                {
                    "split": item.split,
                    "policy": item.policy,
                    "clause": item.clause,
                    "template": item.template,
                    "lookalike": "yes" if item.form is Form.lookalike else "no",
                }
                for item in items
            ],
            "gold": [dict(item.gold) for item in items],
        }
    )


def _raters_table(raters: list[SimulatedRater]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rater_id": [rater.rater_id for rater in raters],
            "project": PROJECT,
            "kind": "human",
            "pool": [rater.pool for rater in raters],
            "locale": [rater.locale for rater in raters],
            "since": _moments(-30.0 - np.arange(len(raters)) % 400),
            "attributes": [{"language": rater.language} for rater in raters],
        }
    )


def _ratings_table(
    seed: int, number: int, one: RatingPass, items: list[SimulatedItem], raters: list[SimulatedRater]
) -> pd.DataFrame:
    rng = stream(seed, "rating times", str(number))
    count = len(one.item)
    version = -1 if one.current else -2
    guideline_of = {policy: versions[max(version, -len(versions))].id for policy, versions in GUIDELINES.items()}
    item_ids = np.array([item.item_id for item in items], dtype=object)[one.item]
    rater_ids = np.array([rater.rater_id for rater in raters], dtype=object)[one.rater]
    questions = np.array([item.policy for item in items], dtype=object)[one.item]
    guidelines = np.array([guideline_of[item.policy] for item in items], dtype=object)[one.item]
    words = np.array([len(item.text.split()) for item in items], dtype=float)[one.item]
    return pd.DataFrame(
        {
            "rating_id": item_ids + "/" + rater_ids + "/" + guidelines,
            "project": PROJECT,
            "item_id": item_ids,
            "question": questions,
            "rater_id": rater_ids,
            "label": np.where(one.positive, "violating", "benign").astype(object),
            "guideline": guidelines,
            "clause": [cited or None for cited in one.clause],
            "locale": np.array([item.locale for item in items], dtype=object)[one.item],
            "created_at": _moments(_ROUND_STARTS[number] + _ROUND_DAYS * rng.random(count)),
            "duration_s": np.round((3.0 + 0.6 * words) * np.exp(0.4 * rng.standard_normal(count)), 1),
            "is_gold": False,
            "skipped": False,
            "prelabelled": False,
            "round": number + 1,
            "cost": np.array([rater.pay for rater in raters])[one.rater],
            "currency": "USD",
        }
    )


def _truth(items: list[SimulatedItem], raters: list[SimulatedRater]) -> OperationTruth:
    golds = [list(item.gold.values()) for item in items]
    names = ("item_id", "split", "policy", "locale", "clause", "form", "template", "clarity")
    facts = {name: [getattr(item, name) for item in items] for name in names}
    before, after = [gold[max(-2, -len(gold))] for gold in golds], [gold[-1] for gold in golds]
    item_facts = pd.DataFrame({**facts, "form": [str(item.form) for item in items], "gold_before": before, "gold_after": after})
    habits = ("rater_id", "pool", "locale", "strictness", "lapse", "follow", "blind_spots")
    return OperationTruth(
        items=item_facts.assign(changed=item_facts["gold_before"] != item_facts["gold_after"]),
        raters=pd.DataFrame({name: [getattr(rater, name) for rater in raters] for name in habits}),
        cause=PLANTED_CAUSE,
    )
