"""A BERT-like encoder as functions of its weights, cut where training starts.

Written out rather than taken from a model class because things are needed that a model class does not offer: the output of a middle
layer, or of half of one, for a text alone, and a last layer that is computed for the first token only. Tested against the model
classes of ``transformers`` on the same weights.

This module imports torch; import it inside the function that needs it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from smo_pipelines.errors import ClassifierError

__all__ = [
    "EMBEDDINGS",
    "BertShape",
    "Dropout",
    "attention_half",
    "bert_shape",
    "embed",
    "encoder_layer",
    "feed_forward_half",
    "first_token_layer",
    "from_inner_values",
    "layer_weights",
    "read_weights",
]

Weights = Mapping[str, Tensor]


EMBEDDINGS = "embeddings."
"""What the names of the embeddings' tensors begin with."""

# What differs between these families is the names of the weights, and where positions start: after the padding token's in RoBERTa's.
_FAMILIES = {"bert": 0, "roberta": 1, "xlm-roberta": 1, "camembert": 1, "distilbert": 0}
_PREFIX = re.compile(r"^(bert|roberta|distilbert)\.")
_DISTILBERT = (
    (r"^transformer\.layer\.(\d+)\.", r"encoder.layer.\1."),
    (r"\.attention\.q_lin\.", ".attention.self.query."),
    (r"\.attention\.k_lin\.", ".attention.self.key."),
    (r"\.attention\.v_lin\.", ".attention.self.value."),
    (r"\.attention\.out_lin\.", ".attention.output.dense."),
    (r"\.sa_layer_norm\.", ".attention.output.LayerNorm."),
    (r"\.ffn\.lin1\.", ".intermediate.dense."),
    (r"\.ffn\.lin2\.", ".output.dense."),
    (r"\.output_layer_norm\.", ".output.LayerNorm."),
)


@dataclass(frozen=True, kw_only=True)
class BertShape:
    """The numbers that an encoder's configuration file gives.

    Attributes
    ----------
    positions : int
        The most tokens of a text.
    first_position : int
        Row of the position embeddings that the first token has.
    """

    layers: int
    hidden: int
    heads: int
    eps: float
    positions: int
    first_position: int = 0


def bert_shape(folder: Path) -> BertShape:
    """Read a backbone's ``config.json``.

    Raises
    ------
    ClassifierError
        When there is none, or the backbone is not a BERT-like encoder with absolute positions and GELU.
    """
    path = folder / "config.json"
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClassifierError(
            f"the backbone's {path} cannot be read as JSON ({type(error).__name__}); save the model there again"
        ) from error
    family = given.get("model_type")
    found = (given.get("hidden_act", given.get("activation", "gelu")), given.get("position_embedding_type", "absolute"))
    if family not in _FAMILIES or found != ("gelu", "absolute"):
        raise ClassifierError(
            f"the backbone in {folder} has model_type {family!r}, activation {found[0]!r} and {found[1]} positions; what can be trained "
            f"here is {', '.join(_FAMILIES)}, with gelu and absolute positions: choose such a backbone, or kind tfidf"
        )
    first = _FAMILIES[family] * (1 + int(given.get("pad_token_id", 1)))
    return BertShape(
        layers=given.get("num_hidden_layers", given.get("n_layers")),
        hidden=given.get("hidden_size", given.get("dim")),
        heads=given.get("num_attention_heads", given.get("n_heads")),
        eps=given.get("layer_norm_eps", 1e-12),
        positions=given["max_position_embeddings"] - first,
        first_position=first,
    )


class Dropout:
    """Dropout that draws from its own generator, so that no global seed is touched.

    The keep-or-drop bits are single bytes: on a processor of a NumPy stream, ten times the speed of torch's Bernoulli sampler on one
    thread; on a GPU of a generator there.

    Parameters
    ----------
    seed : int
        Seed of the stream.
    rate : float
        Wanted drop rate; the rate used is the nearest multiple of 1/256.
    """

    def __init__(self, seed: int, rate: float = 0.1) -> None:
        self._seed = seed
        self._stream = np.random.Generator(np.random.SFC64(seed))
        self._on_gpu: torch.Generator | None = None
        self._below = round(rate * 256)
        self._scale = 256 / (256 - self._below)

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``x`` with a random tenth of its entries zeroed and the others scaled up to the same mean."""
        keep = self._bytes(x).ge(self._below)
        return x * (keep.to(x.dtype) * self._scale)

    def _bytes(self, x: Tensor) -> Tensor:
        if not x.is_cuda:
            bits = np.frombuffer(bytearray(self._stream.bytes(x.numel())), dtype=np.uint8)
            return torch.from_numpy(bits).view(x.shape)
        if self._on_gpu is None:
            self._on_gpu = torch.Generator(x.device).manual_seed(self._seed)
        return torch.randint(0, 256, x.shape, dtype=torch.uint8, device=x.device, generator=self._on_gpu)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read ``model.safetensors`` under BERT's names, whatever the family, in float32."""
    from safetensors.torch import load_file

    return {_bert_name(name): tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}


def _bert_name(name: str) -> str:
    name = _PREFIX.sub("", name)
    if name.startswith("transformer."):
        for pattern, renamed in _DISTILBERT:
            name = re.sub(pattern, renamed, name)
    return name


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
    types = weights.get("embeddings.token_type_embeddings.weight")
    x = x if types is None else x + types[0]
    x = x + weights["embeddings.position_embeddings.weight"][shape.first_position :][: ids.shape[1]]
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
    return feed_forward_half(w, attention_half(w, x, mask, shape, drop), shape, drop)


def attention_half(w: Weights, x: Tensor, mask: Tensor, shape: BertShape, drop: Dropout | None = None) -> Tensor:
    """Apply the first half of a layer: attention, residual and norm; arguments and shapes as in :func:`encoder_layer`."""
    rows, length, hidden = x.shape
    qkv = functional.linear(x, w["qkv.weight"], w["qkv.bias"])
    q, k, v = qkv.view(rows, length, 3, shape.heads, hidden // shape.heads).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
    return _after_attention(w, x, mixed.transpose(1, 2).reshape(rows, length, hidden), shape, drop)


def feed_forward_half(w: Weights, x: Tensor, shape: BertShape, drop: Dropout | None = None) -> Tensor:
    """Apply the second half of a layer, in which each position is by itself: (..., hidden) to (..., hidden)."""
    return from_inner_values(w, x, functional.gelu(functional.linear(x, w["up.weight"], w["up.bias"])), shape, drop)


def from_inner_values(w: Weights, x: Tensor, inner: Tensor, shape: BertShape, drop: Dropout | None = None) -> Tensor:
    """Apply what follows the inner values (..., inner) of a layer's second half to its input (..., hidden): (..., hidden)."""
    branch = functional.linear(inner, w["down.weight"], w["down.bias"])
    return functional.layer_norm(
        x + (drop(branch) if drop else branch), (shape.hidden,), w["norm2.weight"], w["norm2.bias"], shape.eps
    )


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
    return feed_forward_half(w, _after_attention(w, first, mixed, shape, drop), shape, drop)


def _after_attention(w: Weights, x: Tensor, mixed: Tensor, shape: BertShape, drop: Dropout | None) -> Tensor:
    branch = functional.linear(mixed, w["out.weight"], w["out.bias"])
    return functional.layer_norm(
        x + (drop(branch) if drop else branch), (shape.hidden,), w["norm1.weight"], w["norm1.bias"], shape.eps
    )
