"""From effects to a verdict, by the rule that was fixed before training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smo_pipelines.analysis.compare import alpha_of
from smo_pipelines.analysis.guardrails import judge_guardrails
from smo_pipelines.analysis.notes import Note
from smo_pipelines.analysis.wording import amount, change_in_words, sentence, subject, what_would_settle
from smo_pipelines.domain.decisions import Decision, Finding, GuardrailOutcome, GuardrailStatus, Verdict
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role
from smo_pipelines.domain.experiments import Effect, Experiment, RaterClaim

__all__ = ["decide"]

_SHOUTED = {
    Verdict.ship: "SHIP",
    Verdict.hold: "HOLD",
    Verdict.roll_back: "ROLL BACK",
    Verdict.inconclusive: "INCONCLUSIVE",
    Verdict.invalid: "INVALID",
}


@dataclass(frozen=True)
class _Ruling:
    """A verdict, its headline, and further reasons."""

    verdict: Verdict
    headline: str
    reasons: tuple[str, ...] = ()


def _blocked(findings: Sequence[Finding]) -> _Ruling | None:
    failed = [f for f in findings if f.blocking and not f.passed]
    if not failed:
        return None
    return _Ruling(Verdict.invalid, failed[0].sentence, tuple(f.sentence for f in failed))


def _of(status: GuardrailStatus, guardrails: Sequence[GuardrailOutcome]) -> tuple[GuardrailOutcome, ...]:
    return tuple(g for g in guardrails if g.status is status)


def _null_test(primary: EffectEstimate, guardrails: Sequence[GuardrailOutcome]) -> _Ruling:
    harmed = _of(GuardrailStatus.harm, guardrails)
    if 0.0 not in primary.interval or harmed:
        by_chance = f"{100.0 * (1.0 - primary.interval.level):.3g}%"
        what = change_in_words(primary) if 0.0 not in primary.interval else harmed[0].sentence
        return _Ruling(
            Verdict.invalid,
            f"the null test failed: nothing was changed, and yet {what}",
            (
                "An effect was found between arms that differ by chance alone, so effects measured this way cannot be trusted "
                f"until its cause is known; chance alone fails a null test {by_chance} of the time",
            ),
        )
    return _Ruling(
        Verdict.hold,
        f"the null test passed: nothing was changed, and {change_in_words(primary)}",
        ("A null test checks the measurement; there is nothing to ship",),
    )


def _obstacles(primary: EffectEstimate, guardrails: Sequence[GuardrailOutcome], experiment: Experiment) -> tuple[str, ...]:
    """Return why a positive primary may not ship: what is missing in the design first, then in the guardrails."""
    reasons = []
    if not experiment.assignment.causal:
        reasons.append(
            f"the gain is associated with the change but not shown to be caused by it: assignment is {experiment.assignment.value}"
        )
    if Note.disjoint_fixed_raters in primary.notes:
        reasons.append(f"{Note.disjoint_fixed_raters}; register the claim with raters: random to decide on it")
    if Note.diagnostic_benchmark in primary.notes:
        reasons.append(f"{primary.question.on} is diagnostic: {Note.diagnostic_benchmark}")
    unsettled = (*_of(GuardrailStatus.not_shown, guardrails), *_of(GuardrailStatus.not_estimable, guardrails))
    return (*reasons, *(g.sentence for g in unsettled))


def _cause(primary: EffectEstimate, experiment: Experiment) -> str:
    """Return what may be said of the cause: nothing unless the interval excludes zero."""
    if 0.0 in primary.interval:
        return ""
    return ", caused by the change" if experiment.assignment.causal else ", associated with the change"


def _rule(primary: EffectEstimate, guardrails: Sequence[GuardrailOutcome], experiment: Experiment) -> _Ruling:
    """Return the ruling on a primary that could be estimated; the first that applies."""
    gain = primary.improvement_interval
    smallest = experiment.rule.primary.smallest_effect_of_interest
    headline = change_in_words(primary) + _cause(primary, experiment)
    harmed = _of(GuardrailStatus.harm, guardrails)
    if gain.high < 0.0:
        return _Ruling(Verdict.roll_back, f"{headline}, which is worse", tuple(g.sentence for g in harmed))
    if harmed:
        return _harm(harmed)
    obstacles = _obstacles(primary, guardrails, experiment) if gain.low > 0.0 else ()
    if gain.high < smallest:
        small = f"any gain is below the smallest effect of interest of {amount(smallest, primary.question.metric)}"
        return _Ruling(Verdict.hold, f"{headline}; {small}", (small, *obstacles))
    if obstacles:
        return _Ruling(Verdict.hold, f"{headline}; {obstacles[0].rstrip('.')}", obstacles)
    if gain.low > 0.0:
        count = len(guardrails)
        passed = ("no guardrail was set", "the guardrail passed")[count] if count < 2 else f"all {count} guardrails passed"
        return _Ruling(Verdict.ship, f"{headline}; {passed}")
    settle = what_would_settle(primary)
    return _Ruling(Verdict.inconclusive, f"{headline}; {settle}", (f"Neither a gain nor a loss is shown; {settle}",))


def _harm(harmed: Sequence[GuardrailOutcome]) -> _Ruling:
    headline = f"{subject(harmed[0].question)} got worse by more than its margin"
    return _Ruling(Verdict.roll_back, headline, tuple(g.sentence for g in harmed))


def _find_primary(effects: Sequence[Effect], experiment: Experiment) -> Effect | None:
    question = replace(experiment.rule.primary.question, role=Role.primary)
    return next((e for e in effects if e.question == question), None)


def _ruling(primary: Effect | None, guardrails: Sequence[GuardrailOutcome], experiment: Experiment) -> _Ruling:
    if primary is None:
        asked = subject(experiment.rule.primary.question)
        return _Ruling(Verdict.inconclusive, f"{asked} was not measured", tuple(g.sentence for g in guardrails))
    if isinstance(primary, NotEstimable):
        why = f"{subject(primary.question)} could not be estimated: {primary.sentence}"
        harmed = _of(GuardrailStatus.harm, guardrails)
        if harmed and experiment.null_test is None:
            ruling = _harm(harmed)
            return replace(ruling, reasons=(*ruling.reasons, why))
        return _Ruling(Verdict.inconclusive, why, (why, *(g.sentence for g in harmed)))
    if experiment.null_test is not None:
        return _null_test(primary, guardrails)
    return _rule(primary, guardrails, experiment)


def _counts(effects: Sequence[Effect], guardrails: Sequence[GuardrailOutcome], primary: Effect | None) -> dict[str, int]:
    counts = {
        "effects": len(effects),
        "not_estimable": sum(isinstance(e, NotEstimable) for e in effects),
        "guardrails": len(guardrails),
        "guardrails_passed": len(_of(GuardrailStatus.passed, guardrails)),
    }
    if isinstance(primary, EffectEstimate):
        counts |= {
            "items": primary.n_items,
            "clusters": primary.n_clusters,
            "runs": primary.n_runs,
            "redraws": primary.n_redraws,
        }
    return counts


def _all_reasons(
    ruling: _Ruling,
    primary: Effect | None,
    guardrails: Sequence[GuardrailOutcome],
    effects: Sequence[Effect],
    findings: Sequence[Finding],
) -> tuple[str, ...]:
    """Return one sentence a reason, each once: the ruling's, the primary's number and meaning, losses inside margins, warnings."""
    reasons = list(ruling.reasons)
    if isinstance(primary, EffectEstimate):
        reasons = [change_in_words(primary), *reasons, f"The estimate is about {primary.estimand.sentence}"]
        reasons += [str(note) for note in primary.notes]
    worse = {e.question for e in effects if isinstance(e, EffectEstimate) and e.improvement_interval.high < 0.0}
    reasons += [g.sentence for g in _of(GuardrailStatus.passed, guardrails) if g.question in worse]
    reasons += [f.sentence for f in findings if not f.passed and not f.blocking]
    return tuple(dict.fromkeys(sentence(reason) for reason in reasons))


def decide(effects: Sequence[Effect], *, experiment: Experiment, findings: Sequence[Finding]) -> Decision:
    """Return the decision on an experiment: a pure and total function, so the same inputs give the same bytes.

    In order: a failed blocking finding is ``invalid``, and then no effect is shown; a primary that could not be estimated is
    ``inconclusive``, unless a guardrail is harmed; a null test that finds something is ``invalid``, and never ships; a primary below zero or a harmed
    guardrail is ``roll_back``; a gain below the smallest effect of interest, or one that something stands in the way of, is
    ``hold``; a gain with every guardrail non-inferior is ``ship``; anything else is ``inconclusive``, with what would settle it.
    """
    blocked = _blocked(findings)
    shown = () if blocked else tuple(effects)
    guardrails = () if blocked else judge_guardrails(experiment.rule.guardrails, shown, alpha_of(experiment))
    primary = _find_primary(shown, experiment)
    ruling = blocked or _ruling(primary, guardrails, experiment)
    headline = f"{_SHOUTED[ruling.verdict]}: {ruling.headline.rstrip('.')}"
    if isinstance(primary, EffectEstimate) and experiment.raters is RaterClaim.fixed:
        headline += "; these raters only"
    return Decision(
        experiment=experiment.id,
        spec_hash=experiment.spec_hash,
        rule_hash=experiment.rule.digest,
        verdict=ruling.verdict,
        sentence=headline + ".",
        reasons=_all_reasons(ruling, primary, guardrails, shown, findings),
        guardrails=guardrails,
        findings=tuple(findings),
        effects=shown,
        counts=_counts(shown, guardrails, primary),
    )
