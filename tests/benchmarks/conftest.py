import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[Sequence[str], Sequence[Sequence[str]]], Path]:
    def write(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
        path = tmp_path / "cases.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def make_benchmark() -> Callable[..., Benchmark]:
    def make(golds: Mapping[str, Sequence[int]], texts: Sequence[str] | None = None, name: str = "b") -> Benchmark:
        n = len(next(iter(golds.values())))
        return Benchmark(
            name=name,
            item_ids=np.asarray([f"i{i:04d}" for i in range(n)]),
            texts=np.asarray(texts or [f"text number {i}" for i in range(n)], dtype=object),
            golds={guideline: np.asarray(codes) for guideline, codes in golds.items()},
            clusters=np.arange(n),
        )

    return make


@pytest.fixture
def predict() -> Callable[..., PredictionSet]:
    def make(benchmark: Benchmark, scores: Sequence[float] | np.ndarray, threshold: float = 0.5) -> PredictionSet:
        return PredictionSet(
            classifier_key="k",
            benchmark=benchmark.name,
            benchmark_digest=benchmark.digest,
            scores=np.asarray(scores, dtype=np.float64),
            threshold=threshold,
        )

    return make
