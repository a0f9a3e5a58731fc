"""Whether groups of a project's raters agree inside themselves more than with the others: pools, or people and models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import CannotEstimate, NoRatings, UnknownName
from smo_pipelines.labels.rated_rows import check_groupings, rated_rows
from smo_pipelines.labels.rating_groups import RatingGroup, why_not
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.stats.agreement_interval import RatingCodes
from smo_pipelines.stats.cohesion import GroupCohesion, group_association, normalised_cross_reliability

__all__ = ["RATER_GROUPINGS", "CohesionOfRaters", "cohesion_of_raters"]

RATER_GROUPINGS = ("pool", "kind")
"""What raters can be told apart by."""


@dataclass(frozen=True, kw_only=True)
class CohesionOfRaters:
    """One group of raters beside the others, on the items that both rated.

    Attributes
    ----------
    keys : tuple of (str, str)
        What the ratings have in common.
    group : str
        The pool or kind; empty where it is not recorded.
    cohesion : GroupCohesion or NotMeasured
    association : float or NotMeasured
        Agreement inside over agreement across.
    normalised : float or NotMeasured
        Agreement across over the geometric mean of what the group and the others have inside themselves.
    """

    keys: tuple[tuple[str, str], ...]
    group: str
    cohesion: GroupCohesion | NotMeasured
    association: float | NotMeasured
    normalised: float | NotMeasured


def cohesion_of_raters(
    tables: LabelTables,
    project: str,
    *,
    guidelines: Mapping[str, GuidelineVersion],
    between: str = "pool",
    by: Sequence[str] = ("question", "guideline"),
    where: ItemPredicate = (),
    as_of: datetime | None = None,
    permutations: int = 999,
) -> tuple[CohesionOfRaters, ...]:
    """Compare each group of raters with all others (see :mod:`smo_pipelines.stats.cohesion`), in each combination of groupings.

    Only items that both sides rated count, because the test exchanges raters and asks that any of them could have been in the group.

    Parameters
    ----------
    tables : LabelTables
    project : str
    guidelines : mapping of str to GuidelineVersion
    between : str
        One of :data:`RATER_GROUPINGS`.
    by, where, as_of
        As for :func:`smo_pipelines.labels.quality.label_quality`.
    permutations : int
        Random groups of as many raters; drawn alike each time.

    Raises
    ------
    NoRatings
        When the project has no ratings by then, or none that was selected.
    UnknownName
        When a grouping is not one.
    """
    if between not in RATER_GROUPINGS:
        raise UnknownName("grouping of raters", between, RATER_GROUPINGS)
    check_groupings([*by, *(name for name, _ in where)])
    rows = rated_rows(tables, project, as_of=as_of).selected(where).with_latest()
    if not len(rows):
        raise NoRatings(
            f"project {project!r} has no rating with {'; '.join(f'{name} in {list(values)}' for name, values in where)}"
        )
    found = []
    for keys, part in rows.groups([name for name in dict.fromkeys(by) if name != between]):
        group = RatingGroup(part, guidelines)
        for code in np.unique(group.labels[between]):
            cohesion, association, normalised = _compared(group, group.labels[between] == code, permutations)
            name = rows.names[between][code]
            found.append(CohesionOfRaters(keys=keys, group=name, cohesion=cohesion, association=association, normalised=normalised))
    return tuple(found)


def _compared(
    group: RatingGroup, mine: np.ndarray, permutations: int
) -> tuple[GroupCohesion | NotMeasured, float | NotMeasured, float | NotMeasured]:
    """Return the cohesion of some ratings' raters, their association, and the normalised agreement across."""
    try:
        group.refuse_anonymous()
        codes, member = _on_common_units(group.codes, mine)
        cohesion = group_association(codes, member, rng=np.random.default_rng(0), permutations=permutations)
    except CannotEstimate as error:
        reason = why_not(error)
        return reason, reason, reason
    inside = member[codes.rater]
    counts = [_counts(codes, side) for side in (inside, ~inside)]
    return (
        cohesion,
        _or_why_not(lambda: cohesion.association),
        _or_why_not(lambda: normalised_cross_reliability(*counts)),
    )


def _on_common_units(codes: RatingCodes, mine: np.ndarray) -> tuple[RatingCodes, np.ndarray]:
    """Return the ratings of units that both sides rated, and by rater code whether the rater is of the group."""
    common = np.intersect1d(codes.unit[mine], codes.unit[~mine])
    if not len(common):
        raise CannotEstimate(WhyNot.one_rating_an_item, "no item was rated by this group and by others as well")
    kept = np.isin(codes.unit, common)
    member = np.zeros(int(codes.rater.max()) + 1, dtype=bool)
    member[codes.rater[mine]] = True
    unit = np.unique(codes.unit[kept], return_inverse=True)[1]
    return RatingCodes(unit=unit, rater=codes.rater[kept], label=codes.label[kept], n_labels=codes.n_labels), member


def _counts(codes: RatingCodes, which: np.ndarray) -> np.ndarray:
    n_units = len(codes.counts)
    flat = np.bincount(codes.unit[which] * codes.n_labels + codes.label[which], minlength=n_units * codes.n_labels)
    return flat.reshape(n_units, codes.n_labels)


def _or_why_not(compute: Callable[[], float]) -> float | NotMeasured:
    try:
        return compute()
    except CannotEstimate as error:
        return why_not(error)
