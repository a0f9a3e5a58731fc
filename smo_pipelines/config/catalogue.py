"""Pools, classifiers and rules: named things that an experiment refers to."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.config.recipes import Words, predicate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind, ClassWeighting, Device, LowestLayer, Precision
from smo_pipelines.domain.decisions import RulePolicy
from smo_pipelines.domain.labels import RaterPool
from smo_pipelines.domain.pools import GoldAccuracy, Period, PoolRule, Volume
from smo_pipelines.errors import ConfigError

__all__ = ["load_classifiers", "load_pools", "load_rules"]

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


class _VolumeModel(Strict):
    """``before`` is needed, as for accuracy on gold."""

    before: _Moment
    at_least: PositiveInt | None = None
    fewer_than: PositiveInt | None = None

    @model_validator(mode="after")
    def _not_open(self) -> Self:
        if self.at_least is None and self.fewer_than is None:
            raise ValueError("needs at_least, fewer_than or both")
        return self


class _PoolModel(Strict):
    id: str
    kind: Literal["human", "model"] | None = None
    where: dict[str, Words] = Field(default_factory=dict)
    raters: list[str] = Field(default_factory=list)
    gold_accuracy: _GoldAccuracyModel | None = None
    joined: _PeriodModel | None = None
    active: _PeriodModel | None = None
    volume: _VolumeModel | None = None
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
        if all(part is None for part in (self.gold_accuracy, self.joined, self.active, self.volume)):
            return RaterPool(**plain)
        return PoolRule(
            **plain,
            gold_accuracy=None if self.gold_accuracy is None else GoldAccuracy(**self.gold_accuracy.model_dump()),
            joined=None if self.joined is None else Period(**self.joined.model_dump()),
            active=None if self.active is None else Period(**self.active.model_dump()),
            volume=None if self.volume is None else Volume(**self.volume.model_dump()),
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


M = TypeVar("M", bound=Strict)


def _load(root: ProjectRoot, folder: str, model: type[M], build: Callable[[str, M], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for path in sorted((root.configs / folder).glob("*.yaml")):
        source = path.relative_to(root.path)
        name = check_id(path.stem, f"{source}: the file name")
        found[name] = build(name, parse(model, read_yaml(read_text(path, source), source), source))
    return found
