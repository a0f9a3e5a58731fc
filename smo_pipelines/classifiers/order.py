"""In which order a fit sees its items: a pure function of ids and lengths, so that arms stay aligned when items differ."""

from collections.abc import Sequence

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit

__all__ = ["batches", "epoch_order"]


def epoch_order(item_ids: Sequence[str] | np.ndarray, *, seed: int, epoch: int) -> np.ndarray:
    """Return positions sorted by hash(seed, epoch, item id).

    Two sets that share items show the shared ones in the same order, whatever else they hold.

    Returns
    -------
    ndarray of shape (n_items,), int64
    """
    keys = hash_to_unit(f"training order\x00{seed}\x00{epoch}", (str(name) for name in item_ids))
    return np.lexsort((np.asarray(item_ids, dtype=str), keys))


def batches(order: np.ndarray, lengths: np.ndarray, *, batch_tokens: int, most_rows: int, bucket: int) -> list[np.ndarray]:
    """Cut an order into batches of similar length that hold at most ``batch_tokens`` padded tokens.

    Each length bucket fills its batches in the given order; a batch is emitted when it is full and the rest at the end, so
    batches of all lengths alternate over an epoch.

    Parameters
    ----------
    order : ndarray of shape (n_items,), int
        Positions.
    lengths : ndarray of shape (n_items,), int
        Tokens of each item, by position.
    most_rows : int
        Most items in a batch.
    bucket : int
        Lengths are rounded up to a multiple of this.
    """
    padded = -(-np.asarray(lengths) // bucket) * bucket
    open_batches: dict[int, list[int]] = {}
    full: list[list[int]] = []
    for position in order.tolist():
        length = int(padded[position])
        rows = open_batches.setdefault(length, [])
        rows.append(position)
        if len(rows) >= max(1, min(most_rows, batch_tokens // length)):
            full.append(open_batches.pop(length))
    full.extend(open_batches[length] for length in sorted(open_batches))
    return [np.asarray(rows, dtype=np.int64) for rows in full]
