"""What was known of raters, gold and leaked texts when an experiment began, as files of its entry in the store.

Apart from :mod:`smo_pipelines.experiment.stored`, because training processes read that and need nothing of what this imports.
"""

import json
from collections.abc import Sequence

import numpy as np

from smo_pipelines.benchmarks.leakage import Leakage
from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.experiment.frames import pack, unpack
from smo_pipelines.labels.changes.facts import LabelFacts
from smo_pipelines.store import StoredResult

__all__ = ["pack_facts", "pack_leakage", "unpack_facts", "unpack_leakage"]

_LEAKAGE = "leakage.json"


def pack_facts(facts: LabelFacts) -> dict[str, bytes]:
    """Return what is known of raters and gold as files of an entry."""
    raters = [(name, rater, value) for name, of in facts.raters.items() for rater, value in of.items()]
    gold = [(side, item, label) for side, of in enumerate(facts.gold) for item, label in of.items()]
    models = [(name, rater) for name, of in facts.gold_models.items() for rater in of]
    return {
        "gold_models.parquet": pack(_columns(("benchmark", "rater_id"), models)),
        "rater_attributes.parquet": pack(_columns(("attribute", "rater_id", "value"), raters)),
        "gold.parquet": pack(_columns(("arm", "item_id", "label"), gold)),
    }


def unpack_facts(entry: StoredResult) -> LabelFacts:
    """Return what :func:`pack_facts` packed into an entry; nothing is known where there is nothing."""
    if "gold.parquet" not in entry.names:
        return LabelFacts()
    raters: dict[str, dict[str, str]] = {}
    known = unpack(entry.read("rater_attributes.parquet"))
    for name, rater, value in zip(known["attribute"], known["rater_id"], known["value"], strict=True):
        raters.setdefault(str(name), {})[str(rater)] = str(value)
    gold: tuple[dict[str, int], dict[str, int]] = ({}, {})
    labels = unpack(entry.read("gold.parquet"))
    for arm, item, label in zip(labels["arm"], labels["item_id"], labels["label"], strict=True):
        gold[int(arm)][str(item)] = int(label)
    models: dict[str, tuple[str, ...]] = {}
    if "gold_models.parquet" in entry.names:
        pairs = unpack(entry.read("gold_models.parquet"))
        for name, rater in zip(pairs["benchmark"], pairs["rater_id"], strict=True):
            models[str(name)] = (*models.get(str(name), ()), str(rater))
    return LabelFacts(raters=raters, gold=gold, gold_models=models)


def pack_leakage(leakage: Leakage) -> dict[str, bytes]:
    """Return which training items leak into which benchmark as a file of an entry."""
    found = {"exact": leakage.exact, "near": leakage.near, "n_training": leakage.n_training}
    return {_LEAKAGE: canonical_json(found).encode()}


def unpack_leakage(entry: StoredResult) -> Leakage | None:
    """Return what :func:`pack_leakage` packed into an entry, or None where nothing was."""
    if _LEAKAGE not in entry.names:
        return None
    found = json.loads(entry.read(_LEAKAGE))
    exact, near = ({name: tuple(items) for name, items in found[how].items()} for how in ("exact", "near"))
    return Leakage(exact=exact, near=near, n_training=int(found["n_training"]))


def _columns(names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[k] for row in rows], dtype=object) for k, name in enumerate(names)}
