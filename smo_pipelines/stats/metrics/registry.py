"""Every metric by name, in the order in which they are listed."""

from collections.abc import Mapping
from types import MappingProxyType

from smo_pipelines.errors import UnknownName
from smo_pipelines.stats.metrics.calibration import BRIER_SCORE, EXPECTED_CALIBRATION_ERROR
from smo_pipelines.stats.metrics.flagging import BALANCED_ACCURACY, F1, FALSE_POSITIVE_RATE, PRECISION, RECALL
from smo_pipelines.stats.metrics.functional import PASS_RATE, PASS_RATE_MACRO, PASS_RATE_WORST
from smo_pipelines.stats.metrics.metric import Metric
from smo_pipelines.stats.metrics.ranking import AUROC, AVERAGE_PRECISION, RECALL_AT_FPR_01, RECALL_AT_FPR_05
from smo_pipelines.stats.metrics.subgroups import BNSP_AUC, BPSN_AUC, SUBGROUP_AUC

__all__ = ["METRICS", "get_metric"]

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            AVERAGE_PRECISION,
            AUROC,
            RECALL_AT_FPR_01,
            RECALL_AT_FPR_05,
            F1,
            RECALL,
            PRECISION,
            FALSE_POSITIVE_RATE,
            BALANCED_ACCURACY,
            EXPECTED_CALIBRATION_ERROR,
            BRIER_SCORE,
            PASS_RATE,
            PASS_RATE_MACRO,
            PASS_RATE_WORST,
            SUBGROUP_AUC,
            BPSN_AUC,
            BNSP_AUC,
        )
    }
)
"""Every metric, by name."""


def get_metric(name: str) -> Metric:
    """Return a metric by name.

    Raises
    ------
    UnknownName
        When no metric has the name; the message offers the closest one.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownName("metric", name, METRICS) from None
