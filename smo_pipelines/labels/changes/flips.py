"""Flips by group of items, beside how many flip when the same raters are merely drawn again."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.label_changes import FlipCount
from smo_pipelines.domain.labels import TIE, LabelSnapshot
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.changes.redraws import ChanceFlips

__all__ = ["MIXED", "UNKNOWN", "Groups", "attribute_groups", "flip_counts", "rater_splits"]

MIXED = "mixed"
"""The group of an item whose raters are of several groups."""
UNKNOWN = ""
"""The group of a rater, or an item, of whom the attribute is not known."""

_MOST_GROUPS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """A split of the pairs: ``codes`` (shape (n_pairs,), int64) are positions in ``names``."""

    names: tuple[str, ...]
    codes: np.ndarray


def attribute_groups(pairs: LabelPairs) -> dict[str, Groups]:
    """Return the split by each item attribute of the control's snapshot that has 1 to 50 values and is known at all.

    Attributes with more values (ids, dates) are not groups.
    """
    found: dict[str, Groups] = {}
    for name in sorted(pairs.control.attributes):
        values, codes = np.unique(pairs.control.attributes[name][pairs.control_rows], return_inverse=True)
        if 0 < len(values) <= _MOST_GROUPS and any(values):
            found[name] = Groups(names=tuple(str(value) for value in values), codes=codes)
    return found


def rater_splits(pairs: LabelPairs, raters: Mapping[str, Mapping[str, str]]) -> dict[str, Groups]:
    """Return the split of the items by who rated them, for each rater attribute that tells 2 to 50 groups apart.

    An item belongs to its raters' group when they agree on it, else to ``mixed``; where the two arms' groups differ, as in a pool
    swap, the group is named ``control's → treatment's``. So a flip is counted once, under the raters who made its labels.

    Parameters
    ----------
    raters : mapping of str to mapping of str to str
        By rater attribute: a rater's value by pseudonym; a rater who is not in it is of the unknown group.
    """
    found = {f"raters' {name}": _rater_groups(pairs, of_rater) for name, of_rater in sorted(raters.items())}
    return {name: groups for name, groups in found.items() if 1 < len(groups.names) <= _MOST_GROUPS or _swapped(groups)}


def _swapped(groups: Groups) -> bool:
    return len(groups.names) == 1 and "→" in groups.names[0]


def _rater_groups(pairs: LabelPairs, of_rater: Mapping[str, str]) -> Groups:
    sides = [_group_of_items(s, of_rater)[rows] for s, rows in _sides(pairs)]
    both = [
        before if before == after else f"{before or 'unknown'} → {after or 'unknown'}" for before, after in zip(*sides, strict=True)
    ]
    values, codes = np.unique(np.array(both, dtype=str), return_inverse=True)
    return Groups(names=tuple(str(value) for value in values), codes=codes.astype(np.int64))


def _sides(pairs: LabelPairs) -> tuple[tuple[LabelSnapshot, np.ndarray], tuple[LabelSnapshot, np.ndarray]]:
    return (pairs.control, pairs.control_rows), (pairs.treatment, pairs.treatment_rows)


def _group_of_items(snapshot: LabelSnapshot, of_rater: Mapping[str, str]) -> np.ndarray:
    names = np.array(sorted({UNKNOWN, MIXED, *of_rater.values()}), dtype=object)
    codes = np.searchsorted(names.astype(str), [of_rater.get(rater, UNKNOWN) for rater in snapshot.votes.rater_ids.tolist()])
    given = codes[snapshot.votes.rater] if len(codes) else np.zeros(0, dtype=np.int64)
    low, high = np.full(len(snapshot), len(names)), np.full(len(snapshot), -1)
    np.minimum.at(low, snapshot.votes.item, given)
    np.maximum.at(high, snapshot.votes.item, given)
    return np.asarray(np.where(low == high, names[np.minimum(low, len(names) - 1)], MIXED))


def flip_counts(pairs: LabelPairs, chance: ChanceFlips, groups: Groups) -> tuple[FlipCount, ...]:
    """Count the flips of every group; the groups' counts sum to the counts of all items.

    A group's expected flips are not known (None) without redraws, without matched items, or when a redraw says nothing about most
    of its matched items.
    """
    n = len(groups.names)
    before, after, matched = pairs.before, pairs.after, pairs.matched

    def tally(chosen: np.ndarray) -> list[int]:
        return [int(count) for count in np.bincount(groups.codes[chosen], minlength=n)]

    items, known = tally(matched), tally(matched & chance.known)
    to_positive, to_negative = tally(matched & (after > before)), tally(matched & (after < before))
    to_tie, from_tie = tally((before != TIE) & (after == TIE)), tally((before == TIE) & (after != TIE))
    raters = np.minimum(*(_raters_behind(s, rows[matched], groups.codes[matched], n) for s, rows in _sides(pairs)))
    redrawn, net = chance.by_group(groups.codes, n)
    counts = []
    for i, name in enumerate(groups.names):
        says = len(redrawn) > 0 and items[i] > 0 and 2 * known[i] >= items[i]
        low, high = _middle_95(redrawn[:, i], says)
        net_low, net_high = _middle_95(net[:, i], says)
        counts.append(
            FlipCount(
                group=name,
                items=items[i],
                to_positive=to_positive[i],
                to_negative=to_negative[i],
                to_tie=to_tie[i],
                from_tie=from_tie[i],
                expected=float(redrawn[:, i].mean()) if says else None,
                expected_low=low,
                expected_high=high,
                net_low=net_low,
                net_high=net_high,
                raters=int(raters[i]),
            )
        )
    return tuple(counts)


def _middle_95(redrawn: np.ndarray, says: bool) -> tuple[float, float] | tuple[None, None]:
    if not says:
        return None, None
    low, high = np.quantile(redrawn, [0.025, 0.975])
    return float(low), float(high)


def _raters_behind(snapshot: LabelSnapshot, rows: np.ndarray, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Return how many raters rated the items of each group: shape (n_groups,)."""
    group_of_item = np.full(len(snapshot), -1, dtype=np.int64)
    group_of_item[rows] = codes
    group = group_of_item[snapshot.votes.item]
    known = group >= 0
    n_raters = max(1, len(snapshot.votes.rater_ids))
    pairs = np.unique(group[known] * n_raters + snapshot.votes.rater[known])
    return np.bincount(pairs // n_raters, minlength=n_groups)
