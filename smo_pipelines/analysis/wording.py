"""Numbers in the words of a decision: plain sentences, percentage points for shares."""

from smo_pipelines.domain.effects import EffectEstimate, Question, ThresholdKind
from smo_pipelines.stats.metrics import METRICS

__all__ = ["amount", "change_in_words", "sentence", "subject", "what_would_settle"]


def _unit(metric: str) -> str:
    return METRICS[metric].unit if metric in METRICS else ""


def _number(value: float, metric: str, *, signed: bool = False) -> str:
    shown = 100.0 * value if _unit(metric) == "share" else value
    rounded = round(shown, 1 if _unit(metric) == "share" else 3) + 0.0  # -0.0 + 0.0 is 0.0
    return f"{rounded:{'+' if signed else ''}.{1 if _unit(metric) == 'share' else 3}f}"


def amount(value: float, metric: str) -> str:
    """Return a size with its unit, e.g. ``"2.0 points"`` for 0.02 of a share."""
    return f"{_number(value, metric)} points" if _unit(metric) == "share" else _number(value, metric)


def subject(question: Question) -> str:
    """Return what a question measures, in words."""
    title = METRICS[question.metric].title if question.metric in METRICS else question.metric
    words = f"{title} on {question.on}"
    if question.items == "gold_unchanged":
        words += " (items whose gold did not change)"
    elif question.items != "all":
        words += f" ({question.items.removeprefix('slice:').replace('=', ' ')})"
    if question.gold:
        words += f" under gold {question.gold}"
    return words + (" at the control's threshold" if question.threshold is ThresholdKind.control else "")


def change_in_words(effect: EffectEstimate) -> str:
    """Return e.g. ``"average precision on demo-gold rose by 4.1 points (95% interval 2.0 to 6.2)"``.

    A change whose interval lies on one side of zero rose or fell by an amount without sign; any other moved by a signed one.
    """
    metric, low, high = effect.question.metric, effect.interval.low, effect.interval.high
    level = f"{100.0 * effect.interval.level:.4g}% interval"
    if low > 0.0 or high < 0.0:
        verb = "rose" if low > 0.0 else "fell"
        ends = sorted((abs(low), abs(high)))
        size = amount(abs(effect.estimate), metric)
        return f"{subject(effect.question)} {verb} by {size} ({level} {_number(ends[0], metric)} to {_number(ends[1], metric)})"
    size = f"{_number(effect.estimate, metric, signed=True)}{' points' if _unit(metric) == 'share' else ''}"
    ends_signed = f"{_number(low, metric, signed=True)} to {_number(high, metric, signed=True)}"
    return f"{subject(effect.question)} moved by {size} ({level} {ends_signed})"


def what_would_settle(effect: EffectEstimate) -> str:
    """Return which more of what would narrow an interval the most, as a clause."""
    if not effect.to_narrow:
        return "a repetition with more runs would settle it"
    return effect.to_narrow[:1].lower() + effect.to_narrow[1:]


def sentence(words: str) -> str:
    """Return the words with a capital first letter and a full stop."""
    return words[:1].upper() + words[1:].rstrip(".") + "."
