"""How often each version of a benchmark has been decided on, read from the decisions in the store."""

from collections.abc import Iterable, Mapping

from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["benchmark_uses", "earlier_versions", "uses_by_others"]


def benchmark_uses(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Return the decided experiments that were scored on each version of a benchmark, by the version's digest.

    The more changes have been judged on the same items, the more of what they seem to have gained is those items' luck. An
    experiment is counted by its decision, its pinned arms name the versions: there is no counter that could say otherwise. Each
    registered version of an experiment is a use of its own, named ``id`` or ``id version 2``.

    Returns
    -------
    dict of digest to tuple of str
        In order of name.
    """
    return {digest: tuple(sorted(names.values())) for digest, names in _uses(workspace).items()}


def uses_by_others(workspace: Workspace, benchmarks: Iterable[Benchmark], spec_hash: str) -> dict[str, int]:
    """Return how many other decided experiments were scored on these versions of benchmarks, by name."""
    uses = _uses(workspace)
    return {benchmark.name: len(set(uses.get(benchmark.digest, {})) - {spec_hash}) for benchmark in benchmarks}


def earlier_versions(workspace: Workspace, benchmark: Benchmark) -> Mapping[str, str]:
    """Return the other versions of a benchmark that the store holds: a store key of each digest."""
    found = (entry for entry in workspace.store.entries("benchmarks") if entry.meta["name"] == benchmark.name)
    return {str(entry.meta["digest"]): entry.key for entry in found if entry.meta["digest"] != benchmark.digest}


def _uses(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return the name of each decided spec, by benchmark digest and spec hash."""
    store = workspace.store
    digests = {entry.key: str(entry.meta["digest"]) for entry in store.entries("benchmarks")}
    pinned = {entry.key: dict(entry.meta["benchmarks"]) for entry in store.entries("prepared")}
    uses: dict[str, dict[str, str]] = {}
    for entry in store.entries("decisions"):
        version = int(entry.meta["version"])
        name = str(entry.meta["experiment"]) + (f" version {version}" if version > 1 else "")
        for key in pinned.get(entry.key, {}).values():
            if key in digests:
                uses.setdefault(digests[key], {})[entry.key] = name
    return uses
