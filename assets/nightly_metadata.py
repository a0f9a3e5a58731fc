"""What Dagster shows of a night: numbers that it plots, one point a night, and a check for each watched question."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from assets.runs import word
from smo_pipelines.domain.effects import NotEstimable, Question, ThresholdKind
from smo_pipelines.domain.episodes import Episode, NightlyState, StreamState
from smo_pipelines.domain.nightly import NightlyPlan, Stream, StreamSpec
from smo_pipelines.domain.nights import LabelWindow, Night
from smo_pipelines.domain.quality import Measured

__all__ = ["check_results", "night_metadata", "stream_checks"]

_LABELS = "labels_are_there"


def stream_checks(plan: NightlyPlan | None) -> dict[str, str]:
    """Return the checks of a plan by name, each with its description; none where the plan cannot be read."""
    if plan is None:
        return {}
    named = {
        name: f"{spec.question.label}{f', each {spec.by}' if spec.by else ''}: no loss beyond {spec.margin:g}"
        for spec, name in _check_names(plan.streams).items()
    }
    return {_LABELS: "Labels are there to draw from, and repeated labels give the same scores.", **named}


def night_metadata(night: Night, state: NightlyState) -> dict[str, Any]:
    """Return flat numbers under names that stay the same from night to night, and the night in a sentence."""
    metadata: dict[str, Any] = {
        "date": night.date.isoformat(),
        "night": _sentence(night),
        "open episodes": len(state.open_episodes),
    }
    for one in state.streams:
        point = next((point for point in reversed(one.nights) if point.date == night.date), None)
        if point is None:
            continue
        metadata[f"evidence share of alarm: {one.stream.name}"] = _digits(point.statistic / one.threshold)
        if isinstance(point.value, float):
            metadata[f"value: {one.stream.name}"] = _digits(point.value)
    if isinstance(night.labels, LabelWindow):
        metadata |= {
            "labels: items": night.labels.items,
            "labels: ratings": night.labels.ratings,
            "labels: raters": night.labels.raters,
        }
        metadata |= {f"labels: {name}": told.value for name, told in night.labels.figures.items() if isinstance(told, Measured)}
    return metadata


def check_results(plan: NightlyPlan, state: NightlyState, night: Night) -> Iterator[dg.AssetCheckResult]:
    """Return whether each watched question holds on a night: it fails while an episode of one of its streams lasts."""
    yield _labels_check(state, night)
    for spec, name in _check_names(plan.streams).items():
        own = [one for one in state.streams if _is_of(one.stream, spec)]
        lasting = [episode for episode in state.open_episodes if _is_of(episode.stream, spec)]
        worst = max(own, key=_share, default=None)
        yield dg.AssetCheckResult(
            check_name=name,
            passed=not lasting,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(_said(episode) for episode in lasting) or "no loss beyond the margin is shown",
            metadata={} if worst is None else {"evidence": _digits(worst.statistic), "alarm at": _digits(worst.threshold)},
        )


def _digits(value: float) -> float:
    """Round to six significant digits: Dagster shows every one that it is given."""
    return float(f"{value:.6g}")


def _labels_check(state: NightlyState, night: Night) -> dg.AssetCheckResult:
    """Return whether a night is a number for every stream, or says rightly that it has nothing new to say."""
    if night.repeat is not None:
        passed, said = not night.repeat.differs, _sentence(night)
    else:
        points = [point for one in state.streams for point in one.nights if point.date == night.date]
        said = next((point.value.sentence for point in points if isinstance(point.value, NotEstimable)), "")
        passed = not said
    return dg.AssetCheckResult(
        check_name=_LABELS,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=said or "the night has a number for every stream",
    )


def _sentence(night: Night) -> str:
    if night.not_drawn is not None:
        return night.not_drawn.sentence
    if night.repeat is not None:
        same = "and the same scores again" if not night.repeat.differs else "and other scores: " + "; ".join(night.repeat.differs)
        return f"the labels of {night.repeat.of.isoformat()} {same}"
    return f"{len(night.runs)} runs"


def _said(episode: Episode) -> str:
    return f"{episode.stream.name}: {episode.kind} episode since the alarm of {episode.opened.isoformat()}"


def _is_of(stream: Stream, spec: StreamSpec) -> bool:
    return _without_slice(stream.question, spec) == spec.question


def _without_slice(question: Question, spec: StreamSpec) -> Question:
    return replace(question, items=spec.question.items) if spec.by and question.items.startswith(f"slice:{spec.by}=") else question


def _check_names(specs: Sequence[StreamSpec]) -> dict[StreamSpec, str]:
    """Return the name of each watched question's check; the gold is in it where only the gold tells two apart."""
    plain = {spec: _check_name(spec) for spec in specs}
    often = Counter(plain.values())
    return {spec: name if often[name] == 1 else word(f"{name}_{spec.question.gold}") for spec, name in plain.items()}


def _check_name(spec: StreamSpec) -> str:
    question = spec.question
    parts = [
        question.metric,
        "on",
        question.on,
        *([question.items] if question.items != "all" else []),
        *([f"by {spec.by}"] if spec.by else []),
        *(["at baseline"] if question.threshold is ThresholdKind.control else []),
    ]
    return word(" ".join(parts))


def _share(state: StreamState) -> float:
    return state.statistic / state.threshold
