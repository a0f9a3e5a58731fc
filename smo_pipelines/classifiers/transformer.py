"""A transformer whose top is trained over cached activations of the frozen rest.

This module imports torch; import it inside the function that needs it.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from smo_pipelines.classifiers.bert import bert_shape, read_weights
from smo_pipelines.classifiers.cut import cut_of
from smo_pipelines.classifiers.encoder_cache import EncoderCache, compute_threads, pad
from smo_pipelines.classifiers.fit_files import about_fit, check_fit, read_arrays
from smo_pipelines.classifiers.frozen_head import FittedFrozenHead, fit_frozen_head
from smo_pipelines.classifiers.inner_values import with_inner_values
from smo_pipelines.classifiers.order import batches
from smo_pipelines.classifiers.regression import Regression
from smo_pipelines.classifiers.targets import class_weights, learned, positive_score
from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.classifiers.trained_part import frozen_weights, initial_weights, log_probabilities
from smo_pipelines.classifiers.training import precision_of, train
from smo_pipelines.classifiers.weights import find_backbone
from smo_pipelines.domain.classifiers import ClassifierConfig, LowestLayer
from smo_pipelines.domain.digests import digest_of_rows
from smo_pipelines.domain.labels import TIE, TrainingSet
from smo_pipelines.errors import ClassifierError

__all__ = ["FittedTransformer", "encoder_cache", "fit_transformer", "load_transformer", "trained_part_in_words"]

_SCORE_ROWS = 32
_SCORE_BUCKET = 8

Progress = Callable[[float], None] | None


@dataclass(frozen=True, eq=False)
class FittedTransformer:
    """Trained top layers, head and threshold.

    Attributes
    ----------
    threshold : float
        Scores at or above it are flagged.
    classes, positives : tuple of str
        What was learned; an item's score is the summed probability of the positive classes.
    weights : dict of str to Tensor
        The trained tensors: ``0.up.weight`` ... for the lowest trained layer, ``head.weight`` (1 or n_classes, hidden) ...
    """

    config: ClassifierConfig
    threshold: float
    classes: tuple[str, ...]
    positives: tuple[str, ...]
    weights: dict[str, Tensor]
    cache: EncoderCache

    def class_scores(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of each class, shape (n, n_classes), float64.

        A text's scores do not depend on the texts beside it: batches have a fixed number of rows.
        """
        states = self.cache.states(texts)
        scores = np.empty((len(texts), len(self.classes)))
        lengths = np.array([len(rows) for rows in states], dtype=np.int64)
        order = np.argsort(lengths, kind="stable")
        device = torch.device(self.config.device.value)
        frozen = frozen_weights(read_weights(self.cache.backbone.folder), self.cache.cut, self.config.lowest_layer)
        weights = {name: tensor.to(device) for name, tensor in (frozen | self.weights).items()}
        with torch.inference_mode(), compute_threads(self.config.threads), precision_of(self.config):
            for chosen in batches(order, lengths, batch_tokens=10**9, most_rows=_SCORE_ROWS, bucket=_SCORE_BUCKET):
                length = min(-(-int(lengths[chosen].max()) // _SCORE_BUCKET) * _SCORE_BUCKET, self.cache.shape.positions)
                x, mask = pad([states[i] for i in chosen], length=length, count=_SCORE_ROWS, device=device)
                log_p = log_probabilities(weights, x, mask, self.cache.cut, self.cache.shape)
                scores[chosen] = log_p[: len(chosen)].double().exp().cpu().numpy()
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of the positive classes, shape (n,), float64."""
        return positive_score(self.class_scores(texts), self.classes, self.positives)

    def files(self) -> dict[str, bytes]:
        """Return the trained tensors, what they belong to, and a model card."""
        from safetensors.torch import save

        about = {"backbone": self.config.backbone, "backbone_digest": self.cache.backbone.digest}
        return {
            "weights.safetensors": save({name: tensor.detach().cpu().contiguous() for name, tensor in self.weights.items()}),
            "config.json": about_fit(self.config, self.threshold, self.classes, self.positives, **about),
            "README.md": _card(self).encode(),
        }


def encoder_cache(config: ClassifierConfig, cache_dir: Path) -> EncoderCache:
    """Return the cache of what a configuration freezes.

    Raises
    ------
    WeightsMissing, WeightsMismatch
        See :func:`smo_pipelines.classifiers.weights.find_backbone`.
    ClassifierError
        When the configuration asks for layers or lengths that the backbone does not have.
    """
    backbone = find_backbone(config, cache_dir)
    shape = bert_shape(backbone.folder)
    if not 8 <= config.max_length <= shape.positions:
        raise ClassifierError(
            f"{config.name}: max_length is {config.max_length}; {config.backbone!r} reads 8 to {shape.positions} tokens"
        )
    return EncoderCache(backbone, cut=cut_of(config, shape.layers), max_length=config.max_length, cache_dir=cache_dir)


def fit_transformer(
    config: ClassifierConfig, training: TrainingSet, *, seed: int, cache_dir: Path, progress: Progress = None
) -> FittedTransformer | FittedFrozenHead:
    """Train on the items outside the development split, and choose the threshold on it.

    The same arguments give the same bytes on one machine. The seed sets the head's first values, the dropout and the order; of a head
    on a frozen encoder, the items' weights.
    """
    cache = encoder_cache(config, cache_dir)
    states = cache.states(training.texts.tolist(), _part(progress, 0.0, 0.3))
    if cache.cut.pooled:
        with compute_threads(config.threads):
            return fit_frozen_head(config, training, seed=seed, cache=cache)
    keep = np.flatnonzero(~training.dev)
    targets = learned(training).rows(keep)
    outputs = 1 if len(targets.classes) == 2 else len(targets.classes)
    full = read_weights(cache.backbone.folder)
    start = initial_weights(full, cache.shape, cache.cut, config.lowest_layer, outputs=outputs, seed=seed)
    weights = {name: tensor.to(config.device.value) for name, tensor in start.items()}
    frozen = frozen_weights(full, cache.cut, config.lowest_layer)
    with compute_threads(config.threads):
        kept: Sequence[np.ndarray] = [states[i] for i in keep]
        if frozen:
            kept = with_inner_values(kept, frozen, f"{cache.folder.name}/{digest_of_rows({'text': training.texts[keep]})}")
        train(
            weights,
            {name: tensor.to(config.device.value) for name, tensor in frozen.items()},
            kept,
            targets.shares * class_weights(targets, config.class_weighting),
            training.item_ids[keep],
            config=config,
            cut=cache.cut,
            shape=cache.shape,
            seed=seed,
            progress=_part(progress, 0.3, 0.95),
        )
    for tensor in weights.values():
        tensor.requires_grad_(False)
    fitted = FittedTransformer(config, 0.5, targets.classes, targets.positives, weights, cache)
    decided = training.dev & (training.labels != TIE)
    threshold = tune(fitted.score(training.texts[decided].tolist()), training.labels[decided])
    if progress:
        progress(1.0)
    return dataclasses.replace(fitted, threshold=threshold)


def load_transformer(config: ClassifierConfig, files: Mapping[str, bytes], cache_dir: Path) -> FittedTransformer | FittedFrozenHead:
    """Rebuild a fit from its files.

    Raises
    ------
    ClassifierError
        When the files belong to another configuration or another backbone, or are damaged.
    """
    cache = encoder_cache(config, cache_dir)
    about = check_fit(config, files, backbone=cache.backbone.digest)
    arrays = read_arrays(files)
    if cache.cut.pooled:
        head = Regression(about.classes, about.positives, arrays["coefficients"], arrays["intercepts"])
        return FittedFrozenHead(config, about.threshold, head, cache)
    weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return FittedTransformer(config, about.threshold, about.classes, about.positives, weights, cache)


def _part(progress: Progress, start: float, stop: float) -> Progress:
    """Return a progress callback for a part of the work."""
    return (lambda done: progress(start + done * (stop - start))) if progress else None


def trained_part_in_words(fitted: FittedTransformer) -> str:
    """Return which part of the encoder was trained, for a model card."""
    if fitted.config.train_layers == "all":
        return "all encoder layers and the embeddings"
    part = {LowestLayer.feed_forward: "the feed-forward part", LowestLayer.output: "the output matrix of the feed-forward part"}
    of_lowest = f" (of the lowest, {part[fitted.config.lowest_layer]})" if fitted.cache.cut.attention else ""
    return f"the top {fitted.config.train_layers} encoder layers{of_lowest}"


def _card(fitted: FittedTransformer) -> str:
    config = fitted.config
    trained = trained_part_in_words(fitted)
    return "\n".join(
        [
            f"# {config.name}",
            "",
            f"{trained[0].upper()}{trained[1:]} of `{config.backbone}` and a classification head, trained together.",
            "Only the trained tensors are here; they work on that backbone alone, checked by digest when they are loaded.",
            "",
            f"- Classes: {', '.join(fitted.classes)}; positive: {', '.join(fitted.positives)}",
            f"- Threshold: {fitted.threshold:.4f} (greatest F1 on the development split)",
            f"- Trained on {config.device} in {config.precision}",
            f"- Backbone digest: `{fitted.cache.backbone.digest}`",
            f"- Configuration digest: `{config.digest}`",
            "",
            "A score says how the labels it was trained on would likely have come out; it is not a fact about a text.",
            "",
        ]
    )
