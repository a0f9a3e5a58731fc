"""One replicate: fit a classifier on a training set, score it on every benchmark, keep both by key."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smo_pipelines.benchmarks.scoring import score_with_evaluate
from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.experiments import ArmName, ReplicateId, ReplicateKind
from smo_pipelines.domain.runs import ReplicateResult
from smo_pipelines.experiment.frames import pack, unpack
from smo_pipelines.experiment.stored import get_benchmark, get_training_set
from smo_pipelines.stats.metrics import METRICS, Needs
from smo_pipelines.store import ResultStore, StoredResult, file_lock, open_store

__all__ = ["ReplicateJob", "find_result", "is_finished", "run_replicate", "stored_metrics"]

_FIT_CODE = "2"
"""Part of every fit's key: raise it when the same inputs would give other weights."""

_SCORE_CODE = "2"


@dataclass(frozen=True, kw_only=True)
class ReplicateJob:
    """What a worker needs to know: names of stored things, small enough to travel anywhere.

    ``benchmarks`` maps a benchmark's name to the store key of its version.
    """

    id: ReplicateId
    classifier: ClassifierConfig
    backbone: str
    training_key: str
    benchmarks: Mapping[str, str]
    store: str
    cache_dir: str

    @property
    def key(self) -> str:
        """The name of the fit: same training set, configuration, backbone and seed, same weights."""
        return digest_of(
            {
                "stage": f"fit/{_FIT_CODE}",
                "classifier": self.classifier.digest,
                "backbone": self.backbone,
                "training": self.training_key,
                "seed": self.id.seed,
            }
        )

    def prediction_key(self, benchmark_key: str) -> str:
        """Return the name of this fit's scores on one benchmark."""
        return digest_of({"stage": f"score/{_SCORE_CODE}", "fit": self.key, "benchmark": benchmark_key})

    def to_json(self) -> str:
        """Return the job as JSON, to travel between processes that share nothing but the store."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ReplicateJob":
        """Return the job in a text that :meth:`to_json` made."""
        data = json.loads(text)
        one, config = data.pop("id"), data.pop("classifier")
        return cls(
            id=ReplicateId(arm=ArmName(one["arm"]), kind=ReplicateKind(one["kind"]), index=one["index"], seed=one["seed"]),
            classifier=ClassifierConfig.from_json(config),
            **data,
        )


def run_replicate(job: ReplicateJob, progress: Callable[[float], None] | None = None) -> bool:
    """Fit and score one replicate, skipping what is in the store, and return whether it was fitted now.

    Two processes that are given the same job at once do the work once: the second waits for the first.

    Parameters
    ----------
    progress : callable or None
        Told the share of the replicate that is done, from 0 to 1.
    """
    store = open_store(job.store)
    cache_dir = Path(job.cache_dir)
    report = progress or (lambda _: None)
    with file_lock(cache_dir / "locks" / f"{job.key}.lock"):
        missing = {name: key for name, key in job.benchmarks.items() if store.find("predictions", job.prediction_key(key)) is None}
        fit = store.find("fits", job.key)
        if fit is not None and not missing:
            report(1.0)
            return False
        fitted = _fit(job, store, fit, cache_dir, lambda share: report(0.85 * share))
        benchmarks = {key: get_benchmark(store, key) for key in missing.values()}
        by_text = _score_once(fitted, benchmarks.values())
        for done, (key, benchmark) in enumerate(benchmarks.items(), start=1):
            _store_scores(job, store, fitted, benchmark, key, np.array([by_text[text] for text in benchmark.texts.tolist()]))
            report(0.85 + 0.15 * done / len(missing))
    report(1.0)
    return fit is None


def _fit(
    job: ReplicateJob, store: ResultStore, fit: StoredResult | None, cache_dir: Path, progress: Callable[[float], None]
) -> classifiers.Fitted:
    if fit is not None:
        return classifiers.load(job.classifier, {name: fit.read(name) for name in fit.names}, cache_dir)
    training = get_training_set(store, job.training_key)
    started = time.monotonic()
    fitted = classifiers.fit(job.classifier, training, seed=job.id.seed, cache_dir=cache_dir, progress=progress)
    seconds = time.monotonic() - started
    meta = {"threshold": fitted.threshold, "training": job.training_key, "seed": job.id.seed, "classifier": job.classifier.name}
    meta["seconds"] = round(seconds, 3)  # for the next plan; in no key and no digest
    store.put("fits", job.key, meta=meta, files=fitted.files())
    return fitted


def _score_once(fitted: classifiers.Fitted, benchmarks: Iterable[Benchmark]) -> dict[str, np.ndarray]:
    """Return the probability of each class, by text: a text that stands in several benchmarks is scored once."""
    texts = list(dict.fromkeys(text for benchmark in benchmarks for text in benchmark.texts.tolist()))
    return dict(zip(texts, fitted.class_scores(texts), strict=True)) if texts else {}


def _store_scores(
    job: ReplicateJob, store: ResultStore, fitted: classifiers.Fitted, benchmark: Benchmark, key: str, by_class: np.ndarray
) -> None:
    scores = classifiers.positive_score(by_class, fitted.classes, fitted.positives)
    predictions = PredictionSet(
        classifier_key=job.key,
        benchmark=benchmark.name,
        benchmark_digest=benchmark.digest,
        scores=scores,
        threshold=fitted.threshold,
    )
    names = [name for name, metric in METRICS.items() if metric.needs is not Needs.members]  # nobody has named a group here
    metrics = {gold: _plain(score_with_evaluate(predictions, benchmark, gold=gold, metrics=names)) for gold in benchmark.golds}
    meta = {"fit": job.key, "benchmark": benchmark.name, "threshold": fitted.threshold, "metrics": metrics}
    columns = {"score": predictions.scores}
    if len(fitted.classes) > 2:
        columns |= {f"class.{name}": by_class[:, position] for position, name in enumerate(fitted.classes)}
    store.put("predictions", job.prediction_key(key), meta=meta, files={"scores.parquet": pack(columns)})


def _plain(metrics: Mapping[str, float | NotEstimable]) -> dict[str, Any]:
    return {
        name: {"not_estimable": str(value.code)} if isinstance(value, NotEstimable) else value for name, value in metrics.items()
    }


def is_finished(job: ReplicateJob, store: ResultStore) -> bool:
    """Whether a replicate's fit and all its scores are in the store."""
    entries = [("fits", job.key), *(("predictions", job.prediction_key(key)) for key in job.benchmarks.values())]
    return all(store.find(kind, key) is not None for kind, key in entries)


