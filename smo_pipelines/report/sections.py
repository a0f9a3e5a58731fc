"""What the page says, as values: numbers already in words, so that the template only places them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from smo_pipelines.analysis.slices import adjusted_slices
from smo_pipelines.domain.decisions import GuardrailStatus, Verdict
from smo_pipelines.domain.effects import Direction, EffectEstimate, Interval, NotEstimable, Question, Role
from smo_pipelines.domain.phrases import (
    amount,
    change_with_interval,
    level_of,
    primary_effect,
    question_phrase,
    unit_of,
)
from smo_pipelines.domain.records import ArmFacts, ExperimentRecord

__all__ = [
    "FEWEST_RATERS",
    "GoldTable",
    "GuardrailRow",
    "NumberRow",
    "Primary",
    "all_numbers",
    "arm_rows",
    "gold_tables",
    "guardrail_rows",
    "not_estimable",
    "primary_of",
]

FEWEST_RATERS = 5
"""Groups with fewer raters are not shown on a page that can be forwarded: their numbers are nearly one person's."""


_SOURCES = {"runs": "training runs", "items": "benchmark items", "runs_by_items": "single runs on single items", "raters": "raters"}


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The number in large type, or the sentence that stands in its place."""

    question: str
    change: str = ""
    unit: str = ""
    interval: str = ""
    levels: str = ""
    smallest: str = ""
    direction: str = ""
    variance: str = ""
    to_narrow: str = ""
    checks: str = ""
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class NumberRow:
    """One effect in words; ``why_not`` is set where there is no number, ``p_among_slices`` for a slice alone."""

    question: str
    role: str
    control: str = ""
    treatment: str = ""
    change: str = ""
    interval: str = ""
    p: str = ""
    p_among_slices: str = ""
    basis: str = ""
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class GuardrailRow:
    """One guardrail: what was allowed, what was found, and the word for it."""

    question: str
    margin: str
    change: str
    word: str
    tone: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class GoldTable:
    """The levels of one metric under each gold (columns) for each arm's model, and the changes."""

    metric: str
    golds: tuple[str, ...]
    control: tuple[str, ...]
    treatment: tuple[str, ...]
    change: tuple[str, ...]


def _minus(text: str) -> str:
    return text.replace("-", "−")  # noqa: RUF001 -- a minus sign, as wide as the plus


def _change(effect: EffectEstimate) -> tuple[str, str]:
    change, low, high = (_minus(text) for text in change_with_interval(effect))
    return change, f"{low} to {high}"


def _ends(effect: EffectEstimate, interval: Interval) -> str:
    return _change(replace(effect, interval=interval))[1]


def _variance(effect: EffectEstimate) -> str:
    """Return where the variance comes from, the largest part first; empty where it was not split."""
    total = sum(effect.components.values())
    if total <= 0.0:
        return ""
    parts = sorted(effect.components.items(), key=lambda part: (-part[1], part[0]))
    return ", ".join(f"{_SOURCES.get(name, name)} {100.0 * value / total:.0f}%" for name, value in parts)


def _points(metric: str, value: float) -> str:
    unit = "points" if unit_of(metric) else ""
    return f"{amount(metric, value):g} {unit}".rstrip()


def primary_of(record: ExperimentRecord) -> Primary:
    """Return the primary effect in words."""
    rule = record.experiment.rule.primary
    question = question_phrase(rule.question)
    effect = primary_effect(record.decision)
    if record.decision.verdict is Verdict.invalid:
        return Primary(question=question, why_not="No effect is shown, because a check of this experiment failed.")
    if not isinstance(effect, EffectEstimate):
        why = effect.sentence if effect else "the question was not answered"
        return Primary(question=question, why_not=f"Could not be computed: {why}.")
    change, interval = _change(effect)
    metric = effect.question.metric
    return Primary(
        question=question,
        change=change,
        unit="points" if unit_of(metric) else "",
        interval=f"{100 * effect.interval.level:g}% interval {interval}",
        levels=f"{level_of(metric, effect.control)} → {level_of(metric, effect.treatment)}",
        smallest=_points(metric, rule.smallest_effect_of_interest),
        direction="higher is better" if effect.direction.sign > 0 else "lower is better",
        variance=_variance(effect),
        to_narrow=effect.to_narrow,
        checks="; ".join(f"{name} {_ends(effect, interval)}" for name, interval in sorted(effect.checks.items())),
    )


