"""Nightly plans: ``configs/nightly/<id>.yaml``."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, FiniteFloat, PositiveFloat, model_validator

from smo_pipelines.config.alerts import AlertsModel
from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.config.recipes import RecipeModel
from smo_pipelines.config.references import check_benchmark, check_question, look_up
from smo_pipelines.domain.effects import Question, Role, ThresholdKind
from smo_pipelines.domain.nightly import NightlyPlan, Schedule, StreamSpec
from smo_pipelines.errors import ConfigError, UnknownName, did_you_mean
from smo_pipelines.stats.metrics import get_metric

__all__ = ["NightlyModel", "find_nightly_plan", "load_nightly_plans", "resolve_nightly_plan"]


class _Threshold(StrEnum):
    tuned = "tuned"
    baseline = "baseline"


class _StreamModel(Strict):
    metric: str
    on: str
    gold: str = ""
    items: str = "all"
    by: str = ""
    threshold: _Threshold = _Threshold.tuned
    margin: PositiveFloat
    floor: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.by and self.items != "all":
            raise ValueError("by gives one stream for each value of a slice, items names one; leave one of them out")
        return self

    def question(self, catalogue: Catalogue) -> Question:
        """Return the question, with the benchmark's only gold where none is named."""
        spec = catalogue.benchmarks[self.on]
        gold = self.gold or (spec.gold_ids[0] if len(spec.gold_ids) == 1 else "")
        kind = ThresholdKind.control if self.threshold is _Threshold.baseline else ThresholdKind.tuned
        return Question(metric=self.metric, on=self.on, gold=gold, items=self.items, threshold=kind, role=Role.guardrail)


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(
            f"is no time zone; {did_you_mean(name, available_timezones() if '/' in name else {'UTC', 'Asia/Singapore'})}"
        )
    return ZoneInfo(name).key


class _ScheduleModel(Strict):
    hour: int = Field(default=Schedule.hour, ge=0, le=23)
    minute: int = Field(default=Schedule.minute, ge=0, le=59)
    time_zone: Annotated[str, AfterValidator(_zone)] = Schedule.time_zone


class NightlyModel(Strict):
    """configs/nightly/<id>.yaml."""

    description: str = ""
    area: str = "general"
    recipe: RecipeModel
    label_set: str = ""
    classifier: str
    benchmarks: tuple[str, ...] = ()
    streams: tuple[_StreamModel, ...] = Field(min_length=1)
    items: int = Field(ge=50)
    window_days: int = Field(default=NightlyPlan.window_days, ge=1, le=366)
    runs: int = Field(default=NightlyPlan.runs, ge=1, le=50)
    blessed_runs: int = Field(default=NightlyPlan.blessed_runs, ge=20, le=500)
    blessed_over_days: int = Field(default=NightlyPlan.blessed_over_days, ge=0, le=366)
    alpha: float = Field(default=NightlyPlan.alpha, gt=0, lt=0.5)
    horizon_nights: int = Field(default=NightlyPlan.horizon_nights, ge=30, le=3660)
    schedule: _ScheduleModel = Field(default_factory=_ScheduleModel)
    alerts: AlertsModel = Field(default_factory=AlertsModel)


def load_nightly_plans(catalogue: Catalogue) -> dict[str, NightlyPlan]:
    """Return every plan under ``configs/nightly``, by id: the name of its file.

    Raises
    ------
    ConfigError
        When a file cannot be read as written, or two ids differ by case alone.
    """
    plans: dict[str, NightlyPlan] = {}
    for path in sorted((catalogue.root.configs / "nightly").glob("*.yaml")):
        source = str(path.relative_to(catalogue.root.path))
        clash = next((other for other in plans if other.casefold() == path.stem.casefold()), None)
        if clash is not None:
            raise ConfigError(f"{source}: the ids {path.stem!r} and {clash!r} differ by case alone")
        plans[path.stem] = resolve_nightly_plan(path.stem, read_yaml(read_text(path, source), source), catalogue, source)
    return plans


