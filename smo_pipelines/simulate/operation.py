"""The embedded operation as tables: items, raters and ratings of the project ``demo``, with the truth beside them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.simulate.items import SimulatedItem, draw_items
from smo_pipelines.simulate.policy import GUIDELINES, PLANTED_CAUSE, POLICIES, Form, PlantedCause
from smo_pipelines.simulate.raters import RatingPass, SimulatedRater, draw_raters, rate_items
from smo_pipelines.simulate.streams import stream

__all__ = [
    "PROJECT",
    "OperationTruth",
    "SimulatedOperation",
    "items_table",
    "raters_table",
    "rating_table",
    "simulate_operation",
]

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
        items=items_table([*train, *benchmark], np.concatenate([_item_times(seed, train), _item_times(seed, benchmark)])),
        raters=raters_table(raters),
        ratings=pa.concat_tables([rating_table(whose, k, p, train, raters) for k, p in enumerate(passes)]).to_pandas(),
        truth=_truth([*train, *benchmark], raters),
    )


def _moments(days: np.ndarray) -> pa.Array:
    """Return moments, whole seconds, so many days after the origin."""
    seconds = np.floor(days * _SECONDS_A_DAY).astype(np.int64)
    return pa.array(int(ORIGIN.timestamp()) * 1_000_000 + seconds * 1_000_000, pa.timestamp("us", tz="UTC"))


def _item_times(seed: int, items: list[SimulatedItem]) -> np.ndarray:
    split = items[0].split if items else "none"
    return _ITEM_DAYS * stream(seed, "item times", split).random(len(items))


def items_table(items: Sequence[SimulatedItem], days: np.ndarray) -> pd.DataFrame:
    """Return items, made so many days after the origin, in the columns of the label tables."""
    return pd.DataFrame(
        {
            "item_id": [item.item_id for item in items],
            "text": [item.text for item in items],
            "locale": [item.locale for item in items],
            "created_at": _moments(days).to_pandas(),
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


def raters_table(raters: Sequence[SimulatedRater]) -> pd.DataFrame:
    """Return raters in the columns of the label tables."""
    return pd.DataFrame(
        {
            "rater_id": [rater.rater_id for rater in raters],
            "kind": "human",
            "pool": [rater.pool for rater in raters],
            "locale": [rater.locale for rater in raters],
            "since": _moments(-30.0 - np.arange(len(raters)) % 400).to_pandas(),
            "attributes": [{"language": rater.language} for rater in raters],
        }
    )


def rating_table(
    seed: int,
    number: int,
    one: RatingPass,
    items: Sequence[SimulatedItem],
    raters: Sequence[SimulatedRater],
    *,
    item_ids: Sequence[str] = (),
    week: int = 0,
) -> pa.Table:
    """Return one pass of ratings in the columns of the label tables, so many weeks later and under other item ids where given."""
    rng = stream(seed, "rating times", str(number))
    version = -1 if one.current else -2
    guideline_of = {policy: versions[max(version, -len(versions))].id for policy, versions in GUIDELINES.items()}
    words = np.array([len(item.text.split()) for item in items], dtype=float)[one.item]

    def of_items(values: Sequence[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(pa.array(one.item))

    named = of_items(list(item_ids) or [item.item_id for item in items])
    guidelines = of_items([guideline_of[item.policy] for item in items])
    rater_ids = pa.array([rater.rater_id for rater in raters], pa.string()).take(pa.array(one.rater))
    cited = pa.array(one.clause, pa.string())
    columns = {
        "rating_id": pc.binary_join_element_wise(named, rater_ids, guidelines, "/"),
        "item_id": named,
        "question": of_items([item.policy for item in items]),
        "rater_id": rater_ids,
        "label": pa.array(["benign", "violating"]).take(pa.array(one.positive.astype(np.int8))),
        "guideline": guidelines,
        "clause": pc.if_else(pc.equal(cited, ""), pa.scalar(None, pa.string()), cited),
        "locale": of_items([item.locale for item in items]),
        "created_at": _moments(7 * week + _ROUND_STARTS[number] + _ROUND_DAYS * rng.random(len(words))),
        "duration_s": np.round((3.0 + 0.6 * words) * np.exp(0.4 * rng.standard_normal(len(words))), 1),
        "round": pa.repeat(pa.scalar(number + 1, pa.int32()), len(words)),
        "cost": np.array([rater.pay for rater in raters])[one.rater],
        "currency": pa.repeat("USD", len(words)),
    }
    return pa.table(columns)


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
