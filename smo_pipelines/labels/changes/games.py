"""The games that split a change: by edited clause, by locale, by group of raters, by recipe field."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from smo_pipelines.domain.attribution import Partition
from smo_pipelines.domain.changes import changed_fields
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.labels import LabelSnapshot, SnapshotRecipe
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN
from smo_pipelines.errors import CannotEstimate, NoRatings
from smo_pipelines.labels.changes.clauses import clause_of_items
from smo_pipelines.labels.changes.coalitions import Game, Part, label_coalitions
from smo_pipelines.labels.changes.flips import Groups
from smo_pipelines.labels.changes.mixed import Mixer
from smo_pipelines.labels.changes.pairs import pair_labels
from smo_pipelines.labels.matching import Matching
from smo_pipelines.stats.shapley import group_smallest

__all__ = ["clause_game", "item_game", "locale_game", "rater_game", "recipe_game"]

_NAMES_SHOWN = 3


def clause_game(matching: Matching, edits: Sequence[ClauseEdit]) -> Game:
    """Return the game of the edited clauses: an item follows the clause that it is under.

    Items under a clause that was not edited, and items of which no clause is known, are parts of their own: they were labelled
    again too.

    Raises
    ------
    CannotEstimate
        When no clause was edited; and as :func:`item_game`.
    """
    if not edits:
        raise CannotEstimate(
            WhyNot.no_group, "no clause differs between the arms' guidelines, so there is nothing to split by clause"
        )
    groups = clause_of_items(pair_labels(matching), edits)
    names = [f"clause {name}" if name else "clause not known" for name in groups.names]
    codes = np.where(groups.codes < 0, len(names), groups.codes)
    return item_game(matching, Groups(names=(*names, "clauses not edited"), codes=codes), Partition.clauses, "clause")


def locale_game(matching: Matching) -> Game:
    """Return the game of the items' locales.

    Raises
    ------
    CannotEstimate
        As :func:`item_game`.
    """
    pairs = pair_labels(matching)
    column = pairs.control.attributes.get("locale")
    values = np.full(len(pairs), "") if column is None else np.asarray(column[pairs.control_rows]).astype(str)
    names, codes = np.unique(values, return_inverse=True)
    groups = Groups(names=tuple(str(name) or "locale not known" for name in names), codes=codes)
    return item_game(matching, groups, Partition.locales, "locale")


def item_game(matching: Matching, groups: Groups, partition: Partition, by: str) -> Game:
    """Return a game in which each item belongs to one part: all its ratings come from one arm.

    Parameters
    ----------
    groups : Groups
        The part of each pair of :func:`~smo_pipelines.labels.changes.pairs.pair_labels`.
    by : str
        What the parts are, in words.

    Raises
    ------
    CannotEstimate
        When fewer than two parts are left, the recipe's way of counting changed too, or too many items are lost to ties.
    """
    mixer = Mixer(pair_labels(matching))
    mixer.refuse_other_counting(partition)
    n = len(groups.names)
    sizes = np.bincount(groups.codes[mixer.pairs.matched], minlength=n)
    together = _together(groups.names, sizes, [mixer.raters_behind(groups.codes == k) for k in range(n)], by)
    codes = _place(together, n)[groups.codes]
    placed = mixer.pair_of_rating

    def snapshot(coalition: int) -> LabelSnapshot:
        taken = (coalition >> codes & 1).astype(bool)
        return mixer.snapshot((~taken[placed[0]], taken[placed[1]]), taken)

    parts = [
        _part(groups.names, members, items=int(sizes[list(members)].sum()), raters=mixer.raters_behind(codes == k))
        for k, members in enumerate(together)
    ]
    return label_coalitions(matching, partition, by, parts, snapshot)


def rater_game(matching: Matching, raters: Mapping[str, Mapping[str, str]]) -> Game:
    """Return the game of groups of raters: the ratings of a group come from one arm or from the other.

    The groups are those of the first attribute of the raters, ``locale`` before ``pool`` before the others, by which every coalition
    has ratings of every item.

    Parameters
    ----------
    raters : mapping of str to mapping of str to str
        By attribute: a rater's value by pseudonym.

    Raises
    ------
    CannotEstimate
        When no attribute tells two groups apart in both arms, or coalitions need ratings that nobody gave; and as :func:`item_game`.
    """
    mixer = Mixer(pair_labels(matching))
    mixer.refuse_other_counting(Partition.raters)
    why = CannotEstimate(WhyNot.no_group, "nothing is known of the raters that tells groups of them apart")
    for attribute in sorted(raters, key=lambda name: (name != "locale", name != "pool", name)):
        try:
            return _rater_game(matching, mixer, attribute, raters[attribute])
        except CannotEstimate as error:
            why = error
    raise why


def _rater_game(matching: Matching, mixer: Mixer, attribute: str, of_rater: Mapping[str, str]) -> Game:
    by, arms, placed = f"raters' {attribute}", (mixer.pairs.control, mixer.pairs.treatment), mixer.pair_of_rating
    values = [np.array([of_rater.get(rater, "") for rater in arm.votes.rater_ids.tolist()], dtype=str) for arm in arms]
    found = np.unique(np.concatenate(values))
    names = [str(name) or f"{attribute} not known" for name in found]
    groups = [np.searchsorted(found, value)[arm.votes.rater] for value, arm in zip(values, arms, strict=True)]
    ratings = [np.bincount(group[place >= 0], minlength=len(names)) for group, place in zip(groups, placed, strict=True)]
    lacking = [name for name, *counts in zip(names, *ratings, strict=True) if 0 in counts]
    if lacking:
        raise CannotEstimate(
            WhyNot.few_ratings,
            f"a split by {by} needs ratings that nobody gave: {', '.join(lacking)} rated in one arm alone",
            groups=len(lacking),
        )
    n_raters = [min(int((value == name).sum()) for value in values) for name in found]
    together = _together(names, np.minimum(*ratings), n_raters, by)
    codes = [_place(together, len(names))[group] for group in groups]

    def snapshot(coalition: int) -> LabelSnapshot:
        from_treatment = [(coalition >> code & 1).astype(bool) for code in codes]
        return mixer.snapshot((~from_treatment[0], from_treatment[1]))

    def touched(k: int) -> int:
        return len(np.unique(np.concatenate([p[(code == k) & (p >= 0)] for code, p in zip(codes, placed, strict=True)])))

    parts = [
        _part(names, members, items=touched(k), raters=sum(n_raters[member] for member in members))
        for k, members in enumerate(together)
    ]
    return label_coalitions(matching, Partition.raters, by, parts, snapshot)


def recipe_game(matching: Matching, build: Callable[[SnapshotRecipe], LabelSnapshot]) -> Game:
    """Return the game of the recipe's changed fields: each coalition's snapshot is built from the label tables.

    Parameters
    ----------
    build : callable
        From a recipe to its snapshot.

    Raises
    ------
    CannotEstimate
        When a single field changed, some coalition selects nothing, or too many items are lost.
    """
    control, treatment = matching.control.recipe, matching.treatment.recipe
    fields = [name for name in changed_fields(control, treatment) if name != "items"]
    everyone = min(len(arm.votes.rater_ids) for arm in (matching.control, matching.treatment))
    together = _together(fields, [len(matching)] * len(fields), [everyone] * len(fields), "recipe field")
    whole = (1 << len(together)) - 1

    def snapshot(coalition: int) -> LabelSnapshot:
        if coalition in (0, whole):
            return treatment_arm if coalition else control_arm
        names = [fields[member] for k, members in enumerate(together) if coalition >> k & 1 for member in members]
        try:
            return build(replace(control, **{name: getattr(treatment, name) for name in names}))
        except NoRatings as error:
            raise CannotEstimate(
                WhyNot.few_ratings,
                f"the {' and '.join(names)} of the treatment with the rest of the control needs ratings that nobody gave: {error}",
            ) from error

    control_arm, treatment_arm = matching.control, matching.treatment
    parts = [_part(fields, members, items=len(matching), raters=everyone) for members in together]
    return label_coalitions(matching, Partition.recipe, "recipe field", parts, snapshot)


def _together(names: Sequence[str], sizes: Sequence[int] | np.ndarray, raters: Sequence[int], by: str) -> list[tuple[int, ...]]:
    """Return which groups are one part; groups without an item are in none.

    Groups with too few raters to be shown are put together with the smallest of the others, so that nobody's part is what is left of
    the whole; then the smallest, until six parts are left.
    """
    there = [k for k in range(len(names)) if sizes[k] > 0]
    large = [k for k in there if raters[k] >= FEWEST_RATERS_SHOWN]
    few = [k for k in there if raters[k] < FEWEST_RATERS_SHOWN]
    if few and large:
        smallest = min(large, key=lambda k: (sizes[k], -k))
        large.remove(smallest)
        few.append(smallest)
    units = sorted([(k,) for k in large] + ([tuple(sorted(few))] if few else []))
    sums = [int(sum(sizes[k] for k in unit)) for unit in units]
    parts = [tuple(sorted(k for place in group for k in units[place])) for group in group_smallest(sums)]
    if len(parts) < 2:
        raise CannotEstimate(
            WhyNot.no_group,
            f"a split by {by} needs two parts or more with {FEWEST_RATERS_SHOWN} raters each; there is "
            f"{', '.join(str(names[k]) for k in there) or 'none'}",
            parts=len(parts),
        )
    return parts


def _place(parts: Sequence[tuple[int, ...]], n_groups: int) -> np.ndarray:
    place = np.zeros(n_groups, dtype=np.int64)
    for k, members in enumerate(parts):
        place[list(members)] = k
    return place


def _part(names: Sequence[str], members: tuple[int, ...], *, items: int, raters: int) -> Part:
    together = tuple(str(names[k]) for k in members)
    if len(together) == 1:
        return Part(name=together[0], items=items, raters=raters)
    name = " and ".join(together) if len(together) <= _NAMES_SHOWN else f"{len(together)} smaller parts"
    return Part(name=name, items=items, raters=raters, members=together)
