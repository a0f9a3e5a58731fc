"""Measured variance components, the defaults an experiment is planned with: ``configs/components/<classifier>.yaml``."""

from typing import Any, Self

import yaml
from pydantic import Field, FiniteFloat, model_validator

from smo_pipelines.config.reading import Strict, parse, read_text, read_yaml
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.effects import Question, ThresholdKind
from smo_pipelines.domain.plans import ClassifierComponents, MeasuredComponents, VarianceComponents

__all__ = ["components_text", "load_components"]

_DIGEST = r"^[0-9a-f]{12,64}$"


class _MeasuredModel(Strict):
    metric: str
    on: str
    gold: str = ""
    items: str = "all"
    threshold: ThresholdKind = ThresholdKind.tuned
    change: ChangeKind = ChangeKind.none
    project: str
    benchmark: str = Field(pattern=_DIGEST)
    training_items: int = Field(ge=1)
    sd_seed: FiniteFloat = Field(ge=0)
    sd_item: FiniteFloat = Field(ge=0)
    sd_seed_by_item: FiniteFloat = Field(ge=0)
    seed_correlation: float = Field(default=0.0, ge=0, le=1)
    run_df: FiniteFloat = Field(gt=0)
    units: int = Field(ge=2)
    sd_rater: FiniteFloat | None = Field(default=None, ge=0)
    effective_raters: FiniteFloat | None = Field(default=None, gt=1)
    same_raters: bool = False
    redraw_df: FiniteFloat | None = Field(default=None, gt=0)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self.resolve()  # a rater part without its raters is refused where it stands
        return self

    def resolve(self) -> MeasuredComponents:
        """Return the components as a domain value."""
        question = self.model_dump(include={"metric", "on", "gold", "items", "threshold"})
        facts = self.model_dump(include={"change", "project", "benchmark", "training_items", "source"})
        parts = self.model_dump(exclude={*question, *facts})
        return MeasuredComponents(question=Question(**question), components=VarianceComponents(**parts), **facts)


class _ComponentsFile(Strict):
    description: str = ""
    classifier: str = Field(pattern=_DIGEST)
    seconds_a_fit: FiniteFloat | None = Field(default=None, gt=0)
    measured: list[_MeasuredModel] = Field(min_length=1)


def load_components(root: ProjectRoot, classifier: str) -> ClassifierComponents | None:
    """Return what the project's files say was measured of a classifier, by its name, or None where there is no file.

    Raises
    ------
    ConfigError
        When the file cannot be read as written.
    """
    path = root.configs / "components" / f"{classifier}.yaml"
    if not path.is_file():
        return None
    source = path.relative_to(root.path)
    model = parse(_ComponentsFile, read_yaml(read_text(path, source), source), source)
    return ClassifierComponents(
        classifier=model.classifier,
        measured=tuple(one.resolve() for one in model.measured),
        seconds_a_fit=model.seconds_a_fit,
    )


def components_text(found: ClassifierComponents) -> str:
    """Return what was measured as the text of such a file, to five significant digits; what is the default is left out."""
    rows = []
    for one in found.measured:
        question = {name: getattr(one.question, name) for name in ("metric", "on", "gold", "items")}
        facts = {name: getattr(one, name) for name in ("project", "benchmark", "training_items")}
        values = {**question, "threshold": str(one.question.threshold), "change": str(one.change), **facts, **vars(one.components)}
        rows.append(_written(values) | {"source": one.source})
    whole: dict[str, Any] = {"classifier": found.classifier}
    if found.seconds_a_fit is not None:
        whole["seconds_a_fit"] = float(f"{found.seconds_a_fit:.2g}")
    return str(yaml.safe_dump({**whole, "measured": rows}, sort_keys=False, width=132, default_flow_style=None))


def _written(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are not the model's defaults, rounded."""
    rounded = {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in values.items()}
    fields = _MeasuredModel.model_fields
    return {name: value for name, value in rounded.items() if fields[name].is_required() or value != fields[name].default}
