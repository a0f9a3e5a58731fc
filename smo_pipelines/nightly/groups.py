"""How the ratings of two windows are shared among groups."""

from collections.abc import Mapping

from smo_pipelines.domain.episodes import SMALL_GROUPS, GroupChange, ShareChange
from smo_pipelines.domain.nights import GroupCount, LabelWindow
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN

__all__ = ["group_change"]


def group_change(grouping: str, before: LabelWindow, after: LabelWindow) -> GroupChange:
    """Return how the ratings moved between the groups of one grouping, from one window to another; without what only nights tell."""
    sides = [one.by.get(grouping, {}) for one in (before, after)]
    small = {value for value in {*sides[0], *sides[1]} if max(_raters(side, value) for side in sides) < FEWEST_RATERS_SHOWN}
    shares = [_shares(side, small) for side in sides]
    values = sorted({*shares[0], *shares[1]})
    changes = [ShareChange(value=value, before=shares[0].get(value, 0.0), after=shares[1].get(value, 0.0)) for value in values]
    return GroupChange(
        grouping=grouping,
        moved=sum(abs(one.change) for one in changes) / 2.0,
        shares=tuple(sorted(changes, key=lambda one: (-abs(one.change), one.value))),
    )


def _raters(side: Mapping[str, GroupCount], value: str) -> int:
    return side[value].raters if value in side else 0


def _shares(side: Mapping[str, GroupCount], small: set[str]) -> dict[str, float]:
    total = sum(count.ratings for count in side.values())
    shares: dict[str, float] = {}
    for value, count in side.items():
        name = SMALL_GROUPS if value in small else value
        shares[name] = shares.get(name, 0.0) + count.ratings / total
    return shares
