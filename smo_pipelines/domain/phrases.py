"""How numbers and names are said to people: one wording for the tracker, the report and the command line."""

import math
from collections.abc import Mapping

from smo_pipelines.domain.attribution import Contrast
from smo_pipelines.domain.decisions import Decision, GuardrailStatus, Verdict
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question, Role, ThresholdKind
from smo_pipelines.domain.nightly import Stream

__all__ = [
    "PLANNED",
    "VERDICT_WORDS",
    "amount",
    "change_with_interval",
    "contrast_words",
    "guardrail_summary",
    "level_of",
    "metric_title",
    "money_words",
    "primary_effect",
    "question_phrase",
    "shown_effect",
    "stream_phrase",
    "unit_of",
]

PLANNED = "PLANNED"
"""The word in the place of a verdict for an experiment that is registered and not yet decided."""

VERDICT_WORDS: Mapping[Verdict, str] = {
    Verdict.ship: "SHIP",
    Verdict.hold: "HOLD",
    Verdict.roll_back: "ROLL BACK",
    Verdict.inconclusive: "INCONCLUSIVE",
    Verdict.invalid: "INVALID",
}

_OWN_UNIT = frozenset({"brier_score"})
"""Metrics that are not shares; all others are shown from 0 to 100, and their changes in percentage points."""

_TITLES = {
    "auroc": "AUROC",
    "bnsp_auc": "BNSP AUC",
    "bpsn_auc": "BPSN AUC",
    "expected_calibration_error": "ECE",
    "f1": "F1",
    "functional_pass_rate_macro": "Macro functional pass rate",
    "functional_pass_rate_worst": "Worst functional pass rate",
    "recall_at_fpr_01": "Recall at 1% FPR",
    "recall_at_fpr_05": "Recall at 5% FPR",
    "subgroup_auc": "Subgroup AUC",
}


def unit_of(metric: str) -> str:
    """Return the unit in which a change of a metric is shown: ``"pp"`` (percentage points), or ``""`` for the metric's own."""
    return "" if metric in _OWN_UNIT else "pp"


def amount(metric: str, value: float) -> float:
    """Return a value or change of a metric in the unit of :func:`unit_of`."""
    # without the noise of binary fractions, which the tracker would show: 4.100000000000003
    return round(value if metric in _OWN_UNIT else 100.0 * value, 9)


def _decimals(values: tuple[float, ...]) -> int:
    # a bound that is not zero must not read as zero: whether an interval holds zero is what people look at
    return 2 if any(value != 0 and abs(value) < 0.05 for value in values) else 1


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "+") if float(text) == 0 else text


def change_with_interval(effect: EffectEstimate) -> tuple[str, str, str]:
    """Return the change and the two ends of its interval, signed, in the metric's shown unit and its own direction.

    Examples
    --------
    >>> from smo_pipelines.domain.effects import *
    >>> words = Estimand(items="", raters="", training_items="", gold="", threshold="")
    >>> effect = EffectEstimate(question=Question(metric="f1", on="b"), direction=Direction.higher_is_better, control=0.8,
    ...     treatment=0.818, interval=Interval(low=0.006, high=0.03), p=0.01, method="", estimand=words, n_items=9,
    ...     n_clusters=9, n_runs=2)
    >>> change_with_interval(effect)
    ('+1.8', '+0.6', '+3.0')
    """
    metric = effect.question.metric
    values = tuple(amount(metric, value) for value in (effect.estimate, effect.interval.low, effect.interval.high))
    decimals = max(_decimals(values), 3 if metric in _OWN_UNIT else 1)
    change, low, high = (_signed(value, decimals) for value in values)
    return change, low, high


def contrast_words(metric: str, contrast: Contrast) -> str:
    """Return a difference with its interval, signed, in the metric's shown unit and its own direction.

    Examples
    --------
    >>> from smo_pipelines.domain.effects import Interval
    >>> contrast_words("f1", Contrast(estimate=0.018, interval=Interval(low=0.006, high=0.03)))
    '+1.8 (+0.6 to +3.0)'
    >>> contrast_words("f1", Contrast(estimate=-0.018))
    '-1.8'
    """
    ends = () if contrast.interval is None else (contrast.interval.low, contrast.interval.high)
    values = tuple(amount(metric, value) for value in (contrast.estimate, *ends))
    decimals = max(_decimals(values), 3 if metric in _OWN_UNIT else 1)
    value, *interval = (_signed(value, decimals) for value in values)
    return f"{value} ({interval[0]} to {interval[1]})" if interval else value


