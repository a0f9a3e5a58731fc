"""Whether a key figure meets its target, and whether it moves: read from intervals, so that chance alone raises no alarm."""

import math
from collections.abc import Sequence

from smo_pipelines.analysis.wording import sentence
from smo_pipelines.domain.effects import Direction, Interval
from smo_pipelines.domain.kpis import Kpi, KpiOutcome, KpiStatus, KpiTrend, KpiWindow
from smo_pipelines.domain.quality import MEASURES, Measured, NotMeasured, value_in_words

__all__ = ["judge_kpi", "kpi_status", "kpi_trend", "moved"]


def judge_kpi(kpi: Kpi, windows: Sequence[KpiWindow], *, keys: tuple[tuple[str, str], ...] = (), raters: int = 0) -> KpiOutcome:
    """Judge a key figure.

    Parameters
    ----------
    kpi : Kpi
    windows : sequence of KpiWindow
        Newest first; at least one.
    keys : tuple of (str, str)
        The group that is judged.
    raters : int
        Raters of the newest window.
    """
    status, trend = kpi_status(kpi, windows[0].told), kpi_trend(kpi, windows)
    return KpiOutcome(
        kpi=kpi, keys=keys, raters=raters, windows=tuple(windows), status=status, trend=trend, sentence=_say(kpi, windows, keys)
    )


def kpi_status(kpi: Kpi, told: Measured | NotMeasured) -> KpiStatus:
    """Return how a value stands to the target and the limit.

    With an interval: ``beyond limit`` when all of it is worse than the limit, ``met`` when all of it is at or better than the
    target, ``missed target`` when all of it is worse than the target, else ``not known``: it could be either. Without an interval
    the value alone says ``met`` or ``missed target``, and never ``beyond limit``, which calls people. No value is ``not known``.
    """
    if isinstance(told, NotMeasured):
        return KpiStatus.not_known
    sign = kpi.direction.sign
    if isinstance(told.interval, NotMeasured):
        return KpiStatus.met if sign * told.value >= sign * kpi.target else KpiStatus.missed_target
    worst, best = sorted((sign * told.interval.low, sign * told.interval.high))
    if kpi.limit is not None and best < sign * kpi.limit:
        return KpiStatus.beyond_limit
    if worst >= sign * kpi.target:
        return KpiStatus.met
    return KpiStatus.missed_target if best < sign * kpi.target else KpiStatus.not_known


def kpi_trend(kpi: Kpi, windows: Sequence[KpiWindow]) -> KpiTrend:
    """Return how the newest window differs from the mean of the earlier ones (the rule is :func:`moved`)."""
    found = moved([window.told for window in windows])
    if found is None:
        return KpiTrend.no_history
    if found == 0:
        return KpiTrend.no_clear_change
    return KpiTrend.improving if kpi.direction.sign * found > 0 else KpiTrend.worsening


def moved(told: Sequence[Measured | NotMeasured]) -> int | None:
    """Return whether the first value is clearly above (1) or below (-1) the mean of the others, or not clearly either (0).

    It moved when the difference is larger than its own half-width, ``sqrt(h_0^2 + sum h_k^2 / n^2)`` for half-widths h of the newest
    and n earlier windows. Windows share raters, which makes the true half-width smaller: the rule errs towards no clear change.
    Windows without a value or an interval are left out; None without a first value or without others.
    """
    known = [one for one in told if isinstance(one, Measured) and isinstance(one.interval, Interval)]
    if len(known) < 2 or known[0] is not told[0] or len({one.unit for one in known}) > 1:
        return None
    newest, *earlier = known
    difference = newest.value - math.fsum(one.value for one in earlier) / len(earlier)
    half = math.hypot(_half_width(newest), *(_half_width(one) / len(earlier) for one in earlier))
    return 0 if abs(difference) <= half else 1 if difference > 0 else -1


def _half_width(told: Measured) -> float:
    return 0.5 * (told.interval.high - told.interval.low) if isinstance(told.interval, Interval) else math.inf


def _say(kpi: Kpi, windows: Sequence[KpiWindow], keys: tuple[tuple[str, str], ...]) -> str:
    newest = windows[0]
    selected = [f"{name} {' or '.join(values)}" for name, values in kpi.where] + [
        f"{name} {value or '(none)'}" for name, value in keys
    ]
    of = f" of {', '.join(selected)}" if selected else ""
    when = f"in the {kpi.window_days} days to {newest.end:%Y-%m-%d}"
    subject = f"{MEASURES[kpi.measure].title}{of} {when}"
    if isinstance(newest.told, NotMeasured):
        return sentence(f"{subject} is not known: {newest.told.sentence}")
    unit = newest.told.unit
    bound = "at least" if kpi.direction is Direction.higher_is_better else "at most"
    wanted = f"the target is {bound} {value_in_words(kpi.target, unit)}"
    if kpi.limit is not None:
        wanted += f", the limit {value_in_words(kpi.limit, unit)}"
    value = f"{subject} was {value_in_words(newest.told.value, unit)}"
    if isinstance(newest.told.interval, NotMeasured):
        return sentence(f"{value}; {wanted}; judged on the value alone: {newest.told.interval.sentence}")
    low, high = (value_in_words(end, unit) for end in (newest.told.interval.low, newest.told.interval.high))
    if kpi_status(kpi, newest.told) is KpiStatus.not_known:
        wanted += ", which the interval leaves open"
    return sentence(f"{value} (95% interval {low} to {high}); {wanted}")
