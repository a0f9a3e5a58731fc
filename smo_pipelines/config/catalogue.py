"""Pools, classifiers, rules and benchmarks: the named things an experiment refers to."""

import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.config.recipes import RecipeModel, Words, predicate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind, ClassWeighting, Device, LowestLayer, Precision
from smo_pipelines.domain.decisions import RulePolicy
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.labels import ItemPredicate, RaterPool, SnapshotRecipe
from smo_pipelines.domain.pools import GoldAccuracy, Period, PoolRule
from smo_pipelines.errors import ConfigError

__all__ = [
    "BenchmarkSpec",
    "expand_path",
    "load_benchmark_specs",
    "load_classifiers",
    "load_pools",
    "load_rules",
]

T = TypeVar("T")

_VERSIONED = re.compile(r"[^@]+@[0-9]+")


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a moment such as 2026-01-31 or 2026-01-31T12:00:00Z") from error
    return text


_Moment = Annotated[str, AfterValidator(_moment)]


class _GoldAccuracyModel(Strict):
    """``before`` is needed: without it a pool would change with every gold rating that comes in, and look into the future."""

    at_least: float = Field(gt=0, lt=1)
    on: PositiveInt
    before: _Moment


class _PeriodModel(Strict):
    start: _Moment | None = None
    before: _Moment | None = None

    @model_validator(mode="after")
    def _not_open(self) -> Self:
        if self.start is None and self.before is None:
            raise ValueError("needs start, before or both")
        return self


class _PoolModel(Strict):
    id: str
    kind: Literal["human", "model"] | None = None
    where: dict[str, Words] = Field(default_factory=dict)
    raters: list[str] = Field(default_factory=list)
    gold_accuracy: _GoldAccuracyModel | None = None
    joined: _PeriodModel | None = None
    active: _PeriodModel | None = None
    description: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.kind is not None and "kind" in self.where:
            raise ValueError("kind stands twice: by itself and under where; leave one out")
        return self

    def resolve(self) -> RaterPool:
        """Return the pool: a rule only where it has one, since only a rule depends on what raters did."""
        where = predicate(self.where | ({} if self.kind is None else {"kind": (self.kind,)}))
        plain: dict[str, Any] = {"id": self.id, "where": where, "raters": tuple(self.raters)}
        if self.gold_accuracy is None and self.joined is None and self.active is None:
            return RaterPool(**plain)
        return PoolRule(
            **plain,
            gold_accuracy=None if self.gold_accuracy is None else GoldAccuracy(**self.gold_accuracy.model_dump()),
            joined=None if self.joined is None else Period(**self.joined.model_dump()),
            active=None if self.active is None else Period(**self.active.model_dump()),
        )


class _ClassifierModel(Strict):
    kind: ClassifierKind
    description: str = ""
    backbone: str = ClassifierConfig.backbone
    revision: str = ClassifierConfig.revision
    train_layers: Annotated[int, Field(ge=0, le=48)] | Literal["all"] = ClassifierConfig.train_layers
    lowest_layer: LowestLayer = ClassifierConfig.lowest_layer
    epochs: int = Field(default=ClassifierConfig.epochs, ge=1, le=100)
    lr: float = Field(default=ClassifierConfig.lr, gt=0, lt=1)
    batch_tokens: int = Field(default=ClassifierConfig.batch_tokens, ge=16)
    max_length: int = Field(default=ClassifierConfig.max_length, ge=8, le=512)
    precision: Precision = ClassifierConfig.precision
    device: Device = ClassifierConfig.device
    threads: int = Field(default=ClassifierConfig.threads, ge=1, le=64)
    by_label: bool = ClassifierConfig.by_label
    class_weighting: ClassWeighting = ClassifierConfig.class_weighting
    ngrams: tuple[PositiveInt, PositiveInt] = ClassifierConfig.ngrams
    words: tuple[PositiveInt, PositiveInt] | None = None
    regularisation: float = Field(default=ClassifierConfig.regularisation, gt=0)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name, span in (("ngrams", self.ngrams), ("words", self.words)):
            if span is not None and span[0] > span[1]:
                raise ValueError(f"{name} are the shortest and the longest, got {list(span)}")
        return self

    def resolve(self, name: str) -> ClassifierConfig:
        """Return the classifier of this file."""
        return ClassifierConfig(name=name, **self.model_dump(exclude={"description", "words"}), words=self.words or (0, 0))


class _RuleModel(Strict):
    description: str = ""
    alpha: float = Field(default=RulePolicy.alpha, gt=0, lt=0.5)
    max_leakage: float = Field(default=RulePolicy.max_leakage, ge=0, le=1)
    sample_ratio_alpha: float = Field(default=RulePolicy.sample_ratio_alpha, gt=0, lt=0.5)
    min_matched_items: int = Field(default=RulePolicy.min_matched_items, ge=1)


