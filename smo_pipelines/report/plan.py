"""Planned against achieved: the rows of that section of an experiment's page."""

from dataclasses import dataclass

from smo_pipelines.analysis.achieved import achieved
from smo_pipelines.analysis.plan_words import cheapest_in_words, plan_sentence
from smo_pipelines.analysis.wording import amount
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role
from smo_pipelines.domain.phrases import question_phrase
from smo_pipelines.domain.plans import PlannedQuestion
from smo_pipelines.domain.records import ExperimentRecord

__all__ = ["PlanRow", "PlanSection", "plan_section"]


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One question that decides; ``why_not`` is set where its power was not known."""

    question: str
    asked: str = ""
    power: str = ""
    half_width: str = ""
    least: str = ""
    cheapest: str = ""
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class PlanSection:
    """The plan's sentence, its rows, and where its components were measured."""

    sentence: str
    target: str
    rows: tuple[PlanRow, ...]
    sources: tuple[str, ...]


def plan_section(record: ExperimentRecord) -> PlanSection | None:
    """Return what is shown of a plan; None for an experiment that was decided before experiments were planned."""
    plan = record.plan
    if plan is None:
        return None
    shown = () if record.decision.verdict is Verdict.invalid else record.decision.effects
    effects = {effect.question: effect for effect in shown if isinstance(effect, EffectEstimate)}
    known = [one for one in plan.questions if isinstance(one, PlannedQuestion)]
    return PlanSection(
        sentence=plan_sentence(plan),
        target=f"{plan.target:.0%}",
        rows=tuple(_row(one, effects.get(one.question)) for one in plan.questions),
        sources=tuple(dict.fromkeys(one.source for one in known)),
    )


def _row(planned: PlannedQuestion | NotEstimable, effect: EffectEstimate | None) -> PlanRow:
    question = question_phrase(planned.question)
    if isinstance(planned, NotEstimable):
        return PlanRow(question=question, why_not=planned.sentence)
    metric = planned.question.metric
    sign = "" if planned.question.role is Role.primary else "a loss of at most "
    found = None if effect is None else achieved(effect, planned.distance)
    power = f"{planned.power:.0%} ({planned.interval.low:.0%} to {planned.interval.high:.0%})"

    def beside(before: str, after: str) -> str:
        return before if found is None else f"{before} → {after}"

    return PlanRow(
        question=question,
        asked=sign + amount(planned.distance, metric),
        power=beside(power, "" if found is None else f"{found.power:.0%}"),
        half_width=beside(amount(planned.half_width, metric), "" if found is None else amount(found.half_width, metric)),
        least=beside(amount(planned.needed, metric), "" if found is None else amount(found.needed, metric)),
        cheapest=cheapest_in_words(planned),
    )
