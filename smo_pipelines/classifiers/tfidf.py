"""N-grams of characters and words under logistic regression: seconds a fit, any script, for screening and for tests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smo_pipelines.classifiers.fit_files import about_fit, check_fit, read_arrays
from smo_pipelines.classifiers.ngrams import Vocabulary, learn_vocabulary, rows
from smo_pipelines.classifiers.regression import Regression, regress
from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.labels import TIE, TrainingSet

__all__ = ["FittedTfidf", "fit_tfidf", "load_tfidf"]


@dataclass(frozen=True, eq=False)
class FittedTfidf:
    """A vocabulary of n-grams and a regression on them.

    Attributes
    ----------
    threshold : float
        Scores at or above it are flagged.
    """

    config: ClassifierConfig
    threshold: float
    vocabulary: Vocabulary
    regression: Regression

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
        return self.regression.class_scores(rows(self.config, self.vocabulary, texts))

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of the positive classes, shape (n,), float64."""
        return self.regression.score(rows(self.config, self.vocabulary, texts))

    def files(self) -> dict[str, bytes]:
        """Return the arrays, the vocabulary, what they belong to, and a model card."""
        from safetensors.numpy import save

        found = self.regression
        arrays = {"idf": self.vocabulary.idf, "coefficients": found.coefficients, "intercepts": found.intercepts}
        ngrams = {"characters": self.vocabulary.characters, "words": self.vocabulary.words}
        return {
            "weights.safetensors": save(arrays),  # npz would hold the time of writing
            "vocabulary.json": json.dumps(ngrams, ensure_ascii=False).encode(),
            "config.json": about_fit(self.config, self.threshold, found.classes, found.positives),
            "README.md": _card(self).encode(),
        }


def fit_tfidf(config: ClassifierConfig, training: TrainingSet, *, seed: int) -> FittedTfidf:
    """Fit on the items outside the development split, each by its replicate weight, and choose the threshold on it.

    Raises
    ------
    ClassifierError
        When the texts share no n-gram.
    """
    keep = np.flatnonzero(~training.dev)
    texts = training.texts[keep].tolist()
    vocabulary = learn_vocabulary(config, texts)
    fitted = FittedTfidf(config, 0.5, vocabulary, regress(config, training, keep, rows(config, vocabulary, texts), seed=seed))
    decided = training.dev & (training.labels != TIE)
    return replace(fitted, threshold=tune(fitted.score(training.texts[decided].tolist()), training.labels[decided]))


def load_tfidf(config: ClassifierConfig, files: Mapping[str, bytes]) -> FittedTfidf:
    """Rebuild a fit from :meth:`FittedTfidf.files`.

    Raises
    ------
    ClassifierError
        When the files belong to another configuration, or are damaged.
    """
    about = check_fit(config, files)
    arrays = read_arrays(files)
    ngrams = json.loads(files["vocabulary.json"])
    return FittedTfidf(
        config,
        about.threshold,
        Vocabulary(characters=tuple(ngrams["characters"]), words=tuple(ngrams["words"]), idf=arrays["idf"]),
        Regression(about.classes, about.positives, arrays["coefficients"], arrays["intercepts"]),
    )


def _card(fitted: FittedTfidf) -> str:
    config, vocabulary = fitted.config, fitted.vocabulary
    words = f" and {len(vocabulary.words):,} of {config.words[0]} to {config.words[1]} words" if vocabulary.words else ""
    return "\n".join(
        [
            f"# {config.name}",
            "",
            f"Logistic regression on {len(vocabulary.characters):,} n-grams of {config.ngrams[0]} to {config.ngrams[1]} "
            f"characters{words}, weighted by TF-IDF.",
            "",
            f"- Classes: {', '.join(fitted.classes)}; positive: {', '.join(fitted.regression.positives)}",
            f"- Threshold: {fitted.threshold:.4f} (greatest F1 on the development split)",
            f"- Configuration digest: `{config.digest}`",
            "",
            "A score says how the labels it was trained on would likely have come out; it is not a fact about a text.",
            "The vocabulary holds short pieces of the training texts.",
            "",
        ]
    )
