"""Agreement inside a group of raters and across groups, and whether a group agrees with itself more than with the rest.

References
----------
Wong, K., Paritosh, P. and Aroyo, L. (2021). Cross-replication reliability: an empirical approach to interpreting inter-rater
reliability. ACL 2021, 7053-7065.
Prabhakaran, V. et al. (2023). GRASP: a disagreement analysis framework to assess group associations in perspectives. arXiv 2311.05074.
"""

import math
from dataclasses import dataclass

import numpy as np

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.agreement import alpha_of, coefficient_value
from smo_pipelines.stats.agreement_interval import MIN_RATERS, RatingCodes

__all__ = ["GroupCohesion", "cross_reliability", "group_association", "normalised_cross_reliability"]


@dataclass(frozen=True, kw_only=True)
class GroupCohesion:
    """How a group of raters agrees with itself and with the other raters.

    Attributes
    ----------
    in_group : float
        Krippendorff's alpha of the group's ratings.
    cross_group : float
        Cross-replication reliability of the group against the others, on the units both rated.
    p : float
        Two-sided, of "who is in the group does not matter": the share of random groups of as many raters whose ``in_group -
        cross_group`` is as far out.
    n_group, n_rest, n_units : int
        Raters in the group and outside, and units that both rated.
    chance_low, chance_high : float
        The middle 95% of ``in_group - cross_group`` in random groups of as many raters.
    permutations : int
        Random groups that gave a value.
    """

    in_group: float
    cross_group: float
    p: float
    n_group: int
    n_rest: int
    n_units: int
    chance_low: float
    chance_high: float
    permutations: int

    @property
    def association(self) -> float:
        """The group association index of GRASP, in-group over cross-group; above 1 the group agrees with itself more.

        Raises
        ------
        CannotEstimate
            When the agreement across groups is not above chance: a ratio to it says nothing.
        """
        if self.cross_group <= 0.0:
            raise CannotEstimate(
                WhyNot.no_common_ground,
                f"the group and the others agree no more than by chance ({self.cross_group:.3f}): a ratio to that has no meaning",
            )
        return self.in_group / self.cross_group


def cross_reliability(first: np.ndarray, second: np.ndarray) -> float:
    """Return Wong's kappa_x of two groups' nominal ratings: 1 minus the disagreement between groups over that by chance.

    ``d_o = 1/(R+S) sum_i (R_i+S_i)/(R_i S_i) sum_rs D(x_ir, y_is)`` and ``d_e = 1/(RS) sum_ijrs D(x_ir, y_js)`` over the units that
    both groups rated, with R and S ratings of them in all.

    Parameters
    ----------
    first, second : ndarray of shape (n_units, n_labels)
        Counts of ratings, of the same units in the same order.

    Raises
    ------
    CannotEstimate
        When no unit was rated by both, or all their ratings are the same label.
    """
    shared = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
    if not shared.any():
        raise CannotEstimate(WhyNot.one_rating_an_item, "the two groups rated no item in common", items=len(first))
    value = _cross(first[shared].astype(np.float64), second[shared].astype(np.float64))
    if not math.isfinite(value):
        raise CannotEstimate(
            WhyNot.one_class, f"all ratings of the {int(shared.sum())} common items are the same label", items=int(shared.sum())
        )
    return value


def _cross(x: np.ndarray, y: np.ndarray) -> float:
    r, s = x.sum(axis=1), y.sum(axis=1)
    R, S = r.sum(), s.sum()
    observed = float((((r + s) / (r * s)) * (r * s - (x * y).sum(axis=1))).sum() / (R + S))
    expected = float((R * S - x.sum(axis=0) @ y.sum(axis=0)) / (R * S))
    return 1.0 - observed / expected if expected > 0 else math.nan


def normalised_cross_reliability(first: np.ndarray, second: np.ndarray) -> float:
    """Return kappa_x over the geometric mean of the two groups' own reliabilities: agreement as if each group were of one mind.

    The groups' reliability is Krippendorff's alpha of the units that both rated.

    Raises
    ------
    CannotEstimate
        As :func:`cross_reliability`; and when a group does not agree with itself beyond chance.
    """
    across = cross_reliability(first, second)
    shared = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
    own = [coefficient_value(alpha_of(), group[shared]) for group in (first, second)]
    if min(own) <= 0.0:
        raise CannotEstimate(
            WhyNot.no_common_ground,
            f"a group agrees with itself no more than by chance ({min(own):.3f}), so nothing can be normalised by it",
        )
    return across / math.sqrt(own[0] * own[1])


def group_association(
    ratings: RatingCodes, in_group: np.ndarray, *, rng: np.random.Generator, permutations: int = 999
) -> GroupCohesion:
    """Compare a group's agreement with itself and with the other raters, and test it by exchanging raters.

    The unit that is exchanged is the rater with all ratings: a rater's ratings are not independent, so exchanging single ratings
    would call any group special. The test assumes that without an effect any raters could have been the group: where the group
    rates other items than the rest, restrict the ratings to common ones first.

    Parameters
    ----------
    ratings : RatingCodes
    in_group : ndarray of shape (max rater code + 1,), bool
        By rater code, whether the rater is in the group.
    rng : numpy.random.Generator
    permutations : int

    Raises
    ------
    CannotEstimate
        When the group or the rest has fewer than 5 raters, a cohesion has no value, or so few random groups have one that nothing
        can be said of chance.
    """
    names, rater = np.unique(ratings.rater, return_inverse=True)
    member = np.asarray(in_group, dtype=bool)[names]
    sizes = (int(member.sum()), int((~member).sum()))
    if min(sizes) < MIN_RATERS:
        raise CannotEstimate(
            WhyNot.few_raters,
            f"the group has {sizes[0]} raters and the rest {sizes[1]}; exchanging raters needs {MIN_RATERS} on each side",
            group=sizes[0],
            rest=sizes[1],
        )
    n_units = len(ratings.counts)

    def cohesions(chosen: np.ndarray) -> tuple[float, float, int]:
        mine = chosen[rater]
        flat = np.bincount(ratings.unit[mine] * ratings.n_labels + ratings.label[mine], minlength=n_units * ratings.n_labels)
        inside = flat.reshape(n_units, ratings.n_labels)
        outside = ratings.counts - inside
        shared = int(((inside.sum(axis=1) > 0) & (outside.sum(axis=1) > 0)).sum())
        return coefficient_value(alpha_of(), inside), cross_reliability(inside, outside), shared

    own, across, shared = cohesions(member)
    differences = []
    for _ in range(permutations):
        try:
            a, b, _ = cohesions(rng.permutation(member))
        except CannotEstimate:  # a random group without overlap has no value to compare with
            continue
        differences.append(a - b)
    drawn = np.asarray(differences)
    if len(drawn) < permutations / 2:
        raise CannotEstimate(
            WhyNot.few_raters,
            f"of {permutations} random groups of as many raters {len(drawn)} have a value, too few to say what chance would give",
            groups=len(drawn),
        )
    low, high = np.quantile(drawn, [0.025, 0.975])
    # 1e-12: the same groups in another order of adding up are a tie
    above = 1 + int((drawn >= own - across - 1e-12).sum())
    below = 1 + int((drawn <= own - across + 1e-12).sum())
    return GroupCohesion(
        in_group=own,
        cross_group=across,
        p=min(1.0, 2.0 * min(above, below) / (len(drawn) + 1)),
        n_group=sizes[0],
        n_rest=sizes[1],
        n_units=shared,
        chance_low=float(low),
        chance_high=float(high),
        permutations=len(drawn),
    )
