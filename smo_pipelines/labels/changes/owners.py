"""Which part of an operational change owns each flip: rules keyed by item, and labels recomputed from the ratings.

Every matched item has one owner, so the owners' flips and expected flips sum to the totals, and each owner's excess is what it
may be held to. An item's owner is found in this order:

1. *Recomputed labels.* With a part of the change alone switched in the control, does the item take the treatment's label? With
   that part alone switched back in the treatment, does it take the control's? A part owns a flip when the answers that can be had
   are all yes and no other part's are. The aggregation and the tie rule can always be switched, on the ratings at hand; other
   parts when the caller has such a snapshot.
2. *What can touch the item.* A guideline touches it through an edited clause that it is under, or when nobody knows its clause;
   a pool when other raters rated it; a period, an overlap or a filter when other ratings count; an instrument always. An item that
   only one part touches is that part's.
3. Items that no part touches, or several, are unexplained.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from smo_pipelines.domain.changes import changed_fields
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.label_changes import Component, FlipCount, OwnedFlips, Ownership
from smo_pipelines.domain.labels import LabelSnapshot, SnapshotRecipe
from smo_pipelines.labels.aggregation import AGGREGATIONS, LEARN_FROM_GOLD
from smo_pipelines.labels.changes.clauses import clause_of_items
from smo_pipelines.labels.changes.flips import Groups, flip_counts
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.changes.redraws import ChanceFlips
from smo_pipelines.labels.snapshot import apply_tie_rule

__all__ = ["MOST_UNEXPLAINED", "Swapped", "own_flips", "relabel"]

MOST_UNEXPLAINED = 0.2
"""Above this share of the flips beyond chance without an owner no owner is named."""

Swapped = Mapping[frozenset[str], LabelSnapshot]
"""Snapshots of the control's recipe with these fields, and no others, as in the treatment's."""

_QUESTION = Question(metric="owned_flips", on="matched items")
_COMPONENT_OF_FIELD = {
    "guideline": Component.guideline,
    "instrument": Component.instrument,
    "pool": Component.pool,
    "rater_half": Component.pool,
    "as_of": Component.period,
    "window_days": Component.period,
    "overlap": Component.overlap,
    "qa": Component.qa,
    "aggregation": Component.aggregation,
    "ties": Component.ties,
}
_ON_THE_SAME_RATINGS = frozenset({"aggregation", "ties"})
_SELECTS_ITEMS = frozenset({"items"})  # decides which items are labelled, not how


def relabel(snapshot: LabelSnapshot, recipe: SnapshotRecipe) -> np.ndarray:
    """Return the labels that a recipe's aggregation and tie rule give to a snapshot's ratings: shape (n_items,), int8."""
    return apply_tie_rule(AGGREGATIONS[recipe.aggregation](snapshot.votes, len(snapshot), None, snapshot.gold).labels, recipe.ties)


def own_flips(
    pairs: LabelPairs, chance: ChanceFlips, *, edits: Sequence[ClauseEdit] = (), swapped: Swapped | None = None
) -> Ownership:
    """Give every matched item to one component of the change.

    Parameters
    ----------
    edits : sequence of ClauseEdit
        The clauses that differ between the arms' guidelines.
    swapped : mapping of frozenset of str to LabelSnapshot, optional
        Further counterfactual labels, by the recipe fields that are as in the treatment's.
    """
    parts = _parts(pairs, edits, swapped or {})
    owner, contested = _tested(parts, pairs)
    candidates = _candidates(parts, pairs)
    alone = (owner < 0) & ~contested & (candidates.sum(axis=0) == 1)
    owner = np.where(alone, _first(candidates), owner)
    names, codes = _named(parts, owner)
    counts = flip_counts(pairs, chance, Groups(names=tuple(name for _, name in names), codes=codes))
    owners = tuple(
        OwnedFlips(component=component, name=name, count=count)
        for (component, name), count in zip(names, counts, strict=True)
        if count.items or count.to_tie or count.from_tie
    )
    several = contested | ((owner < 0) & (candidates.sum(axis=0) > 1))
    return Ownership(owners=owners, refused=_refused(pairs, chance, owners, parts, several))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """One part of the change: the items it can touch, the name under which it owns each, and recomputed labels, where there are.

    ``switched`` are the control's labels with this part alone as in the treatment, ``reverted`` the treatment's with it alone as
    in the control.
    """

    component: Component
    name: str
    touches: np.ndarray
    clauses: Groups | None = None
    switched: np.ndarray | None = None
    reverted: np.ndarray | None = None

    @cached_property
    def tested(self) -> bool:
        return self.switched is not None or self.reverted is not None


def _parts(pairs: LabelPairs, edits: Sequence[ClauseEdit], swapped: Swapped) -> list[_Part]:
    control, treatment = pairs.control.recipe, pairs.treatment.recipe
    changed = frozenset(changed_fields(control, treatment)) - _SELECTS_ITEMS
    fields: dict[Component, list[str]] = {}
    for name in sorted(changed):
        fields.setdefault(_COMPONENT_OF_FIELD.get(name, Component.unexplained), []).append(name)

    def labels_when(switched: frozenset[str]) -> np.ndarray | None:
        return _labels_when(pairs, switched, changed, swapped)

    def part(component: Component, names: list[str]) -> _Part:
        clauses = clause_of_items(pairs, edits) if component is Component.guideline and edits else None
        return _Part(
            component=component,
            name=", ".join(f"{name} {_said(getattr(control, name))} → {_said(getattr(treatment, name))}" for name in names),
            touches=_touches(pairs, component) if clauses is None else clauses.codes >= 0,
            clauses=clauses,
            switched=labels_when(frozenset(names)),
            reverted=labels_when(changed - frozenset(names)),
        )

    return [part(component, names) for component, names in fields.items()]


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _labels_when(pairs: LabelPairs, switched: frozenset[str], changed: frozenset[str], swapped: Swapped) -> np.ndarray | None:
    """Return the pairs' labels with some fields as in the treatment and the rest as in the control, if they can be had."""
    control, treatment = pairs.control, pairs.treatment
    if switched in swapped:
        return _placed(swapped[switched], pairs)
    for snapshot, rows, others in (
        (control, pairs.control_rows, switched),
        (treatment, pairs.treatment_rows, changed - switched),
    ):
        if others <= _ON_THE_SAME_RATINGS:
            other = treatment if snapshot is control else control
            recipe = replace(snapshot.recipe, **{name: getattr(other.recipe, name) for name in others})
            if "aggregation" in others and recipe.aggregation in LEARN_FROM_GOLD and snapshot.gold is None:
                continue  # what is known of the right labels is not kept with this arm
            return np.asarray(snapshot.labels[rows] if not others else relabel(snapshot, recipe)[rows])
    return None


