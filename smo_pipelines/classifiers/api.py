"""Fit, load and score a classifier, whatever its kind. Importing this module does not import torch."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from smo_pipelines.classifiers.fit_files import check_files
from smo_pipelines.classifiers.hardware import on_this_machine
from smo_pipelines.classifiers.targets import learned, positive_score
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.errors import ClassifierError

__all__ = ["Fitted", "check_readable", "export", "fit", "identity", "load", "on_this_machine", "positive_score", "warm"]

_FIT_FILES = {
    ClassifierKind.tfidf: ("config.json", "vocabulary.json", "weights.safetensors"),
    ClassifierKind.transformer: ("config.json", "weights.safetensors"),
}


class Fitted(Protocol):
    """A fitted classifier."""

    @property
    def threshold(self) -> float:
        """Scores at or above it are flagged; chosen on the development split."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What was learned; two classes unless the configuration says ``by_label``."""

    @property
    def positives(self) -> tuple[str, ...]:
        """Which of the classes count as positive."""

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the summed probability of the positive classes: shape (n,), float64, in [0, 1]."""

    def class_scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of each class: shape (n, n_classes), float64."""

    def files(self) -> dict[str, bytes]:
        """Return everything that :func:`load` needs, by file name, and a model card; no pickles."""


def fit(
    config: ClassifierConfig,
    training: TrainingSet,
    *,
    seed: int,
    cache_dir: Path,
    progress: Callable[[float], None] | None = None,
) -> Fitted:
    """Fit a classifier on the items outside the development split, and choose its threshold on that split.

    Parameters
    ----------
    seed : int
        The replicate. ``tfidf`` draws item weights from it; a transformer its head, dropout and order.
    cache_dir : Path
        For what is computed once a text; shared between processes.
    progress : callable, optional
        Called with the fraction done, in [0, 1].

    Raises
    ------
    ClassifierError
        When either part of the set lacks a class, or this machine lacks the device or precision that is asked for.
    WeightsMissing, WeightsMismatch
        When a transformer's backbone is not there, or is not the expected one.
    """
    _check_classes(training)
    config = on_this_machine(config)
    if config.kind is ClassifierKind.tfidf:
        from smo_pipelines.classifiers.tfidf import fit_tfidf

        fitted = fit_tfidf(config, training, seed=seed)
        if progress:
            progress(1.0)
        return fitted
    from smo_pipelines.classifiers.transformer import fit_transformer

    return fit_transformer(config, training, seed=seed, cache_dir=cache_dir, progress=progress)


def load(config: ClassifierConfig, files: Mapping[str, bytes], cache_dir: Path) -> Fitted:
    """Rebuild a classifier from the bytes of :meth:`Fitted.files`.

    Raises
    ------
    ClassifierError
        When the files belong to another configuration or backbone, or are not whole.
    """
    check_files(files, _FIT_FILES[config.kind], config.name)
    config = on_this_machine(config)
    if config.kind is ClassifierKind.tfidf:
        from smo_pipelines.classifiers.tfidf import load_tfidf

        return load_tfidf(config, files)
    from smo_pipelines.classifiers.transformer import load_transformer

    return load_transformer(config, files, cache_dir)


def export(fitted: Fitted, folder: Path, *, labels: Sequence[str], facts: Mapping[str, str]) -> Path:
    """Write a fitted transformer as a folder that ``transformers`` reads by itself, and return it.

    Parameters
    ----------
    labels : sequence of str
        The names of the classes, the negative one first.
    facts : mapping of str to str
        Lines of the model card, e.g. ``{"Guideline": "hate@4"}``.

    Raises
    ------
    ClassifierError
        When the classifier is no transformer, or the folder is there already.
    """
    from smo_pipelines.classifiers.tfidf import FittedTfidf

    if isinstance(fitted, FittedTfidf):
        raise ClassifierError(
            f"{fitted.config.name!r} is character n-grams and a linear model, and transformers has no form for that: its files in the "
            "store are plain safetensors and JSON; `smo classifier score` scores with it"
        )
    from smo_pipelines.classifiers.export import ExportCard, export_transformer
    from smo_pipelines.classifiers.transformer import FittedTransformer

    if not isinstance(fitted, FittedTransformer):
        raise ClassifierError(f"a {type(fitted).__name__} cannot be exported; only transformers can")
    return export_transformer(fitted, folder, ExportCard(labels=labels, facts=facts))


def identity(config: ClassifierConfig, cache_dir: Path | None = None) -> str:
    """Return the name of what a fit starts from: the digest of the backbone's weights, or the kind where there is no backbone.

    Raises
    ------
    WeightsMissing, WeightsMismatch
        When the backbone is not there, or is not the expected one.
    """
    if config.kind is ClassifierKind.tfidf:
        return str(config.kind)
    from smo_pipelines.classifiers.weights import find_backbone

    return find_backbone(config, cache_dir).digest


def check_readable(config: ClassifierConfig, texts: Sequence[str], what: str, cache_dir: Path | None = None) -> None:
    """Refuse texts that the classifier's vocabulary does not cover; ``tfidf`` reads any script.

    Parameters
    ----------
    what : str
        What the texts are, for the message, e.g. ``"benchmark 'demo-gold'"``.
    cache_dir : Path, optional
        Where it is noted that the backbone's digest was verified.

    Raises
    ------
    UnknownTokens
        When more than 5% of the word pieces are unknown.
    """
    if config.kind is ClassifierKind.tfidf:
        return
    from smo_pipelines.classifiers.tokens import Tokeniser
    from smo_pipelines.classifiers.weights import find_backbone

    Tokeniser(find_backbone(config, cache_dir)).check(texts, what, config.backbone)


def warm(config: ClassifierConfig, texts: Sequence[str], cache_dir: Path, progress: Callable[[float], None] | None = None) -> None:
    """Compute what is kept for each text once, on every core, before many processes fit and score with it.

    Does nothing for ``tfidf``.
    """
    if config.kind is not ClassifierKind.tfidf:
        from smo_pipelines.classifiers.transformer import encoder_cache

        encoder_cache(config, cache_dir).states(texts, progress, workers=len(os.sched_getaffinity(0)))
    if progress:
        progress(1.0)


def _check_classes(training: TrainingSet) -> None:
    for name, part in (("training", ~training.dev), ("development", training.dev)):
        labels = training.labels[part]
        positive = int((labels == 1).sum())
        negative = int((labels == 0).sum())
        if not positive or not negative:
            raise ClassifierError(
                f"the {name} split has {positive} positive and {negative} negative items, and a classifier needs both: "
                "label more items, or check the recipe's labels"
            )
    if training.targets is not None:
        targets = learned(training).rows(np.flatnonzero(~training.dev))
        never = [name for name, share in zip(targets.classes, targets.shares.sum(axis=0), strict=True) if share == 0]
        if never:
            raise ClassifierError(
                f"no training item has the label {', '.join(map(repr, never))}, and a classifier cannot learn it: label more items, or "
                "leave by_label out of the classifier's file, to learn only which labels count as positive"
            )
