"""The launch form: its fields, with what is legal, and the experiment that a filled form describes."""

from enum import Enum
from typing import Any, cast

import dagster as dg
from pydantic import Field, create_model

from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.domain.digests import digest_of, short
from smo_pipelines.domain.effects import ThresholdKind
from smo_pipelines.domain.experiments import Assignment, RaterClaim
from smo_pipelines.domain.labels import Aggregation
from smo_pipelines.errors import ConfigError
from smo_pipelines.stats.metrics import METRICS, Needs

__all__ = ["launch_form", "spec_of_form"]

SAME = "same_as_control"
NONE = "none"


def spec_of_form(values: dict[str, Any]) -> dict[str, Any]:
    """Return the experiment mapping, as a YAML file would hold it, that a filled form describes.

    A blank id becomes a name made from the content, so that the same form twice is the same experiment.
    """
    control: dict[str, Any] = {
        "project": values["project"],
        "question": values["question"],
        "items": _items(values["items"]),
        "guideline": values["control_guideline"],
        "pool": values["control_pool"],
        "aggregation": values["control_aggregation"],
    }
    if values["control_instrument"]:
        control["instrument"] = values["control_instrument"]
    treatment = {
        name: values[f"treatment_{name}"]
        for name in ("guideline", "pool", "aggregation", "instrument")
        if values[f"treatment_{name}"] not in (SAME, "") and values[f"treatment_{name}"] != control.get(name)
    }
    primary = {"metric": values["primary_metric"], "on": values["primary_benchmark"], "threshold": values["threshold"]}
    if values["primary_gold"] != NONE:
        primary["gold"] = values["primary_gold"]
    spec: dict[str, Any] = {
        "change": {"id": values["change_id"], **{name: values[f"change_{name}"] for name in ("what", "why", "owner")}},
        "area": values["area"],
        "control": control,
        "treatment": treatment,
        "assignment": values["assignment"],
        "raters": values["raters"],
        "classifier": values["classifier"],
        "replicates": values["replicates"],
        "primary": primary | {"smallest_effect_of_interest": values["smallest_effect_of_interest"]},
        "guardrails": _guardrails(values, is_edit="guideline" in treatment),
        "rule": values["rule"],
    }
    if values["raters"] == RaterClaim.random:
        spec["redraws"] = values["redraws"]
    return {"id": values["experiment_id"] or f"form-{short(digest_of(spec))}"} | spec


def _guardrails(values: dict[str, Any], *, is_edit: bool) -> list[dict[str, Any]]:
    guardrails: list[dict[str, Any]] = []
    if values["guardrail_benchmark"] != NONE:
        guardrail = {
            "metric": values["guardrail_metric"],
            "on": values["guardrail_benchmark"],
            "margin": values["guardrail_margin"],
            "threshold": values["threshold"],
        }
        gold = values["guardrail_gold"]
        guardrails.append(guardrail | ({"gold": gold} if gold != NONE else {}))
    if is_edit:
        unchanged = {"metric": values["primary_metric"], "on": values["primary_benchmark"], "items": "gold_unchanged"}
        guardrails.append(unchanged | {"margin": values["guardrail_unchanged_gold_margin"]})
    return guardrails