def find_result(job: ReplicateJob, store: ResultStore, benchmarks: Mapping[str, Benchmark]) -> ReplicateResult | None:
    """Return a finished replicate with its predictions, or None while any part is missing."""
    fit = store.find("fits", job.key)
    if fit is None:
        return None
    threshold = float(fit.meta["threshold"])
    predictions = {}
    for name, key in job.benchmarks.items():
        entry = store.find("predictions", job.prediction_key(key))
        if entry is None:
            return None
        predictions[name] = PredictionSet(
            classifier_key=job.key,
            benchmark=name,
            benchmark_digest=benchmarks[name].digest,
            scores=unpack(entry.read("scores.parquet"))["score"],
            threshold=threshold,
        )
    return ReplicateResult(id=job.id, key=job.key, threshold=threshold, predictions=predictions)


def stored_metrics(job: ReplicateJob, store: ResultStore) -> dict[str, float]:
    """Return a replicate's metrics at its tuned threshold, named ``metric on benchmark [gold]``; what could not be computed is absent."""
    found: dict[str, float] = {}
    for name, key in job.benchmarks.items():
        by_gold = store.get("predictions", job.prediction_key(key)).meta["metrics"]
        for gold, metrics in by_gold.items():
            suffix = f" [gold {gold}]" if len(by_gold) > 1 else ""
            found |= {f"{metric} on {name}{suffix}": value for metric, value in metrics.items() if isinstance(value, float)}
    return found
