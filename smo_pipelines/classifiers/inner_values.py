"""What the frozen first matrix of a feed-forward part gives, kept in memory for all epochs and replicates of one process.

It is four times as wide as a hidden state, so that it is not kept on disk: computed anew in every process, it costs a third of one epoch.

This module imports torch; import it inside the function that needs it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from smo_pipelines.domain.digests import digest_of

__all__ = ["MOST_BYTES", "split", "with_inner_values"]

MOST_BYTES = 2**30
"""More than this is not kept: the values are then computed in every step, as they are when scoring."""

_CHUNK_TOKENS = 4096
_kept: dict[str, list[np.ndarray]] = {}


def with_inner_values(states: Sequence[np.ndarray], up: Mapping[str, Tensor], name: str) -> Sequence[np.ndarray]:
    """Return each text's hidden states with the inner values behind them, or the states as they are where that is too much to keep.

    Parameters
    ----------
    states : sequence of ndarray of shape (n_tokens, hidden), float16
    up : mapping of str to Tensor
        ``0.up.weight`` (inner, hidden) and ``0.up.bias``.
    name : str
        Names these states and weights; the last ones asked for stay in memory.

    Returns
    -------
    sequence of ndarray of shape (n_tokens, hidden + inner), float16
    """
    inner, hidden = up["0.up.weight"].shape
    if sum(len(rows) for rows in states) * (hidden + inner) * 2 > MOST_BYTES:
        return states
    key = digest_of({"name": name, "texts": len(states)})
    if key not in _kept:
        _kept.clear()
        _kept[key] = _compute(states, up)
    return _kept[key]


def split(x: Tensor, weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return hidden states (..., hidden) and inner values (..., inner), computed where ``x`` does not hold them."""
    inner, hidden = weights["up.weight"].shape
    if x.shape[-1] == hidden + inner:
        return x[..., :hidden], x[..., hidden:]
    return x, functional.gelu(functional.linear(x, weights["up.weight"], weights["up.bias"]))


def _compute(states: Sequence[np.ndarray], up: Mapping[str, Tensor]) -> list[np.ndarray]:
    """Compute chunk by chunk, cut by position, so that equal states give equal bytes."""
    ends = np.cumsum([len(rows) for rows in states])
    cuts = np.searchsorted(ends, np.arange(_CHUNK_TOKENS, ends[-1] + _CHUNK_TOKENS, _CHUNK_TOKENS), side="left") + 1
    found: list[np.ndarray] = []
    start = 0
    with torch.inference_mode():
        for stop in np.minimum(cuts, len(states)).tolist():
            if stop <= start:
                continue
            tokens = np.concatenate(states[start:stop])
            x = torch.from_numpy(tokens).float()
            inner = functional.gelu(functional.linear(x, up["0.up.weight"], up["0.up.bias"])).numpy().astype(tokens.dtype)
            wide = np.concatenate([tokens, inner], axis=1)
            found.extend(np.split(wide, np.cumsum([len(rows) for rows in states[start:stop]])[:-1]))
            start = stop
    return found
