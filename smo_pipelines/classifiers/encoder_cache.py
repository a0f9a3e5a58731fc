"""The frozen part of a backbone, computed once a text and kept for every arm, replicate, epoch and experiment.

What is kept for a text depends on the text alone, byte for byte. A matrix product may round differently with the number of its
rows, so every batch has the same number of rows (missing ones are dummies), a length that is a function of the text's own length,
and one thread.

A shard is two files: ``NAME.states.npy`` (rows of hidden states, one a token) and then ``NAME.index.npy`` (which text has how
many rows). Both are written whole, and a shard exists when its index does, so writers may be killed at any point. Writers take
a lock; readers need none.

This module imports torch; import it inside the function that needs it.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from smo_pipelines.classifiers.bert import attention_half, bert_shape, embed, encoder_layer, layer_weights, read_weights
from smo_pipelines.classifiers.cut import Cut
from smo_pipelines.classifiers.tokens import Tokeniser
from smo_pipelines.classifiers.weights import Backbone
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.store.local import file_lock, write_atomic

__all__ = ["BUCKET", "ROWS", "EncoderCache", "compute_threads", "pad"]

BUCKET = 16
ROWS = 16
_SHARD_TEXTS = 1024
_STORED = np.dtype(np.float16)
_INDEX = np.dtype([("text", "V16"), ("tokens", "<i4")])


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
            {"backbone": backbone.digest, "cut": cut, "max_length": max_length, "stored": _STORED.name, "rows": ROWS, "v": 2}
        )
        self.folder = cache_dir / "encoder" / name[:24]
        self._found: dict[bytes, np.ndarray] = {}
        self._shards: set[str] = set()

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
        keys = [_key(text) for text in texts]
        if any(key not in self._found for key in keys):
            self._read_shards()
        if any(key not in self._found for key in keys):
            self._fill(dict(zip(keys, texts, strict=True)), progress, workers)
        return [self._found[key] for key in keys]

    def _read_shards(self) -> None:
        for path in sorted(self.folder.glob("*.index.npy")):
            name = path.name.removesuffix(".index.npy")
            kept = path.with_name(f"{name}.states.npy")
            if name in self._shards or not kept.is_file():
                continue
            index = np.load(path, allow_pickle=False)
            states = np.asarray(np.load(kept, mmap_mode="r", allow_pickle=False))
            ends = np.cumsum(index["tokens"])
            for key, tokens, end in zip(index["text"].tolist(), index["tokens"].tolist(), ends.tolist(), strict=True):
                self._found[key] = states[end - tokens : end]
            self._shards.add(name)

    def _fill(self, texts: dict[bytes, str], progress: Callable[[float], None] | None, workers: int) -> None:
        with file_lock(self.folder / "lock"):
            self._read_shards()  # another process may have been computing the same texts
            missing = [(key, text) for key, text in texts.items() if key not in self._found]
            if not missing:
                return
            tokeniser = Tokeniser(self.backbone, max_length=self._max_length)
            ids = tokeniser.ids([text for _, text in missing])
            order = sorted(range(len(missing)), key=lambda i: (_bucket(len(ids[i])), missing[i][0]))
            batch = self._batch_function()
            with compute_threads(1), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                for start in range(0, len(order), _SHARD_TEXTS):
                    chosen = order[start : start + _SHARD_TEXTS]
                    parts = pool.map(batch, _cut([ids[i] for i in chosen]))
                    self._write_shard([missing[i][0] for i in chosen], [row for part in parts for row in part])
                    if progress:
                        progress((start + len(chosen)) / len(order))
        self._read_shards()

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
                stored = x.numpy().astype(_STORED)
            return [stored[row, :1] if cut.pooled else stored[row, : len(one)] for row, one in enumerate(ids)]

        return batch

    def _write_shard(self, keys: Sequence[bytes], rows: Sequence[np.ndarray]) -> None:
        name = hashlib.sha256(b"".join(keys)).hexdigest()[:24]
        index = np.array([(key, len(row)) for key, row in zip(keys, rows, strict=True)], dtype=_INDEX)
        write_atomic(self.folder / f"{name}.states.npy", _npy(np.concatenate(rows)))
        write_atomic(self.folder / f"{name}.index.npy", _npy(index))


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


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
