"""Plans in the store, by the hash of the spec: the first that was stored is the plan, whatever is trained later."""

import json
from typing import Any

from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.effects import Interval, NotEstimable, Question, Role, ThresholdKind, WhyNot
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.plans import (
    CheapestDesign,
    NotReachable,
    Plan,
    PlanCost,
    PlannedDesign,
    PlannedQuestion,
    VarianceComponents,
)
from smo_pipelines.store import ResultStore

__all__ = ["find_plan", "keep_plan", "plan_from_json"]

_KIND = "plans"


def keep_plan(store: ResultStore, plan: Plan) -> None:
    """Store a plan; one that is there already stays."""
    meta = {"experiment": plan.experiment, "questions": len(plan.questions)}
    store.put(_KIND, plan.spec_hash, meta=meta, files={"plan.json": canonical_json(plan).encode()})


def find_plan(store: ResultStore, experiment: Experiment) -> Plan | None:
    """Return an experiment's plan, or None: it has not begun, or was decided before experiments were planned."""
    entry = store.find(_KIND, experiment.spec_hash)
    return None if entry is None else plan_from_json(entry.read("plan.json").decode())


def plan_from_json(text: str) -> Plan:
    """Return the plan in a text that was made by :func:`~smo_pipelines.domain.digests.canonical_json`."""
    values = json.loads(text)
    return Plan(**{**values, "questions": tuple(_answer(one) for one in values["questions"])})


def _answer(values: dict[str, Any]) -> PlannedQuestion | NotEstimable:
    question = _question(values["question"])
    if "code" in values:
        return NotEstimable(**{**values, "question": question, "code": WhyNot(values["code"])})
    return PlannedQuestion(
        **{
            **values,
            "question": question,
            "interval": Interval(**values["interval"]),
            "components": VarianceComponents(**values["components"]),
            "design": PlannedDesign(**values["design"]),
            "cost": PlanCost(**values["cost"]),
            "cheapest": _cheapest(values["cheapest"]),
        }
    )


def _cheapest(values: dict[str, Any]) -> CheapestDesign | NotReachable:
    if "best" in values:
        return NotReachable(**{**values, "best": PlannedDesign(**values["best"])})
    return CheapestDesign(**{**values, "design": PlannedDesign(**values["design"]), "cost": PlanCost(**values["cost"])})


def _question(values: dict[str, Any]) -> Question:
    return Question(**{**values, "threshold": ThresholdKind(values["threshold"]), "role": Role(values["role"])})
