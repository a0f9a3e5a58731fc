"""The things a tracked run consists of, and the tracker's limits on their names and sizes: values only, no tracker."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smo_pipelines.errors import TrackingError

__all__ = [
    "MAX_NOTE",
    "MAX_PARAM",
    "MAX_RUN_NAME",
    "MAX_TAG",
    "Artifact",
    "Child",
    "Dataset",
    "Metric",
    "Param",
    "RunItems",
    "Tag",
    "cut",
    "dataset_digest",
    "finite_metrics",
    "key_part",
]

MAX_TAG = 8000
MAX_NOTE = 8000
MAX_PARAM = 6000
MAX_RUN_NAME = 60
_MAX_KEY = 250
_MAX_DATASET_DIGEST = 36
_ARTIFACT = re.compile(r"^[a-z0-9_-]+/[A-Za-z0-9_][A-Za-z0-9_.-]*$")


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A word on a run that people see, sort and filter by."""

    key: str
    value: str

    def __post_init__(self) -> None:
        _check_key(self.key)
        if len(self.value) > MAX_TAG:
            raise TrackingError(f"tag {self.key!r} holds {len(self.value)} characters; the tracker cuts silently after {MAX_TAG}")


@dataclass(frozen=True, kw_only=True)
class Param:
    """A part of the design; the tracker refuses to change it later."""

    key: str
    value: str

    def __post_init__(self) -> None:
        _check_key(self.key)
        if len(self.value) > MAX_PARAM:
            raise TrackingError(f"param {self.key!r} holds {len(self.value)} characters; the tracker takes {MAX_PARAM}")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A finite number. MLflow would store an infinite one as 1.8e308 without a word."""

    key: str
    value: float

    def __post_init__(self) -> None:
        _check_key(self.key)
        if not math.isfinite(self.value):
            raise TrackingError(f"metric {self.key!r} is {self.value!r}; what could not be computed is said in words, not logged")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A version of labels or of a benchmark that a run used, under our own digest."""

    name: str
    digest: str
    context: str
    source: str

    def __post_init__(self) -> None:
        if not 0 < len(self.digest) <= _MAX_DATASET_DIGEST:
            raise TrackingError(f"dataset {self.name!r}: a digest has 1 to {_MAX_DATASET_DIGEST} characters, got {self.digest!r}")


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file of a run under a fixed path, one folder deep."""

    path: str
    content: bytes

    def __post_init__(self) -> None:
        if not _ARTIFACT.match(self.path) or ".." in self.path:
            raise TrackingError(f"{self.path!r} cannot name an artifact; legal is folder/file, e.g. 'report/effect_report.html'")


@dataclass(frozen=True, kw_only=True)
class Child:
    """The run of one replicate, below the effect run; ``label`` names it within its experiment."""

    label: str
    name: str
    tags: tuple[Tag, ...]
    params: tuple[Param, ...]
    metrics: tuple[Metric, ...]
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, kw_only=True)
class RunItems:
    """Everything to send for one experiment: the effect run and its children.

    Attributes
    ----------
    experiment_name : str
        The tracker's experiment, e.g. ``"smo/hate/changes"``.
    spec_hash : str
        With the experiment's name and the role, what the run is found by.
    role : str
        The tag ``smo.role`` of the run, e.g. ``"effect"``.
    final : bool
        False for a plan.
    record_digest : str
        Names the content without its provenance: equal for two launches of one spec that gave one result.
    started_ms, finished_ms : int
        Milliseconds since 1970, from the record; 0 for a plan.
    first_tags : tuple of Tag
        What the effect run is created with: it reads PLANNED.
    last_tags : tuple of Tag
        Written after everything else, in one batch: a reader who sees them sees a whole run.
    """

    experiment_name: str
    spec_hash: str
    run_name: str
    final: bool
    record_digest: str
    started_ms: int
    finished_ms: int
    first_tags: tuple[Tag, ...]
    tags: tuple[Tag, ...]
    last_tags: tuple[Tag, ...]
    params: tuple[Param, ...]
    metrics: tuple[Metric, ...]
    datasets: tuple[Dataset, ...]
    artifacts: tuple[Artifact, ...]
    children: tuple[Child, ...]
    role: str = "effect"


def key_part(text: str) -> str:
    """Return a text as a part of a metric or param name: ``@`` becomes `` v``, ``%`` ``pct``, brackets and the rest go.

    A slash would open a section of charts, so it becomes a hyphen.

    Examples
    --------
    >>> key_part("f1 on demo [gold hate@4] (slice:locale=en)")
    'f1 on demo gold hate v4 slice-locale-en'
    """
    text = text.replace("@", " v").replace("%", "pct")
    text = re.sub(r"[\[\](){}'\"]", "", text)
    text = re.sub(r"[^A-Za-z0-9_. -]", "-", text)
    return re.sub(r" +", " ", text).strip(" ./")


def cut(text: str, limit: int) -> str:
    """Return a text on one line, cut with an ellipsis where it is longer than the limit.

    Examples
    --------
    >>> cut("quoted   hate is exempt", 12)
    'quoted hate…'
    """
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def dataset_digest(digest: str) -> str:
    """Return a digest in the length the tracker takes for datasets."""
    return digest[:32]


def finite_metrics(values: Iterable[tuple[str, float]] | Mapping[str, float]) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """Return the metrics, and the names of those that are not finite numbers; equal names get a counter.

    Parameters
    ----------
    values : mapping or pairs of name and value
        Names with their section, each part made by :func:`key_part`.
    """
    metrics: list[Metric] = []
    refused: list[str] = []
    used: dict[str, int] = {}
    for name, value in values.items() if isinstance(values, Mapping) else values:
        if not math.isfinite(value):
            refused.append(name)
            continue
        key = name[: _MAX_KEY - 4]
        used[key] = used.get(key, 0) + 1
        metrics.append(Metric(key=key if used[key] == 1 else f"{key} {used[key]}", value=float(value)))
    return tuple(metrics), tuple(refused)


def _check_key(key: str) -> None:
    if not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_./ -]*$", key) or "//" in key or key.endswith("/") or len(key) > _MAX_KEY:
        raise TrackingError(
            f"{key!r} cannot name a tag, param or metric: letters, digits, '_', '-', '.', '/' and spaces, 250 at most"
        )
