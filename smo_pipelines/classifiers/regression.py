"""Logistic regression on fixed features, each replicate with its own item weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smo_pipelines.classifiers.targets import class_weights, learned, positive_score
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TrainingSet

__all__ = ["Regression", "item_weights", "regress"]


@dataclass(frozen=True, eq=False)
class Regression:
    """A linear model of the classes.

    Attributes
    ----------
    classes, positives : tuple of str
        What was learned; an item's score is the summed probability of the positive classes.
    coefficients : ndarray of shape (n_classes, n_features), float64; (1, n_features) for two classes
    intercepts : ndarray of shape (n_classes,) or (1,), float64
    """

    classes: tuple[str, ...]
    positives: tuple[str, ...]
    coefficients: np.ndarray
    intercepts: np.ndarray

    def class_scores(self, features: Any) -> np.ndarray:
        """Return the probability of each class: shape (n, n_classes), float64, for features of shape (n, n_features)."""
        logits = np.asarray(features @ self.coefficients.T, dtype=np.float64) + self.intercepts
        if logits.shape[1] == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        return np.asarray(np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)), dtype=np.float64)

    def score(self, features: Any) -> np.ndarray:
        """Return the summed probability of the positive classes: shape (n,), float64, in [0, 1]."""
        return positive_score(self.class_scores(features), self.classes, self.positives)


def item_weights(item_ids: Sequence[str] | np.ndarray, *, seed: int) -> np.ndarray:
    """Return replicate ``seed``'s Exp(1) training weight of each item: a hash of both, so that arms share them.

    Exponential weights of mean one make a replicate a Bayesian bootstrap of the training items (Rubin, 1981, *Annals of
    Statistics* 9(1), 130-134), up to the normalisation of their sum.

    Returns
    -------
    ndarray of shape (n_items,), float64
    """
    weights: np.ndarray = -np.log(hash_to_unit(f"training weight\x00{seed}", (str(name) for name in item_ids)))
    return weights


def regress(config: ClassifierConfig, training: TrainingSet, keep: np.ndarray, features: Any, *, seed: int) -> Regression:
    """Fit on some items of a training set, each by its replicate weight.

    An item that belongs to several classes in part stands once for each, with that part of its weight: the expected log-loss under
    its target.

    Parameters
    ----------
    keep : ndarray of shape (n_kept,), int
        Positions in the training set.
    features : ndarray or sparse matrix of shape (n_kept, n_features)
    """
    from sklearn.linear_model import LogisticRegression

    targets = learned(training).rows(keep)
    binary = len(targets.classes) == 2
    weights = item_weights(training.item_ids[keep], seed=seed)[:, None] * targets.shares
    weights = weights * class_weights(targets, config.class_weighting)
    row, label = np.nonzero(weights)
    model = LogisticRegression(C=config.regularisation, solver="liblinear" if binary else "lbfgs", max_iter=1000, random_state=0)
    one_class_each = len(row) == len(keep)  # the usual case: no copy of the features
    model.fit(features if one_class_each else features[row], label, sample_weight=weights[row, label])
    return Regression(
        targets.classes,
        targets.positives,
        np.ascontiguousarray(model.coef_, dtype=np.float64),  # in the order of a stored fit: another order rounds otherwise
        np.asarray(model.intercept_, dtype=np.float64),
    )
