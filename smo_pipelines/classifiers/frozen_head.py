"""A regression on what a frozen encoder makes of a text: the mean over its tokens."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smo_pipelines.classifiers.encoder_cache import EncoderCache
from smo_pipelines.classifiers.fit_files import about_fit
from smo_pipelines.classifiers.regression import Regression, regress
from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.labels import TIE, TrainingSet

__all__ = ["FittedFrozenHead", "fit_frozen_head"]


@dataclass(frozen=True, eq=False)
class FittedFrozenHead:
    """A regression on sentence embeddings of length one.

    Attributes
    ----------
    threshold : float
        Scores at or above it are flagged.
    """

    config: ClassifierConfig
    threshold: float
    regression: Regression
    cache: EncoderCache

    @property
    def classes(self) -> tuple[str, ...]:
        """What was learned."""
        return self.regression.classes

    @property
    def positives(self) -> tuple[str, ...]:
        """Which of the classes count as positive."""
        return self.regression.positives

    def class_scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of each class, shape (n, n_classes), float64."""
        return self.regression.class_scores(embeddings(self.cache, texts))

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of the positive classes, shape (n,), float64."""
        return self.regression.score(embeddings(self.cache, texts))

    def files(self) -> dict[str, bytes]:
        """Return the head, what it belongs to, and a model card."""
        from safetensors.numpy import save

        found, digest = self.regression, self.cache.backbone.digest
        card = [
            f"# {self.config.name}",
            "",
            f"Logistic regression on the mean token embedding of `{self.config.backbone}`, of which nothing is trained.",
            "",
            f"- Classes: {', '.join(found.classes)}; positive: {', '.join(found.positives)}",
            f"- Threshold: {self.threshold:.4f} (greatest F1 on the development split)",
            f"- Backbone digest: `{digest}`",
            f"- Configuration digest: `{self.config.digest}`",
            "",
            "A score says how the labels it was trained on would likely have come out; it is not a fact about a text.",
            "",
        ]
        return {
            "weights.safetensors": save({"coefficients": found.coefficients, "intercepts": found.intercepts}),
            "config.json": about_fit(self.config, self.threshold, found.classes, found.positives, backbone_digest=digest),
            "README.md": "\n".join(card).encode(),
        }


def embeddings(cache: EncoderCache, texts: Sequence[str]) -> np.ndarray:
    """Return each text's embedding, of length one: shape (n_texts, hidden), float64."""
    found = np.array([state[0] for state in cache.states(texts)], dtype=np.float64).reshape(len(texts), cache.shape.hidden)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))


def fit_frozen_head(config: ClassifierConfig, training: TrainingSet, *, seed: int, cache: EncoderCache) -> FittedFrozenHead:
    """Fit on the items outside the development split, each by its replicate weight, and choose the threshold on it."""
    keep = np.flatnonzero(~training.dev)
    features = embeddings(cache, training.texts.tolist())
    fitted = FittedFrozenHead(config, 0.5, regress(config, training, keep, features[keep], seed=seed), cache)
    decided = training.dev & (training.labels != TIE)
    return dataclasses.replace(fitted, threshold=tune(fitted.regression.score(features[decided]), training.labels[decided]))