def guardrail_rows(record: ExperimentRecord) -> tuple[GuardrailRow, ...]:
    """Return the guardrails with what was allowed and what was found."""
    words = {
        GuardrailStatus.passed: ("within margin", "better"),
        GuardrailStatus.not_shown: ("not shown to be safe", "unclear"),
        GuardrailStatus.harm: ("harm", "worse"),
        GuardrailStatus.not_estimable: ("could not be computed", "unclear"),
    }
    effects = {effect.question: effect for effect in record.decision.effects}
    rows = []
    for outcome in record.decision.guardrails:
        word, tone = words[outcome.status]
        effect = effects.get(outcome.question)
        found = "no number" if not isinstance(effect, EffectEstimate) else "{} ({})".format(*_change(effect))
        lower = isinstance(effect, EffectEstimate) and effect.direction is Direction.lower_is_better
        question = question_phrase(outcome.question) + (" (lower is better)" if lower else "")
        margin = _points(outcome.question.metric, outcome.margin)
        rows.append(GuardrailRow(question=question, margin=margin, change=found, word=word, tone=tone, sentence=outcome.sentence))
    return tuple(rows) if record.decision.verdict is not Verdict.invalid else ()


def gold_tables(record: ExperimentRecord) -> tuple[GoldTable, ...]:
    """Return a table of model by gold for each question that was asked under more than one gold."""
    cells = [effect for effect in record.decision.effects if effect.question.role is Role.gold_cell]
    if record.decision.verdict is Verdict.invalid:
        return ()
    groups: dict[str, list[EffectEstimate | NotEstimable]] = {}
    for cell in cells:
        groups.setdefault(question_phrase(_without_gold(cell.question)), []).append(cell)
    return tuple(_gold_table(name, sorted(group, key=lambda cell: cell.question.gold)) for name, group in groups.items())


def _without_gold(question: Question) -> Question:
    return Question(metric=question.metric, on=question.on, items=question.items, threshold=question.threshold)


def _gold_table(name: str, cells: Sequence[EffectEstimate | NotEstimable]) -> GoldTable:
    def each(of: str) -> Iterator[str]:
        for cell in cells:
            if isinstance(cell, NotEstimable):
                yield f"could not be computed: {cell.sentence}" if of == "change" else ""
            elif of == "change":
                yield "{} ({})".format(*_change(cell))
            else:
                yield level_of(cell.question.metric, cell.control if of == "control" else cell.treatment)

    return GoldTable(
        metric=name,
        golds=tuple(cell.question.gold for cell in cells),
        control=tuple(each("control")),
        treatment=tuple(each("treatment")),
        change=tuple(each("change")),
    )


def all_numbers(record: ExperimentRecord) -> tuple[NumberRow, ...]:
    """Return every answer of a valid experiment, those without a number included."""
    if record.decision.verdict is Verdict.invalid:
        return ()
    among_slices = adjusted_slices(record.decision.effects)
    return tuple(_number(effect, among_slices.get(effect.question)) for effect in record.decision.effects)


def not_estimable(record: ExperimentRecord) -> tuple[NumberRow, ...]:
    """Return the questions without an answer."""
    return tuple(row for row in all_numbers(record) if row.why_not)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _number(effect: EffectEstimate | NotEstimable, among_slices: float | None) -> NumberRow:
    question, role, metric = question_phrase(effect.question), effect.question.role.value.replace("_", " "), effect.question.metric
    if isinstance(effect, NotEstimable):
        return NumberRow(question=question, role=role, why_not=f"{effect.sentence} ({effect.code.value.replace('_', ' ')})")
    change, interval = _change(effect)
    groups = f" in {effect.n_clusters:,} groups" if effect.n_clusters < effect.n_items else ""
    raters = "" if effect.effective_raters is None else f", {effect.effective_raters:.0f} effective raters in the smaller arm"
    return NumberRow(
        question=question,
        role=role,
        control=level_of(metric, effect.control),
        treatment=level_of(metric, effect.treatment),
        change=change,
        interval=interval,
        p=_p(effect.p),
        p_among_slices="" if among_slices is None else _p(among_slices),
        basis=f"{effect.n_items:,} items{groups}, {effect.n_runs} runs and {effect.n_redraws} redraws of both arms{raters}; "
        f"{effect.method}; {effect.estimand.sentence}",
    )


def arm_rows(record: ExperimentRecord) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the facts of the arms as lines of (name, one value an arm)."""

    def raters(arm: ArmFacts) -> str:
        few = arm.n_raters < FEWEST_RATERS
        return f"fewer than {FEWEST_RATERS}" if few else f"{arm.n_raters} ({arm.effective_raters:.0f} effective)"

    lines = {
        "Items labelled": [f"{arm.n_items:,}" for arm in record.arms],
        "Ratings": [f"{arm.n_ratings:,}" for arm in record.arms],
        "Raters": [raters(arm) for arm in record.arms],
        "Tied items": [f"{arm.tied_items:,}" for arm in record.arms],
        "Labelled positive": [f"{100 * arm.positive_share:.1f}%" for arm in record.arms],
        "Items trained on": [f"{arm.trained_items:,}" for arm in record.arms],
    }
    return tuple((name, tuple(values)) for name, values in lines.items())
