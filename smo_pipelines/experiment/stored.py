"""Snapshots, training sets and benchmarks in the store, named by their content."""

import json
from typing import Any

import numpy as np

from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.columns import Categories, PackedText
from smo_pipelines.domain.digests import canonical_json, digest_of, digest_of_rows
from smo_pipelines.domain.labels import Aggregation, GoldAnswers, LabelSnapshot, SnapshotRecipe, TieRule, TrainingSet, Votes
from smo_pipelines.domain.targets import Targets
from smo_pipelines.experiment.frames import pack, unpack
from smo_pipelines.store import ResultStore, StoredResult

__all__ = [
    "benchmark_key",
    "get_benchmark",
    "get_snapshot",
    "get_training_set",
    "put_benchmark",
    "put_snapshot",
    "put_training_set",
    "snapshot_key",
    "stored_recipe",
]

_ATTRIBUTE = "attribute."
_GOLD = "gold."
_GOLD_LABEL = "gold_label"
_SHARE = "share."
_SLICE = "slice."


def snapshot_key(snapshot: LabelSnapshot) -> str:
    """Return the key of a snapshot.

    It covers the votes too: two sets of raters can give equal labels, and a redraw of raters tells them apart. And the recipe: two
    recipes can select the same ratings, and each snapshot goes back to its own.
    """
    return digest_of({"labels": snapshot.digest, "votes": snapshot.votes.digest, "recipe": snapshot.recipe.digest})


def put_snapshot(store: ResultStore, snapshot: LabelSnapshot) -> str:
    """Store a snapshot with its votes and return its key."""
    key = snapshot_key(snapshot)
    if store.find("snapshots", key) is not None:
        return key
    columns = {
        "item_id": snapshot.item_ids,
        "text": np.asarray(snapshot.texts),
        "label": snapshot.labels,
        "share": snapshot.share,
        "soft": snapshot.soft,
        "n_ratings": snapshot.n_ratings,
    } | {_ATTRIBUTE + name: np.asarray(values) for name, values in snapshot.attributes.items()}
    votes = snapshot.votes
    raters = {"rater_id": votes.rater_ids}
    if snapshot.gold is not None:
        columns[_GOLD_LABEL] = snapshot.gold.label
        raters |= {"right": snapshot.gold.right, "answered": snapshot.gold.answered}
    files = {
        "items.parquet": pack(columns),
        "votes.parquet": pack({"item": votes.item, "rater": votes.rater, "label": votes.label}),
        "raters.parquet": pack(raters),
    }
    meta = {
        "digest": snapshot.digest,
        "recipe": canonical_json(snapshot.recipe),
        "items": len(snapshot),
        "labels": list(votes.labels),
        "positives": list(votes.positives),
        "imports": list(snapshot.imports),
    }
    store.put("snapshots", key, meta=meta, files=files)
    return key


def stored_recipe(entry: StoredResult) -> SnapshotRecipe:
    """Return the recipe by which a stored snapshot was made."""
    values = json.loads(entry.meta["recipe"])
    items = tuple((name, tuple(allowed)) for name, allowed in values.pop("items"))
    aggregation, ties = Aggregation(values.pop("aggregation")), TieRule(values.pop("ties"))
    return SnapshotRecipe(items=items, aggregation=aggregation, ties=ties, **values)


def get_snapshot(store: ResultStore, key: str, recipe: SnapshotRecipe) -> LabelSnapshot:
    """Return a stored snapshot; ``recipe`` is the one it was made by."""
    entry = store.get("snapshots", key)
    items = unpack(entry.read("items.parquet"))
    votes = unpack(entry.read("votes.parquet"))
    raters = unpack(entry.read("raters.parquet"))
    return LabelSnapshot(
        recipe=recipe,
        item_ids=items["item_id"].astype(str),
        texts=PackedText.of(items["text"]),
        labels=items["label"],
        share=items["share"],
        soft=items["soft"],
        n_ratings=items["n_ratings"],
        votes=Votes(
            item=votes["item"],
            rater=votes["rater"],
            label=votes["label"],
            rater_ids=raters["rater_id"].astype(str),
            labels=tuple(entry.meta["labels"]),
            positives=tuple(entry.meta["positives"]),
        ),
        attributes={name: Categories.of(column) for name, column in _prefixed(items, _ATTRIBUTE).items()},
        gold=GoldAnswers(label=items[_GOLD_LABEL], right=raters["right"], answered=raters["answered"])
        if _GOLD_LABEL in items
        else None,
        imports=tuple(entry.meta.get("imports", ())),
    )


