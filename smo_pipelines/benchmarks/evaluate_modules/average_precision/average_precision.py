"""Average precision as an evaluate module: ``evaluate.load("<this folder>")``."""

from smo_pipelines.benchmarks import metric_module

__all__ = ["AveragePrecision"]


class AveragePrecision(metric_module.MetricModule):
    """Average precision of scores against gold labels."""

    metric = "average_precision"
