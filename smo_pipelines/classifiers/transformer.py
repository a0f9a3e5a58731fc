"""A transformer whose top layers and head are trained over cached activations of the frozen rest.

This module imports torch; import it inside the function that needs it.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from smo_pipelines.classifiers.bert import (
    BertShape,
    Dropout,
    bert_shape,
    encoder_layer,
    first_token_layer,
    layer_weights,
    read_weights,
)
from smo_pipelines.classifiers.encoder_cache import EncoderCache, compute_threads, pad
from smo_pipelines.classifiers.order import batches, epoch_order
from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.classifiers.weights import find_backbone
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.errors import ClassifierError

__all__ = ["FittedTransformer", "encoder_cache", "fit_transformer", "load_transformer"]

_MOST_ROWS = 32
_LEAST_ROWS = 8
_LEAST_STEPS = 40  # an epoch, as far as the fewest rows allow
_BUCKET = 8
_SCORE_ROWS = 32
_SCORE_BUCKET = 16
_WARM_UP = 0.1
_WEIGHT_DECAY = 0.01
_CLIP = 1.0
_DROPOUT = 0.1

Progress = Callable[[float], None] | None


@dataclass(frozen=True, eq=False)
class FittedTransformer:
    """Trained top layers, head and threshold.

    Attributes
    ----------
    threshold : float
        Scores at or above it are flagged.
    weights : dict of str to Tensor
        The trained tensors: ``0.qkv.weight`` ... for the lowest trained layer, ``head.weight``, ``head.bias`` ...
    """

    config: ClassifierConfig
    threshold: float
    weights: dict[str, Tensor]
    cache: EncoderCache

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of the positive class, shape (n,), float64.

        A text's score does not depend on the texts beside it: batches have a fixed number of rows.
        """
        states = self.cache.states(texts)
        scores = np.empty(len(texts))
        order = np.argsort([len(rows) for rows in states], kind="stable")
        lengths = np.array([len(rows) for rows in states], dtype=np.int64)
        layers = _by_layer(self.weights, self.config.train_layers)
        with torch.inference_mode(), compute_threads(self.config.threads):
            for chosen in batches(order, lengths, batch_tokens=10**9, most_rows=_SCORE_ROWS, bucket=_SCORE_BUCKET):
                length = min(-(-int(lengths[chosen].max()) // _SCORE_BUCKET) * _SCORE_BUCKET, self.cache.shape.positions)
                x, mask = pad([states[i] for i in chosen], length=length, count=_SCORE_ROWS)
                logits = _logits(layers, self.weights, x, mask, self.cache.shape, None)
                scores[chosen] = torch.sigmoid(logits[: len(chosen)].double()).numpy()
        return scores

    def files(self) -> dict[str, bytes]:
        """Return the trained tensors, what they belong to, and a model card."""
        from safetensors.torch import save

        about = {
            "classifier": self.config.name,
            "config": self.config.digest,
            "backbone": self.config.backbone,
            "backbone_digest": self.cache.backbone.digest,
            "threshold": self.threshold,
        }
        return {
            "weights.safetensors": save({name: tensor.detach().contiguous() for name, tensor in self.weights.items()}),
            "config.json": (json.dumps(about, indent=2, sort_keys=True) + "\n").encode(),
            "README.md": _card(self).encode(),
        }


def encoder_cache(config: ClassifierConfig, cache_dir: Path) -> EncoderCache:
    """Return the cache of the layers that a configuration freezes.

    Raises
    ------
    WeightsMissing, WeightsMismatch
        See :func:`smo_pipelines.classifiers.weights.find_backbone`.
    ClassifierError
        When the configuration asks for layers or lengths that the backbone does not have.
    """
    backbone = find_backbone(config, cache_dir)
    shape = bert_shape(backbone.folder)
    if not 1 <= config.train_layers <= shape.layers:
        raise ClassifierError(
            f"{config.name}: train_layers is {config.train_layers}; {config.backbone!r} has layers 1 to {shape.layers}"
        )
    if not 8 <= config.max_length <= shape.positions:
        raise ClassifierError(
            f"{config.name}: max_length is {config.max_length}; {config.backbone!r} reads 8 to {shape.positions} tokens"
        )
    return EncoderCache(backbone, frozen=shape.layers - config.train_layers, max_length=config.max_length, cache_dir=cache_dir)


def fit_transformer(
    config: ClassifierConfig, training: TrainingSet, *, seed: int, cache_dir: Path, progress: Progress = None
) -> FittedTransformer:
    """Train on the items outside the development split, and choose the threshold on it.

    The same arguments give the same bytes on one machine. The seed sets the head's first values, the dropout and the order.
    """
    cache = encoder_cache(config, cache_dir)
    weights = _initial(read_weights(cache.backbone.folder), cache.shape, config.train_layers, seed)
    states = cache.states(training.texts.tolist(), _part(progress, 0.0, 0.3))
    keep = np.flatnonzero(~training.dev)
    with compute_threads(config.threads):
        _train(
            weights,
            [states[i] for i in keep],
            training.labels[keep],
            training.item_ids[keep],
            config=config,
            shape=cache.shape,
            seed=seed,
            progress=_part(progress, 0.3, 0.95),
        )
    for tensor in weights.values():
        tensor.requires_grad_(False)
    fitted = FittedTransformer(config, 0.5, weights, cache)
    threshold = tune(fitted.score(training.texts[training.dev].tolist()), training.labels[training.dev])
    if progress:
        progress(1.0)
    return dataclasses.replace(fitted, threshold=threshold)


def load_transformer(config: ClassifierConfig, files: Mapping[str, bytes], cache_dir: Path) -> FittedTransformer:
    """Rebuild a fit from :meth:`FittedTransformer.files`.

    Raises
    ------
    ClassifierError
        When the files belong to another configuration or another backbone.
    """
    from safetensors.torch import load

    about = json.loads(files["config.json"])
    cache = encoder_cache(config, cache_dir)
    for what, kept, here in (
        ("config", about["config"], config.digest),
        ("backbone", about["backbone_digest"], cache.backbone.digest),
    ):
        if kept != here:
            raise ClassifierError(f"these weights were fitted with the {what} {kept[:12]}, and {config.name!r} now has {here[:12]}")
    return FittedTransformer(config, float(about["threshold"]), load(files["weights.safetensors"]), cache)


def _initial(full: Mapping[str, Tensor], shape: BertShape, train_layers: int, seed: int) -> dict[str, Tensor]:
    """Return the trained tensors as they start: the backbone's top layers and pooler, and a head drawn from the seed."""
    weights: dict[str, Tensor] = {}
    for position, index in enumerate(range(shape.layers - train_layers, shape.layers)):
        for name, tensor in layer_weights(full, index).items():
            weights[f"{position}.{name}"] = tensor.clone()
    stream = np.random.Generator(np.random.PCG64(_seed("head", seed)))
    drawn = stream.normal(0.0, 0.02, size=(1 + shape.hidden, shape.hidden)).astype(np.float32)
    weights["pooler.weight"] = full.get("pooler.dense.weight", torch.from_numpy(drawn[1:].copy())).clone()
    weights["pooler.bias"] = full.get("pooler.dense.bias", torch.zeros(shape.hidden)).clone()
    weights["head.weight"] = torch.from_numpy(drawn[:1].copy())
    weights["head.bias"] = torch.zeros(1)
    return weights


def _by_layer(weights: Mapping[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    return [
        {name.split(".", 1)[1]: tensor for name, tensor in weights.items() if name.startswith(f"{layer}.")}
        for layer in range(count)
    ]


def _logits(
    layers: Sequence[Mapping[str, Tensor]],
    weights: Mapping[str, Tensor],
    x: Tensor,
    mask: Tensor,
    shape: BertShape,
    drop: Dropout | None,
) -> Tensor:
    """Return one logit a row; the last layer is computed for the first token only."""
    for layer in layers[:-1]:
        x = encoder_layer(layer, x, mask, shape, drop)
    pooled = first_token_layer(layers[-1], x, mask, shape, drop)
    pooled = torch.tanh(functional.linear(pooled, weights["pooler.weight"], weights["pooler.bias"]))
    return functional.linear(drop(pooled) if drop else pooled, weights["head.weight"], weights["head.bias"])[:, 0]


def _train(
    weights: dict[str, Tensor],
    states: Sequence[np.ndarray],
    labels: np.ndarray,
    item_ids: np.ndarray,
    *,
    config: ClassifierConfig,
    shape: BertShape,
    seed: int,
    progress: Progress,
) -> None:
    """Train the tensors in place."""
    lengths = np.array([len(rows) for rows in states], dtype=np.int64)
    steps = _schedule(item_ids, lengths, config, seed)
    targets = torch.from_numpy(labels.astype(np.float32))
    optimizer = _optimizer(weights, config.lr)
    drop = Dropout(_seed("dropout", seed), _DROPOUT)
    tensors = list(weights.values())
    layers = _by_layer(weights, config.train_layers)
    for step, chosen in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * _rate(step, len(steps))
        x, mask = pad([states[i] for i in chosen], length=int(lengths[chosen].max()), count=len(chosen))
        loss = functional.binary_cross_entropy_with_logits(_logits(layers, weights, x, mask, shape, drop), targets[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(tensors, _CLIP)
        optimizer.step()
        if progress:
            progress((step + 1) / len(steps))


def _schedule(item_ids: np.ndarray, lengths: np.ndarray, config: ClassifierConfig, seed: int) -> list[np.ndarray]:
    """Return every batch of the training, in order; a small set gets smaller batches, so that it still gives enough steps."""
    most_rows = min(_MOST_ROWS, max(_LEAST_ROWS, len(item_ids) // _LEAST_STEPS))
    return [
        rows
        for epoch in range(config.epochs)
        for rows in batches(
            epoch_order(item_ids, seed=seed, epoch=epoch),
            lengths,
            batch_tokens=config.batch_tokens,
            most_rows=most_rows,
            bucket=_BUCKET,
        )
    ]


def _rate(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step: up over the first tenth, then down to 0."""
    warm = max(1, round(_WARM_UP * steps))
    return (step + 1) / warm if step < warm else (steps - step) / max(1, steps - warm)


def _optimizer(weights: Mapping[str, Tensor], lr: float) -> torch.optim.Optimizer:
    matrices = [tensor.requires_grad_() for tensor in weights.values() if tensor.ndim > 1]
    vectors = [tensor.requires_grad_() for tensor in weights.values() if tensor.ndim == 1]
    groups: list[dict[str, Any]] = [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, fused=True)


def _seed(what: str, seed: int) -> int:
    return int(hash_to_unit(what, [str(seed)])[0] * 2**53)


def _part(progress: Progress, start: float, stop: float) -> Progress:
    """Return a progress callback for a part of the work."""
    return (lambda done: progress(start + done * (stop - start))) if progress else None


def _card(fitted: FittedTransformer) -> str:
    config = fitted.config
    return "\n".join(
        [
            f"# {config.name}",
            "",
            f"The top {config.train_layers} encoder layers of `{config.backbone}` and a classification head, trained together.",
            "Only the trained tensors are here; they work on that backbone alone, checked by digest when they are loaded.",
            "",
            f"- Threshold: {fitted.threshold:.4f} (greatest F1 on the development split)",
            f"- Backbone digest: `{fitted.cache.backbone.digest}`",
            f"- Configuration digest: `{config.digest}`",
            "",
            "A score says how the labels it was trained on would likely have come out; it is not a fact about a text.",
            "",
        ]
    )
