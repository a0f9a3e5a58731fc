"""The label tables as Dagster sees them: a source that changes when something is imported."""

import dagster as dg

from assets.resources import SmoProject
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["RATINGS", "ratings", "ratings_version"]

RATINGS = dg.AssetKey(["labels", "ratings"])


@dg.observable_source_asset(
    key=RATINGS,
    group_name="labels",
    description="Ratings, items and raters of every project: Delta tables that `smo import` appends to.",
)
def ratings(project: SmoProject) -> dg.DataVersion:
    """Return the name of what has been imported so far."""
    return dg.DataVersion(ratings_version(project.open()))


def ratings_version(workspace: Workspace) -> str:
    """Return a name of everything that has been imported; equal imports in another order have the same name."""
    tables = workspace.tables
    return digest_of({name: tables.fingerprint(name) for name in tables.projects()})[:32]
