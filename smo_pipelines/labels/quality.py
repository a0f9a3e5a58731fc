"""Quality, speed and cost of a project's ratings, by any combination of question, guideline, instrument, pool, locale and rater."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.domain.quality import Measure, Measured, NotMeasured, QualityGroup
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.rated_rows import RatedRows, check_groupings, rated_rows
from smo_pipelines.labels.rating_groups import RatingGroup
from smo_pipelines.labels.rating_measures import measure_group, rater_vitality
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.stats.agreement import Scale

__all__ = ["label_quality", "quality_of_rows"]

_OF_PAIRS = frozenset({Measure.alpha, Measure.fleiss_kappa, Measure.ac1, Measure.agreement, Measure.cost_per_consensus_item})
"""Measures that one rater alone cannot have."""


def label_quality(
    tables: LabelTables,
    project: str,
    *,
    guidelines: Mapping[str, GuidelineVersion],
    by: Sequence[str] = ("question", "guideline"),
    where: ItemPredicate = (),
    measures: Sequence[Measure] = tuple(Measure),
    as_of: datetime | None = None,
    scale: Scale = Scale.nominal,
) -> tuple[QualityGroup, ...]:
    """Measure the ratings of a project that were visible at a moment.

    Ratings that are themselves gold are left out. The latest rating of a rater on an item under one guideline and instrument
    counts; what earlier ones cost is in the costs. Intervals are about items and raters like these, of one rater about items.

    Parameters
    ----------
    tables : LabelTables
    project : str
    guidelines : mapping of str to GuidelineVersion
        By id: which labels there are, in which order, and which is positive.
    by : sequence of str
        Groupings (:data:`smo_pipelines.labels.rated_rows.GROUPINGS`). With ``rater`` there is a row a rater, with vitality in place
        of agreement.
    where : ItemPredicate
        Only the ratings with these values of groupings.
    measures : sequence of Measure
    as_of : datetime, optional
    scale : Scale
        Of the labels, for alpha.

    Returns
    -------
    tuple of QualityGroup
        In order of their keys.

    Raises
    ------
    NoRatings
        When the project has no ratings by then, or none that was selected.
    UnknownName
        When a grouping is not one.
    """
    check_groupings([*by, *(name for name, _ in where)])
    rows = rated_rows(tables, project, as_of=as_of).selected(where)
    if not len(rows):
        asked = "; ".join(f"{name} in {list(values)}" for name, values in where)
        raise NoRatings(f"project {project!r} has no rating with {asked}; `smo quality {project} --by ...` shows what there is")
    return quality_of_rows(rows, guidelines=guidelines, by=by, measures=measures, scale=scale)


def quality_of_rows(
    rows: RatedRows,
    *,
    guidelines: Mapping[str, GuidelineVersion],
    by: Sequence[str] = (),
    measures: Sequence[Measure] = tuple(Measure),
    scale: Scale = Scale.nominal,
) -> tuple[QualityGroup, ...]:
    """Measure some ratings (arguments as :func:`label_quality`); of no ratings there is no group."""
    keys = list(dict.fromkeys(by))
    rows = rows.with_latest()
    vitality = _vitality(rows, keys, guidelines, scale) if "rater" in keys and Measure.vitality in measures else {}
    wanted = tuple(m for m in measures if m is not Measure.vitality and not ("rater" in keys and m in _OF_PAIRS))
    found = []
    for values, part in rows.groups(keys):
        group = RatingGroup(part, guidelines, scale)
        told: dict[Measure, Measured | NotMeasured] = dict(measure_group(group, wanted))
        if values in vitality:
            told[Measure.vitality] = vitality[values]
        items = len(np.unique(part["item"]))
        found.append(QualityGroup(keys=values, ratings=int(part["latest"].sum()), items=items, raters=group.raters, measures=told))
    return tuple(found)


def _vitality(
    rows: RatedRows, keys: list[str], guidelines: Mapping[str, GuidelineVersion], scale: Scale
) -> dict[tuple[tuple[str, str], ...], Measured | NotMeasured]:
    """Return the vitality of each rater among those who share the other keys."""
    found: dict[tuple[tuple[str, str], ...], Measured | NotMeasured] = {}
    for context, part in rows.groups([key for key in keys if key != "rater"]):
        for rater, told in rater_vitality(RatingGroup(part, guidelines, scale)).items():
            known = {**dict(context), "rater": rater}
            found[tuple((key, known[key]) for key in keys)] = told
    return found
