"""The labels of the newest night in figures, each against its own history."""

import datetime as dt
from collections.abc import Sequence

from smo_pipelines.analysis.kpis import moved
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.episodes import LabelFigure
from smo_pipelines.domain.nights import Baseline, LabelWindow, Night
from smo_pipelines.domain.quality import Measured, NotMeasured
from smo_pipelines.nightly.groups import group_change

__all__ = ["POOL_DRIFT", "label_figures"]

POOL_DRIFT = "pool_drift"
"""Share of the ratings that moved between rater pools since the blessing."""

_DRIFTED = 0.05


def label_figures(baseline: Baseline, nights: Sequence[Night]) -> tuple[LabelFigure, ...]:
    """Return volume, agreement, accuracy on gold, positive share and drift of the pools of the newest night with labels.

    Windows that overlap hold the same ratings, so the history is the blessing and the nights whole windows before. A figure moved
    when :func:`smo_pipelines.analysis.kpis.moved` says so. The drift is counted and has no interval: it moved when it is above 5% and
    above that of every earlier night.

    Parameters
    ----------
    nights : sequence of Night
        Of this baseline, in order of date.

    Returns
    -------
    tuple of LabelFigure
        Empty where no night has labels.
    """
    labelled = [(night.date, night.labels) for night in nights if isinstance(night.labels, LabelWindow)]
    if not labelled:
        return ()
    date, newest = labelled[-1]
    length = newest.end - newest.start
    whole = [(then, labels) for then, labels in reversed(labelled[:-1]) if (date - then) % length == dt.timedelta(0)]
    past = [*whole, (baseline.date, baseline.labels)]
    found = []
    for name, now in newest.figures.items():
        history = tuple((then, labels.figures[name]) for then, labels in past)
        found.append(LabelFigure(name=name, now=now, history=history, moved=moved([now, *(told for _, told in history)])))
    return (*found, _pool_drift(baseline, labelled))


def _pool_drift(baseline: Baseline, labelled: Sequence[tuple[dt.date, LabelWindow]]) -> LabelFigure:
    drifts = [(date, group_change("pool", baseline.labels, labels).moved) for date, labels in labelled if labels.ratings]
    if not drifts or drifts[-1][0] != labelled[-1][0]:
        nothing = NotMeasured(code=WhyNot.no_items, sentence="no rating was made in this time")
        return LabelFigure(name=POOL_DRIFT, now=nothing, history=(), moved=None)
    (_, now), earlier = drifts[-1], drifts[:-1]
    moved_ = 1 if now > _DRIFTED and now > max((value for _, value in earlier), default=0.0) else 0
    history = tuple((date, _counted(value)) for date, value in reversed(earlier))
    return LabelFigure(name=POOL_DRIFT, now=_counted(now), history=history, moved=moved_)


def _counted(value: float) -> Measured:
    counted = NotMeasured(code=WhyNot.no_interval, sentence="counted, not estimated")
    return Measured(value=value, interval=counted, n=1, unit="share")
