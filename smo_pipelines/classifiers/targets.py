"""What a fit learns of its items, as one matrix: hard labels, soft labels and several classes look alike from here on."""

from collections.abc import Sequence

import numpy as np

from smo_pipelines.domain.classifiers import ClassWeighting
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.domain.targets import NEGATIVE, POSITIVE, Targets

__all__ = ["class_weights", "learned", "positive_score"]


def learned(training: TrainingSet) -> Targets:
    """Return the targets of a training set; a hard label is a class with all of the probability."""
    if training.targets is not None:
        return training.targets
    hot = (training.labels == 1).astype(np.float64)
    return Targets(classes=(NEGATIVE, POSITIVE), positives=(POSITIVE,), shares=np.stack([1.0 - hot, hot], axis=1))


def positive_score(by_class: np.ndarray, classes: Sequence[str], positives: Sequence[str]) -> np.ndarray:
    """Return the summed probability of the positive classes: (n, n_classes) to (n,), float64, in [0, 1]."""
    chosen = [name in positives for name in classes]
    return np.asarray(np.minimum(by_class[:, chosen].sum(axis=1), 1.0), dtype=np.float64)


def class_weights(targets: Targets, weighting: ClassWeighting) -> np.ndarray:
    """Return how much each class counts: one, or in inverse proportion to how often it is learned, as scikit-learn's ``balanced``.

    Parameters
    ----------
    targets : Targets
        Of the items that are trained on; every class has some of their probability where weights are balanced.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        Weighted by the targets, their mean is one.
    """
    if weighting is ClassWeighting.none:
        return np.ones(len(targets.classes))
    often = targets.shares.mean(axis=0)
    present = often > 0
    return np.where(present, 1.0 / (np.where(present, often, 1.0) * present.sum()), 0.0)
