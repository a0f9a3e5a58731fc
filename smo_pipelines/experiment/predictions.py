"""Predictions of models that were fitted elsewhere: taken in once, whole, for one version of a benchmark."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smo_pipelines.analysis.models import refuse_other_version
from smo_pipelines.benchmarks.columns import read_columns
from smo_pipelines.config.reading import check_id
from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.domain.digests import digest_of, short
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.errors import BenchmarkError, UnknownName
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.frames import pack, unpack
from smo_pipelines.experiment.stored import get_benchmark, put_benchmark
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.store import StoredResult, file_lock

__all__ = ["Imported", "PredictionFile", "find_predictions", "import_predictions", "known_predictions"]

_KIND = "model_predictions"
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class PredictionFile:
    """A file of predictions, and how it is to be read.

    Attributes
    ----------
    path : Path
        CSV, Parquet or JSON Lines, one row an item of the benchmark.
    labels : bool
        Whether the file holds decisions (the words of the gold's guideline, or 1 and 0) and not scores.
    column : str
        Of the scores or decisions; empty for ``score`` and ``label``.
    digest : str
        The version of the benchmark that was scored, or the first letters of its digest; empty where that is not known.
    """

    path: Path
    labels: bool = False
    threshold: float = 0.5
    item_id: str = "item_id"
    column: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Imported:
    """Predictions in the store; ``new`` is False where they were there already."""

    predictions: PredictionSet
    key: str
    new: bool


def import_predictions(workspace: Workspace, file: PredictionFile, *, benchmark: str, model: str) -> Imported:
    """Check a file of predictions and store all of it; the same file again changes nothing.

    Every item of the benchmark must be there once, and no other. What is stored names the version of the benchmark, which is
    stored along.

    Raises
    ------
    BenchmarkError
        When the file cannot be read, an item is missing, unknown or there twice, a score is not a number from 0 to 1, a decision
        is not a legal word, the benchmark is not the version that was scored, or the model has other predictions on it.
    """
    check_id(model, "the model's name")
    on = load_benchmark(workspace, benchmark)
    _check_version(file, on)
    predictions = _read(file, on, model, [workspace.catalogue.guidelines[gold] for gold in on.golds])
    key = digest_of({"model": model, "benchmark": on.name, "predictions": predictions.digest})
    with file_lock(workspace.lock(f"predictions-{model}")):
        if workspace.store.find(_KIND, key) is not None:
            return Imported(predictions, key, new=False)
        _refuse_second(workspace, predictions)
        meta = {
            "model": model,
            "benchmark": on.name,
            "benchmark_digest": on.digest,
            "benchmark_key": put_benchmark(workspace.store, on),
            "threshold": predictions.threshold,
            "hard": predictions.hard,
            "digest": predictions.digest,
            "items": len(on),
        }
        files = {"scores.parquet": pack({"item_id": on.item_ids, "score": predictions.scores})}
        workspace.store.put(_KIND, key, meta=meta, files=files)
    return Imported(predictions, key, new=True)


def known_predictions(workspace: Workspace) -> tuple[Mapping[str, object], ...]:
    """Return the facts of all imported predictions, by model and benchmark."""
    facts = [entry.meta for entry in workspace.store.entries(_KIND)]
    return tuple(sorted(facts, key=lambda meta: (meta["model"], meta["benchmark"], meta["benchmark_digest"])))


def find_predictions(workspace: Workspace, model: str, benchmark: Benchmark) -> PredictionSet:
    """Return a model's predictions on this version of a benchmark.

    Raises
    ------
    UnknownName
        When the model has no predictions on the benchmark.
    BenchmarkError
        When it has, on another version: the message says what changed since.
    """
    entries = [entry for entry in workspace.store.entries(_KIND) if entry.meta["benchmark"] == benchmark.name]
    mine = [entry for entry in entries if entry.meta["model"] == model]
    if not mine:
        raise UnknownName(f"model with predictions on {benchmark.name!r}", model, [str(e.meta["model"]) for e in entries])
    entry = next((entry for entry in mine if entry.meta["benchmark_digest"] == benchmark.digest), mine[-1])
    predictions = _predictions_of(entry)
    if predictions.benchmark_digest != benchmark.digest:
        refuse_other_version(predictions, benchmark, scored=get_benchmark(workspace.store, str(entry.meta["benchmark_key"])))
    return predictions


def _predictions_of(entry: StoredResult) -> PredictionSet:
    return PredictionSet(
        classifier_key=str(entry.meta["model"]),
        benchmark=str(entry.meta["benchmark"]),
        benchmark_digest=str(entry.meta["benchmark_digest"]),
        scores=unpack(entry.read("scores.parquet"))["score"],
        threshold=float(entry.meta["threshold"]),
        hard=bool(entry.meta["hard"]),
    )


def _refuse_second(workspace: Workspace, predictions: PredictionSet) -> None:
    model, on, digest = predictions.classifier_key, predictions.benchmark, predictions.benchmark_digest
    for entry in workspace.store.entries(_KIND):
        if (entry.meta["model"], entry.meta["benchmark"], entry.meta["benchmark_digest"]) == (model, on, digest):
            raise BenchmarkError(
                f"model {model!r} has other predictions on this version of {on!r} ({short(str(entry.meta['digest']))}, "
                f"and these are {short(predictions.digest)}): a name stands for one fitted model, so import these under another"
            )


def _check_version(file: PredictionFile, benchmark: Benchmark) -> None:
    if file.digest and (len(file.digest) < len(short(file.digest)) or not benchmark.digest.startswith(file.digest)):
        raise BenchmarkError(
            f"{file.path} was made on the version {file.digest!r} of {benchmark.name!r}, and the benchmark is now "
            f"{short(benchmark.digest)}: score the model on this version; nothing was written"
        )


def _read(file: PredictionFile, benchmark: Benchmark, model: str, guidelines: Sequence[GuidelineVersion]) -> PredictionSet:
    what = f"predictions of {model!r}"
    if not (math.isfinite(file.threshold) and 0.0 <= file.threshold <= 1.0):
        raise BenchmarkError(f"{what}: the threshold {file.threshold} is not a number from 0 to 1")
    column = file.column or ("label" if file.labels else "score")
    columns = read_columns(file.path, [file.item_id, column], what=what)
    cells = dict(zip(columns[file.item_id], columns[column], strict=True))
    _check_items(f"{what}: {file.path}", columns[file.item_id], benchmark)
    if file.labels:
        codes = _legal_words(guidelines)
        scores = {item: _decision(f"{what}: {file.path}", item, word, codes) for item, word in cells.items()}
    else:
        scores = {item: _score(f"{what}: {file.path}", item, word) for item, word in cells.items()}
    return PredictionSet(
        classifier_key=model,
        benchmark=benchmark.name,
        benchmark_digest=benchmark.digest,
        scores=np.array([scores[item] for item in benchmark.item_ids.tolist()], dtype=np.float64),
        threshold=0.5 if file.labels else file.threshold,
        hard=file.labels,
    )


def _check_items(what: str, ids: Sequence[str], benchmark: Benchmark) -> None:
    counts, items = Counter(ids), benchmark.item_ids.tolist()
    known = set(items)
    for how, wrong in (
        ("items more than once", [item for item, count in counts.items() if count > 1]),
        (f"items that {benchmark.name!r} does not have", [item for item in counts if item not in known]),
        (f"too few of {len(items):,} items", [item for item in items if item not in counts]),
    ):
        if wrong:
            shown = ", ".join(repr(item) for item in wrong[:_SHOWN])
            raise BenchmarkError(
                f"{what} holds {len(wrong):,} {how} (first: {shown}); every item of the benchmark must be there exactly once, and no "
                "other; nothing was written"
            )


def _score(what: str, item: str, word: str) -> float:
    try:
        score = float(word)
    except ValueError:
        score = math.nan
    if not 0.0 <= score <= 1.0:
        raise BenchmarkError(f"{what}: the score of item {item!r} is {word[:20]!r}; legal: a number from 0 to 1")
    return score


def _decision(what: str, item: str, word: str, codes: Mapping[str, float]) -> float:
    if word not in codes:
        raise BenchmarkError(f"{what}: the decision on item {item!r} is {word[:20]!r}; legal: {', '.join(codes)}")
    return codes[word]


def _legal_words(guidelines: Sequence[GuidelineVersion]) -> dict[str, float]:
    """Return what each word decides: 1 and 0, and the labels on which all guidelines of the gold agree."""
    codes = {"1": 1.0, "0": 0.0}
    said: dict[str, set[float]] = {}
    for guideline in guidelines:
        for label in guideline.labels:
            said.setdefault(label, set()).add(float(label == guideline.positive))
    return codes | {label: values.pop() for label, values in said.items() if len(values) == 1 and label not in codes}