_NEEDED = {
    "items": ("project", "golds"),
    "hatecheck": ("path", "gold"),
    "table": ("path",),
    "heldout": ("recipe",),
}


class BenchmarkSpec(Strict):
    """configs/benchmarks/<name>.yaml.

    ``items`` takes gold from the items table; ``hatecheck`` and ``table`` read a file; ``heldout`` takes the labels that a recipe
    gives, for diagnosis only. In a table the gold of the one guideline ``gold`` stands in the column ``gold``, and with several
    ``golds`` each in the column of its guideline's id; ``columns`` names others.
    """

    kind: Literal["items", "hatecheck", "table", "heldout"]
    description: str = ""
    project: str = ""
    items: dict[str, Words] = Field(default_factory=dict)
    golds: tuple[str, ...] = ()
    gold: str = ""
    path: str = ""
    recipe: RecipeModel | None = None
    cluster: str = ""
    slices: tuple[str, ...] = ()
    diagnostic: bool = False
    columns: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = _NEEDED[self.kind]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"a benchmark of kind {self.kind} needs {', '.join(needed)}; {', '.join(missing)} is not there")
        if self.kind == "table" and not (self.gold or self.golds):
            raise ValueError("a benchmark of kind table needs gold (one guideline) or golds (several); neither is there")
        if self.recipe is not None and self.recipe.guideline is None:
            raise ValueError("recipe.guideline is not there: the gold of held-out labels is of a guideline")
        return self

    @property
    def digest(self) -> str:
        """The name of what this file asks for; its description is not part of it."""
        return digest_of(self.model_dump(exclude={"description"}))

    @property
    def gold_ids(self) -> tuple[str, ...]:
        """The guideline versions under which this benchmark has gold."""
        if self.kind == "heldout" and self.recipe is not None:
            return (self.recipe.guideline or "",)
        return self.golds or (self.gold,)

    @property
    def predicate(self) -> ItemPredicate:
        """Which items, for ``kind: items``."""
        return predicate(self.items)

    @property
    def heldout_recipe(self) -> SnapshotRecipe:
        """The recipe whose labels are the gold, for ``kind: heldout``."""
        if self.recipe is None:
            raise ConfigError("a heldout benchmark needs a recipe")
        return self.recipe.resolve()


def load_pools(root: ProjectRoot) -> dict[str, RaterPool]:
    """Return every rater pool under ``configs/pools``, by id, and the pool ``all``."""

    def build(name: str, model: _PoolModel) -> RaterPool:
        check_id(model.id, f"configs/pools/{name}.yaml: pool id")
        if model.id not in pools and not _VERSIONED.fullmatch(model.id):
            raise ConfigError(
                f"configs/pools/{name}.yaml: the pool id {model.id!r} must be name@number, e.g. {model.id.split('@')[0]}@1"
            )
        return model.resolve()

    pools = {"all": RaterPool(id="all")}
    for name, pool in _load(root, "pools", _PoolModel, build).items():
        if pool.id in pools:
            raise ConfigError(f"configs/pools/{name}.yaml: the pool id {pool.id!r} is taken; give it another version, e.g. name@2")
        pools[pool.id] = pool
    return pools


def load_classifiers(root: ProjectRoot) -> dict[str, ClassifierConfig]:
    """Return every classifier under ``configs/classifiers``, by file name."""

    def build(name: str, model: _ClassifierModel) -> ClassifierConfig:
        return model.resolve(name)

    return _load(root, "classifiers", _ClassifierModel, build)


def load_rules(root: ProjectRoot) -> dict[str, RulePolicy]:
    """Return every decision policy under ``configs/rules``, by file name."""

    def build(name: str, model: _RuleModel) -> RulePolicy:
        return RulePolicy(name=name, **model.model_dump(exclude={"description"}))

    return _load(root, "rules", _RuleModel, build)


def load_benchmark_specs(root: ProjectRoot) -> dict[str, BenchmarkSpec]:
    """Return every benchmark under ``configs/benchmarks``, by file name."""
    return _load(root, "benchmarks", BenchmarkSpec, lambda _, model: model)


def expand_path(text: str, root: ProjectRoot, what: str) -> Path:
    """Return a path with ``${VARIABLE}`` filled from the environment; relative ones start at the project root.

    Raises
    ------
    ConfigError
        When a variable is not set.
    """

    def fill(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if not value:
            raise ConfigError(f"{what} is at {text!r}, and the environment variable {match[1]} is not set: set it to that folder")
        return value

    filled = Path(re.sub(r"\$\{(\w+)\}", fill, text))
    return filled if filled.is_absolute() else root.path / filled


M = TypeVar("M", bound=Strict)


def _load(root: ProjectRoot, folder: str, model: type[M], build: Callable[[str, M], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for path in sorted((root.configs / folder).glob("*.yaml")):
        source = path.relative_to(root.path)
        name = check_id(path.stem, f"{source}: the file name")
        found[name] = build(name, parse(model, read_yaml(read_text(path, source), source), source))
    return found
