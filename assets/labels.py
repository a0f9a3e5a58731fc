"""The label tables as Dagster sees them: a source that changes when something is imported."""

import dagster as dg

from assets.resources import SmoProject
from smo_pipelines.domain.digests import digest_of

__all__ = ["ratings"]


@dg.observable_source_asset(
    key=["labels", "ratings"],
    group_name="labels",
    description="Ratings, items and raters of every project: Delta tables that `smo import` appends to.",
)
def ratings(project: SmoProject) -> dg.DataVersion:
    """Return the name of what has been imported so far."""
    tables = project.open().tables
    return dg.DataVersion(digest_of({name: tables.fingerprint(name) for name in tables.projects()})[:32])
