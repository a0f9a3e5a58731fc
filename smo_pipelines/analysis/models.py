"""Models that are what they are: each one's metrics on a benchmark, and what differs between two, over items like these."""

from collections.abc import Mapping

import numpy as np

from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark, PredictionSet, changes_between
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import EffectEstimate, Estimand, Interval, NotEstimable, Question, WhyNot
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.domain.levels import Level, LevelEstimate
from smo_pipelines.errors import BenchmarkError, CannotEstimate, did_you_mean
from smo_pipelines.stats.intervals import CombinedEstimate
from smo_pipelines.stats.metrics import Metric, get_metric
from smo_pipelines.stats.one_arm import fitted_estimate

__all__ = ["compare_models", "measure_by_slice", "measure_model", "refuse_other_version"]

_ALPHA = 0.05


def measure_model(predictions: PredictionSet, benchmark: Benchmark, *, metric: str, gold: str) -> Level:
    """Return a metric of one fitted model with its interval over items like these.

    Raises
    ------
    BenchmarkError
        When the predictions were made on another version of the benchmark, or it has no such gold.
    """
    question = Question(metric=metric, on=benchmark.name, gold=gold)
    refuse_other_version(predictions, benchmark)
    return _level(question, predictions, benchmark, _known(benchmark, gold))


def measure_by_slice(predictions: PredictionSet, benchmark: Benchmark, *, metric: str, gold: str, by: str) -> Mapping[str, Level]:
    """Return a metric of one fitted model on each value of a slice that an item has, in order of value.

    Raises
    ------
    BenchmarkError
        As :func:`measure_model`; and when the benchmark has no such slice.
    """
    refuse_other_version(predictions, benchmark)
    if by not in benchmark.slices:
        raise BenchmarkError(f"benchmark {benchmark.name!r} has no slice {by!r}; {did_you_mean(by, benchmark.slices)}")
    values, known = np.asarray(benchmark.slices[by]), _known(benchmark, gold)
    return {
        value: _level(
            Question(metric=metric, on=benchmark.name, gold=gold, items=f"slice:{by}={value}"),
            predictions,
            benchmark,
            known & (values == value),
        )
        for value in sorted(set(values.tolist()) - {""})
    }


def compare_models(first: PredictionSet, second: PredictionSet, benchmark: Benchmark, *, metric: str, gold: str) -> Effect:
    """Return what a metric changes by from one fitted model to another, with both paired on each item.

    Raises
    ------
    BenchmarkError
        When either was scored on another version of the benchmark, or it has no such gold.
    """
    question = Question(metric=metric, on=benchmark.name, gold=gold)
    for predictions in (first, second):
        refuse_other_version(predictions, benchmark)
    rows = _known(benchmark, gold)
    measured = get_metric(metric)
    try:
        values = [_value(measured, one, benchmark, gold, rows) for one in (first, second)]
        before, after = (_influence(measured, one, benchmark, gold, rows) for one in (first, second))
        difference = fitted_estimate(values[1] - values[0], after - before, benchmark.clusters[rows])
    except CannotEstimate as error:
        return _not_estimable(question, error)
    return EffectEstimate(
        question=question,
        direction=measured.direction,
        control=values[0],
        treatment=values[1],
        interval=_interval(difference),
        p=difference.p_two_sided(),
        method="influence values, paired by item",
        estimand=_estimand(question, benchmark, rows, measured),
        n_items=int(rows.sum()),
        n_clusters=len(np.unique(benchmark.clusters[rows])),
        n_runs=2,
        components={term.source: term.variance for term in difference.terms},
    )


def refuse_other_version(predictions: PredictionSet, benchmark: Benchmark, scored: Benchmark | None = None) -> None:
    """Refuse predictions that were not made on this version of a benchmark.

    Parameters
    ----------
    scored : Benchmark, optional
        The version that they were made on, to say what changed.

    Raises
    ------
    BenchmarkError
        When they were not.
    """
    if predictions.benchmark_digest == benchmark.digest and len(predictions.scores) == len(benchmark):
        return
    changed = "" if scored is None else f" (since then: {changes_between(scored, benchmark).sentence})"
    raise BenchmarkError(
        f"predictions of {predictions.classifier_key!r} were made on the version {short(predictions.benchmark_digest)} of "
        f"{predictions.benchmark!r}, and this is {short(benchmark.digest)} of {benchmark.name!r}{changed}; numbers on two versions are "
        "not compared: score the model on this version"
    )


def _known(benchmark: Benchmark, gold: str) -> np.ndarray:
    if gold not in benchmark.golds:
        raise BenchmarkError(f"benchmark {benchmark.name!r} has no gold of {gold!r}; {did_you_mean(gold, benchmark.golds)}")
    return np.asarray(benchmark.golds[gold] != UNKNOWN_GOLD)


def _level(question: Question, predictions: PredictionSet, benchmark: Benchmark, rows: np.ndarray) -> Level:
    metric = get_metric(question.metric)
    try:
        value = _value(metric, predictions, benchmark, question.gold, rows)
    except CannotEstimate as error:
        return _not_estimable(question, error)
    interval: Interval | NotEstimable
    try:
        influence = _influence(metric, predictions, benchmark, question.gold, rows)
        interval = _interval(fitted_estimate(value, influence, benchmark.clusters[rows]))
    except CannotEstimate as error:
        interval = _not_estimable(question, error)
    return LevelEstimate(
        question=question,
        value=value,
        interval=interval,
        estimand=_estimand(question, benchmark, rows, metric),
        n_items=int(rows.sum()),
        n_clusters=len(np.unique(benchmark.clusters[rows])),
    )


def _value(metric: Metric, predictions: PredictionSet, benchmark: Benchmark, gold: str, rows: np.ndarray) -> float:
    if predictions.hard and not metric.thresholded:
        raise CannotEstimate(WhyNot.hard_labels, f"{predictions.classifier_key} gave decisions, which rank nothing")
    return metric.value(predictions.scores[rows], benchmark.golds[gold][rows], predictions.threshold)


def _influence(metric: Metric, predictions: PredictionSet, benchmark: Benchmark, gold: str, rows: np.ndarray) -> np.ndarray:
    return metric.influence(predictions.scores[rows], benchmark.golds[gold][rows], predictions.threshold)


def _interval(estimate: CombinedEstimate) -> Interval:
    low, high = estimate.interval(_ALPHA)
    return Interval(low=low, high=high, level=1.0 - _ALPHA)


def _not_estimable(question: Question, error: CannotEstimate) -> NotEstimable:
    return NotEstimable(question=question, code=WhyNot(error.code), sentence=error.sentence, counts=error.counts)


def _estimand(question: Question, benchmark: Benchmark, rows: np.ndarray, metric: Metric) -> Estimand:
    grouped = len(np.unique(benchmark.clusters[rows])) < int(rows.sum())
    return Estimand(
        items=f"{'groups of items' if grouped else 'items'} like those of {benchmark.name}",
        raters="whoever labelled what the models learned from",
        training_items="these fitted models",
        gold=f"gold of guideline {question.gold}",
        threshold="each model's own threshold" if metric.thresholded else "no threshold",
    )