def _items(text: str) -> dict[str, str | list[str]]:
    pairs: dict[str, str | list[str]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            raise ConfigError(f"items: {part!r} is not name=value; write e.g. 'split=train; locale=en-GB,en-SG'")
        values = [item.strip() for item in value.split(",")]
        pairs[name.strip()] = values if len(values) > 1 else values[0]
    return pairs


def launch_form(catalogue: Catalogue) -> type[dg.Config]:
    """Return the form's fields; the Launchpad sorts them by name, so that names that belong together start alike."""
    guidelines = list(catalogue.guidelines)
    pools = list(catalogue.pools)
    benchmarks = list(catalogue.benchmarks)
    deciding = [name for name, metric in METRICS.items() if metric.has_interval and metric.needs is not Needs.members]
    golds = sorted({gold for spec in catalogue.benchmarks.values() for gold in spec.gold_ids if gold})
    fields: dict[str, Any] = {
        "experiment_id": (
            str,
            Field(default="", description="Letters, digits, '.', '_', '@', '-'. Blank: a name made from the content."),
        ),
        "change_id": (str, Field(default="OC-0000", description="The operational change's own id.")),
        "change_what": (
            str,
            Field(default="clause 3.2 exempts quoted hate", description="What changes, in words a lead understands."),
        ),
        "change_why": (str, Field(default="", description="Why it is tried.")),
        "change_owner": (str, Field(default="", description="Who answers for it, e.g. team:hate-apac.")),
        "area": (str, Field(default="hate", description="Policy area: names the MLflow experiment smo/<area>/changes.")),
        "project": (str, Field(default="demo", description="The project whose ratings are used.")),
        "question": (str, Field(default="hate", description="The question the raters answered.")),
        "items": (
            str,
            Field(
                default="split=train; policy=hate; locale=en-GB,en-SG",
                description="Which items: name=value[,value] pairs separated by ';'.",
            ),
        ),
        "control_guideline": _choice("ControlGuideline", guidelines, "hate@3", "Guideline version of the control's ratings."),
        "treatment_guideline": _choice(
            "TreatmentGuideline", [SAME, *guidelines], "hate@4", "Guideline version of the treatment's ratings."
        ),
        "control_pool": _choice("ControlPool", pools, "core@1", "Rater pool of the control."),
        "treatment_pool": _choice("TreatmentPool", [SAME, *pools], SAME, "Rater pool of the treatment."),
        "control_instrument": (str, Field(default="", description="Instrument of the control's ratings; blank: any.")),
        "treatment_instrument": (
            str,
            Field(default="", description="Instrument of the treatment's ratings; blank: the control's."),
        ),
        "control_aggregation": _choice("ControlAggregation", list(Aggregation), "majority", "How ratings become one label."),
        "treatment_aggregation": _choice("TreatmentAggregation", [SAME, *Aggregation], SAME, "The same for the treatment."),
        "assignment": _choice(
            "AssignmentKind",
            list(Assignment),
            "same_items_relabelled",
            "How items or raters came to their arm. Only randomised and same_items_relabelled may say 'caused' and ship.",
        ),
        "raters": _choice("Claim", list(RaterClaim), "random", "random: a claim about the pool. fixed: about these raters only."),
        "redraws": (int, Field(default=10, description="Redraws of the raters an arm, 3 or more; not used with raters: fixed.")),
        "classifier": _choice("Classifier", list(catalogue.classifiers), "tfidf", "A file under configs/classifiers."),
        "replicates": (int, Field(default=5, description="Fits an arm on its actual labels; 2 or more give an interval.")),
        "primary_metric": _choice("PrimaryMetric", deciding, "average_precision", "The metric that decides."),
        "primary_benchmark": _choice("PrimaryBenchmark", benchmarks, "demo-gold", "The benchmark it is read on."),
        "primary_gold": _choice("PrimaryGold", [NONE, *golds], "hate@4", "Guideline of the gold; none where there is only one."),
        "smallest_effect_of_interest": (float, Field(default=0.02, description="An effect below this does not matter, e.g. 0.02.")),
        "guardrail_metric": _choice("GuardrailMetric", deciding, "false_positive_rate", "A metric that must not get worse."),
        "guardrail_benchmark": _choice(
            "GuardrailBenchmark", [NONE, *benchmarks], "demo-lookalikes", "Where; none: no such guardrail."
        ),
        "guardrail_gold": _choice(
            "GuardrailGold", [NONE, *golds], "hate@4", "Guideline of its gold; none where there is only one."
        ),
        "guardrail_margin": (float, Field(default=0.05, description="The loss that is tolerated, in the metric's unit, above 0.")),
        "guardrail_unchanged_gold_margin": (
            float,
            Field(default=0.03, description="Guideline edits: the tolerated loss on items whose gold is equal in both versions."),
        ),
        "threshold": _choice(
            "Threshold", list(ThresholdKind), "tuned", "tuned: each fit's own. control: the control's mean, for every fit."
        ),
        "rule": _choice("Rule", list(catalogue.rules), "default", "A file under configs/rules."),
    }
    return create_model("LaunchForm", __base__=dg.Config, **fields)


def _choice(name: str, values: list[str], default: str, description: str) -> tuple[Any, Any]:
    # Dagster's form takes the names of enum members, so name and value are one word
    words = [str(value) for value in values]
    if not words:
        return str, Field(default="", description=f"{description} None is defined under configs/ yet.")
    members = cast(Any, Enum)(name, {word: word for word in words})
    chosen = members[default] if default in words else next(iter(members))
    return members, Field(default=chosen, description=f"{description} One of: {', '.join(words)}.")
