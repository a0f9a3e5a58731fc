"""Snapshots by name: where one comes from, who uses it, and how two differ."""

from collections.abc import Mapping
from dataclasses import dataclass

from smo_pipelines.domain.changes import changed_fields
from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.label_changes import LabelShift
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.errors import ConfigError, UnknownName
from smo_pipelines.experiment.stored import get_snapshot, put_snapshot, stored_recipe
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.batch import ImportFacts
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.guidelines import clause_edits
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.snapshot import build_snapshot, ratings_by_import
from smo_pipelines.store import StoredResult

__all__ = [
    "ImportShare",
    "SnapshotDifference",
    "SnapshotLineage",
    "compare_snapshots",
    "find_snapshot",
    "snapshot_lineage",
    "stored_snapshots",
    "take_snapshot",
]

_KIND = "snapshots"
_SHORTEST = 6


@dataclass(frozen=True, kw_only=True)
class ImportShare:
    """One import that a snapshot drew from, and how many ratings its recipe selects of it."""

    facts: ImportFacts
    selected: int


@dataclass(frozen=True, kw_only=True)
class SnapshotLineage:
    """Where a stored snapshot comes from, and which experiments use it as an arm.

    ``unseen`` counts imports that could be seen when it was taken and of which the recipe selects nothing; ``arms`` holds
    ``(experiment id, version, arm)``.
    """

    digest: str
    key: str
    recipe: SnapshotRecipe
    items: int
    ratings: int
    raters: int
    imports: tuple[ImportShare, ...]
    unseen: int
    arms: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, kw_only=True)
class SnapshotDifference:
    """How two stored snapshots differ: in the recipe, by field, and in the labels of the items that both have."""

    recipe: Mapping[str, tuple[str, str]]
    labels: LabelShift


def take_snapshot(workspace: Workspace, recipe: SnapshotRecipe) -> StoredResult:
    """Make a snapshot of the label tables and store it; the same content is stored once.

    Raises
    ------
    UnknownName
        When the recipe's guideline or pool is not defined.
    NoRatings
        When it selects nothing.
    """
    guideline, pool = _guideline(workspace, recipe), _pool(workspace, recipe)
    snapshot = build_snapshot(workspace.tables, recipe, guideline=guideline, pool=pool)
    return workspace.store.get(_KIND, put_snapshot(workspace.store, snapshot))


def stored_snapshots(workspace: Workspace) -> list[StoredResult]:
    """Return every stored snapshot, in order of digest."""
    return sorted(workspace.store.entries(_KIND), key=lambda entry: (str(entry.meta["digest"]), entry.key))


def find_snapshot(workspace: Workspace, name: str) -> StoredResult:
    """Return the stored snapshot whose digest, or key in the store, begins with a name.

    Raises
    ------
    UnknownName
        When there is none.
    ConfigError
        When the name is shorter than six characters, or begins the digests of snapshots with different labels.
    """
    if len(name) < _SHORTEST:
        raise ConfigError(f"{name!r} is too short to name a snapshot; give at least {_SHORTEST} characters of its digest")
    entries = stored_snapshots(workspace)
    found = [entry for entry in entries if str(entry.meta["digest"]).startswith(name) or entry.key.startswith(name)]
    if not found:
        raise UnknownName("snapshot", name, [str(entry.meta["digest"])[:12] for entry in entries])
    digests = sorted({str(entry.meta["digest"]) for entry in found})
    if len(digests) > 1:
        raise ConfigError(f"{name!r} begins {len(digests)} digests ({', '.join(d[:16] for d in digests[:4])}); give more of one")
    return found[0]


def snapshot_lineage(workspace: Workspace, entry: StoredResult) -> SnapshotLineage:
    """Return where a stored snapshot comes from."""
    recipe = stored_recipe(entry)
    snapshot = get_snapshot(workspace.store, entry.key, recipe)
    seen = set(snapshot.imports)
    facts = [one for one in workspace.tables.imports(recipe.project) if one.import_id in seen]
    selected = ratings_by_import(workspace.tables, recipe, pool=_pool(workspace, recipe), imports=snapshot.imports)
    used = tuple(ImportShare(facts=one, selected=selected[one.import_id]) for one in facts if selected.get(one.import_id))
    return SnapshotLineage(
        digest=snapshot.digest,
        key=entry.key,
        recipe=recipe,
        items=len(snapshot),
        ratings=len(snapshot.votes),
        raters=len(snapshot.votes.rater_ids),
        imports=used,
        unseen=len(seen) - len(used),
        arms=_arms_of(workspace, entry.key),
    )


def compare_snapshots(workspace: Workspace, before: StoredResult, after: StoredResult) -> SnapshotDifference:
    """Return how two stored snapshots differ.

    Raises
    ------
    ConfigError
        When they are of different projects or questions: their labels answer different things.
    """
    old, new = stored_recipe(before), stored_recipe(after)
    for name in ("project", "question"):
        if getattr(old, name) != getattr(new, name):
            raise ConfigError(
                f"the snapshots are of different {name}s ({getattr(old, name)!r} and {getattr(new, name)!r}); labels of one {name} can be "
                "compared"
            )
    matching = match(get_snapshot(workspace.store, before.key, old), get_snapshot(workspace.store, after.key, new))
    guidelines = [_guideline(workspace, recipe) for recipe in (old, new)]
    edits = clause_edits(*guidelines) if guidelines[0].name == guidelines[1].name else ()
    fields = {name: (_written(old, name), _written(new, name)) for name in changed_fields(old, new)}
    return SnapshotDifference(recipe=fields, labels=label_shift(matching, edits=edits))


def _written(recipe: SnapshotRecipe, name: str) -> str:
    value = getattr(recipe, name)
    return "-" if value in (None, ()) else value if isinstance(value, str) else canonical_json(value)


def _guideline(workspace: Workspace, recipe: SnapshotRecipe) -> GuidelineVersion:
    known = workspace.catalogue.guidelines
    if recipe.guideline not in known:
        raise UnknownName("guideline", str(recipe.guideline), known)
    return known[recipe.guideline]


def _pool(workspace: Workspace, recipe: SnapshotRecipe) -> RaterPool:
    if recipe.pool not in workspace.catalogue.pools:
        raise UnknownName("pool", recipe.pool, workspace.catalogue.pools)
    return workspace.catalogue.pools[recipe.pool]


def _arms_of(workspace: Workspace, key: str) -> tuple[tuple[str, int, str], ...]:
    names = {
        str(entry.meta["spec_hash"]): (str(entry.meta["experiment"]), int(entry.meta["version"]))
        for entry in workspace.store.entries("registered")
    }
    pinned = {entry.key: entry.meta["snapshots"] for entry in workspace.store.entries("prepared")}
    return tuple(
        sorted(
            (*names[spec], str(arm))
            for spec, arms in pinned.items()
            for arm, stored in arms.items()
            if stored == key and spec in names
        )
    )
