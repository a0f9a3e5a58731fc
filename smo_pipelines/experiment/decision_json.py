"""Decisions and their parts, read back from the JSON in which the store keeps them."""

import json
from typing import Any

from smo_pipelines.domain.decisions import Decision, Finding, FindingCode, GuardrailOutcome, GuardrailStatus, Verdict
from smo_pipelines.domain.effects import (
    Direction,
    EffectEstimate,
    Estimand,
    Interval,
    NotEstimable,
    Question,
    Role,
    ThresholdKind,
    WhyNot,
)

__all__ = ["decision_from_json", "not_estimable_from_json", "question_from_json"]


def decision_from_json(text: str) -> Decision:
    """Return the decision in a text that was made by :meth:`~smo_pipelines.domain.decisions.Decision.to_json`."""
    values = json.loads(text)
    return Decision(
        **{
            **values,
            "verdict": Verdict(values["verdict"]),
            "reasons": tuple(values["reasons"]),
            "guardrails": tuple(_outcome(one) for one in values["guardrails"]),
            "findings": tuple(Finding(**{**one, "code": FindingCode(one["code"])}) for one in values["findings"]),
            "effects": tuple(_effect(one) for one in values["effects"]),
        }
    )


def question_from_json(values: dict[str, Any]) -> Question:
    """Return the question in a parsed mapping."""
    return Question(**{**values, "threshold": ThresholdKind(values["threshold"]), "role": Role(values["role"])})


def not_estimable_from_json(values: dict[str, Any]) -> NotEstimable:
    """Return the missing answer in a parsed mapping."""
    return NotEstimable(**{**values, "question": question_from_json(values["question"]), "code": WhyNot(values["code"])})


def _outcome(values: dict[str, Any]) -> GuardrailOutcome:
    return GuardrailOutcome(
        **{**values, "question": question_from_json(values["question"]), "status": GuardrailStatus(values["status"])}
    )


def _effect(values: dict[str, Any]) -> EffectEstimate | NotEstimable:
    if "code" in values:
        return not_estimable_from_json(values)
    typed = {
        "question": question_from_json(values["question"]),
        "direction": Direction(values["direction"]),
        "interval": Interval(**values["interval"]),
        "estimand": Estimand(**values["estimand"]),
        "checks": {name: Interval(**ends) for name, ends in values.get("checks", {}).items()},
        "notes": tuple(values["notes"]),
    }
    return EffectEstimate(**{**values, **typed})
