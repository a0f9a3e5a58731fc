"""Guideline versions as assets: what raters are told, named by its digest, upstream of both arms."""

import dagster as dg

from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.labels.guidelines import clause_edits

__all__ = ["build_guidelines", "guideline_key"]


def guideline_key(guideline_id: str) -> dg.AssetKey:
    """Return the asset key of a guideline version."""
    name, version = guideline_id.split("@", 1)
    return dg.AssetKey(["guidelines", _word(name), _word(version)])


def build_guidelines(catalogue: Catalogue) -> list[dg.AssetsDefinition]:
    """Return one asset a guideline version, each downstream of its parent."""
    versions = catalogue.guidelines
    return [_asset(version, versions.get(version.parent or "")) for version in versions.values()]


def _asset(version: GuidelineVersion, parent: GuidelineVersion | None) -> dg.AssetsDefinition:
    @dg.asset(
        key=guideline_key(version.id),
        group_name="guidelines",
        deps=[guideline_key(parent.id)] if parent is not None else [],
        code_version=version.digest[:12],
        description=f"{version.id}: {version.summary or version.question}",
        kinds={"markdown"},
        owners=["team:smo"],
    )
    def guideline() -> dg.MaterializeResult:
        edits = clause_edits(parent, version) if parent is not None else ()
        text = "\n\n".join(f"**{clause.id} {clause.title}**\n\n{clause.text}" for clause in version.clauses)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version.digest),
            metadata={
                "clauses": len(version.clauses),
                "clauses changed from parent": len(edits),
                "text": dg.MetadataValue.md(text),
                "changed": dg.MetadataValue.md("\n".join(f"- {edit.id}: {edit.change}" for edit in edits) or "nothing"),
            },
        )

    return guideline


def _word(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text)
