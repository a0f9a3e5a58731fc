"""Recall as an evaluate module: ``evaluate.load("<this folder>")``."""

from smo_pipelines.benchmarks import metric_module

__all__ = ["Recall"]


class Recall(metric_module.MetricModule):
    """Recall of scores against gold labels."""

    metric = "recall"
