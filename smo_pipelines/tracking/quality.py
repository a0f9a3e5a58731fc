"""The quality of an experiment's labels as the tracker is told: numbers of each arm, and how the key figures stand."""

from collections.abc import Iterator, Mapping

from smo_pipelines.domain.effects import Interval
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.kpis import worst_first
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN, Measured, NotMeasured, value_in_words
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.tracking.items import cut, key_part

__all__ = ["agreement_metrics", "quality_tags"]

_LONGEST = 500


def agreement_metrics(record: ExperimentRecord) -> Iterator[tuple[str, float]]:
    """Give each arm's agreement with the ends of its interval; what was not measured is in a tag alone."""
    for arm, told in _agreement(record).items():
        if isinstance(told, Measured):
            yield f"4 label/{arm} alpha", told.value
            if isinstance(told.interval, Interval):
                yield f"4 label/{arm} alpha ci low", told.interval.low
                yield f"4 label/{arm} alpha ci high", told.interval.high


def quality_tags(record: ExperimentRecord) -> dict[str, str]:
    """Return ``agreement`` in words, and ``kpi.<name>``: how the worst group of each key figure stands.

    The name has its project before it where the arms come from two. Groups of fewer than five raters are left out.
    """
    if record.quality is None:
        return {}
    words = "; ".join(f"{arm} {_said(told)}" for arm, told in _agreement(record).items())
    found = {"agreement": cut(words, _LONGEST)}
    several = len(record.quality.kpis) > 1
    for project in record.quality.kpis:
        for outcome in reversed(worst_first(outcome for outcome in project.outcomes if outcome.shareable)):
            name = key_part(outcome.kpi.name) or "other"
            found[f"kpi.{key_part(project.project)}.{name}" if several else f"kpi.{name}"] = str(outcome.status)
    return found


def _agreement(record: ExperimentRecord) -> Mapping[ArmName, Measured | NotMeasured]:
    told = {} if record.quality is None else record.quality.agreement
    return {arm.arm: told[arm.arm] for arm in record.arms if arm.arm in told and arm.n_raters >= FEWEST_RATERS_SHOWN}


def _said(told: Measured | NotMeasured) -> str:
    if isinstance(told, NotMeasured):
        return f"not measured: {told.sentence}"
    value = value_in_words(told.value, told.unit)
    if isinstance(told.interval, NotMeasured):
        return f"{value}, no interval: {told.interval.sentence}"
    low, high = (value_in_words(end, told.unit) for end in (told.interval.low, told.interval.high))
    return f"{value} [{low}, {high}]"
