"""A BERT encoder as functions of its weights, cut where training starts.

Written out rather than taken from a model class because two things are needed that a model class does not offer: the output of a
middle layer for a text alone, and a last layer that is computed for the first token only. Tested against
``transformers.BertModel`` on the same weights.

This module imports torch; import it inside the function that needs it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from smo_pipelines.errors import ClassifierError

__all__ = ["BertShape", "Dropout", "bert_shape", "embed", "encoder_layer", "first_token_layer", "layer_weights", "read_weights"]

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class BertShape:
    """The numbers that a BERT's configuration file gives."""

    layers: int
    hidden: int
    heads: int
    eps: float
    positions: int


def bert_shape(folder: Path) -> BertShape:
    """Read a backbone's ``config.json``.

    Raises
    ------
    ClassifierError
        When the backbone is not a BERT with absolute positions and GELU.
    """
    given = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found = (given.get("model_type"), given.get("hidden_act", "gelu"), given.get("position_embedding_type", "absolute"))
    if found != ("bert", "gelu", "absolute"):
        raise ClassifierError(
            f"the backbone in {folder} has (model_type, hidden_act, position_embedding_type) = {found}; only ('bert', 'gelu', "
            "'absolute') can be trained here: choose another backbone, or kind 'tfidf'"
        )
    return BertShape(
        layers=given["num_hidden_layers"],
        hidden=given["hidden_size"],
        heads=given["num_attention_heads"],
        eps=given.get("layer_norm_eps", 1e-12),
        positions=given["max_position_embeddings"],
    )


class Dropout:
    """Dropout that draws from its own generator, so that no global seed is touched.

    The keep-or-drop bits are single bytes of a NumPy stream: ten times the speed of torch's Bernoulli sampler on one CPU thread.

    Parameters
    ----------
    seed : int
        Seed of the stream.
    rate : float
        Wanted drop rate; the rate used is the nearest multiple of 1/256.
    """

    def __init__(self, seed: int, rate: float = 0.1) -> None:
        self._stream = np.random.Generator(np.random.SFC64(seed))
        self._below = round(rate * 256)
        self._scale = 256 / (256 - self._below)

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``x`` with a random tenth of its entries zeroed and the others scaled up to the same mean."""
        bits = np.frombuffer(bytearray(self._stream.bytes(x.numel())), dtype=np.uint8)
        keep = torch.from_numpy(bits).view(x.shape).ge(self._below)
        return x * (keep.to(x.dtype) * self._scale)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read ``model.safetensors``, without the ``bert.`` prefix that some exports put before every name."""
    from safetensors.torch import load_file

    return {name.removeprefix("bert."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}


def layer_weights(weights: Weights, index: int) -> dict[str, Tensor]:
    """Return one encoder layer's weights under short names; query, key and value are one matrix."""
    old = f"encoder.layer.{index}."
    own = [f"{old}attention.self.{name}." for name in ("query", "key", "value")]
    named = {
        "qkv.weight": torch.cat([weights[name + "weight"] for name in own]),
        "qkv.bias": torch.cat([weights[name + "bias"] for name in own]),
    }
    renamed = (
        ("out", "attention.output.dense"),
        ("norm1", "attention.output.LayerNorm"),
        ("up", "intermediate.dense"),
        ("down", "output.dense"),
        ("norm2", "output.LayerNorm"),
    )
    for new, name in renamed:
        for part in ("weight", "bias"):
            named[f"{new}.{part}"] = weights[f"{old}{name}.{part}"]
    return named


def embed(weights: Weights, ids: Tensor, shape: BertShape) -> Tensor:
    """Return the embeddings of token ids, shape (rows, length) to (rows, length, hidden)."""
    x = functional.embedding(ids, weights["embeddings.word_embeddings.weight"])
    x = x + weights["embeddings.token_type_embeddings.weight"][0]
    x = x + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
    norm = (weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
    return functional.layer_norm(x, (shape.hidden,), *norm, eps=shape.eps)


def encoder_layer(w: Weights, x: Tensor, mask: Tensor, shape: BertShape, drop: Dropout | None = None) -> Tensor:
    """Apply one encoder layer to every position.

    Parameters
    ----------
    w : mapping of str to Tensor
        From :func:`layer_weights`.
    x : Tensor of shape (rows, length, hidden)
    mask : Tensor of shape (rows, length), bool
        True where there is a token.
    drop : Dropout, optional
        Applied to both residual branches; None when scoring. Attention weights are not dropped: the fused attention kernel has
        no such path on a CPU.
    """
    rows, length, hidden = x.shape
    qkv = functional.linear(x, w["qkv.weight"], w["qkv.bias"])
    q, k, v = qkv.view(rows, length, 3, shape.heads, hidden // shape.heads).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
    return _after_attention(w, x, mixed.transpose(1, 2).reshape(rows, length, hidden), shape, drop)


def first_token_layer(w: Weights, x: Tensor, mask: Tensor, shape: BertShape, drop: Dropout | None = None) -> Tensor:
    """Apply one encoder layer and return its first position only: (rows, length, hidden) to (rows, hidden).

    Keys and values are never formed. With ``q`` the first token's query of one head, ``q . (K x_t + b) = (K' q) . x_t + const``,
    and a constant leaves the softmax alone; ``sum_t a_t (V x_t + b) = V (sum_t a_t x_t) + b`` because the weights sum to one.
    Each matrix then meets one vector a text in place of one a token, with the same result up to rounding.
    """
    rows, _, hidden = x.shape
    heads, size = shape.heads, hidden // shape.heads
    to_q, to_k, to_v = w["qkv.weight"].chunk(3)
    bias_q, _, bias_v = w["qkv.bias"].chunk(3)
    first = x[:, 0]
    q = functional.linear(first, to_q, bias_q).view(rows, heads, size).transpose(0, 1)
    seen = torch.bmm(q, to_k.view(heads, size, hidden)).transpose(0, 1)  # (rows, heads, hidden)
    logits = torch.bmm(seen, x.transpose(1, 2)) / size**0.5
    weights = logits.masked_fill(~mask[:, None, :], float("-inf")).softmax(dim=-1)
    mean = torch.bmm(weights, x).transpose(0, 1)  # (heads, rows, hidden)
    mixed = torch.bmm(mean, to_v.view(heads, size, hidden).transpose(1, 2)).transpose(0, 1).reshape(rows, hidden) + bias_v
    return _after_attention(w, first, mixed, shape, drop)


def _after_attention(w: Weights, x: Tensor, mixed: Tensor, shape: BertShape, drop: Dropout | None) -> Tensor:
    branch = functional.linear(mixed, w["out.weight"], w["out.bias"])
    x = functional.layer_norm(
        x + (drop(branch) if drop else branch), (shape.hidden,), w["norm1.weight"], w["norm1.bias"], shape.eps
    )
    branch = functional.linear(
        functional.gelu(functional.linear(x, w["up.weight"], w["up.bias"])), w["down.weight"], w["down.bias"]
    )
    return functional.layer_norm(
        x + (drop(branch) if drop else branch), (shape.hidden,), w["norm2.weight"], w["norm2.bias"], shape.eps
    )
