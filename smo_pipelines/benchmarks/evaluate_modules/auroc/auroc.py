"""AUROC as an evaluate module: ``evaluate.load("<this folder>")``."""

from smo_pipelines.benchmarks import metric_module

__all__ = ["Auroc"]


class Auroc(metric_module.MetricModule):
    """AUROC of scores against gold labels."""

    metric = "auroc"
