"""The whole-benchmark metrics of one classifier, through Hugging Face evaluate."""

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark, PredictionSet
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.errors import BenchmarkError, CannotEstimate, did_you_mean
from smo_pipelines.stats.metrics import get_metric

__all__ = ["EVALUATE_MODULES", "score_with_evaluate"]

EVALUATE_MODULES = Path(__file__).parent / "evaluate_modules"
"""Folder of the evaluate modules: ``evaluate.load(str(EVALUATE_MODULES / "f1"))``."""

_ONE_AT_A_TIME = threading.Lock()  # an evaluate module holds the batch that it is computing


def score_with_evaluate(
    predictions: PredictionSet, benchmark: Benchmark, *, gold: str, metrics: Sequence[str]
) -> Mapping[str, float | NotEstimable]:
    """Return metrics of one prediction set on the items whose gold is known, all computed by one combined evaluate module.

    Parameters
    ----------
    gold : str
        Guideline id of the gold; empty for the only gold of the benchmark.
    metrics : sequence of str
        Names in :data:`smo_pipelines.stats.metrics.METRICS`.

    Returns
    -------
    mapping of metric name to float or NotEstimable
        In the order asked, each equal to the pure function of the same name.

    Raises
    ------
    BenchmarkError
        When the predictions were made on another version of the benchmark, or it has no such gold.
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
    known = benchmark.golds[gold] != UNKNOWN_GOLD
    data = {"predictions": predictions.scores[known], "references": benchmark.golds[gold][known].astype(np.int64)}
    questions = {name: Question(metric=name, on=benchmark.name, gold=gold) for name in names}
    if not known.any():
        why = f"no item of {benchmark.name} has gold of {gold}"
        return {name: NotEstimable(question=questions[name], code=WhyNot.no_gold, sentence=why) for name in names}
    with _ONE_AT_A_TIME:
        return _compute(questions, {**data, "threshold": predictions.threshold})


def _which_gold(benchmark: Benchmark, gold: str) -> str:
    if not gold and len(benchmark.golds) == 1:
        return next(iter(benchmark.golds))
    if gold not in benchmark.golds:
        raise BenchmarkError(f"benchmark {benchmark.name!r} has no gold of {gold!r}; {did_you_mean(gold, benchmark.golds)}")
    return gold


def _compute(questions: Mapping[str, Question], data: Mapping[str, Any]) -> dict[str, float | NotEstimable]:
    names = tuple(questions)
    try:
        together = _combined(names).compute(**data)
        return {name: float(together[name]) for name in names}
    except CannotEstimate as undefined:
        # The combined module stops at the first metric that is undefined; asked one by one, the others still answer.
        if len(names) == 1:
            code = WhyNot(undefined.code)
            return {
                names[0]: NotEstimable(
                    question=questions[names[0]], code=code, sentence=undefined.sentence, counts=dict(undefined.counts)
                )
            }
    return {name: answer for one in names for name, answer in _compute({one: questions[one]}, data).items()}


@cache
def _combined(names: tuple[str, ...]) -> Any:
    import evaluate

    return evaluate.combine([_module(name) for name in names])


@cache
def _module(name: str) -> Any:
    """Return the evaluate module of a metric, made from its class.

    ``evaluate.load`` would first copy the file into the cache of the user's home, once a process and under a lock. A module that
    keeps its data in memory writes nothing; it only wants a folder to exist while it is made.
    """
    source = import_module(f"{__package__}.evaluate_modules.{name}.{name}")
    with TemporaryDirectory() as folder:
        return getattr(source, source.__all__[0])(keep_in_memory=True, cache_dir=folder)
