"""What a metric is: a formula, its expansion by items, and the conditions under which either means anything."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from smo_pipelines.domain.effects import Direction, WhyNot
from smo_pipelines.errors import BenchmarkError, CannotEstimate

__all__ = ["MIN_OF_A_CLASS", "Conditions", "Expansion", "Formula", "Metric", "Needs", "WeightedForm"]

MIN_OF_A_CLASS = 10
"""Fewest items of a class (or in all) for an interval: below it the first-order expansion is too coarse to rely on."""

Formula = Callable[[np.ndarray, np.ndarray, float, np.ndarray], float]
"""From scores, references, threshold and groups (empty where a metric needs none) to the value."""

Expansion = Callable[[np.ndarray, np.ndarray, float, np.ndarray], np.ndarray]
"""From the same to the influence values."""

WeightedForm = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From scores of shape (n_runs, n), references (n,) and positive item weights (n, n_draws) to values (n_runs, n_draws)."""

_NO_GROUPS = np.empty(0)


class Needs(StrEnum):
    """What a metric needs besides scores, references and a threshold: the meaning of its ``groups``."""

    nothing = "nothing"
    members = "members"
    """Whether each item is of the group that is compared with the rest, shape (n,), bool."""
    functionality = "functionality"
    """Which functional test each item belongs to, shape (n,), text or code."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """When a number means anything, as data: checked before every formula, and on many slices at once by the table.

    Attributes
    ----------
    positives, negatives, items : int
        Fewest items that are positive, negative, and in all.
    ranks : bool
        Whether the scores must not all be equal.
    probabilities : bool
        Whether the scores must lie between 0 and 1.
    """

    positives: int = 0
    negatives: int = 0
    items: int = 1
    ranks: bool = False
    probabilities: bool = False

    def check(self, scores: np.ndarray, references: np.ndarray, needed_by: str) -> None:
        """Raise :class:`CannotEstimate` for the first condition that these items fail; ``needed_by`` stands in its sentence."""
        total, pos = len(references), int(np.count_nonzero(references))
        neg = total - pos
        counts = {"items": total, "positives": pos, "negatives": neg}
        if not total:
            raise CannotEstimate(WhyNot.no_items, "there are no items to measure", items=0)
        if (self.positives and not pos) or (self.negatives and not neg):
            missing = "positive" if self.positives and not pos else "negative"
            raise CannotEstimate(WhyNot.one_class, f"none of the {total} items is {missing} under the gold", **counts)
        if pos < self.positives:
            raise CannotEstimate(
                WhyNot.few_positives, f"{needed_by} needs {self.positives} positive items, there are {pos}", **counts
            )
        if neg < self.negatives:
            raise CannotEstimate(WhyNot.few_items, f"{needed_by} needs {self.negatives} negative items, there are {neg}", **counts)
        if total < self.items:
            raise CannotEstimate(WhyNot.few_items, f"{needed_by} needs {self.items} items, there are {total}", **counts)
        if self.ranks and bool(np.all(scores == scores[0])):
            raise CannotEstimate(WhyNot.constant_scores, f"all {total} scores are equal, so they rank nothing", items=total)
        if self.probabilities:
            outside = int(np.count_nonzero((scores < 0.0) | (scores > 1.0)))
            if outside:
                raise CannotEstimate(
                    WhyNot.not_probabilities,
                    f"{outside} of {total} scores are not between 0 and 1, so they are not probabilities",
                    items=total,
                    outside=outside,
                )


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A named pure function of scores, references, a threshold and, where it needs them, groups of items.

    Attributes
    ----------
    about : str
        What it is, in one or two sentences of its card.
    thresholded : bool
        Whether the threshold matters.
    formula, expansion : callable
        The value and the influence values where the conditions hold; ``expansion`` is None for a metric that has none.
    conditions, interval_conditions : Conditions
        When there is a value, and when there are enough items for an interval.
    weighted : callable or None
        The values of all runs under many weightings of the items, for the bootstrap of a metric without an expansion.
    no_expansion : str
        Why there is no expansion; empty where there is one.
    reference : str
        The scikit-learn function that gives the same value, or the source of the definition.
    needs : Needs
        What ``groups`` holds.
    """

    name: str
    title: str
    about: str
    unit: str = "share"
    low: float = 0.0
    high: float = 1.0
    direction: Direction = Direction.higher_is_better
    thresholded: bool
    formula: Formula
    expansion: Expansion | None
    conditions: Conditions
    interval_conditions: Conditions
    reference: str
    weighted: WeightedForm | None = None
    no_expansion: str = ""
    needs: Needs = Needs.nothing

    def __post_init__(self) -> None:
        if (self.expansion is None) != bool(self.no_expansion):
            raise ValueError(f"{self.name}: either an expansion, or a sentence that says why there is none")
        if self.expansion is not None and self.weighted is not None:
            raise ValueError(f"{self.name}: influence values and a bootstrap would be two ways to one interval")

    @property
    def needs_positives(self) -> bool:
        """Whether it has no value on items that are all benign."""
        return self.conditions.positives > 0

    @property
    def has_interval(self) -> bool:
        """Whether a difference of it has an interval: one without can be shown, and cannot decide."""
        return self.expansion is not None or self.weighted is not None

    @property
    def no_interval(self) -> str:
        """Why a difference of it has no interval; empty where it has one."""
        return "" if self.has_interval else self.no_expansion

    @property
    def interval_method(self) -> str:
        """How the items' part of its interval is found, or why it has none."""
        if self.expansion is not None:
            return "by influence values"
        return f"none: {self.no_interval}" if self.weighted is None else f"by a bootstrap of items: {self.no_expansion}"

    def value(self, scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray | None = None) -> float:
        """Return the metric.

        Parameters
        ----------
        scores : ndarray of shape (n,)
            Of the positive label; finite.
        references : ndarray of shape (n,)
            Gold, 0 or 1.
        threshold : float
            Ignored by a metric that is not thresholded.
        groups : ndarray of shape (n,) or None
            What :attr:`needs` says; ignored by a metric that needs nothing.

        Raises
        ------
        CannotEstimate
            Where it is undefined.
        BenchmarkError
            When the columns differ in length, a score is not finite, or a reference is neither 0 nor 1.
        """
        found = self._groups(scores, references, groups)
        self.conditions.check(scores, references, self.title)
        return float(self.formula(scores, references, threshold, found))

    def influence(
        self, scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the influence values psi, shape (n,), with mean zero; parameters and errors are those of :meth:`value`.

        Raises
        ------
        CannotEstimate
            Also with too few items of a class for the first-order expansion, and always for a metric without one.
        """
        found = self._groups(scores, references, groups)
        self.conditions.check(scores, references, self.title)
        if self.expansion is None:
            raise CannotEstimate(WhyNot.no_interval, f"{self.title} has a value but no influence values: {self.no_expansion}")
        self.interval_conditions.check(scores, references, "an interval")
        return np.asarray(self.expansion(scores, references, threshold, found), dtype=np.float64)

    def _groups(self, scores: np.ndarray, references: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
        """Check the columns and return the groups."""
        if len(scores) != len(references):
            raise BenchmarkError(f"{self.title}: {len(scores)} scores for {len(references)} references; give one score an item")
        unusable = len(scores) - int(np.count_nonzero(np.isfinite(scores)))
        if unusable:
            raise BenchmarkError(
                f"{self.title}: {unusable} of {len(scores)} scores are not finite numbers; score the classifier again"
            )
        if not bool(np.all((references == 0) | (references == 1))):
            raise BenchmarkError(f"{self.title}: references must be 0 or 1; leave out the items whose gold is not known")
        if self.needs is Needs.nothing:
            return _NO_GROUPS
        if groups is None:
            what = "a group of items to compare with the rest" if self.needs is Needs.members else "each item's functionality"
            raise CannotEstimate(WhyNot.no_group, f"{self.title} needs {what}, and none is given")
        if len(groups) != len(references):
            raise BenchmarkError(f"{self.title}: {len(groups)} groups for {len(references)} references; give one an item")
        return np.asarray(groups, dtype=bool) if self.needs is Needs.members else np.asarray(groups)
