"""What is watched: the streams of a plan on its benchmarks, and their numbers in one run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from smo_pipelines.analysis.measure import Asked
from smo_pipelines.analysis.selection import Selection
from smo_pipelines.domain.benchmarks import FUNCTIONALITY, UNKNOWN_GOLD, Benchmark
from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.domain.nightly import NightlyPlan, Stream
from smo_pipelines.domain.nights import StreamValue
from smo_pipelines.domain.runs import ReplicateResult
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.metrics import Needs, get_metric

__all__ = ["asked_of", "expand_streams", "not_estimable", "values_of"]


def expand_streams(plan: NightlyPlan, benchmarks: Mapping[str, Benchmark]) -> tuple[tuple[Stream, bool], ...]:
    """Return every stream of a plan, and whether it is one of many values of a slice and may be left out."""
    found: list[tuple[Stream, bool]] = []
    for spec in plan.streams:
        direction = get_metric(spec.question.metric).direction
        questions = [spec.question]
        if spec.by:
            values = sorted(set(np.asarray(benchmarks[spec.question.on].slices[spec.by]).tolist()) - {""})
            questions = [replace(spec.question, items=f"slice:{spec.by}={value}") for value in values]
        found += [
            (Stream(question=one, direction=direction, margin=spec.margin, floor=spec.floor), bool(spec.by)) for one in questions
        ]
    return tuple(found)


def asked_of(stream: Stream, benchmark: Benchmark) -> Asked:
    """Return a stream's question with the items that answer it.

    Raises
    ------
    CannotEstimate
        When no item does.
    """
    question, metric = stream.question, get_metric(stream.question.metric)
    gold = benchmark.golds[question.gold]
    chosen, phrase = np.ones(len(benchmark), dtype=bool), ""
    if question.items != "all":
        name, _, value = question.items.removeprefix("slice:").partition("=")
        chosen, phrase = np.asarray(benchmark.slices[name]) == value, f" with {name} {value}"
    groups: np.ndarray | None = None
    if metric.needs is Needs.members:
        chosen, groups, phrase = np.ones(len(benchmark), dtype=bool), chosen, f"{phrase}, against the rest"
    elif metric.needs is Needs.functionality:
        groups = np.asarray(benchmark.slices[FUNCTIONALITY])
    rows = np.flatnonzero(chosen & (gold != UNKNOWN_GOLD))
    if not len(rows):
        raise CannotEstimate(WhyNot.no_items, f"no item of {benchmark.name}{phrase} has gold of guideline {question.gold}", items=0)
    clusters = benchmark.clusters[rows]
    n_clusters = len(np.unique(clusters))
    grouped = n_clusters < len(rows)
    selection = Selection(
        rows=rows,
        references=gold[rows],
        clusters=clusters if grouped else None,
        n_clusters=n_clusters,
        gold=question.gold,
        described=f"{'groups of items' if grouped else 'items'} like those of {benchmark.name}{phrase}",
        groups=None if groups is None else groups[rows],
    )
    return Asked(question, selection)


def values_of(
    result: ReplicateResult, streams: Sequence[Stream], benchmarks: Mapping[str, Benchmark], *, at: float
) -> dict[str, StreamValue]:
    """Return each stream's number in one run, by name.

    Parameters
    ----------
    at : float
        The baseline's threshold, for the streams that are read there.
    """
    values: dict[str, StreamValue] = {}
    for stream in streams:
        try:
            asked = asked_of(stream, benchmarks[stream.question.on])
            one, threshold = asked.selection, at if stream.at_baseline else result.threshold
            scores = result.predictions[stream.question.on].scores[one.rows]
            values[stream.name] = asked.metric.value(scores, one.references, threshold, one.groups)
        except CannotEstimate as error:
            values[stream.name] = not_estimable(stream.question, error)
    return values


def not_estimable(question: Question, error: CannotEstimate) -> NotEstimable:
    """Return a statistic's refusal as an answer."""
    return NotEstimable(question=question, code=WhyNot(error.code), sentence=error.sentence, counts=dict(error.counts))
