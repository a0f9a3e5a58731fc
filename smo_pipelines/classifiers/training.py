"""The training loop: AdamW over batches whose order and content are functions of the seed and the items.

This module imports torch; import it inside the function that needs it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smo_pipelines.classifiers.bert import BertShape, Dropout
from smo_pipelines.classifiers.cut import Cut
from smo_pipelines.classifiers.encoder_cache import pad
from smo_pipelines.classifiers.order import batches, epoch_order
from smo_pipelines.classifiers.trained_part import log_probabilities, pack, seed_of
from smo_pipelines.domain.classifiers import ClassifierConfig, Precision

__all__ = ["precision_of", "train"]

_MOST_ROWS = 32
_LEAST_ROWS = 8
_LEAST_STEPS = 40  # an epoch, as far as the fewest rows allow
_BUCKET = 8
_WARM_UP = 0.1
_WEIGHT_DECAY = 0.01
_CLIP = 1.0
_DROPOUT = 0.1


def precision_of(config: ClassifierConfig) -> AbstractContextManager[Any]:
    """Return a context in which matrices are multiplied in the configuration's precision; weights stay float32."""
    if config.precision is Precision.bfloat16:
        return torch.autocast(config.device.value, dtype=torch.bfloat16)
    return nullcontext()


def train(
    weights: dict[str, Tensor],
    frozen: Mapping[str, Tensor],
    states: Sequence[np.ndarray],
    targets: np.ndarray,
    item_ids: np.ndarray,
    *,
    config: ClassifierConfig,
    cut: Cut,
    shape: BertShape,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Train the tensors in place.

    Parameters
    ----------
    frozen : mapping of str to Tensor
        Tensors that are used beside them and stay as they are.
    states : sequence of ndarray
        What the frozen part gives for each item.
    targets : ndarray of shape (n_items, n_classes), float64
        How much of each class an item is, times the weight of the class; the loss is the mean over a batch of the weighted
        cross-entropy.
    """
    device = torch.device(config.device.value)
    lengths = np.array([len(rows) for rows in states], dtype=np.int64)
    steps = _schedule(item_ids, lengths, config, seed)
    wanted = torch.from_numpy(targets.astype(np.float32)).to(device)
    optimizer = _optimizer(weights, config.lr)
    drop = Dropout(seed_of("dropout", seed), _DROPOUT)
    tensors = list(weights.values())
    for step, chosen in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * _rate(step, len(steps))
        rows = [states[i] for i in chosen]
        if cut.attention:
            x, mask = pack(rows, device)
        else:
            x, mask = pad(rows, length=int(lengths[chosen].max()), count=len(chosen), device=device)
        with precision_of(config):
            log_p = log_probabilities({**frozen, **weights}, x, mask, cut, shape, drop)
        loss = -(wanted[chosen] * log_p).sum() / len(chosen)
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
