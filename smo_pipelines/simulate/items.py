"""The items of the embedded operation: what each one says, does and is worth under every guideline version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.errors import LabelError
from smo_pipelines.simulate.markets import MARKETS, Market
from smo_pipelines.simulate.policy import GUIDELINES, NO_CLAUSE, Form, gold_label
from smo_pipelines.simulate.streams import stream
from smo_pipelines.simulate.templates import Template, language, write_text

__all__ = ["POLICY_SHARES", "SimulatedItem", "draw_items"]

POLICY_SHARES: dict[str, float] = {"hate": 0.60, "harassment": 0.12, "threats": 0.10, "scams": 0.10, "self-harm": 0.08}
"""Part of all items that each policy's queue holds."""

_HATE_MIX: dict[tuple[str, Form], float] = {
    ("3.1", Form.breach): 0.13,
    ("3.1", Form.lookalike): 0.15,
    ("3.2", Form.quoted): 0.15,
    ("3.2", Form.breach): 0.05,
    ("3.2", Form.lookalike): 0.05,
    ("3.3", Form.breach): 0.05,
    ("3.3", Form.lookalike): 0.05,
    ("3.4", Form.breach): 0.03,
    ("3.4", Form.lookalike): 0.05,
    ("3.5", Form.breach): 0.05,
    ("3.5", Form.lookalike): 0.05,
    ("3.6", Form.breach): 0.05,
    ("3.6", Form.lookalike): 0.05,
    (NO_CLAUSE, Form.plain): 0.09,
}
_OTHER_MIX = {Form.breach: 0.40, Form.lookalike: 0.35, Form.contested: 0.12, Form.plain: 0.25}

_CLARITY_RANGE = (1.7, 3.2)
_CLARITY_SD = 0.35
_CLARITY_FLOOR = 0.1
_HARD_SHARE = 0.05
_HARD_CLARITY = (0.1, 0.4)
_MAX_DRAWS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedItem:
    """One item with everything that is true of it.

    Attributes
    ----------
    clarity : float
        How far the item lies on its side of the line between labels, in standard deviations of one reading by an average rater;
        below 0 where most raters misread it.
    gold : mapping of str to str
        Label under every version of the item's policy.
    """

    item_id: str
    split: str
    policy: str
    locale: str
    clause: str
    form: Form
    template: str
    text: str
    clarity: float
    gold: Mapping[str, str]


def draw_items(seed: int, *, split: str, count: int, policies: Sequence[str]) -> list[SimulatedItem]:
    """Draw the items of one split; the first n of a longer draw are the draw of n.

    Parameters
    ----------
    split : {"train", "benchmark"}
    policies : sequence of str
        Which queues; their shares are those of :data:`POLICY_SHARES`, rescaled.

    Raises
    ------
    LabelError
        When the templates cannot give so many different texts.
    """
    rng = stream(seed, "items", split)
    policy_bounds = _bounds([POLICY_SHARES[p] for p in policies])
    market_bounds = _bounds([market.share for market in MARKETS])
    seen: set[str] = set()
    items = []
    for number in range(count):
        u = rng.random(4)
        policy = policies[_pick(policy_bounds, u[0])]
        market = MARKETS[_pick(market_bounds, u[1])]
        template = _template(market.language, policy, split, u[2], u[3])
        text = _new_text(template, market, split, rng, seen)
        items.append(_item(number, split, market.locale, template, text, rng))
    return items


def _item(number: int, split: str, locale: str, template: Template, text: str, rng: np.random.Generator) -> SimulatedItem:
    return SimulatedItem(
        item_id=f"demo-{split}-{number:06d}",
        split=split,
        policy=template.policy,
        locale=locale,
        clause=template.clause,
        form=template.form,
        template=template.id,
        text=text,
        clarity=_clarity(template, rng),
        gold={version.id: gold_label(version, template.form) for version in GUIDELINES[template.policy]},
    )


def _new_text(template: Template, market: Market, split: str, rng: np.random.Generator, seen: set[str]) -> str:
    for _ in range(_MAX_DRAWS):
        text = write_text(template, language(market.language), split, market.locale, rng)
        if text not in seen:
            seen.add(text)
            return text
    raise LabelError(
        f"template {template.id!r} gave no new text in {_MAX_DRAWS} draws after {len(seen)} items of the {split} split; "
        "ask for fewer items"
    )


def _clarity(template: Template, rng: np.random.Generator) -> float:
    """Draw a clear item around its template's clarity, or one of the hard ones on which raters split."""
    hard, z = rng.random() < _HARD_SHARE, float(rng.standard_normal())
    if hard:
        return _HARD_CLARITY[0] + _HARD_CLARITY[1] * z
    return max(_CLARITY_FLOOR, _template_clarity(template.id) + _CLARITY_SD * z)


@cache
def _template_clarity(template: str) -> float:
    low, high = _CLARITY_RANGE
    return low + (high - low) * float(hash_to_unit("clarity", [template])[0])


@cache
def _cells(code: str, policy: str, split: str) -> tuple[tuple[float, ...], tuple[tuple[Template, ...], ...]]:
    """Return the cumulated shares of the cells (clause, form) that a language can write, and their templates."""
    cells: dict[tuple[str, Form], list[Template]] = {}
    for template in language(code).templates:
        if template.policy == policy and split in template.splits:
            cells.setdefault((template.clause, template.form), []).append(template)
    return _bounds(_weights(list(cells), policy)), tuple(tuple(templates) for templates in cells.values())


def _weights(cells: list[tuple[str, Form]], policy: str) -> list[float]:
    if policy == "hate":
        return [_HATE_MIX[cell] for cell in cells]
    siblings = {form: sum(f is form for _, f in cells) for form in Form}
    return [_OTHER_MIX[form] / siblings[form] for _, form in cells]


def _template(code: str, policy: str, split: str, u: float, v: float) -> Template:
    bounds, cells = _cells(code, policy, split)
    templates = cells[_pick(bounds, u)]
    return templates[int(v * len(templates))]


def _bounds(weights: Sequence[float]) -> tuple[float, ...]:
    cumulated = np.cumsum(weights) / np.sum(weights)
    return tuple(cumulated.tolist())


def _pick(bounds: tuple[float, ...], u: float) -> int:
    return min(int(np.searchsorted(bounds, u, side="right")), len(bounds) - 1)
