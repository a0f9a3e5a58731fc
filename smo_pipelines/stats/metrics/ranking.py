"""Metrics of the order of the scores: average precision, AUROC, and recall at a fixed false positive rate."""

from functools import partial

import numpy as np

from smo_pipelines.stats.metrics.metric import MIN_OF_A_CLASS, Conditions, Metric

__all__ = ["AUROC", "AVERAGE_PRECISION", "RECALL_AT_FPR", "RECALL_AT_FPR_01", "RECALL_AT_FPR_05"]

_RANKS = Conditions(positives=1, negatives=1, ranks=True)


def _tied_groups(scores: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each item's group of equal scores (0 is the highest), and the groups' positives and sizes."""
    values, group = np.unique(-scores, return_inverse=True)
    positives = np.bincount(group, weights=references, minlength=len(values))
    sizes = np.bincount(group, minlength=len(values)).astype(np.float64)
    return group, positives, sizes


def _sum_from(values: np.ndarray) -> np.ndarray:
    """Return the sum over this group and all lower-scored ones."""
    return np.cumsum(values[::-1])[::-1]


def _average_precision(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del threshold, groups
    _, positives, sizes = _tied_groups(scores, references)
    precision = np.cumsum(positives) / np.cumsum(sizes)
    return float(positives @ precision / positives.sum())


def _average_precision_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    """Differentiate ``AP = sum_g (tp_g / P) (TP_g / N_g)`` over groups g of equal scores by the weight of an item in group h.

    ``dAP/dw = [y (TP_h/N_h - AP) + y sum_{g>=h} tp_g/N_g - sum_{g>=h} tp_g TP_g/N_g^2] / P``.
    """
    del threshold, groups
    group, positives, sizes = _tied_groups(scores, references)
    total = positives.sum()
    flagged = np.cumsum(sizes)
    precision = np.cumsum(positives) / flagged
    value = positives @ precision / total
    gained = precision - value + _sum_from(positives / flagged)
    lost = _sum_from(positives * precision / flagged)
    return np.asarray(len(scores) * (references * gained[group] - lost[group]) / total, dtype=np.float64)


def _placements(scores: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, float]:
    """Return each item's share of the other class that it is ranked rightly against (ties count half), and their mean."""
    group, positives, sizes = _tied_groups(scores, references)
    negatives = sizes - positives
    below = (_sum_from(negatives) - 0.5 * negatives) / negatives.sum()
    above = (np.cumsum(positives) - 0.5 * positives) / positives.sum()
    return np.where(references == 1, below[group], above[group]), float(positives @ below / positives.sum())


def _auroc(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
    del threshold, groups
    return _placements(scores, references)[1]


def _auroc_influence(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> np.ndarray:
    """Return the placement values of DeLong, DeLong and Clarke-Pearson (1988), centred and scaled by their class's share."""
    del threshold, groups
    placements, value = _placements(scores, references)
    share = float(np.mean(references))
    return np.asarray((placements - value) / np.where(references == 1, share, 1.0 - share), dtype=np.float64)


def _flaggable(
    scores: np.ndarray, negatives: np.ndarray, weights: np.ndarray, totals: np.ndarray, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest distinct scores of negatives, and how many of them each weighting lets be flagged.

    Only as many negatives are looked at as some weighting comes to: the last score returned is one that none of them allows.
    """
    order = negatives[np.argsort(-scores[negatives], kind="stable")]
    descending = scores[order]
    ends = np.flatnonzero(np.append(np.diff(descending) != 0.0, True))
    looked_at = int(2.0 * limit * len(order)) + 32
    while True:
        some = ends[ends < looked_at]
        alarms = np.cumsum(weights[order[:looked_at]], axis=0)[some]
        allowed = np.count_nonzero(alarms / totals <= limit, axis=0)
        if len(some) == len(ends) or int(allowed.max()) < len(some):
            return descending[some], allowed
        looked_at *= 2


def _weighted_recall_at(limit: float, scores: np.ndarray, references: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the recall at a false positive rate of each run (rows) under each weighting (columns)."""
    positives, negatives = np.flatnonzero(references == 1), np.flatnonzero(references == 0)
    of_negatives = weights[negatives].sum(axis=0)
    always = np.zeros((len(scores), len(references)))
    sometimes = np.zeros((len(scores), weights.shape[1]))
    for run, one in enumerate(scores):
        cuts, allowed = _flaggable(one, negatives, weights, of_negatives, limit)
        needed = np.searchsorted(-cuts, -one[positives], side="right")  # distinct scores of negatives that are flagged with it
        always[run, positives[needed <= allowed.min()]] = 1.0
        near = np.flatnonzero((needed > allowed.min()) & (needed <= allowed.max()))
        near = near[np.argsort(needed[near], kind="stable")]
        if len(near):
            steps, starts = np.unique(needed[near], return_index=True)
            caught = np.cumsum(np.add.reduceat(weights[positives[near]], starts, axis=0), axis=0)
            last = np.searchsorted(steps, allowed, side="right") - 1
            sometimes[run] = np.where(last >= 0, caught[last, np.arange(len(last))], 0.0)
    return np.asarray((always @ weights + sometimes) / weights[positives].sum(axis=0))


def _recall_at_fpr(name: str, limit: float) -> Metric:
    def value(scores: np.ndarray, references: np.ndarray, threshold: float, groups: np.ndarray) -> float:
        del threshold, groups
        _, positives, sizes = _tied_groups(scores, references)
        hits, alarms = np.cumsum(positives), np.cumsum(sizes - positives)
        return float(np.max(hits, where=alarms / alarms[-1] <= limit, initial=0.0) / hits[-1])

    return Metric(
        name=name,
        title=f"recall at {limit:.0%} FPR",
        about=(
            f"The largest recall of any threshold whose false positive rate is at most {limit:.0%}; equal scores are flagged together. "
            f"Refused with fewer than {10 / limit:.0f} benign items, where one of them would move the rate by more than a tenth of its limit."
        ),
        thresholded=False,
        formula=value,
        expansion=None,
        conditions=Conditions(positives=1, negatives=round(10 / limit), ranks=True),
        interval_conditions=Conditions(positives=MIN_OF_A_CLASS, negatives=1, ranks=True),
        reference=f"max of tpr where fpr <= {limit:g}, of sklearn.metrics.roc_curve(drop_intermediate=False)",
        weighted=partial(_weighted_recall_at, limit),
        no_expansion=(
            "its threshold is a quantile of the benign items' scores, so its first-order expansion needs the scores' density, "
            "which no sample gives well enough at so low a rate"
        ),
    )


AVERAGE_PRECISION = Metric(
    name="average_precision",
    title="average precision",
    about="Area under precision and recall, step-wise: the sum of (R_n - R_(n-1)) P_n over thresholds; equal scores enter together.",
    thresholded=False,
    formula=_average_precision,
    expansion=_average_precision_influence,
    conditions=_RANKS,
    interval_conditions=Conditions(positives=MIN_OF_A_CLASS, negatives=1, ranks=True),
    reference="sklearn.metrics.average_precision_score",
)

AUROC = Metric(
    name="auroc",
    title="AUROC",
    about="The chance that a violating item scores above a benign one; ties count half.",
    thresholded=False,
    formula=_auroc,
    expansion=_auroc_influence,
    conditions=_RANKS,
    interval_conditions=Conditions(positives=MIN_OF_A_CLASS, negatives=MIN_OF_A_CLASS, ranks=True),
    reference="sklearn.metrics.roc_auc_score",
)

RECALL_AT_FPR_01 = _recall_at_fpr("recall_at_fpr_01", 0.01)
RECALL_AT_FPR_05 = _recall_at_fpr("recall_at_fpr_05", 0.05)

RECALL_AT_FPR = {RECALL_AT_FPR_01.name: 0.01, RECALL_AT_FPR_05.name: 0.05}
"""The limit of each recall at a fixed false positive rate."""
