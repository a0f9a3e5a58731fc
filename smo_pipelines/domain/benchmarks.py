"""Frozen benchmarks and the scores of a classifier on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from smo_pipelines.domain.digests import digest_of, digest_of_rows, frozen_array

__all__ = ["FUNCTIONALITY", "UNKNOWN_GOLD", "Benchmark", "PredictionSet"]

UNKNOWN_GOLD = -1
"""The gold code of an item that a guideline does not decide."""

FUNCTIONALITY = "functionality"
"""The slice that says which functional test an item belongs to: what the pass rates by functionality are read by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Benchmark:
    """Frozen items with gold, slices and the unit of independence.

    Attributes
    ----------
    item_ids, texts : ndarray of shape (n_items,)
    golds : mapping of guideline id to ndarray of shape (n_items,), int8
        0, 1 or :data:`UNKNOWN_GOLD` under each guideline version that has gold here.
    clusters : ndarray of shape (n_items,), int64
        Items with one cluster id (a template, a thread) are not independent of each other.
    slices : mapping of str to ndarray of shape (n_items,), str
        e.g. ``locale``, ``clause``, ``functionality``.
    diagnostic : bool
        True where the benchmark can explain but not decide, e.g. labels by the same raters as training.
    """

    name: str
    item_ids: np.ndarray
    texts: np.ndarray
    golds: Mapping[str, np.ndarray]
    clusters: np.ndarray
    slices: Mapping[str, np.ndarray] = field(default_factory=dict)
    diagnostic: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "item_ids", frozen_array(self.item_ids))
        object.__setattr__(self, "texts", frozen_array(self.texts, object))
        object.__setattr__(self, "clusters", frozen_array(self.clusters, np.int64))
        object.__setattr__(self, "golds", {k: frozen_array(v, np.int8) for k, v in self.golds.items()})
        if not self.golds:
            raise ValueError(f"benchmark {self.name!r} has no gold")
        lengths = {len(self.item_ids), len(self.texts), len(self.clusters), *(len(g) for g in self.golds.values())}
        if len(lengths) != 1:
            raise ValueError(f"benchmark {self.name!r}: columns of different lengths {sorted(lengths)}")
        if len(set(self.item_ids.tolist())) != len(self.item_ids):
            raise ValueError(f"benchmark {self.name!r} holds an item id twice")

    def __len__(self) -> int:
        return len(self.item_ids)

    @cached_property
    def digest(self) -> str:
        """The version of this benchmark: items, texts, gold and clusters."""
        columns = {"item": self.item_ids, "text": self.texts, "cluster": self.clusters}
        return digest_of({"rows": digest_of_rows(columns), "golds": {k: digest_of_rows({"g": v}) for k, v in self.golds.items()}})


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionSet:
    """The scores of one fitted classifier on one benchmark, in the benchmark's order.

    Attributes
    ----------
    scores : ndarray of shape (n_items,), float64
        Probability of the positive label.
    threshold : float
        The fit's own tuned threshold; an item is flagged when its score is at or above it.
    """

    classifier_key: str
    benchmark: str
    benchmark_digest: str
    scores: np.ndarray
    threshold: float

    def __post_init__(self) -> None:
        scores = frozen_array(self.scores, np.float64)
        if not bool(np.isfinite(scores).all()):
            raise ValueError(f"predictions on {self.benchmark!r} hold a score that is not a finite number")
        object.__setattr__(self, "scores", scores)

    @cached_property
    def digest(self) -> str:
        """The name of these scores."""
        return digest_of({"on": self.benchmark_digest, "s": digest_of_rows({"s": self.scores}), "t": self.threshold})
