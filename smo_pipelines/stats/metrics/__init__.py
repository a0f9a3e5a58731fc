"""The metrics, each in one place: value, influence values, unit, range and preferred direction.

Influence values turn a metric into a mean over items, to first order: with weights ``w`` on the items,

    M(w) = M(1) + (1/n) sum_i (w_i - 1) psi_i + o(|w - 1|),        psi_i = n dM/dw_i at w = 1,

the infinitesimal jackknife (Jaeckel 1972; Efron 1982, chapter 6). Every metric here is unchanged when all weights are scaled, so
Euler's identity gives ``sum_i psi_i = 0``. An item is flagged when its score is at or above the threshold.

One file a family: ``ranking``, ``flagging``, ``calibration``, ``functional`` and ``subgroups``; ``metric`` is what they share, and
``table`` computes all of them on many runs and slices at once.
"""

from smo_pipelines.stats.metrics.metric import MIN_OF_A_CLASS, Metric, Needs
from smo_pipelines.stats.metrics.registry import METRICS, get_metric
from smo_pipelines.stats.metrics.table import MetricTable, metric_table

__all__ = ["METRICS", "MIN_OF_A_CLASS", "Metric", "MetricTable", "Needs", "get_metric", "metric_table"]
