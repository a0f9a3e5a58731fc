"""Recall as an evaluate module: ``evaluate.load("<this folder>")``.

The value is the pure function of ``smo_pipelines.stats.metrics``; this file only gives it the shape of an evaluate module.
"""

import datasets
import evaluate
import numpy as np

from smo_pipelines.stats.metrics import get_metric

__all__ = ["Recall"]

METRIC = get_metric("recall")


class Recall(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """Recall of scores against gold labels."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=f"{METRIC.title}: from {METRIC.low:g} to {METRIC.high:g}, {METRIC.direction.value} is better.",
            citation=METRIC.reference,
            inputs_description=(
                "predictions: scores of the positive label. references: gold labels, 0 or 1. "
                "threshold: an item is flagged when its score is at or above it. "
                "Raises smo_pipelines.errors.CannotEstimate where the metric is undefined."
            ),
            # No format="numpy": datasets would then hand the scores over as float32.
            features=datasets.Features({"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: list[float], references: list[int], threshold: float = 0.5) -> dict[str, float]:
        scores, gold = np.asarray(predictions, dtype=np.float64), np.asarray(references, dtype=np.int8)
        return {METRIC.name: METRIC.value(scores, gold, threshold)}
