"""Character n-grams and logistic regression: seconds a fit, any script, for screening and for tests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.errors import ClassifierError

__all__ = ["FittedTfidf", "fit_tfidf", "item_weights", "load_tfidf"]

_LEAST_DOCUMENTS = 2
_MOST_NGRAMS = 50_000


@dataclass(frozen=True, eq=False)
class FittedTfidf:
    """A vocabulary of character n-grams, their inverse document frequencies and one coefficient each.

    Attributes
    ----------
    threshold : float
        Scores at or above it are flagged.
    vocabulary : tuple of str
        In column order.
    idf, coefficients : ndarray of shape (n_ngrams,), float64
    """

    config: ClassifierConfig
    threshold: float
    vocabulary: tuple[str, ...]
    idf: np.ndarray
    coefficients: np.ndarray
    intercept: float

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of the positive class, shape (n,), float64."""
        counts = _counter(self.config, vocabulary=self.vocabulary).transform(texts)
        logits = np.asarray(_weighted(counts, self.idf) @ self.coefficients, dtype=np.float64) + self.intercept
        scores: np.ndarray = np.exp(-np.logaddexp(0.0, -logits))  # the logistic function without overflow
        return scores

    def files(self) -> dict[str, bytes]:
        """Return the arrays, the vocabulary, what they belong to, and a model card."""
        from safetensors.numpy import save

        about = {"classifier": self.config.name, "config": self.config.digest, "threshold": self.threshold}
        arrays = {"idf": self.idf, "coefficients": self.coefficients, "intercept": np.array([self.intercept])}
        return {
            "weights.safetensors": save(arrays),  # npz would hold the time of writing
            "vocabulary.json": json.dumps(self.vocabulary, ensure_ascii=False).encode(),
            "config.json": (json.dumps(about, indent=2, sort_keys=True) + "\n").encode(),
            "README.md": _card(self).encode(),
        }


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


def fit_tfidf(config: ClassifierConfig, training: TrainingSet, *, seed: int) -> FittedTfidf:
    """Fit on the items outside the development split, each by its replicate weight, and choose the threshold on it.

    Raises
    ------
    ClassifierError
        When the texts share no n-gram.
    """
    from sklearn.linear_model import LogisticRegression

    keep = ~training.dev
    counter = _counter(config)
    try:
        counts = counter.fit_transform(training.texts[keep])
    except ValueError as error:  # scikit-learn's only word for an empty vocabulary
        raise ClassifierError(
            f"{config.name}: no character n-gram of lengths {config.ngrams} occurs in {_LEAST_DOCUMENTS} training texts; "
            "give more or longer texts"
        ) from error
    seen = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + seen)) + 1.0
    model = LogisticRegression(C=config.regularisation, solver="liblinear", max_iter=1000, random_state=0)
    model.fit(_weighted(counts, idf), training.labels[keep], sample_weight=item_weights(training.item_ids[keep], seed=seed))
    vocabulary = tuple(sorted(counter.vocabulary_, key=counter.vocabulary_.__getitem__))
    fitted = FittedTfidf(config, 0.5, vocabulary, idf, model.coef_[0].astype(np.float64), float(model.intercept_[0]))
    threshold = tune(fitted.score(training.texts[training.dev].tolist()), training.labels[training.dev])
    return FittedTfidf(config, threshold, vocabulary, idf, fitted.coefficients, fitted.intercept)


def load_tfidf(config: ClassifierConfig, files: Mapping[str, bytes]) -> FittedTfidf:
    """Rebuild a fit from :meth:`FittedTfidf.files`.

    Raises
    ------
    ClassifierError
        When the files belong to another configuration.
    """
    from safetensors.numpy import load

    about = json.loads(files["config.json"])
    if about["config"] != config.digest:
        raise ClassifierError(
            f"these weights were fitted with the config {about['config'][:12]}, and {config.name!r} now has {config.digest[:12]}"
        )
    arrays = load(files["weights.safetensors"])
    vocabulary = tuple(json.loads(files["vocabulary.json"]))
    return FittedTfidf(
        config, float(about["threshold"]), vocabulary, arrays["idf"], arrays["coefficients"], float(arrays["intercept"][0])
    )


def _counter(config: ClassifierConfig, vocabulary: Sequence[str] | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    rest: dict[str, Any] = (
        {"vocabulary": list(vocabulary)} if vocabulary else {"min_df": _LEAST_DOCUMENTS, "max_features": _MOST_NGRAMS}
    )
    return CountVectorizer(analyzer="char_wb", ngram_range=config.ngrams, lowercase=True, dtype=np.float64, **rest)


def _weighted(counts: Any, idf: np.ndarray) -> Any:
    """Return rows of unit length: (1 + log count) times the inverse document frequency."""
    from sklearn.preprocessing import normalize

    weighted = counts.copy()
    weighted.data = (1.0 + np.log(weighted.data)) * idf[weighted.indices]
    return normalize(weighted, copy=False)


def _card(fitted: FittedTfidf) -> str:
    config = fitted.config
    return "\n".join(
        [
            f"# {config.name}",
            "",
            f"Logistic regression on {len(fitted.vocabulary):,} character n-grams ({config.ngrams[0]} to {config.ngrams[1]}), "
            "weighted by TF-IDF.",
            "",
            f"- Threshold: {fitted.threshold:.4f} (greatest F1 on the development split)",
            f"- Configuration digest: `{config.digest}`",
            "",
            "A score says how the labels it was trained on would likely have come out; it is not a fact about a text.",
            "The vocabulary holds short pieces of the training texts.",
            "",
        ]
    )
