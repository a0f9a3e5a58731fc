"""The trained part of an encoder as a function of its weights: from where the frozen part ends to one number a class.

This module imports torch; import it inside the function that needs it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from smo_pipelines.classifiers.bert import (
    EMBEDDINGS,
    BertShape,
    Dropout,
    embed,
    encoder_layer,
    first_token_layer,
    from_inner_values,
    layer_weights,
)
from smo_pipelines.classifiers.cut import Cut
from smo_pipelines.classifiers.inner_values import split
from smo_pipelines.domain.classifiers import LowestLayer
from smo_pipelines.domain.digests import hash_to_unit

__all__ = ["frozen_weights", "initial_weights", "log_probabilities", "pack", "seed_of"]

Weights = Mapping[str, Tensor]
_OF_LOWEST = {
    LowestLayer.whole: ("",),
    LowestLayer.feed_forward: ("up.", "down.", "norm2."),
    LowestLayer.output: ("down.", "norm2."),
}
_HEAD_SPREAD = 0.02  # BERT's own initialisation


def frozen_weights(full: Weights, cut: Cut, lowest: LowestLayer) -> dict[str, Tensor]:
    """Return the tensors above the cut that are used and not trained, under the names of the trained ones."""
    if not cut.attention or lowest is not LowestLayer.output:
        return {}
    return {f"0.{name}": tensor for name, tensor in layer_weights(full, cut.layers).items() if name.startswith("up.")}


def initial_weights(
    full: Weights, shape: BertShape, cut: Cut, lowest: LowestLayer, *, outputs: int, seed: int
) -> dict[str, Tensor]:
    """Return the trained tensors as they start: the backbone's own above the cut, its pooler, and a head drawn from the seed.

    Parameters
    ----------
    full : mapping of str to Tensor
        All of the backbone's weights.
    lowest : LowestLayer
        What is trained of the lowest layer where the cut is in the middle of it.
    outputs : int
        Rows of the head: 1 for two classes, else one a class.
    """
    weights: dict[str, Tensor] = {}
    if cut.layers < 0:
        weights = {
            name: tensor.clone() for name, tensor in full.items() if name.startswith(EMBEDDINGS) and tensor.is_floating_point()
        }
    first = max(cut.layers, 0)
    for position, index in enumerate(range(first, shape.layers)):
        for name, tensor in layer_weights(full, index).items():
            if position or not cut.attention or name.startswith(_OF_LOWEST[lowest]):
                weights[f"{position}.{name}"] = tensor.clone()
    stream = np.random.Generator(np.random.PCG64(seed_of("head", seed)))
    drawn = stream.normal(0.0, _HEAD_SPREAD, size=(outputs + shape.hidden, shape.hidden)).astype(np.float32)
    weights["pooler.weight"] = full.get("pooler.dense.weight", torch.from_numpy(drawn[outputs:].copy())).clone()
    weights["pooler.bias"] = full.get("pooler.dense.bias", torch.zeros(shape.hidden)).clone()
    weights["head.weight"] = torch.from_numpy(drawn[:outputs].copy())
    weights["head.bias"] = torch.zeros(outputs)
    return weights


def pack(rows: Sequence[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
    """Put the tokens of several texts one after another, without padding.

    Returns
    -------
    tokens : Tensor of shape (n_tokens, width), float32
    mask : Tensor of shape (n_texts, longest), bool
        Where those tokens stand once they are padded.
    """
    lengths = np.array([len(row) for row in rows])
    mask = torch.from_numpy(np.arange(lengths.max()) < lengths[:, None])
    return torch.from_numpy(np.concatenate(rows)).to(device).float(), mask.to(device)


def log_probabilities(weights: Weights, x: Tensor, mask: Tensor, cut: Cut, shape: BertShape, drop: Dropout | None = None) -> Tensor:
    """Return the log-probability of each class: shape (rows, n_classes), float32.

    The last layer is computed for the first token only.

    Parameters
    ----------
    x : Tensor
        What the frozen part gives: token ids (rows, length) where nothing is frozen, else hidden states (rows, length, hidden), or
        (n_tokens, hidden) from :func:`pack` where the cut is in the middle of a layer; the inner values may stand behind them.
    mask : Tensor of shape (rows, length), bool
        True where there is a token.
    drop : Dropout, optional
        None when scoring.
    """
    layers = _by_layer(weights, shape.layers - max(cut.layers, 0))
    if cut.layers < 0:
        x = embed(weights, x, shape)
    if cut.attention:
        x = from_inner_values(layers[0], *split(x, layers[0]), shape, drop)
        layers = layers[1:]
        x = _unpack(x, mask) if x.ndim == 2 else x
    for layer in layers[:-1]:
        x = encoder_layer(layer, x, mask, shape, drop)
    pooled = first_token_layer(layers[-1], x, mask, shape, drop)
    pooled = torch.tanh(functional.linear(pooled, weights["pooler.weight"], weights["pooler.bias"]))
    logits = functional.linear(drop(pooled) if drop else pooled, weights["head.weight"], weights["head.bias"]).float()
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return functional.log_softmax(logits, dim=1)


def seed_of(what: str, seed: int) -> int:
    """Return a seed for one use of randomness in one replicate."""
    return int(hash_to_unit(what, [str(seed)])[0] * 2**53)


def _by_layer(weights: Weights, count: int) -> list[dict[str, Tensor]]:
    return [
        {name.split(".", 1)[1]: tensor for name, tensor in weights.items() if name.startswith(f"{layer}.")}
        for layer in range(count)
    ]


def _unpack(tokens: Tensor, mask: Tensor) -> Tensor:
    """Pad packed tokens with zeros: (n_tokens, hidden) to (rows, length, hidden)."""
    places = mask.flatten().nonzero()[:, 0]
    padded = tokens.new_zeros(mask.numel(), tokens.shape[1]).index_copy(0, places, tokens)
    return padded.view(*mask.shape, -1)
