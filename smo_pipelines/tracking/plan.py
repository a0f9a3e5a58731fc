"""What the tracker is sent of a plan: planned and achieved power of the primary, planned power of each guardrail, and the plan whole."""

from collections.abc import Iterator

from smo_pipelines.analysis.achieved import achieved
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.effects import EffectEstimate, Role
from smo_pipelines.domain.phrases import amount, primary_effect, unit_of
from smo_pipelines.domain.plans import PlannedQuestion
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.tracking.items import Artifact, key_part

__all__ = ["plan_artifacts", "plan_metrics"]


def plan_artifacts(record: ExperimentRecord) -> tuple[Artifact, ...]:
    """Return the plan as a file; of an experiment that was decided before experiments were planned there is none."""
    if record.plan is None:
        return ()
    return (Artifact(path="plan/power.json", content=canonical_json(record.plan).encode()),)


def plan_metrics(record: ExperimentRecord) -> Iterator[tuple[str, float]]:
    """Yield the power of what decides, in percent, and the least effect that is shown with the target power; what is not known is absent."""
    if record.plan is None:
        return
    for planned in record.plan.questions:
        if not isinstance(planned, PlannedQuestion):
            continue
        metric = planned.question.metric
        if planned.question.role is not Role.primary:
            yield f"6 power/guardrail {key_part(planned.question.label)} planned pct", 100.0 * planned.power
            continue
        unit = f" {unit_of(metric)}".rstrip()
        yield "6 power/planned pct", 100.0 * planned.power
        yield f"6 power/planned mde{unit}", amount(metric, planned.needed)
        effect = primary_effect(record.decision)
        if isinstance(effect, EffectEstimate) and record.decision.verdict is not Verdict.invalid:
            found = achieved(effect, planned.distance)
            yield "6 power/achieved pct", 100.0 * found.power
            yield f"6 power/achieved mde{unit}", amount(metric, found.needed)
