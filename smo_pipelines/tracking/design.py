"""The design of an experiment as params, which the tracker refuses to change later."""

from smo_pipelines.domain.digests import canonical_json, short
from smo_pipelines.domain.experiments import ArmName, Experiment
from smo_pipelines.domain.phrases import question_phrase
from smo_pipelines.tracking.items import MAX_PARAM, Param, cut

__all__ = ["design_params"]


def design_params(experiment: Experiment) -> tuple[Param, ...]:
    """Return the design, the two recipes and the classifier."""
    rule, primary, classifier = experiment.rule, experiment.rule.primary, experiment.classifier
    values: dict[str, object] = {
        "design.primary_metric": primary.question.metric,
        "design.primary_on": primary.question.on,
        "design.primary_gold": primary.question.gold,
        "design.smallest_effect_of_interest": primary.smallest_effect_of_interest,
        "design.assignment": experiment.assignment.value,
        "design.raters": experiment.raters.value,
        "design.replicates": experiment.replicates,
        "design.redraws": experiment.redraws,
        "design.looks": experiment.looks,
        "design.version": experiment.version,
        "design.rule": rule.policy.name,
        "design.alpha": rule.policy.alpha,
        "design.null_test": experiment.null_test,
        "train.classifier": classifier.name,
        "train.classifier_kind": classifier.kind.value,
        "train.classifier_digest": short(classifier.digest),
    }
    for number, guardrail in enumerate(rule.guardrails, start=1):
        values[f"design.guardrail.{number}"] = f"{question_phrase(guardrail.question)}, margin {guardrail.margin:g}"
    for arm in ArmName:
        values |= {f"arm.{arm}.{name}": _text(value) for name, value in vars(experiment.recipe(arm)).items()}
    return tuple(Param(key=key, value=cut(str(value), MAX_PARAM)) for key, value in values.items() if value not in (None, ""))


def _text(value: object) -> object:
    return canonical_json(value) if isinstance(value, tuple) else value
