"""Pools, classifiers, rules and benchmarks: the named things an experiment refers to."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field

from smo_pipelines.config.reading import Strict, check_id, parse, read_yaml
from smo_pipelines.config.recipes import RecipeModel, predicate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.decisions import RulePolicy
from smo_pipelines.domain.labels import ItemPredicate, RaterPool, SnapshotRecipe
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


class _PoolModel(Strict):
    id: str
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    raters: list[str] = Field(default_factory=list)
    description: str = ""


class _ClassifierModel(Strict):
    kind: ClassifierKind
    description: str = ""
    backbone: str = ""
    revision: str = ""
    train_layers: int = Field(default=2, ge=0, le=48)
    epochs: int = Field(default=3, ge=1, le=100)
    lr: float = Field(default=2e-4, gt=0, lt=1)
    batch_tokens: int = Field(default=1024, ge=16)
    max_length: int = Field(default=96, ge=8, le=512)
    threads: int = Field(default=1, ge=1, le=64)
    ngrams: tuple[int, int] = (2, 5)
    regularisation: float = Field(default=4.0, gt=0)


class _RuleModel(Strict):
    description: str = ""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    max_leakage: float = Field(default=0.01, ge=0, le=1)
    sample_ratio_alpha: float = Field(default=0.001, gt=0, lt=0.5)
    min_matched_items: int = Field(default=100, ge=1)


class BenchmarkSpec(Strict):
    """configs/benchmarks/<name>.yaml.

    ``items`` takes gold from the items table; ``hatecheck`` and ``table`` read a file; ``heldout`` takes the labels that a recipe
    gives, for diagnosis only.
    """

    kind: Literal["items", "hatecheck", "table", "heldout"]
    description: str = ""
    project: str = ""
    items: dict[str, str | list[str]] = Field(default_factory=dict)
    golds: tuple[str, ...] = ()
    gold: str = ""
    path: str = ""
    recipe: RecipeModel | None = None
    cluster: str = ""
    slices: tuple[str, ...] = ()
    diagnostic: bool = False
    columns: dict[str, str] = Field(default_factory=dict)

    @property
    def gold_ids(self) -> tuple[str, ...]:
        """The guideline versions under which this benchmark has gold."""
        if self.kind == "items":
            return self.golds
        if self.kind == "heldout" and self.recipe is not None:
            return (self.recipe.guideline or "",)
        return (self.gold,)

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
        return RaterPool(id=model.id, where=predicate(model.where), raters=tuple(model.raters))

    pools = {pool.id: pool for pool in _load(root, "pools", _PoolModel, build).values()}
    return {"all": RaterPool(id="all"), **pools}


def load_classifiers(root: ProjectRoot) -> dict[str, ClassifierConfig]:
    """Return every classifier under ``configs/classifiers``, by file name."""

    def build(name: str, model: _ClassifierModel) -> ClassifierConfig:
        return ClassifierConfig(name=name, **model.model_dump(exclude={"description"}))

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
        name = check_id(path.stem, f"{path.relative_to(root.path)}: the file name")
        data: Mapping[str, object] = read_yaml(path.read_text(encoding="utf-8"), path.relative_to(root.path))
        found[name] = build(name, parse(model, data, path.relative_to(root.path)))
    return found