def put_training_set(store: ResultStore, training: TrainingSet) -> str:
    """Store a training set and return its key."""
    if store.find("training", training.digest) is not None:
        return training.digest
    columns = {"item_id": training.item_ids, "text": training.texts, "label": training.labels, "dev": training.dev}
    meta: dict[str, Any] = {"items": len(training)}
    if training.targets is not None:
        meta |= {"classes": list(training.targets.classes), "positives": list(training.targets.positives)}
        columns |= {f"{_SHARE}{name}": training.targets.shares[:, k] for k, name in enumerate(training.targets.classes)}
    store.put("training", training.digest, meta=meta, files={"items.parquet": pack(columns)})
    return training.digest


def get_training_set(store: ResultStore, key: str) -> TrainingSet:
    """Return a stored training set."""
    entry = store.get("training", key)
    columns = unpack(entry.read("items.parquet"))
    classes = tuple(entry.meta.get("classes", ()))
    return TrainingSet(
        item_ids=columns["item_id"].astype(str),
        texts=columns["text"],
        labels=columns["label"],
        dev=columns["dev"].astype(bool),
        targets=Targets(
            classes=classes,
            positives=tuple(entry.meta["positives"]),
            shares=np.stack([columns[f"{_SHARE}{name}"] for name in classes], axis=1),
        )
        if classes
        else None,
    )


def benchmark_key(benchmark: Benchmark) -> str:
    """Return the key of a benchmark's version: its content, and everything else that is stored with it."""
    slices = {name: digest_of_rows({"slice": values}) for name, values in benchmark.slices.items()}
    facts = {"name": benchmark.name, "diagnostic": benchmark.diagnostic, "source": benchmark.source}
    return digest_of({**facts, "content": benchmark.digest, "slices": slices})


def put_benchmark(store: ResultStore, benchmark: Benchmark) -> str:
    """Store a benchmark's version and return its key."""
    key = benchmark_key(benchmark)
    if store.find("benchmarks", key) is not None:
        return key
    columns = (
        {"item_id": benchmark.item_ids, "text": benchmark.texts, "cluster": benchmark.clusters}
        | {_GOLD + name: gold for name, gold in benchmark.golds.items()}
        | {_SLICE + name: np.asarray(values, dtype=object) for name, values in benchmark.slices.items()}
    )
    meta = {
        "name": benchmark.name,
        "digest": benchmark.digest,
        "diagnostic": benchmark.diagnostic,
        "source": benchmark.source,
        "items": len(benchmark),
    }
    store.put("benchmarks", key, meta=meta, files={"items.parquet": pack(columns)})
    return key


def get_benchmark(store: ResultStore, key: str) -> Benchmark:
    """Return a stored benchmark's version."""
    entry = store.get("benchmarks", key)
    columns = unpack(entry.read("items.parquet"))
    return Benchmark(
        name=entry.meta["name"],
        item_ids=columns["item_id"].astype(str),
        texts=columns["text"],
        golds=_prefixed(columns, _GOLD),
        clusters=columns["cluster"],
        slices=_prefixed(columns, _SLICE),
        diagnostic=entry.meta["diagnostic"],
        source=entry.meta["source"],
    )


def _prefixed(columns: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    found = {name.removeprefix(prefix): values for name, values in columns.items() if name.startswith(prefix)}
    return {name: values.astype(str) if values.dtype == object else values for name, values in found.items()}
