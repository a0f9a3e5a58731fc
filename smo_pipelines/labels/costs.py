"""How fast a group of ratings was made, and what it cost by label, by accepted label and by item on which raters agree."""

import numpy as np

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.domain.quality import MEASURES, Measure, Measured
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.labels.rating_groups import RatingGroup, interval_or_why_not
from smo_pipelines.stats.agreement_interval import MIN_RATERS
from smo_pipelines.stats.two_way import Clusters, linear_interval

__all__ = ["cost_per_accepted_label", "cost_per_consensus_item", "cost_per_label", "throughput"]


def throughput(group: RatingGroup, _: Measure) -> Measured:
    """Return labels over days on which a rater labelled; the interval is over raters, of one rater over days."""
    group.refuse_anonymous()
    rows = group.labels.take(group.labels["day"] >= 0)
    if not len(rows):
        raise CannotEstimate(WhyNot.not_recorded, "no label says when it was made")
    last = int(rows["day"].max()) + 1
    rater_day, labels = np.unique(rows["rater"] * last + rows["day"], return_counts=True)
    value = len(rows) / len(rater_day)

    def interval() -> Interval:
        moves: np.ndarray = (labels - value) / len(rater_day)
        if group.raters > 1:
            rater = np.unique(rater_day // last, return_inverse=True)[1]
            moves = np.bincount(rater, weights=moves)
            if len(moves) < MIN_RATERS:
                raise CannotEstimate(
                    WhyNot.few_raters,
                    f"{len(moves)} raters cannot show how far other raters would differ; {MIN_RATERS} are needed",
                    raters=len(moves),
                )
        sources = np.arange(len(moves))  # the days of one rater, or the raters
        found = linear_interval(value, moves, Clusters(sources, sources, random_raters=False))
        return Interval(low=max(found.low, 0.0), high=found.high, level=found.level)

    return Measured(value=value, interval=interval_or_why_not(interval), n=len(rater_day), unit=MEASURES[Measure.throughput].unit)


def _cost(group: RatingGroup, value: float, moves: np.ndarray, used: np.ndarray, n: int) -> Measured:
    """Return a cost whose influence values are given for every rating of the group and are 0 on those that are not used."""

    def interval() -> Interval:
        found = linear_interval(value, moves[used], group.clusters(group.rows.take(used)))
        return Interval(low=max(found.low, 0.0), high=found.high, level=found.level)

    return Measured(value=value, interval=interval_or_why_not(interval), n=n, unit=group.paid[1])


def _cost_of_a_label(group: RatingGroup) -> tuple[float, np.ndarray, int]:
    """Return the cost, its influence values by rating, and how many labels have a cost."""
    priced = group.paid[0]
    cost, labels = np.where(priced, group.rows["cost"], 0.0), priced & group.is_label
    value = float(cost.sum() / labels.sum())
    return value, (cost - value * labels) / labels.sum(), int(labels.sum())


def cost_per_label(group: RatingGroup, _: Measure) -> Measured:
    """Return all that was paid over labels."""
    value, moves, n = _cost_of_a_label(group)
    return _cost(group, value, moves, group.paid[0], n)


def cost_per_accepted_label(group: RatingGroup, _: Measure) -> Measured:
    """Return the cost of a label over the share of reviewed labels that were accepted."""
    value, moves, n = _cost_of_a_label(group)
    reviewed = group.reviewed
    accepted = reviewed & (group.rows["review"] == group.rows.code("review", "accepted"))
    if not accepted.any():
        raise CannotEstimate(WhyNot.no_items, "no reviewed label was accepted", reviewed=int(reviewed.sum()))
    share = float(accepted.sum() / reviewed.sum())
    # it moves with both: up with the cost of a label, down with the share accepted
    both = moves / share - value / share**2 * (accepted - share * reviewed) / reviewed.sum()
    return _cost(group, value / share, both, group.paid[0] | reviewed, n)


def cost_per_consensus_item(group: RatingGroup, _: Measure) -> Measured:
    """Return all that was paid over items on which more than half of two labels or more agree."""
    priced = group.paid[0]
    chosen = priced & group.is_label
    labels = group.rows.take(chosen)
    unit = RatingGroup.units(labels)
    ratings = np.bincount(unit)
    pair, votes = np.unique(unit * len(labels.names["label"]) + labels["label"], return_counts=True)
    most = np.zeros(len(ratings), dtype=np.int64)
    np.maximum.at(most, pair // len(labels.names["label"]), votes)
    agreed = (ratings >= 2) & (2 * most > ratings)
    total = int(agreed.sum())
    if total == 0:
        raise CannotEstimate(
            WhyNot.no_items, "no item has two paid labels or more of which more than half agree", items=len(agreed)
        )
    cost = np.where(priced, group.rows["cost"], 0.0)
    value = float(cost.sum()) / total
    part = np.zeros(len(cost))
    part[chosen] = (agreed / ratings)[unit]
    return _cost(group, value, (cost - value * part) / total, priced, total)
