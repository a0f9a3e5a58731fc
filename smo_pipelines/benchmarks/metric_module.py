"""What every evaluate module of this project is: a pure function of ``smo_pipelines.stats.metrics`` in evaluate's shape.

``evaluate.load`` reads one class from one file, so each metric keeps a file of its own under ``evaluate_modules/``; all they say is
which metric they are.
"""

from typing import ClassVar

import datasets
import evaluate
import numpy as np

from smo_pipelines.stats.metrics import get_metric

__all__ = ["MetricModule"]


class MetricModule(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """A metric of scores against gold labels; a subclass names it."""

    metric: ClassVar[str]

    def _info(self) -> evaluate.MetricInfo:
        metric = get_metric(self.metric)
        return evaluate.MetricInfo(
            description=f"{metric.title}: from {metric.low:g} to {metric.high:g}, {metric.direction.value} is better.",
            citation=metric.reference,
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
        return {self.metric: get_metric(self.metric).value(scores, gold, threshold)}
