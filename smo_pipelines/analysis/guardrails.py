"""How each guardrail came out: shown safe, not shown, shown harmful, or not estimable."""

from collections.abc import Sequence
from dataclasses import replace

from smo_pipelines.analysis.wording import amount, change_in_words, sentence, subject
from smo_pipelines.domain.decisions import Guardrail, GuardrailOutcome, GuardrailStatus
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.stats.multiplicity import holm
from smo_pipelines.stats.noninferiority import is_beyond_margin, is_non_inferior

__all__ = ["judge_guardrails"]


def _judge(guardrail: Guardrail, effect: Effect | None, adjusted_p: float, alpha: float, tests: int) -> GuardrailOutcome:
    def outcome(status: GuardrailStatus, words: str) -> GuardrailOutcome:
        return GuardrailOutcome(question=question, margin=guardrail.margin, status=status, sentence=sentence(words))

    question = replace(guardrail.question, role=Role.guardrail)
    if effect is None:
        return outcome(GuardrailStatus.not_estimable, f"{subject(question)} was not measured")
    if isinstance(effect, NotEstimable):
        return outcome(GuardrailStatus.not_estimable, f"{subject(question)} could not be judged: {effect.sentence}")
    change, allowed = change_in_words(effect), amount(guardrail.margin, question.metric)
    interval = effect.improvement_interval
    if is_non_inferior(interval.low, guardrail.margin):
        if interval.high < 0.0:
            return outcome(GuardrailStatus.passed, f"{change}: worse, but by less than its margin of {allowed}")
        return outcome(GuardrailStatus.passed, f"{change}: not worse by more than its margin of {allowed}")
    if is_beyond_margin(interval.high, guardrail.margin):
        if adjusted_p <= alpha / 2.0:
            return outcome(GuardrailStatus.harm, f"{change}: worse by more than its margin of {allowed}")
        return outcome(
            GuardrailStatus.not_shown,
            f"{change}: beyond its margin of {allowed} on its own, but not after allowing for {tests} guardrails",
        )
    return outcome(GuardrailStatus.not_shown, f"{change}: a loss beyond its margin of {allowed} is not ruled out")


def judge_guardrails(guardrails: Sequence[Guardrail], effects: Sequence[Effect], alpha: float) -> tuple[GuardrailOutcome, ...]:
    """Judge every guardrail on its effect.

    Passing needs the whole interval above ``-margin`` (no correction: all must pass). Harm needs the whole interval beyond the
    margin and a one-sided p, adjusted by Holm over the guardrails, of at most alpha/2. In between, nothing is shown.

    Parameters
    ----------
    alpha : float
        Two-sided error rate of the intervals.
    """
    found = {replace(e.question, role=Role.guardrail): e for e in effects if e.question.role is Role.guardrail}
    matched = [found.get(replace(g.question, role=Role.guardrail)) for g in guardrails]
    p_values = {
        i: e.p_beyond_margin for i, e in enumerate(matched) if isinstance(e, EffectEstimate) and e.p_beyond_margin is not None
    }
    adjusted = dict(zip(p_values, holm(list(p_values.values())).tolist(), strict=True))
    return tuple(
        _judge(guardrail, effect, adjusted.get(i, 1.0), alpha, len(p_values))
        for i, (guardrail, effect) in enumerate(zip(guardrails, matched, strict=True))
    )
