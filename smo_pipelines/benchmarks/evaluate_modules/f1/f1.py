"""F1 as an evaluate module: ``evaluate.load("<this folder>")``."""

from smo_pipelines.benchmarks import metric_module

__all__ = ["F1"]


class F1(metric_module.MetricModule):
    """F1 of scores against gold labels."""

    metric = "f1"