def _placed(snapshot: LabelSnapshot, pairs: LabelPairs) -> np.ndarray:
    """Return a snapshot's labels on the pairs' items; 9, which is no label, where it has none."""
    labels = np.full(len(pairs), 9, dtype=np.int8)
    _, rows, at = np.intersect1d(snapshot.item_ids, pairs.item_ids, assume_unique=True, return_indices=True)
    labels[at] = snapshot.labels[rows]
    return labels


def _touches(pairs: LabelPairs, component: Component) -> np.ndarray:
    if component is Component.pool:
        return ~pairs.same_raters
    if component in (Component.period, Component.overlap, Component.qa):
        return ~pairs.same_ratings
    return np.ones(len(pairs), dtype=bool)


def _tested(parts: Sequence[_Part], pairs: LabelPairs) -> tuple[np.ndarray, np.ndarray]:
    """Return each changed item's owner by recomputed labels (-1 for none), and whether the answers contradict one another."""
    changed = pairs.before != pairs.after
    says_yes, says_no = (np.zeros((len(parts), len(pairs)), dtype=bool) for _ in range(2))
    for i, part in enumerate(parts):
        for labels, wanted in ((part.switched, pairs.after), (part.reverted, pairs.before)):
            if labels is not None:
                says_yes[i] |= (labels == wanted) & changed
                says_no[i] |= (labels != wanted) & changed
    yes = says_yes & ~says_no
    contested = (says_yes & says_no).any(axis=0) | (yes.sum(axis=0) > 1)
    owner = np.where((yes.sum(axis=0) == 1) & ~contested, _first(yes), -1)
    if any(not part.tested for part in parts):
        return owner, contested
    return owner, contested | (changed & (owner < 0))


