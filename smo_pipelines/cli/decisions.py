"""How a decision is printed."""

from collections.abc import Sequence
from dataclasses import replace

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from smo_pipelines.cli.console import console, say
from smo_pipelines.domain.decisions import Decision
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.domain.phrases import VERDICT_WORDS, amount, change_with_interval, question_phrase, shown_effect, unit_of
from smo_pipelines.domain.price import ExperimentPrice

__all__ = ["print_decision", "print_price"]

_COLOURS = {"ship": "green", "hold": "yellow", "roll_back": "red", "inconclusive": "cyan", "invalid": "magenta"}
_SHOWN = (Role.primary, Role.guardrail, Role.gold_cell)


def print_decision(decision: Decision) -> None:
    """Print the verdict with its reasons, and the effects it rests on."""
    colour = _COLOURS[str(decision.verdict)]
    reasons = "\n".join(f"- {reason}" for reason in decision.reasons)
    title = f"[bold {colour}]{VERDICT_WORDS[decision.verdict]}[/]"
    console.print(Panel(escape(f"{decision.sentence}\n{reasons}"), title=title, border_style=colour))
    shown = [effect for effect in decision.effects if effect.question.role in _SHOWN]
    if shown:
        _print_effects(shown)
    primary = shown_effect(decision)
    if isinstance(primary, EffectEstimate):
        _print_checks(primary)
    say(f"verdict: {decision.verdict}; decision digest {short(decision.digest)}")


def _print_checks(effect: EffectEstimate) -> None:
    """Print how the primary interval was made, the same by other rules, and where its width comes from."""
    ends = [f"{name} {' to '.join(change_with_interval(replace(effect, interval=one))[1:])}" for name, one in effect.checks.items()]
    total = sum(effect.components.values())
    parts = sorted(effect.components.items(), key=lambda part: -part[1]) if total > 0 else []
    split = ", ".join(f"{name.replace('_', ' ')} {100.0 * part / total:.0f}%" for name, part in parts)
    say(escape(f"primary: {effect.method}; {effect.estimand.sentence}"))
    if ends:
        say(escape(f"the same interval by other rules, as a check: {'; '.join(sorted(ends))}"))
    if split:
        say(escape(f"its variance: {split}. {effect.to_narrow}"))


def print_price(price: ExperimentPrice) -> None:
    """Print what both arms cost, and a point, or why it has no price."""
    from smo_pipelines.report.price import told

    section = told(price)
    for row in section.rows:
        say(f"cost of {row.arm}: labels {escape(row.labels)} ({row.ratings} ratings); computing {escape(row.computing)}")
    said = section.per_point or f"no price a point: {section.why_none}"
    say(escape(f"{section.extra} {said[:1].upper()}{said[1:]}."))


def _print_effects(effects: Sequence[Effect]) -> None:
    table = Table("role", "metric", "change", "95% interval", "margin")
    for effect in effects:
        metric = effect.question.metric
        unit = unit_of(metric)
        margin = "" if effect.margin is None else f"{amount(metric, effect.margin):g} {unit}".rstrip()
        if isinstance(effect, NotEstimable):
            change, interval = "not estimable", escape(effect.sentence)
        else:
            value, low, high = change_with_interval(effect)
            change, interval = f"{value} {unit}".rstrip(), f"{low} to {high}"
        role = str(effect.question.role).replace("_", " ")
        table.add_row(role, escape(question_phrase(effect.question)), change, interval, margin)
    console.print(table)
