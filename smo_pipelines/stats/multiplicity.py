"""Adjusted p values for several tests read together."""

from collections.abc import Sequence

import numpy as np

__all__ = ["benjamini_hochberg", "holm"]


def _ordered(p_values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not bool(np.all((p >= 0.0) & (p <= 1.0))):
        raise ValueError("p values must be a flat sequence of numbers between 0 and 1")
    return p, np.argsort(p, kind="stable")


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p values adjusted so that rejecting those below alpha keeps the chance of any false rejection below alpha.

    Returns
    -------
    ndarray of shape (n_tests,), in the order given

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.
    """
    p, order = _ordered(p_values)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Return p values adjusted so that among those below q a share of at most q is expected to be false.

    Returns
    -------
    ndarray of shape (n_tests,), in the order given

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Statist. Soc. B 57, 289-300.
    """
    p, order = _ordered(p_values)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
