"""Experiment files: the form in which a change is pre-registered, and its resolution into names that exist."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import Field, PositiveFloat

from smo_pipelines.config.benchmarks import BenchmarkSpec, load_benchmark_specs
from smo_pipelines.config.catalogue import load_classifiers, load_pools, load_rules
from smo_pipelines.config.guidelines import load_guidelines
from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.config.recipes import RecipeModel, Words
from smo_pipelines.config.references import check_benchmark, check_question, check_recipe, look_up, pins_of
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.changes import ChangeKind, OpsChange, changed_fields, kind_of_change
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.decisions import DecisionRule, Guardrail, Primary, RulePolicy
from smo_pipelines.domain.effects import Question, Role, ThresholdKind
from smo_pipelines.domain.experiments import Assignment, Experiment, NullTest, RaterClaim
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.errors import ConfigError, did_you_mean

__all__ = ["Catalogue", "ExperimentFile", "load_experiment_files", "resolve_experiment"]


class _ChangeModel(Strict):
    id: str
    what: str
    why: str = ""
    owner: str = ""
    ticket: str = ""


class _QuestionModel(Strict):
    metric: str
    on: str
    gold: str = ""
    items: str = "all"
    threshold: ThresholdKind = ThresholdKind.tuned


class _PrimaryModel(_QuestionModel):
    smallest_effect_of_interest: float = Field(gt=0)


class _GuardrailModel(_QuestionModel):
    margin: float = Field(gt=0)


class _TreatmentModel(Strict):
    """Only what changes; null removes a field."""

    items: dict[str, Words] | None = None
    guideline: str | None = None
    instrument: str | None = None
    pool: str | None = None
    aggregation: str | None = None
    ties: str | None = None
    overlap: int | None = None
    qa: str | None = None
    as_of: str | None = None
    window_days: int | None = None


class ExperimentModel(Strict):
    """experiments/<id>.yaml."""

    id: str
    change: _ChangeModel
    control: RecipeModel
    treatment: _TreatmentModel = Field(default_factory=_TreatmentModel)
    assignment: Assignment = Assignment.unknown
    raters: RaterClaim = RaterClaim.random
    redraws: int | None = Field(default=None, ge=0, le=200)
    classifier: str
    replicates: int = Field(default=5, ge=1, le=200)
    primary: _PrimaryModel
    guardrails: tuple[_GuardrailModel, ...] = ()
    also: tuple[_QuestionModel, ...] = ()
    benchmarks: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    rule: str = "default"
    area: str = "general"
    null_test: NullTest | None = None
    allocation: tuple[PositiveFloat, PositiveFloat] | None = None
    version: int = Field(default=1, ge=1)
    supersedes: str | None = None


@dataclass(frozen=True)
class Catalogue:
    """Everything an experiment can name, read from ``configs/`` once."""

    root: ProjectRoot

    @cached_property
    def guidelines(self) -> dict[str, GuidelineVersion]:
        """Guideline versions by id."""
        return load_guidelines(self.root)

    @cached_property
    def pools(self) -> dict[str, RaterPool]:
        """Rater pools by id."""
        return load_pools(self.root)

    @cached_property
    def classifiers(self) -> dict[str, ClassifierConfig]:
        """Classifiers by name."""
        return load_classifiers(self.root)

    @cached_property
    def rules(self) -> dict[str, RulePolicy]:
        """Decision policies by name."""
        return load_rules(self.root)

    @cached_property
    def benchmarks(self) -> dict[str, BenchmarkSpec]:
        """Benchmark files by name."""
        return load_benchmark_specs(self.root)


@dataclass(frozen=True)
class ExperimentFile:
    """One experiment as it was written: its id, its YAML mapping, and where it stands."""

    id: str
    raw: Mapping[str, Any]
    source: str


def load_experiment_files(root: ProjectRoot) -> dict[str, ExperimentFile]:
    """Return the experiments written under ``experiments/*.yaml``, by id, unresolved.

    Raises
    ------
    ConfigError
        When a file cannot be read, an id is not legal or not the file's name, or two ids differ by case alone.
    """
    files: dict[str, ExperimentFile] = {}
    for path in sorted(root.experiments.glob("*.yaml")):
        source = str(path.relative_to(root.path))
        raw = read_yaml(read_text(path, source), source)
        name = check_id(str(raw.get("id", "")), f"{source}: experiment id")
        if name != path.stem:
            raise ConfigError(f"{source}: the id is {name!r}; the file must be named {name}.yaml")
        clash = next((other for other in files if other.casefold() == name.casefold()), None)
        if clash is not None:
            raise ConfigError(f"{source}: the ids {name!r} and {clash!r} differ by case alone")
        files[name] = ExperimentFile(id=name, raw=raw, source=source)
    return files


def resolve_experiment(raw: Mapping[str, Any], catalogue: Catalogue, source: str = "experiment") -> Experiment:
    """Return the experiment that a mapping describes, with every name looked up.

    Raises
    ------
    ConfigError
        When a key, a name or a combination is not legal; the sentence says which and what is.
    """
    if isinstance(raw.get("id"), str):
        check_id(raw["id"], f"{source}: experiment id")
    model = parse(ExperimentModel, raw, source)
    control, treatment = _recipes(model, raw, source)
    for recipe in (control, treatment):
        check_recipe(recipe, catalogue)
    _check_arms(model, control, treatment, source)
    primary = Primary(
        question=_question(model.primary, Role.primary), smallest_effect_of_interest=model.primary.smallest_effect_of_interest
    )
    guardrails = tuple(Guardrail(question=_question(g, Role.guardrail), margin=g.margin) for g in model.guardrails)
    extra = tuple(_question(q, Role.secondary) for q in model.also)
    questions = [primary.question, *(g.question for g in guardrails), *extra]
    benchmarks = tuple(dict.fromkeys([*(q.on for q in questions), *model.benchmarks]))
    for name in benchmarks:
        check_benchmark(name, catalogue)
    for question in questions:
        check_question(question, catalogue, (control, treatment), source)
    _check_slices(model.slices, catalogue.benchmarks[primary.question.on], source)
    policy = look_up("rule", model.rule, catalogue.rules)
    return Experiment(
        id=model.id,
        change=OpsChange(**model.change.model_dump()),
        control=control,
        treatment=treatment,
        assignment=model.assignment,
        raters=model.raters,
        replicates=model.replicates,
        redraws=_redraws(model, source),
        classifier=look_up("classifier", model.classifier, catalogue.classifiers),
        rule=DecisionRule(policy=policy, primary=primary, guardrails=guardrails, slices=model.slices),
        benchmarks=benchmarks,
        extra=extra,
        null_test=model.null_test,
        area=model.area,
        version=model.version,
        supersedes=model.supersedes,
        looks=model.version,
        pins=pins_of((control, treatment), benchmarks, catalogue),
        allocation=model.allocation,
    )


def _recipes(model: ExperimentModel, raw: Mapping[str, Any], source: str) -> tuple[SnapshotRecipe, SnapshotRecipe]:
    control = model.control.resolve()
    changes = dict(raw.get("treatment") or {})
    written = {name: value for name, value in {**raw["control"], **changes}.items() if value is not None}
    treatment = parse(RecipeModel, written, f"{source}: treatment").resolve()
    if model.null_test is NullTest.rater_halves:
        return replace(control, rater_half=0), replace(treatment, rater_half=1)
    return control, treatment


def _check_arms(model: ExperimentModel, control: SnapshotRecipe, treatment: SnapshotRecipe, source: str) -> None:
    kind = kind_of_change(control, treatment)
    if kind is ChangeKind.none and model.null_test is None:
        raise ConfigError(
            f"{source}: treatment changes nothing, so both arms would be the same files; say what changes, or declare an A/A test "
            "with null_test: disjoint_seeds or null_test: rater_halves"
        )
    if kind is not ChangeKind.none and model.null_test is not None:
        raise ConfigError(f"{source}: null_test is for two equal arms, and treatment changes {kind}; remove one of the two")
    edited = "guideline" in changed_fields(control, treatment)
    if edited and not any(g.items == "gold_unchanged" for g in model.guardrails):
        raise ConfigError(
            f"{source}: a guideline edit needs a guardrail with items: gold_unchanged, because the treatment wins under the new gold "
            "by construction; add one on the items whose gold is equal in both versions"
        )


def _check_slices(slices: Iterable[str], spec: BenchmarkSpec, source: str) -> None:
    for name in slices:
        if name not in spec.slices:
            raise ConfigError(f"{source}: the primary benchmark has no slice {name!r}; {did_you_mean(name, spec.slices)}")


def _redraws(model: ExperimentModel, source: str) -> int:
    if model.raters is RaterClaim.fixed:
        if model.redraws:
            raise ConfigError(f"{source}: redraws are for raters: random; with raters: fixed remove redraws")
        return 0
    redraws = 10 if model.redraws is None else model.redraws
    if redraws < 3:
        raise ConfigError(f"{source}: raters: random needs at least 3 redraws an arm, got {redraws}; 10 is the default")
    return redraws


def _question(model: _QuestionModel, role: Role) -> Question:
    return Question(metric=model.metric, on=model.on, gold=model.gold, items=model.items, threshold=model.threshold, role=role)