def _first(chosen: np.ndarray) -> np.ndarray:
    """Return the first part (row) that is chosen for each item, -1 for none."""
    if not len(chosen):
        return np.full(chosen.shape[1], -1, dtype=np.int64)
    return np.where(chosen.any(axis=0), chosen.argmax(axis=0), -1)


def _candidates(parts: Sequence[_Part], pairs: LabelPairs) -> np.ndarray:
    """Return which parts could own an item that recomputed labels give to none: shape (n_parts, n_pairs), bool.

    A part whose labels were recomputed has answered for every changed item. An unchanged item is there for the flips that chance
    makes, which come with other raters: so it is no aggregation's while another part touches it, and when all parts have answered,
    the parts that touch it share such items equally, by hash.
    """
    shape = (len(parts), len(pairs))
    touching = np.array([part.touches for part in parts], dtype=bool).reshape(shape)
    tested = np.array([part.tested for part in parts], dtype=bool)
    counting = np.array([part.component in (Component.aggregation, Component.ties) for part in parts], dtype=bool)
    changed = pairs.before != pairs.after
    touching[counting] &= ~(touching & ~counting[:, None]).any(axis=0) | changed
    if tested.all() and len(parts) > 1:
        place = np.floor(hash_to_unit("owner", pairs.item_ids.tolist()) * touching.sum(axis=0)) + 1
        touching &= touching.cumsum(axis=0) == place
    return np.asarray(touching & ~(tested[:, None] & changed))


def _named(parts: Sequence[_Part], owner: np.ndarray) -> tuple[list[tuple[Component, str]], np.ndarray]:
    """Return the owners by name, and each item's place among them; a guideline's items go to their clauses."""
    names: list[tuple[Component, str]] = []
    codes = np.full(len(owner), -1, dtype=np.int64)
    for i, part in enumerate(parts):
        mine = owner == i
        if part.clauses is None:
            codes[mine] = len(names)
            names.append((part.component, part.name))
            continue
        for k, clause in enumerate(part.clauses.names):
            codes[mine & (part.clauses.codes == k)] = len(names)
            names.append((Component.clause, clause) if clause else (Component.guideline, part.name))
    codes[codes < 0] = len(names)
    return [*names, (Component.unexplained, "")], codes


def _refused(
    pairs: LabelPairs, chance: ChanceFlips, owners: Sequence[OwnedFlips], parts: Sequence[_Part], several: np.ndarray
) -> NotEstimable | None:
    everything = Groups(names=("all",), codes=np.zeros(len(pairs), dtype=np.int64))
    total = flip_counts(pairs, chance, everything)[0]
    for reason in _reasons(total, owners, parts, int((several & pairs.flipped).sum())):
        code, sentence, counts = reason
        return NotEstimable(question=_QUESTION, code=code, sentence=sentence, counts=counts)
    return None


def _reasons(
    total: FlipCount, owners: Sequence[OwnedFlips], parts: Sequence[_Part], several: int
) -> Iterator[tuple[WhyNot, str, dict[str, int]]]:
    beyond = total.beyond_chance
    if not total.flips:
        yield WhyNot.no_flips, "no matched item's label differs between the arms", {"items": total.items}
    if beyond is None:
        yield WhyNot.few_ratings, "most items have fewer than three ratings, so it is not known how many labels chance flips", {}
        return
    if total.within_chance:
        sentence = (
            f"{total.flips:,} labels differ ({total.net:+,} net) and drawing the same raters again gives {total.expected_low:.0f} to "
            f"{total.expected_high:.0f} ({total.net_low:+.0f} to {total.net_high:+.0f} net): no flip needs a cause"
        )
        yield WhyNot.within_chance, sentence, {"flips": total.flips}
    lost = sum(owned.count.beyond_chance or 0.0 for owned in owners if owned.component is Component.unexplained)
    if lost > MOST_UNEXPLAINED * beyond:
        counts = {"flips": total.flips, "touched_by_several": several}
        lead = f"{lost:.0f} of the {beyond:.0f} flips beyond chance have no owner ({MOST_UNEXPLAINED:.0%} is the most)"
        if len(parts) > 1 and several:
            names = " and ".join(part.component.value for part in parts)
            sentence = f"{lead}: {names} changed together, and no labels were made with one of them alone changed"
            yield WhyNot.several_changes, sentence, counts
        yield WhyNot.unexplained, f"{lead}: they are on items that no part of the change touches", counts