def find_nightly_plan(catalogue: Catalogue, name: str) -> NightlyPlan:
    """Return the plan of ``configs/nightly/<name>.yaml``; the other files of the folder are not read.

    Raises
    ------
    UnknownName
        When there is no such file.
    ConfigError
        When it cannot be read as written.
    """
    folder = catalogue.root.configs / "nightly"
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        if not known:
            raise ConfigError(f"there is no nightly plan {name!r}: write configs/nightly/{name}.yaml")
        raise UnknownName("nightly plan", name, known)
    path = folder / f"{name}.yaml"
    source = str(path.relative_to(catalogue.root.path))
    return resolve_nightly_plan(name, read_yaml(read_text(path, source), source), catalogue, source)


def resolve_nightly_plan(name: str, raw: Mapping[str, Any], catalogue: Catalogue, source: str) -> NightlyPlan:
    """Return the plan that a mapping describes, with every name looked up.

    Raises
    ------
    ConfigError
        When a key, a name or a combination is not legal; the sentence says which and what is.
    """
    check_id(name, f"{source}: nightly plan")
    model = parse(NightlyModel, raw, source)
    recipe = model.recipe.resolve()
    for field in ("as_of", "window_days"):
        if getattr(recipe, field) is not None:
            raise ConfigError(f"{source}: recipe.{field} is given by the date of each night; remove it")
    label_set = model.label_set or recipe.guideline or ""
    if not label_set:
        raise ConfigError(
            f"{source}: a recipe without a guideline keeps the ratings of every version; say with label_set which one names the labels, "
            "e.g. label_set: hate@4"
        )
    guideline = look_up("guideline", label_set, catalogue.guidelines)
    if guideline.question != recipe.question:
        raise ConfigError(
            f"{source}: guideline {guideline.id} is about {guideline.question!r}, the recipe asks {recipe.question!r}"
        )
    pins = {f"pool {recipe.pool}": look_up("pool", recipe.pool, catalogue.pools).digest}
    for one in {label_set, recipe.guideline or label_set}:
        pins[f"guideline {one}"] = look_up("guideline", one, catalogue.guidelines).digest
    for benchmark in (*(stream.on for stream in model.streams), *model.benchmarks):
        check_benchmark(benchmark, catalogue)
    streams = tuple(_stream(one, catalogue, source) for one in model.streams)
    _refuse_twins(streams, source)
    return NightlyPlan(
        id=name,
        area=model.area,
        recipe=recipe,
        label_set=label_set,
        classifier=look_up("classifier", model.classifier, catalogue.classifiers),
        benchmarks=tuple(dict.fromkeys([*(stream.on for stream in model.streams), *model.benchmarks])),
        streams=streams,
        items=model.items,
        window_days=model.window_days,
        runs=model.runs,
        blessed_runs=model.blessed_runs,
        blessed_over_days=model.blessed_over_days,
        alpha=model.alpha,
        horizon_nights=model.horizon_nights,
        schedule=Schedule(**model.schedule.model_dump()),
        pins=tuple(sorted(pins.items())),
        alerts=model.alerts.resolve(),
    )


def _stream(model: _StreamModel, catalogue: Catalogue, source: str) -> StreamSpec:
    question = model.question(catalogue)
    slices = catalogue.benchmarks[model.on].slices
    if model.by and model.by not in slices:
        raise ConfigError(f"{source}: {model.on} has no slice {model.by!r}; {did_you_mean(model.by, slices)}")
    if question.items == "gold_unchanged":
        raise ConfigError(f"{source}: {question.label}: items: gold_unchanged compares two guidelines, and a nightly plan has one")
    check_question(replace(question, items=f"slice:{model.by}=any") if model.by else question, catalogue, (), source)
    if model.threshold is _Threshold.baseline and not get_metric(model.metric).thresholded:
        raise ConfigError(f"{source}: {model.metric} is read at no threshold; leave threshold out")
    return StreamSpec(question=question, margin=model.margin, floor=model.floor, by=model.by)


def _refuse_twins(streams: tuple[StreamSpec, ...], source: str) -> None:
    names = [stream.name for stream in streams]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{source}: the stream {twice[0]!r} stands twice; leave one out")
