"""The label tables as Dagster sees them: sources that are observed, and never made, by it.

A table is named by the imports it holds, so that two folders filled alike have one version whatever their clocks and commits. The sensor
``input_versions`` observes them when that changes; the button *Observe* of the user interface does so at once.
"""

import warnings
from collections.abc import Iterator, Mapping

import dagster as dg

from assets.failures import plain_failures
from assets.resources import SmoProject
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["LABEL_TABLES", "build_label_tables", "label_table_events", "label_tables_version"]

_TABLES = {
    "ratings": "Every rating of every project: who gave an item which label, when, under which guideline and at what cost.",
    "items": "What was rated, with its attributes and the gold known of it.",
    "raters": "Who rated, by pseudonym: pool, locale and kind.",
}
LABEL_TABLES = {name: dg.AssetKey(["labels", name]) for name in _TABLES}
"""The asset key of each table, by its name."""


def build_label_tables() -> dg.AssetsDefinition:
    """Return the three tables as one observation."""

    def observe(project: SmoProject) -> Iterator[dg.ObserveResult]:
        with plain_failures():
            workspace = project.open()
            version = dg.DataVersion(label_tables_version(workspace))
            for name, key in LABEL_TABLES.items():
                yield dg.ObserveResult(asset_key=key, data_version=version, metadata=_row_counts(workspace, name))

    specs = [
        dg.AssetSpec(LABEL_TABLES[name], group_name="labels", description=text, kinds={"deltalake"}, owners=["team:smo"])
        for name, text in _TABLES.items()
    ]
    with warnings.catch_warnings():
        # the only observable source with owners and kinds is marked as beta, and Dagster is pinned
        warnings.simplefilter("ignore", dg.BetaWarning)
        observed: dg.AssetsDefinition = dg.multi_observable_source_asset(name="observe_label_tables", specs=specs)(observe)
    return observed


def label_tables_version(workspace: Workspace) -> str:
    """Return a name of everything that has been imported; equal imports in another order have the same name.

    An import is one unit of all three tables, so they have one version.
    """
    tables = workspace.tables
    return digest_of({name: tables.fingerprint(name) for name in tables.projects()})[:32]


def label_table_events(workspace: Workspace) -> list[dg.AssetObservation]:
    """Return the same observations for a sensor, which runs no step."""
    tags = {"dagster/data_version": label_tables_version(workspace)}
    return [dg.AssetObservation(key, tags=tags, metadata=_row_counts(workspace, name)) for name, key in LABEL_TABLES.items()]


def _row_counts(workspace: Workspace, table: str) -> Mapping[str, int]:
    found = {}
    for project in workspace.tables.projects():
        with workspace.tables.views(project) as views:
            ((count,),) = views.rows(f"select count(*) from {table}")  # noqa: S608 -- a name from the list above
        found[f"{table} of {project}"] = int(count)
    return found
