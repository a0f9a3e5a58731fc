"""The measures of one group of ratings: each a function of the group, which raises CannotEstimate where it has no honest value."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.domain.quality import MEASURES, Measure, Measured, NotMeasured
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.labels.costs import cost_per_accepted_label, cost_per_consensus_item, cost_per_label, throughput
from smo_pipelines.labels.rated_rows import RatedRows
from smo_pipelines.labels.rating_groups import RatingGroup, interval_or_why_not, measured_or_why_not, why_not
from smo_pipelines.stats.agreement import AC1, AGREEMENT, FLEISS, coefficient_value
from smo_pipelines.stats.agreement_interval import agreement_interval, vitality
from smo_pipelines.stats.intervals import CombinedEstimate
from smo_pipelines.stats.two_way import linear_interval, median_interval, share_interval, winsorised

__all__ = ["measure_group", "rater_vitality"]


def measure_group(group: RatingGroup, measures: tuple[Measure, ...]) -> dict[Measure, Measured | NotMeasured]:
    """Return what was asked of a group."""
    return {measure: measured_or_why_not(partial(_MEASURES[measure], group, measure)) for measure in measures}


def rater_vitality(group: RatingGroup) -> dict[str, Measured | NotMeasured]:
    """Return, by rater, alpha of all raters of a group minus alpha without this one, over items like these."""
    raters = [group.rows.names["rater"][code] for code in np.unique(group.labels["rater"])]
    try:
        group.refuse_anonymous()
        found = vitality(group.codes, group.alpha())
    except CannotEstimate as error:
        return {rater: why_not(error) for rater in raters}
    counts = np.bincount(group.codes.rater)
    return {raters[code]: _vitality(estimate, int(counts[code])) for code, estimate in found.items()}


def _vitality(estimate: CombinedEstimate | CannotEstimate, n: int) -> Measured | NotMeasured:
    if isinstance(estimate, CannotEstimate):
        return why_not(estimate)
    low, high = estimate.interval(0.05)
    return Measured(value=estimate.estimate, interval=Interval(low=low, high=high), n=n, unit="")


def _agreement(group: RatingGroup, measure: Measure) -> Measured:
    chosen = {Measure.fleiss_kappa: FLEISS, Measure.ac1: AC1, Measure.agreement: AGREEMENT}
    coefficient = chosen[measure] if measure in chosen else group.alpha()
    value = coefficient_value(coefficient, group.codes.counts)

    def interval() -> Interval:
        group.refuse_anonymous()
        return agreement_interval(group.codes, coefficient)

    paired = int((group.codes.counts.sum(axis=1) >= 2).sum())
    return Measured(value=value, interval=interval_or_why_not(interval), n=paired, unit=MEASURES[measure].unit)


def _share(group: RatingGroup, rows: RatedRows, hits: np.ndarray) -> Measured:
    interval = interval_or_why_not(lambda: share_interval(hits, group.clusters(rows)))
    return Measured(value=float(hits.mean()), interval=interval, n=len(hits), unit="share")


def _positive_share(group: RatingGroup, _: Measure) -> Measured:
    names = group.rows.names["guideline"]
    used = [names[code] for code in np.unique(group.labels["guideline"])]
    unknown = [name or "(none)" for name in used if name not in group.guidelines]
    if unknown:
        raise CannotEstimate(
            WhyNot.not_recorded, f"which label is positive is not known for ratings under guideline {', '.join(unknown[:5])}"
        )
    if not used:
        raise CannotEstimate(WhyNot.no_items, "no rating is a label")
    positive = np.full(len(names), -1)
    for name in used:
        positive[group.rows.code("guideline", name)] = group.rows.code("label", group.guidelines[name].positive)
    return _share(group, group.labels, group.labels["label"] == positive[group.labels["guideline"]])


def _gold_accuracy(group: RatingGroup, _: Measure) -> Measured:
    rows = group.labels.take(group.labels["gold"] != group.rows.code("label", ""))
    if not len(rows):
        raise CannotEstimate(WhyNot.no_gold, "no rated item has gold under the guideline of its rating")
    return _share(group, rows, rows["label"] == rows["gold"])


def _skip_rate(group: RatingGroup, _: Measure) -> Measured:
    return _share(group, group.answers, group.answers["skipped"])


def _review_rate(group: RatingGroup, measure: Measure) -> Measured:
    rows = group.rows.take(group.reviewed)
    word = {Measure.acceptance: "accepted", Measure.fix_rate: "fixed", Measure.rejection_rate: "rejected"}[measure]
    return _share(group, rows, rows["review"] == rows.code("review", word))


def _duration(group: RatingGroup, measure: Measure) -> Measured:
    rows = group.labels.take(~np.isnan(group.labels["duration"]))
    if not len(rows):
        raise CannotEstimate(WhyNot.not_recorded, "no label says how long it took")
    values = rows["duration"]
    if measure is Measure.median_duration:
        interval = interval_or_why_not(lambda: median_interval(values, group.clusters(rows)))
        return Measured(value=float(np.median(values)), interval=interval, n=len(values), unit="s")
    drawn = winsorised(values)
    mean = float(drawn.mean())
    interval = interval_or_why_not(lambda: linear_interval(mean, (drawn - mean) / len(drawn), group.clusters(rows)))
    return Measured(value=mean, interval=interval, n=len(values), unit="s")


_MEASURES: Mapping[Measure, Callable[[RatingGroup, Measure], Measured]] = {
    Measure.alpha: _agreement,
    Measure.fleiss_kappa: _agreement,
    Measure.ac1: _agreement,
    Measure.agreement: _agreement,
    Measure.positive_share: _positive_share,
    Measure.gold_accuracy: _gold_accuracy,
    Measure.skip_rate: _skip_rate,
    Measure.acceptance: _review_rate,
    Measure.fix_rate: _review_rate,
    Measure.rejection_rate: _review_rate,
    Measure.median_duration: _duration,
    Measure.mean_duration: _duration,
    Measure.throughput: throughput,
    Measure.cost_per_label: cost_per_label,
    Measure.cost_per_accepted_label: cost_per_accepted_label,
    Measure.cost_per_consensus_item: cost_per_consensus_item,
}
