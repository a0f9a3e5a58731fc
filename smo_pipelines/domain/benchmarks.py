"""Frozen benchmarks and the scores of a classifier on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from smo_pipelines.domain.digests import digest_of, digest_of_rows, frozen_array

__all__ = ["FUNCTIONALITY", "UNKNOWN_GOLD", "Benchmark", "BenchmarkChange", "PredictionSet", "changes_between"]

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

    @property
    def n_clusters(self) -> int:
        """How many items or groups of items are independent of each other."""
        return len(np.unique(self.clusters))

    def subset(self, keep: np.ndarray) -> "Benchmark":
        """Return the benchmark of some of its items.

        Parameters
        ----------
        keep : ndarray of shape (n_items,), bool
        """
        return replace(
            self,
            item_ids=self.item_ids[keep],
            texts=self.texts[keep],
            golds={name: gold[keep] for name, gold in self.golds.items()},
            clusters=np.unique(self.clusters[keep], return_inverse=True)[1],
            slices={name: np.asarray(values)[keep] for name, values in self.slices.items()},
        )


@dataclass(frozen=True, kw_only=True)
class BenchmarkChange:
    """What differs between two versions of a benchmark, in numbers of items.

    Attributes
    ----------
    gold_changed : mapping of guideline id to int
        Items of both versions whose gold differs under a guideline that both have.
    golds_added, golds_removed : tuple of str
        Guidelines of which only one version has gold.
    regrouped : bool
        Whether the items of both versions fall into other clusters.
    """

    added: int = 0
    removed: int = 0
    texts_changed: int = 0
    gold_changed: Mapping[str, int] = field(default_factory=dict)
    golds_added: tuple[str, ...] = ()
    golds_removed: tuple[str, ...] = ()
    regrouped: bool = False

    @property
    def sentence(self) -> str:
        """What changed, in words."""
        counted = (
            (self.added, "added"),
            (self.removed, "removed"),
            (self.texts_changed, "with another text"),
            *((count, f"with another gold under {guideline}") for guideline, count in self.gold_changed.items()),
        )
        parts = [f"{count:,} {'item' if count == 1 else 'items'} {what}" for count, what in counted if count]
        parts += [f"gold of {guideline} added" for guideline in self.golds_added]
        parts += [f"gold of {guideline} removed" for guideline in self.golds_removed]
        if self.regrouped:
            parts.append("items grouped into other clusters")
        return ", ".join(parts) or "nothing that is measured"


def changes_between(old: Benchmark, new: Benchmark) -> BenchmarkChange:
    """Return what differs from one version of a benchmark to another."""
    shared, at_old, at_new = np.intersect1d(old.item_ids.astype(str), new.item_ids.astype(str), return_indices=True)
    clusters = np.stack([old.clusters[at_old], new.clusters[at_new]])
    pairs, olds, news = (np.unique(part, axis=-1).shape[-1] for part in (clusters, clusters[0], clusters[1]))
    both = [guideline for guideline in old.golds if guideline in new.golds]
    differing = {g: int((old.golds[g][at_old] != new.golds[g][at_new]).sum()) for g in both}
    return BenchmarkChange(
        added=len(new) - len(shared),
        removed=len(old) - len(shared),
        texts_changed=int((old.texts[at_old] != new.texts[at_new]).sum()),
        gold_changed={guideline: count for guideline, count in differing.items() if count},
        golds_added=tuple(g for g in new.golds if g not in old.golds),
        golds_removed=tuple(g for g in old.golds if g not in new.golds),
        regrouped=not pairs == olds == news,  # the same partition pairs each old cluster with one new cluster
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionSet:
    """The scores of one fitted classifier on one benchmark, in the benchmark's order.

    Attributes
    ----------
    scores : ndarray of shape (n_items,), float64
        Probability of the positive label.
    threshold : float
        The fit's own tuned threshold; an item is flagged when its score is at or above it.
    hard : bool
        True where only decisions are known: scores are 0 or 1 and rank nothing.
    """

    classifier_key: str
    benchmark: str
    benchmark_digest: str
    scores: np.ndarray
    threshold: float
    hard: bool = False

    def __post_init__(self) -> None:
        scores = frozen_array(self.scores, np.float64)
        if not bool(np.isfinite(scores).all()):
            raise ValueError(f"predictions on {self.benchmark!r} hold a score that is not a finite number")
        object.__setattr__(self, "scores", scores)

    @cached_property
    def digest(self) -> str:
        """The name of these scores."""
        content = {"on": self.benchmark_digest, "s": digest_of_rows({"s": self.scores}), "t": self.threshold}
        return digest_of(content | ({"hard": True} if self.hard else {}))
