"""Benchmarks by name: from a suite's file, from the items table, or from held-out labels."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.benchmarks.suites import hatecheck, multilingual_hatecheck, openai_moderation, table, xstest
from smo_pipelines.config.benchmarks import BenchmarkSpec, expand_path
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.columns import Categories
from smo_pipelines.domain.labels import TIE
from smo_pipelines.errors import BenchmarkError, UnknownName, did_you_mean
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.gold_sources import models_behind_gold, models_behind_labels
from smo_pipelines.labels.snapshot import build_snapshot

__all__ = ["gold_models", "load_benchmark"]


def load_benchmark(workspace: Workspace, name: str) -> Benchmark:
    """Return the benchmark that ``configs/benchmarks/<name>.yaml`` describes, as it is now.

    Raises
    ------
    UnknownName
        When there is no such file.
    BenchmarkError
        When its items or gold cannot be read.
    """
    specs = workspace.catalogue.benchmarks
    if name not in specs:
        raise UnknownName("benchmark", name, specs)
    spec = specs[name]
    if spec.kind == "items":
        return _from_items(workspace, name, spec)
    if spec.kind == "heldout":
        return _held_out(workspace, name, spec)
    path = expand_path(spec.path, workspace.root, f"benchmark {name!r}")
    return _selected(name, spec, _from_file(workspace, name, spec, path))


def gold_models(workspace: Workspace, benchmark: Benchmark) -> tuple[str, ...]:
    """Return the model raters, by pseudonym, that gave any of a benchmark's right answers; of published suites nobody is known."""
    spec = workspace.catalogue.benchmarks[benchmark.name]
    if spec.kind == "items":
        return models_behind_gold(workspace.tables, spec.project, benchmark.item_ids)
    if spec.kind == "heldout":
        recipe = spec.heldout_recipe
        return models_behind_labels(workspace.tables, recipe, workspace.catalogue.pools[recipe.pool], benchmark.item_ids)
    return ()


def _from_file(workspace: Workspace, name: str, spec: BenchmarkSpec, path: Path) -> Benchmark:
    if spec.kind == "hatecheck":
        return hatecheck.load(path, name=name, golds=spec.gold_ids)
    if spec.kind == "multilingual_hatecheck":
        return multilingual_hatecheck.load(path, name=name, gold=spec.gold)
    if spec.kind == "xstest":
        return xstest.load(path, name=name, gold=spec.gold)
    if spec.kind == "openai_moderation":
        return openai_moderation.load(path, spec.categories, name=name)
    return _from_table(workspace, name, spec, path)


def _selected(name: str, spec: BenchmarkSpec, benchmark: Benchmark) -> Benchmark:
    """Return the items that the file's ``items`` select, by slice."""
    keep = np.ones(len(benchmark), dtype=bool)
    for column in (*spec.slices, *(column for column, _ in spec.predicate)):
        if column not in benchmark.slices:
            raise BenchmarkError(f"benchmark {name!r} has no slice {column!r}; {did_you_mean(column, benchmark.slices)}")
    for column, words in spec.predicate:
        foreign = sorted(set(words) - set(benchmark.slices[column].tolist()))
        if foreign:
            legal = set(benchmark.slices[column].tolist())
            raise BenchmarkError(f"benchmark {name!r}: no item has {column} {foreign[0]!r}; {did_you_mean(foreign[0], legal)}")
        keep &= np.isin(benchmark.slices[column], words)
    if not keep.any():
        raise BenchmarkError(f"benchmark {name!r} selects no item: no item has all of {dict(spec.predicate)}")
    chosen = benchmark if keep.all() else benchmark.subset(keep)
    return replace(chosen, diagnostic=True) if spec.diagnostic else chosen


def _from_items(workspace: Workspace, name: str, spec: BenchmarkSpec) -> Benchmark:
    items = workspace.tables.items(spec.project, spec.predicate)
    if not len(items.item_ids):
        raise BenchmarkError(
            f"benchmark {name!r} selects no item of the project {spec.project!r}; import the project's items first"
        )
    missing = [gold for gold in spec.golds if gold not in items.gold]
    if missing:
        raise BenchmarkError(
            f"benchmark {name!r}: the items have no gold under {', '.join(missing)}; they have {sorted(items.gold)}"
        )
    guidelines = {gold: workspace.catalogue.guidelines[gold] for gold in spec.golds}
    return benchmark_from_items(
        name,
        items.item_ids,
        np.asarray(items.texts),
        {gold: np.asarray(items.gold[gold]) for gold in spec.golds},
        {gold: guideline.positive for gold, guideline in guidelines.items()},
        labels={gold: guideline.labels for gold, guideline in guidelines.items()},
        clusters=_attribute(name, items.attributes, spec.cluster) if spec.cluster else None,
        slices={column: _attribute(name, items.attributes, column) for column in spec.slices},
        diagnostic=spec.diagnostic,
    )


def _attribute(name: str, attributes: Mapping[str, Categories], column: str) -> np.ndarray:
    if column not in attributes:
        raise BenchmarkError(f"benchmark {name!r}: its items have no attribute {column!r}; {did_you_mean(column, attributes)}")
    return np.asarray(attributes[column])


def _from_table(workspace: Workspace, name: str, spec: BenchmarkSpec, path: Path) -> Benchmark:
    golds = {}
    for gold in spec.gold_ids:
        guideline, usual = workspace.catalogue.guidelines[gold], gold if spec.golds else "gold"
        column = spec.columns.get(usual, usual)
        golds[gold] = table.GoldColumn(column=column, positive=guideline.positive, labels=guideline.labels)
    return table.load(
        path,
        name=name,
        item_id=spec.columns.get("item_id"),
        text=spec.columns.get("text", "text"),
        golds=golds,
        cluster=spec.cluster or None,
        slices=tuple(dict.fromkeys([*spec.slices, *(column for column, _ in spec.predicate)])),
        diagnostic=spec.diagnostic,
    )


def _held_out(workspace: Workspace, name: str, spec: BenchmarkSpec) -> Benchmark:
    recipe = spec.heldout_recipe
    guideline = workspace.catalogue.guidelines[str(recipe.guideline)]
    snapshot = build_snapshot(workspace.tables, recipe, guideline=guideline, pool=workspace.catalogue.pools[recipe.pool])
    kept = snapshot.labels != TIE
    texts = snapshot.texts[kept]
    negative = next(label for label in guideline.labels if label != guideline.positive)
    return benchmark_from_items(
        name,
        snapshot.item_ids[kept],
        texts,
        {guideline.id: np.where(snapshot.labels[kept] == 1, guideline.positive, negative)},
        {guideline.id: guideline.positive},
        slices={column: _attribute(name, snapshot.attributes, column)[kept] for column in spec.slices},
        diagnostic=True,
    )
