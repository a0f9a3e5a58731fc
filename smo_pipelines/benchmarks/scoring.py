"""The whole-benchmark metrics of one classifier, through Hugging Face evaluate."""

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from smo_pipelines.benchmarks.evaluate_library import evaluate_library
from smo_pipelines.benchmarks.metric_module import EVALUATE_MODULES, module_of
from smo_pipelines.domain.benchmarks import FUNCTIONALITY, UNKNOWN_GOLD, Benchmark, PredictionSet
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.errors import BenchmarkError, CannotEstimate, did_you_mean
from smo_pipelines.stats.metrics import Needs, get_metric

__all__ = ["EVALUATE_MODULES", "score_with_evaluate"]

_ONE_AT_A_TIME = threading.Lock()  # an evaluate module holds the batch that it is computing


def score_with_evaluate(
    predictions: PredictionSet, benchmark: Benchmark, *, gold: str, metrics: Sequence[str], group: str = ""
) -> Mapping[str, float | NotEstimable]:
    """Return metrics of one prediction set on the items whose gold is known, all computed by one combined evaluate module.

    Parameters
    ----------
    gold : str
        Guideline id of the gold; empty for the only gold of the benchmark.
    metrics : sequence of str
        Names in :data:`smo_pipelines.stats.metrics.METRICS`. Those by functionality read the benchmark's slice of that name.
    group : str
        ``"<slice>=<value>"``: the items that metrics of a group compare with the rest; empty for none.

    Returns
    -------
    mapping of metric name to float or NotEstimable
        In the order asked, each equal to the pure function of the same name.

    Raises
    ------
    BenchmarkError
        When the predictions were made on another version of the benchmark, or it has no such gold or slice.
    UnknownName
        When a metric is not defined.
    """
    gold = _which_gold(benchmark, gold)
    if predictions.benchmark_digest != benchmark.digest or len(predictions.scores) != len(benchmark):
        raise BenchmarkError(
            f"predictions on {predictions.benchmark!r} ({short(predictions.benchmark_digest)}) were asked about on "
            f"{benchmark.name!r} ({short(benchmark.digest)}): score the classifier on this version of the benchmark"
        )
    names = tuple(dict.fromkeys(get_metric(name).name for name in metrics))
    members = _members(benchmark, group)
    known = benchmark.golds[gold] != UNKNOWN_GOLD
    questions = {
        name: Question(
            metric=name,
            on=benchmark.name,
            gold=gold,
            items=f"slice:{group}" if group and get_metric(name).needs is Needs.members else "all",
        )
        for name in names
    }
    if not known.any():
        why = f"no item of {benchmark.name} has gold of {gold}"
        return {name: NotEstimable(question=questions[name], code=WhyNot.no_gold, sentence=why) for name in names}
    functionality = benchmark.slices.get(FUNCTIONALITY)
    data = {
        "predictions": predictions.scores[known],
        "references": benchmark.golds[gold][known].astype(np.int64),
        "threshold": predictions.threshold,
        "members": None if members is None else members[known],
        "functionality": None if functionality is None else np.asarray(functionality)[known],
    }
    undefined = _undefined(questions, data)
    defined = tuple(name for name in names if name not in undefined)
    values: dict[str, float] = {}
    if defined:
        with _ONE_AT_A_TIME:
            values = _combined(defined).compute(**data)
    return {name: undefined[name] if name in undefined else float(values[name]) for name in names}


def _which_gold(benchmark: Benchmark, gold: str) -> str:
    if not gold and len(benchmark.golds) == 1:
        return next(iter(benchmark.golds))
    if gold not in benchmark.golds:
        raise BenchmarkError(f"benchmark {benchmark.name!r} has no gold of {gold!r}; {did_you_mean(gold, benchmark.golds)}")
    return gold


def _members(benchmark: Benchmark, group: str) -> np.ndarray | None:
    if not group:
        return None
    name, equals, value = group.partition("=")
    if not equals or name not in benchmark.slices:
        raise BenchmarkError(
            f"benchmark {benchmark.name!r} has no group {group!r}; write <slice>=<value>; {did_you_mean(name, benchmark.slices)}"
        )
    return np.asarray(benchmark.slices[name] == value)


def _undefined(questions: Mapping[str, Question], data: Mapping[str, Any]) -> dict[str, NotEstimable]:
    """Return the metrics without a value here: a combined module stops at the first of them, so they are kept out of it."""
    found: dict[str, NotEstimable] = {}
    for name, question in questions.items():
        metric = get_metric(name)
        try:
            metric.value(data["predictions"], data["references"], data["threshold"], data.get(metric.needs))
        except CannotEstimate as why:
            found[name] = NotEstimable(question=question, code=WhyNot(why.code), sentence=why.sentence, counts=dict(why.counts))
    return found


@cache
def _combined(names: tuple[str, ...]) -> Any:
    return evaluate_library().combine([_module(name) for name in names])


@cache
def _module(name: str) -> Any:
    """Return the evaluate module of a metric, made from its class.

    ``evaluate.load`` would first copy the file into the cache of the user's home, once a process and under a lock. A module that
    keeps its data in memory writes nothing; it only wants a folder to exist while it is made.
    """
    with TemporaryDirectory() as folder:
        return module_of(name)(keep_in_memory=True, cache_dir=folder)
