"""A group of ratings as the measures need it: what counts, who rated what, and what was paid."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.quality import Measured, NotMeasured
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.labels.rated_rows import ANONYMOUS, RatedRows
from smo_pipelines.stats.agreement import Coefficient, Scale, alpha_of
from smo_pipelines.stats.agreement_interval import RatingCodes
from smo_pipelines.stats.two_way import Clusters

__all__ = ["RatingGroup", "interval_or_why_not", "measured_or_why_not", "why_not"]


class RatingGroup:
    """Some ratings.

    Parameters
    ----------
    rows : RatedRows
        With ``latest`` set.
    guidelines : mapping of str to GuidelineVersion
        Say which label is positive, and which labels there are.
    scale : Scale
        Of the labels, for alpha.
    """

    def __init__(self, rows: RatedRows, guidelines: Mapping[str, GuidelineVersion], scale: Scale = Scale.nominal) -> None:
        self.rows = rows
        self.guidelines = guidelines
        self.scale = scale
        self.is_label = rows["latest"] & ~rows["skipped"]
        self.answers = rows.take(rows["latest"])
        self.labels = rows.take(self.is_label)
        self.raters = len(np.unique(rows["rater"]))

    def clusters(self, rows: RatedRows) -> Clusters:
        """Return whose and of what some of the ratings are; a group of one rater is a claim about that rater."""
        self.refuse_anonymous()
        return Clusters(rows["item"], rows["rater"], random_raters=self.raters > 1)

    def refuse_anonymous(self) -> None:
        """Refuse what needs to know who rated."""
        if bool((self.rows["kind"] == self.rows.code("kind", ANONYMOUS)).any()):
            raise CannotEstimate(
                WhyNot.anonymous_raters, "some raters are not known (counts of votes), so what depends on who rated has no value"
            )

    @cached_property
    def label_set(self) -> list[str]:
        """The labels that may be given: those of the guidelines, in their order, and any others that were."""
        used = [self.rows.names["guideline"][code] for code in np.unique(self.labels["guideline"])]
        legal = [label for name in used if name in self.guidelines for label in self.guidelines[name].labels]
        given = [self.rows.names["label"][code] for code in np.unique(self.labels["label"])]
        return list(dict.fromkeys([*legal, *given]))

    @cached_property
    def codes(self) -> RatingCodes:
        """The labels as codes; a unit is an item under one guideline and instrument."""
        questions = len(np.unique(self.labels["question"]))
        if questions > 1:
            raise CannotEstimate(
                WhyNot.several_questions,
                f"these ratings answer {questions} questions, and answers to different ones cannot agree; ask by question",
                questions=questions,
            )
        position = {label: k for k, label in enumerate(self.label_set)}
        place = np.array([position.get(name, -1) for name in self.rows.names["label"]])
        return RatingCodes(
            unit=self.units(self.labels),
            rater=np.unique(self.labels["rater"], return_inverse=True)[1],
            label=place[self.labels["label"]],
            n_labels=len(self.label_set),
        )

    @staticmethod
    def units(rows: RatedRows) -> np.ndarray:
        """Return codes from 0 of what raters may agree on: an item under one question, guideline and instrument."""
        conditions, code = np.unique(rows.conditions, return_inverse=True)
        return np.asarray(np.unique(rows["item"] * len(conditions) + code, return_inverse=True)[1])

    def alpha(self) -> Coefficient:
        """Return alpha on the scale of the labels."""
        if self.scale in (Scale.nominal, Scale.ordinal):
            return alpha_of(self.scale)
        try:
            return alpha_of(self.scale, [float(label) for label in self.label_set])
        except ValueError as error:
            raise CannotEstimate(
                WhyNot.not_recorded, f"an {self.scale} scale needs labels that are numbers (0 or more for a ratio): {error}"
            ) from error

    @cached_property
    def paid(self) -> tuple[np.ndarray, str]:
        """Which ratings have a cost (repeated and skipped ones too), and the currency."""
        priced = ~np.isnan(self.rows["cost"])
        if not priced.any():
            raise CannotEstimate(WhyNot.not_recorded, "no rating has a cost")
        currencies = [self.rows.names["currency"][code] or "(none)" for code in np.unique(self.rows["currency"][priced])]
        if len(currencies) > 1:
            raise CannotEstimate(
                WhyNot.mixed_currencies,
                f"costs are in {len(currencies)} currencies ({', '.join(currencies)}) and are not added up; ask by what separates "
                "them, e.g. locale",
                currencies=len(currencies),
            )
        if not (priced & self.is_label).any():
            raise CannotEstimate(WhyNot.no_items, "none of the ratings with a cost is a label")
        return priced, currencies[0]

    @cached_property
    def reviewed(self) -> np.ndarray:
        """Which ratings are labels that were reviewed."""
        reviewed = self.is_label & (self.rows["review"] != self.rows.code("review", ""))
        if not reviewed.any():
            raise CannotEstimate(WhyNot.not_recorded, "no rating was reviewed")
        return np.asarray(reviewed)


def why_not(error: CannotEstimate) -> NotMeasured:
    """Return the reason of a statistic that could not be computed."""
    return NotMeasured(code=WhyNot(error.code), sentence=error.sentence, counts=error.counts)


def measured_or_why_not(compute: Callable[[], Measured]) -> Measured | NotMeasured:
    """Return a measured number, or why there is none."""
    try:
        return compute()
    except CannotEstimate as error:
        return why_not(error)


def interval_or_why_not(compute: Callable[[], Interval]) -> Interval | NotMeasured:
    """Return an interval, or why there is none."""
    try:
        return compute()
    except CannotEstimate as error:
        return why_not(error)
