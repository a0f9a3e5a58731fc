"""Guideline versions as assets: what raters are told, named by its digest, upstream of both arms.

They are files that people write, so nothing here makes them: the sensor ``input_versions`` reports each version as it is read.
"""

import dagster as dg

from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.labels.guidelines import clause_edits

__all__ = ["guideline_event", "guideline_key", "guideline_specs"]


def guideline_key(guideline_id: str) -> dg.AssetKey:
    """Return the asset key of a guideline version."""
    name, version = guideline_id.split("@", 1)
    return dg.AssetKey(["guidelines", _word(name), _word(version)])


def guideline_specs(catalogue: Catalogue) -> list[dg.AssetSpec]:
    """Return one external asset a guideline version, each downstream of its parent."""
    versions = catalogue.guidelines
    return [
        dg.AssetSpec(
            guideline_key(version.id),
            deps=[guideline_key(version.parent)] if version.parent in versions and version.parent else [],
            group_name="guidelines",
            description=f"{version.id}: {version.summary or version.question}",
            kinds={"markdown"},
            owners=["team:smo"],
        )
        for version in versions.values()
    ]


def guideline_event(version: GuidelineVersion, parent: GuidelineVersion | None) -> dg.AssetMaterialization:
    """Return what Dagster is told of a guideline version: its digest, its text, and the clauses that differ from its parent."""
    edits = clause_edits(parent, version) if parent is not None else ()
    text = "\n\n".join(f"**{clause.id} {clause.title}**\n\n{clause.text}" for clause in version.clauses)
    return dg.AssetMaterialization(
        guideline_key(version.id),
        tags={"dagster/data_version": version.digest},
        metadata={
            "clauses": len(version.clauses),
            "clauses changed from parent": len(edits),
            "changed": dg.MetadataValue.md("\n".join(f"- {edit.id}: {edit.change}" for edit in edits) or "nothing"),
            "text": dg.MetadataValue.md(text),
        },
    )


def _word(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text)
