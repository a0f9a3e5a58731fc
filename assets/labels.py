"""The label tables as Dagster sees them: a source that changes when something is imported, reported by ``input_versions``."""

import dagster as dg

from smo_pipelines.domain.digests import digest_of
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["RATINGS", "ratings", "ratings_event", "ratings_version"]

RATINGS = dg.AssetKey(["labels", "ratings"])

ratings = dg.AssetSpec(
    RATINGS,
    group_name="labels",
    description="Ratings, items and raters of every project: Delta tables that `smo import` appends to.",
    kinds={"deltalake"},
    owners=["team:smo"],
)


def ratings_version(workspace: Workspace) -> str:
    """Return a name of everything that has been imported; equal imports in another order have the same name."""
    tables = workspace.tables
    return digest_of({name: tables.fingerprint(name) for name in tables.projects()})[:32]


def ratings_event(workspace: Workspace) -> dg.AssetMaterialization:
    """Return what Dagster is told of the label tables: their version, and how many ratings each project has."""
    tables = workspace.tables
    counts = {f"ratings of {name}": tables.rating_count(name) for name in tables.projects()}
    return dg.AssetMaterialization(RATINGS, tags={"dagster/data_version": ratings_version(workspace)}, metadata=counts)
