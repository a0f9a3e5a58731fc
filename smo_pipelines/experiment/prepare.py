"""From a registered experiment to its two arms: built from the label tables, pinned when it begins, read again from then on."""

from dataclasses import replace

from smo_pipelines.domain.digests import short
from smo_pipelines.domain.experiments import ArmName, Experiment
from smo_pipelines.domain.guidelines import ClauseEdit, GuidelineVersion
from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.benchmarks import gold_models, load_benchmark
from smo_pipelines.experiment.stored import (
    get_benchmark,
    get_snapshot,
    put_benchmark,
    put_snapshot,
)
from smo_pipelines.experiment.stored_facts import pack_facts, pack_leakage, unpack_facts, unpack_leakage
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.changes.facts import label_facts
from smo_pipelines.labels.guidelines import clause_edits
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.store import file_lock

__all__ = ["arm_snapshot", "build_arms", "is_pinned", "load_arms", "pin_arms"]

_KIND = "prepared"


def arm_snapshot(workspace: Workspace, experiment: Experiment, arm: ArmName) -> LabelSnapshot:
    """Build one arm's snapshot from the label tables as they are now.

    Raises
    ------
    NoRatings
        When the recipe selects nothing.
    """
    recipe = experiment.recipe(arm)
    guideline = workspace.catalogue.guidelines[str(recipe.guideline)]
    return build_snapshot(workspace.tables, recipe, guideline=guideline, pool=workspace.catalogue.pools[recipe.pool])


def is_pinned(workspace: Workspace, experiment: Experiment) -> bool:
    """Whether an experiment has begun: what it is made from is fixed."""
    return workspace.store.find(_KIND, experiment.spec_hash) is not None


def build_arms(workspace: Workspace, experiment: Experiment) -> Arms:
    """Return what an experiment is made from: as it was pinned, or else as the label tables and benchmarks are now.

    Writes nothing.

    Raises
    ------
    NoRatings
        When an arm's recipe selects nothing.
    BenchmarkError
        When a benchmark cannot be made.
    """
    if is_pinned(workspace, experiment):
        return load_arms(workspace, experiment)
    arms = Arms(
        experiment=experiment,
        snapshots={arm: arm_snapshot(workspace, experiment, arm) for arm in ArmName},
        benchmarks=tuple(load_benchmark(workspace, name) for name in experiment.benchmarks),
        clause_edits=_edits(workspace, experiment),
    )
    facts = label_facts(workspace.tables, arms.matching, _guidelines(workspace, experiment))
    models = {benchmark.name: gold_models(workspace, benchmark) for benchmark in arms.benchmarks}
    return replace(arms, known=replace(facts, gold_models={name: of for name, of in models.items() if of}))


def pin_arms(workspace: Workspace, experiment: Experiment, arms: Arms | None = None) -> Arms:
    """Fix what the experiment is made from and store it: later imports do not change an experiment that has begun.

    The pin is stored only when the arms are valid, so that an experiment without its data can be tried again.

    Parameters
    ----------
    arms : Arms, optional
        What :func:`build_arms` returned a moment ago; built here when left out. What is pinned already goes before it.
    """
    with file_lock(workspace.lock(f"pin-{short(experiment.spec_hash)}")):
        if arms is None or is_pinned(workspace, experiment):
            arms = build_arms(workspace, experiment)
        if arms.valid:
            keys = {str(arm): put_snapshot(workspace.store, snapshot) for arm, snapshot in arms.snapshots.items()}
            benchmarks = {benchmark.name: put_benchmark(workspace.store, benchmark) for benchmark in arms.benchmarks}
            meta = {"snapshots": keys, "benchmarks": benchmarks}
            workspace.store.put(_KIND, experiment.spec_hash, meta=meta, files=pack_facts(arms.known) | pack_leakage(arms.leakage))
    return arms


def load_arms(workspace: Workspace, experiment: Experiment) -> Arms:
    """Return the arms that were pinned.

    Raises
    ------
    StoreError
        When the experiment has not begun.
    """
    entry = workspace.store.get(_KIND, experiment.spec_hash)
    meta = entry.meta
    return Arms(
        experiment=experiment,
        snapshots={arm: get_snapshot(workspace.store, str(meta["snapshots"][str(arm)]), experiment.recipe(arm)) for arm in ArmName},
        benchmarks=tuple(get_benchmark(workspace.store, str(meta["benchmarks"][name])) for name in experiment.benchmarks),
        clause_edits=_edits(workspace, experiment),
        known=unpack_facts(entry),
        known_leakage=unpack_leakage(entry),
    )


def _edits(workspace: Workspace, experiment: Experiment) -> tuple[ClauseEdit, ...]:
    old, new = _guidelines(workspace, experiment)
    return clause_edits(old, new) if old.name == new.name else ()


def _guidelines(workspace: Workspace, experiment: Experiment) -> tuple[GuidelineVersion, GuidelineVersion]:
    control, treatment = (workspace.catalogue.guidelines[str(experiment.recipe(arm).guideline)] for arm in ArmName)
    return control, treatment
