"""Whether the names that a file gives are defined, and fit each other."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from smo_pipelines.config.benchmarks import BenchmarkSpec
from smo_pipelines.domain.benchmarks import FUNCTIONALITY
from smo_pipelines.domain.effects import Question, Role
from smo_pipelines.domain.labels import SnapshotRecipe
from smo_pipelines.errors import ConfigError, UnknownName, did_you_mean
from smo_pipelines.stats.metrics import METRICS, Metric, Needs

if TYPE_CHECKING:
    from smo_pipelines.config.experiments import Catalogue

__all__ = ["check_benchmark", "check_question", "check_recipe", "look_up", "pins_of"]


def check_recipe(recipe: SnapshotRecipe, catalogue: "Catalogue") -> None:
    """Refuse a recipe whose pool or guideline is not defined, or whose guideline is about another question."""
    look_up("pool", recipe.pool, catalogue.pools)
    if recipe.guideline is None:
        raise ConfigError("a recipe must name a guideline: it says which label is the positive one")
    guideline = look_up("guideline", recipe.guideline, catalogue.guidelines)
    if guideline.question != recipe.question:
        raise ConfigError(
            f"guideline {guideline.id} is about the question {guideline.question!r}, the recipe asks {recipe.question!r}"
        )


def check_benchmark(name: str, catalogue: "Catalogue") -> None:
    """Refuse a benchmark that is not defined, or that names a guideline or pool that is not."""
    spec = look_up("benchmark", name, catalogue.benchmarks)
    for gold in spec.gold_ids:
        look_up(f"guideline (the gold of benchmark {name!r})", gold, catalogue.guidelines)
    if spec.recipe is not None:
        look_up(f"pool (of benchmark {name!r})", spec.recipe.pool, catalogue.pools)


def _check_metric(question: Question, spec: BenchmarkSpec, source: str) -> None:
    metric: Metric = look_up("metric", question.metric, METRICS)
    if metric.needs is Needs.members and not question.items.startswith("slice:"):
        raise ConfigError(
            f"{source}: {question.metric} on {question.on} compares a group with the rest; name it as items: slice:<name>=<value>"
        )
    if metric.needs is Needs.functionality and FUNCTIONALITY not in spec.slices:
        raise ConfigError(f"{source}: {question.metric} needs a slice named {FUNCTIONALITY}, which {question.on} does not have")
    if question.role in (Role.primary, Role.guardrail) and not metric.has_interval:
        raise ConfigError(
            f"{source}: {question.metric} has no interval, so it cannot be the {question.role}: {metric.no_interval}; ask it under also"
        )


def check_question(question: Question, catalogue: "Catalogue", arms: Iterable[SnapshotRecipe], source: str) -> None:
    """Refuse a question that its benchmark cannot answer; ``arms`` are the recipes whose guidelines ``gold_unchanged`` compares."""
    spec = catalogue.benchmarks[question.on]
    _check_metric(question, spec, source)
    if question.gold and question.gold not in spec.gold_ids:
        raise ConfigError(f"{source}: {question.on} has gold of {', '.join(spec.gold_ids)}, not of {question.gold!r}")
    if not question.gold and len(spec.gold_ids) > 1 and question.items != "gold_unchanged":
        raise ConfigError(f"{source}: {question.label} must say which gold: {question.on} has {', '.join(spec.gold_ids)}")
    if question.items == "gold_unchanged":
        missing = [str(arm.guideline) for arm in arms if arm.guideline not in spec.gold_ids]
        if missing:
            raise ConfigError(
                f"{source}: {question.label} needs gold under both guidelines; {question.on} lacks {', '.join(missing)}"
            )
    elif question.items != "all":
        name, equals, value = question.items.removeprefix("slice:").partition("=")
        if not (question.items.startswith("slice:") and equals and value):
            raise ConfigError(f"{source}: items {question.items!r}: legal are all, gold_unchanged and slice:<name>=<value>")
        if name not in spec.slices:
            raise ConfigError(f"{source}: {question.on} has no slice {name!r}; {did_you_mean(name, spec.slices)}")


def pins_of(arms: Iterable[SnapshotRecipe], benchmarks: Iterable[str], catalogue: "Catalogue") -> tuple[tuple[str, str], ...]:
    """Return the digests of the files that recipes and benchmarks name, by what they are."""
    pins = {f"benchmark {name}": catalogue.benchmarks[name].digest for name in benchmarks}
    for recipe in arms:
        pins[f"guideline {recipe.guideline}"] = catalogue.guidelines[str(recipe.guideline)].digest
        pins[f"pool {recipe.pool}"] = catalogue.pools[recipe.pool].digest
    return tuple(sorted(pins.items()))


def look_up(what: str, name: str, legal: Mapping[str, Any]) -> Any:
    """Return what a name stands for, or raise :class:`UnknownName`."""
    if name not in legal:
        raise UnknownName(what, name, legal)
    return legal[name]
