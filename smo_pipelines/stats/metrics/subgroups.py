"""AUCs of a declared group of items against the rest, the background.

Borkan et al. (2019), Nuanced metrics for measuring unintended bias, as conversationai's ``model_bias_analysis.py`` computes them.
Each is the AUROC of some of the items, so its influence values are those of the AUROC there, scaled to all items, and 0 elsewhere.
"""

from collections.abc import Callable

import numpy as np

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.metrics.metric import Conditions, Metric, Needs
from smo_pipelines.stats.metrics.ranking import AUROC

__all__ = ["BNSP_AUC", "BPSN_AUC", "SUBGROUP_AUC"]

_Compared = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _on_some(name: str, title: str, about: str, compared: _Compared, reference: str) -> Metric:
    def named(error: CannotEstimate) -> CannotEstimate:
        return CannotEstimate(error.code, f"of the items that {title} compares: {error.sentence}", **error.counts)

    def value(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
        some = compared(groups, references == 1)
        try:
            return AUROC.value(scores[some], references[some], threshold)
        except CannotEstimate as error:
            raise named(error) from error

    def influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
        some = compared(groups, references == 1)
        found = np.zeros(len(scores))
        try:
            found[some] = AUROC.influence(scores[some], references[some], threshold) * (len(scores) / np.count_nonzero(some))
        except CannotEstimate as error:
            raise named(error) from error
        return found

    return Metric(
        name=name,
        title=title,
        about=about,
        thresholded=False,
        formula=value,
        expansion=influence,
        conditions=Conditions(positives=1, negatives=1),
        interval_conditions=Conditions(),
        reference=f"sklearn.metrics.roc_auc_score of {reference}",
        needs=Needs.members,
    )


SUBGROUP_AUC = _on_some(
    "subgroup_auc",
    "subgroup AUC",
    "AUROC within the group: low where violating and benign items of the group are hard to tell apart.",
    lambda inside, positive: inside,
    "the group's items",
)

BPSN_AUC = _on_some(
    "bpsn_auc",
    "BPSN AUC",
    "AUROC of background positives against subgroup negatives: low where benign items of the group score like real violations.",
    lambda inside, positive: inside != positive,
    "the group's negatives and the others' positives",
)

BNSP_AUC = _on_some(
    "bnsp_auc",
    "BNSP AUC",
    "AUROC of background negatives against subgroup positives: low where violations of the group score like benign items.",
    lambda inside, positive: inside == positive,
    "the group's positives and the others' negatives",
)
