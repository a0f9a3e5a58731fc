"""How fast this machine multiplies matrices, and how many multiplications a fit needs: what part of the machine a fit uses."""

import time

import numpy as np

from smo_pipelines.classifiers.cut import Cut
from smo_pipelines.domain.classifiers import LowestLayer

__all__ = ["measured_gflops", "useful_gflop"]


def measured_gflops(threads: int, seconds: float = 1.0) -> float:
    """Return the speed of a feed-forward layer's own product, (1024, 384) by (384, 1536), in float32."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    one, other = torch.randn(1024, 384), torch.randn(384, 1536)
    one @ other
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        one @ other
        count += 1
    speed = count * 2 * 1024 * 384 * 1536 / (time.perf_counter() - start) / 1e9
    torch.set_num_threads(before)
    return speed


def useful_gflop(tokens: np.ndarray, *, cut: Cut, lowest: LowestLayer, layers: int, hidden: int, epochs: int) -> float:
    """Return the multiplications and additions of a fit's matrix products on its own tokens, padding left out, in 1e9.

    Parameters
    ----------
    tokens : ndarray of shape (n_items,), int
        Tokens of each training item.

    Notes
    -----
    A layer holds 12 hidden^2 weights: query, key, value and output 4, feed-forward 8. A forward product costs two operations a weight
    and token; the gradient of the weights and of the input cost the same again, the latter not where nothing below is trained. The
    last layer multiplies one vector a text.
    """
    square = 2.0 * hidden * hidden
    whole = layers - max(cut.layers, 0) - 1 - cut.attention
    a_token = square * (12 * 3 * whole - (3 if whole and not cut.attention and cut.layers >= 0 else 0))
    if cut.attention:
        # forward 8; the gradient of one matrix or both, 4 each; of the inner values 4, only where the first matrix is trained
        a_token += square * (8 + 4 if lowest is LowestLayer.output else 8 + 8 + 4)
    a_text = square * 12 * 3
    return epochs * float(a_token * tokens.sum() + a_text * len(tokens)) / 1e9