def level_of(metric: str, value: float) -> str:
    """Return the value of a metric in words: from 0 to 100 with one decimal, or in its own unit with three."""
    return f"{value:.3f}" if metric in _OWN_UNIT else f"{100.0 * value:.1f}"


def metric_title(metric: str) -> str:
    """Return a metric's name for people.

    Examples
    --------
    >>> metric_title("false_positive_rate"), metric_title("auroc")
    ('False positive rate', 'AUROC')
    """
    return _TITLES.get(metric, metric.replace("_", " ").capitalize())


def money_words(amount: float, currency: str) -> str:
    """Return an amount of money to the hundredth; one of less than a tenth to the second digit that counts.

    Examples
    --------
    >>> money_words(1234.5, "EUR"), money_words(-0.3, "EUR"), money_words(0.00001234, "EUR"), money_words(0.0, "EUR")
    ('1,234.50 EUR', '-0.30 EUR', '0.000012 EUR', '0 EUR')
    """
    if amount == 0:
        return f"0 {currency}"
    decimals = 2 if abs(amount) >= 0.1 else min(1 - math.floor(math.log10(abs(amount))), 12)
    return f"{amount:,.{decimals}f} {currency}"


def question_phrase(question: Question) -> str:
    """Return what was asked, in words.

    Examples
    --------
    >>> question_phrase(Question(metric="f1", on="demo-gold", gold="hate@4", items="slice:locale=en"))
    'F1 on demo-gold, gold hate@4, locale en'
    """
    parts = [f"{metric_title(question.metric)} on {question.on}"]
    if question.gold:
        parts.append(f"gold {question.gold}")
    if question.items == "gold_unchanged":
        parts.append("items whose gold did not change")
    elif question.items.startswith("slice:"):
        parts.append(question.items.removeprefix("slice:").replace("=", " "))
    elif question.items != "all":
        parts.append(question.items)
    if question.threshold is ThresholdKind.control:
        parts.append("at the control's threshold")
    return ", ".join(parts)


def stream_phrase(stream: Stream) -> str:
    """Return what is watched every night, in words.

    Examples
    --------
    >>> from smo_pipelines.domain.effects import Direction
    >>> question = Question(metric="recall", on="demo-gold", threshold=ThresholdKind.control)
    >>> stream_phrase(Stream(question=question, direction=Direction.higher_is_better, margin=0.05))
    "Recall on demo-gold, at the baseline's threshold"
    """
    return question_phrase(stream.question).replace("at the control's threshold", "at the baseline's threshold")


def primary_effect(decision: Decision) -> EffectEstimate | NotEstimable | None:
    """Return the answer to the primary question; None in a decision that holds none."""
    return next((effect for effect in decision.effects if effect.question.role is Role.primary), None)


def shown_effect(decision: Decision) -> EffectEstimate | NotEstimable | None:
    """Return the answer to the primary question where it may be shown; a failed null test is not valid and shows it to nobody."""
    return None if decision.verdict is Verdict.invalid else primary_effect(decision)


def guardrail_summary(decision: Decision) -> str:
    """Return how the guardrails came out, shortest first: ``"2/2 ok"``, or how many did what.

    Examples
    --------
    >>> guardrail_summary(Decision(experiment="e", spec_hash="", rule_hash="", verdict=Verdict.ship, sentence="", reasons=(),
    ...     guardrails=(), findings=(), effects=()))
    'none set'
    """
    if not decision.guardrails:
        return "none set"
    statuses = [outcome.status for outcome in decision.guardrails]
    ok = statuses.count(GuardrailStatus.passed)
    if ok == len(statuses):
        return f"{ok}/{ok} ok"
    words = {GuardrailStatus.harm: "HARM", GuardrailStatus.not_shown: "not shown", GuardrailStatus.not_estimable: "not estimable"}
    failed = [f"{statuses.count(status)} {word}" for status, word in words.items() if status in statuses]
    return f"{ok}/{len(statuses)} ok, {', '.join(failed)}"
