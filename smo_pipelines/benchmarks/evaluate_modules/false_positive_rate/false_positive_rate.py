"""False positive rate as an evaluate module: ``evaluate.load("<this folder>")``."""

from smo_pipelines.benchmarks import metric_module

__all__ = ["FalsePositiveRate"]


class FalsePositiveRate(metric_module.MetricModule):
    """False positive rate of scores against gold labels."""

    metric = "false_positive_rate"
