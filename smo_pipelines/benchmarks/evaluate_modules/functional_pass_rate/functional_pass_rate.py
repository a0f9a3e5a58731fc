"""Functional pass rate as an evaluate module: ``evaluate.load("<this folder>")``."""

from smo_pipelines.benchmarks import metric_module

__all__ = ["FunctionalPassRate"]


class FunctionalPassRate(metric_module.MetricModule):
    """Functional pass rate of scores against gold labels."""

    metric = "functional_pass_rate"
