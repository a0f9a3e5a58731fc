"""The frozen part of a backbone, computed once a text and kept for every arm, replicate, epoch and experiment.

What is kept for a text depends on the text alone, byte for byte. A matrix product may round differently with the number of its
rows, so every batch has the same number of rows (missing ones are dummies), a length that is a function of the text's own length,
and one thread.

Where the bytes are kept, and for how long, is the business of :mod:`smo_pipelines.classifiers.activation_shards`.

This module imports torch; import it inside the function that needs it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from smo_pipelines.classifiers.activation_shards import ActivationShards
from smo_pipelines.classifiers.bert import attention_half, bert_shape, embed, encoder_layer, layer_weights, read_weights
from smo_pipelines.classifiers.cache_room import cache_limit
from smo_pipelines.classifiers.cut import Cut
from smo_pipelines.classifiers.shard_files import STORED, text_key
from smo_pipelines.classifiers.tokens import Tokeniser
from smo_pipelines.classifiers.weights import Backbone
from smo_pipelines.domain.digests import digest_of

__all__ = ["BUCKET", "ROWS", "EncoderCache", "compute_threads", "pad"]

BUCKET = 16
ROWS = 16
_SHARD_TEXTS = 1024
_SHARD_BYTES = 64 * 2**20


@contextmanager
def compute_threads(count: int) -> Iterator[None]:
    """Compute with so many threads inside, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pad(
    rows: Sequence[np.ndarray], *, length: int, count: int, device: torch.device | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack hidden states, or token ids, of several texts.

    Returns
    -------
    states : Tensor of shape (count, length, hidden), float32, or of ids (count, length), int64
        Zero where there is no token.
    mask : Tensor of shape (count, length), bool
        True where there is a token; a dummy row has one, so that its attention is defined.
    """
    states = np.zeros((count, length, *rows[0].shape[1:]), dtype=rows[0].dtype)
    tokens = np.ones(count, dtype=np.int64)
    for position, row in enumerate(rows):
        states[position, : len(row)] = row
        tokens[position] = len(row)
    mask = np.arange(length) < tokens[:, None]
    stacked = torch.from_numpy(states).to(device)
    return stacked if states.dtype == np.int64 else stacked.float(), torch.from_numpy(mask).to(device)


class EncoderCache:
    """Hidden states below the trained layers, by text.

    Parameters
    ----------
    backbone : Backbone
        Where the weights are, and their digest.
    cut : Cut
        Where the part that is computed here ends.
    max_length : int
        Tokens kept of a text, both special tokens included.
    cache_dir : Path
        Shared between processes; may be deleted at any time between runs.

    Attributes
    ----------
    backbone : Backbone
    cut : Cut
    shape : BertShape
    folder : Path
        Where the shards of exactly these layers, length and precision are.
    """

    def __init__(self, backbone: Backbone, *, cut: Cut, max_length: int, cache_dir: Path) -> None:
        self.backbone = backbone
        self.cut = cut
        self.shape = bert_shape(backbone.folder)
        self._max_length = max_length
        name = digest_of(
            {"backbone": backbone.digest, "cut": cut, "max_length": max_length, "stored": STORED.name, "rows": ROWS, "v": 2}
        )
        self.folder = cache_dir / "encoder" / name[:24]
        about = f"{backbone.folder.name}, {cut}, {max_length} tokens"
        self._shards = ActivationShards(self.folder, width=self.shape.hidden, limit=cache_limit(), about=about)

    def states(
        self, texts: Sequence[str], progress: Callable[[float], None] | None = None, *, workers: int = 1
    ) -> list[np.ndarray]:
        """Return each text's hidden states, computing those that are missing.

        Parameters
        ----------
        workers : int
            How many batches are computed side by side, each on one thread; the bytes do not depend on it.

        Returns
        -------
        list of ndarray of shape (n_tokens, hidden), float16
            Read-only views into memory-mapped files. One row a text where the cut keeps the mean; token ids of shape (n_tokens,),
            int64, where nothing is frozen.
        """
        if self.cut.layers < 0:
            return Tokeniser(self.backbone, max_length=self._max_length).ids(texts)
        keys = [text_key(text) for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        found = self._shards.find(wanted)
        if len(found) < len(wanted):
            found = self._fill(wanted, progress, workers)
        return [found[key] for key in keys]

    def _fill(self, wanted: dict[bytes, str], progress: Callable[[float], None] | None, workers: int) -> dict[bytes, np.ndarray]:
        with self._shards.writing():
            found = self._shards.find(wanted)  # another process may have been computing the same texts
            missing = [(key, text) for key, text in wanted.items() if key not in found]
            if not missing:
                return found
            tokeniser = Tokeniser(self.backbone, max_length=self._max_length)
            ids = tokeniser.ids([text for _, text in missing])
            order = sorted(range(len(missing)), key=lambda i: (_bucket(len(ids[i])), missing[i][0]))
            batch = self._batch_function()
            done = 0
            with compute_threads(1), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                for chosen in _shards([len(ids[i]) * self.shape.hidden * STORED.itemsize for i in order]):
                    part = [order[k] for k in chosen]
                    rows = [row for batched in pool.map(batch, _cut([ids[i] for i in part])) for row in batched]
                    found |= self._shards.add([missing[i][0] for i in part], rows, needed=wanted)
                    done += len(part)
                    if progress:
                        progress(done / len(order))
        return found

    def _batch_function(self) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
        weights = read_weights(self.backbone.folder)
        shape = self.shape
        cut = self.cut
        layers = [layer_weights(weights, index) for index in range(cut.layers + cut.attention)]

        def batch(ids: Sequence[np.ndarray]) -> list[np.ndarray]:
            length = min(_bucket(len(ids[0])), self._max_length)
            tokens, mask = pad(ids, length=length, count=ROWS)
            with torch.inference_mode():
                x = embed(weights, tokens, shape)
                for layer in layers[: cut.layers]:
                    x = encoder_layer(layer, x, mask, shape)
                if cut.attention:
                    x = attention_half(layers[-1], x, mask, shape)
                if cut.pooled:
                    x = (x * mask[:, :, None]).sum(dim=1, keepdim=True) / mask.sum(dim=1)[:, None, None]
                stored = x.numpy().astype(STORED)
            return [stored[row, :1] if cut.pooled else stored[row, : len(one)] for row, one in enumerate(ids)]

        return batch


def _shards(sizes: Sequence[int]) -> Iterator[range]:
    """Cut texts of so many bytes into runs that fit into one shard each; a text alone always does."""
    start = total = 0
    for position, size in enumerate(sizes):
        if position > start and (position - start == _SHARD_TEXTS or total + size > _SHARD_BYTES):
            yield range(start, position)
            start, total = position, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))


def _cut(ids: Sequence[np.ndarray]) -> list[Sequence[np.ndarray]]:
    """Cut texts that are sorted by bucket into batches of one bucket."""
    parts: list[Sequence[np.ndarray]] = []
    start = 0
    while start < len(ids):
        stop = start + 1
        while stop < min(len(ids), start + ROWS) and _bucket(len(ids[stop])) == _bucket(len(ids[start])):
            stop += 1
        parts.append(ids[start:stop])
        start = stop
    return parts


def _bucket(tokens: int) -> int:
    return -(-tokens // BUCKET) * BUCKET
