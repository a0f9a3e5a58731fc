"""Which numbers an experiment asks for, fixed before any of them is known."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from smo_pipelines.domain.benchmarks import FUNCTIONALITY, Benchmark
from smo_pipelines.domain.effects import Question, Role, ThresholdKind
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import UnknownName
from smo_pipelines.stats.metrics import Needs, get_metric

__all__ = ["USUAL_METRICS", "asks_the_same", "find_benchmark", "gold_of", "questions_of"]

USUAL_METRICS = (
    "average_precision",
    "auroc",
    "f1",
    "recall",
    "false_positive_rate",
    "functional_pass_rate",
    "functional_pass_rate_macro",
)
"""The metrics that every benchmark is asked though nobody wrote them down; any other is asked where a spec names it."""


def find_benchmark(name: str, on: Sequence[Benchmark]) -> Benchmark:
    """Return the benchmark of a name.

    Raises
    ------
    UnknownName
        When it is not among those given.
    """
    for benchmark in on:
        if benchmark.name == name:
            return benchmark
    raise UnknownName("benchmark", name, [b.name for b in on])


def gold_of(question: Question, benchmark: Benchmark, experiment: Experiment) -> str:
    """Return the guideline whose gold a question is answered by; it may be one that the benchmark does not have.

    An unnamed gold is the benchmark's only one. On items whose gold did not change both arms' guidelines agree, so an unnamed
    gold there is the treatment's. With several golds and no name it stays empty: there is no right one to pick.
    """
    if question.gold:
        return question.gold
    if question.items == "gold_unchanged" and experiment.treatment.guideline in benchmark.golds:
        return experiment.treatment.guideline or ""
    return next(iter(benchmark.golds)) if len(benchmark.golds) == 1 else ""


def asks_the_same(question: Question, benchmark: Benchmark, experiment: Experiment) -> tuple[str, str, str, str, str]:
    """Return what a question's number depends on: equal for two questions that differ in role or spelling alone."""
    threshold = question.threshold if get_metric(question.metric).thresholded else ThresholdKind.tuned
    return question.metric, question.on, gold_of(question, benchmark, experiment), question.items, threshold


def _gold_cells(experiment: Experiment, benchmark: Benchmark) -> Iterator[Question]:
    """Yield the primary metric under the old and the new gold, when the guideline is what changes."""
    guidelines = (experiment.control.guideline, experiment.treatment.guideline)
    if guidelines[0] == guidelines[1]:
        return
    for gold in guidelines:
        if gold is not None and gold in benchmark.golds:
            primary = experiment.rule.primary.question
            # A metric of a group against the rest stays with its group: it has no value on all items.
            items = primary.items if get_metric(primary.metric).needs is Needs.members else "all"
            yield replace(primary, gold=gold, items=items, role=Role.gold_cell)


def _usual_gold(experiment: Experiment, benchmark: Benchmark) -> tuple[str, ...]:
    """Return the gold of questions nobody wrote down: the only one, else the primary's or the newest policy, else every one."""
    if len(benchmark.golds) == 1:
        return ("",)
    wanted = (experiment.rule.primary.question.gold, experiment.treatment.guideline, experiment.control.guideline)
    known = [gold for gold in wanted if gold and gold in benchmark.golds]
    return (known[0],) if known else tuple(sorted(benchmark.golds))


def _has_positives(benchmark: Benchmark, gold: str) -> bool:
    codes = benchmark.golds[gold] if gold else next(iter(benchmark.golds.values()))
    return bool((codes == 1).any())


def _secondary(experiment: Experiment, on: Sequence[Benchmark]) -> Iterator[Question]:
    for benchmark in on:
        for metric in map(get_metric, USUAL_METRICS):
            if metric.needs is Needs.functionality and FUNCTIONALITY not in benchmark.slices:
                continue
            for gold in _usual_gold(experiment, benchmark):
                if metric.needs_positives and not _has_positives(benchmark, gold):
                    continue
                for threshold in ThresholdKind if metric.thresholded else (ThresholdKind.tuned,):
                    yield Question(metric=metric.name, on=benchmark.name, gold=gold, threshold=threshold, role=Role.secondary)


def _slices(experiment: Experiment, benchmark: Benchmark) -> Iterator[Question]:
    """Yield one question a value of each declared slice; a slice the benchmark lacks is asked once, to be answered with why not."""
    primary = experiment.rule.primary.question
    for name in experiment.rule.slices:
        values = np.unique(benchmark.slices[name]).tolist() if name in benchmark.slices else [""]
        for value in (v for v in values if v or len(values) == 1):
            yield replace(primary, items=f"slice:{name}={value}", role=Role.slice)


def _shown_only(question: Question) -> Question:
    decides = question.role in (Role.primary, Role.guardrail)
    return replace(question, role=Role.secondary) if decides else question


def questions_of(experiment: Experiment, on: Sequence[Benchmark]) -> tuple[tuple[Question, float | None], ...]:
    """Return every question of an experiment with the margin of those that are guardrails.

    In order: the primary; the guardrails; for a guideline edit the primary metric under each guideline's gold (with both arms'
    values, the table of model by gold); what the spec asks for in addition; the usual metrics on every benchmark (on one without a
    violating item only those that have a value there; by functionality only where items have one), thresholded ones at both
    thresholds; the primary metric in each slice.
    Only the first two decide, and what they ask is not asked again below.

    Raises
    ------
    UnknownName
        When a question names a benchmark that is not given, or a metric that does not exist.
    """
    rule = experiment.rule
    primary = replace(rule.primary.question, role=Role.primary)
    at = find_benchmark(primary.on, on)
    asked: list[tuple[Question, float | None]] = [(primary, None)]
    asked += [(replace(g.question, role=Role.guardrail), g.margin) for g in rule.guardrails]
    asked += [(question, None) for question in _gold_cells(experiment, at)]
    known = {asks_the_same(question, find_benchmark(question.on, on), experiment) for question, _ in asked}
    shown = [_shown_only(question) for question in experiment.extra]
    for question in (*shown, *_secondary(experiment, on), *_slices(experiment, at)):
        key = asks_the_same(question, find_benchmark(question.on, on), experiment)
        if key not in known:
            known.add(key)
            asked.append((question, None))
    return tuple(asked)
