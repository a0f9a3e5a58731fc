"""How good, fast and dear each project's labels are: an asset a project, with a check a key figure.

A project has one when it has a file of key figures, ``configs/kpis/<project>.yaml``. They are assets of their own rather than partitions
of one, so that a project's check never stands in for another's.
"""

import dagster as dg

from assets.failures import plain_failures
from assets.labels import LABEL_TABLES
from assets.quality_metadata import SHOWN, check_result, plotted, quality_table
from assets.resources import SmoProject
from assets.runs import word
from smo_pipelines.config.kpis import load_kpis
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.kpis import Kpi
from smo_pipelines.errors import ConfigError
from smo_pipelines.experiment.kpis import kpi_outcomes

__all__ = ["build_quality", "quality_key"]


def quality_key(project: str) -> dg.AssetKey:
    """Return the asset key of a project's quality."""
    return dg.AssetKey(["labels", "quality", word(project)])


def build_quality(root: ProjectRoot) -> list[dg.AssetsDefinition]:
    """Return one asset a project with key figures."""
    return [_quality(root, path.stem) for path in sorted((root.configs / "kpis").glob("*.yaml"))]


def _quality(root: ProjectRoot, project_name: str) -> dg.AssetsDefinition:
    key, checks = quality_key(project_name), _check_names(_readable_kpis(root, project_name))

    @dg.asset(
        key=key,
        group_name="quality",
        deps=list(LABEL_TABLES.values()),
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=f"{kpi.name}: {kpi.measure}, target {kpi.target:g}, {kpi.owner}")
            for kpi, name in checks.items()
        ],
        description=f"Agreement, gold accuracy, skips, review, speed and cost of the ratings of {project_name}, and its key figures.",
        kinds={"duckdb"},
        owners=["team:smo"],
    )
    def quality(project: SmoProject) -> dg.MaterializeResult:
        from smo_pipelines.labels.quality import label_quality

        with plain_failures():
            workspace = project.open()
            guidelines = workspace.catalogue.guidelines
            outcomes = kpi_outcomes(workspace, project_name)
            by_question, by_place = (
                label_quality(workspace.tables, project_name, guidelines=guidelines, by=by, measures=SHOWN)
                for by in (("question",), ("question", "pool", "locale"))
            )
        return dg.MaterializeResult(
            metadata={**plotted(by_question), "by pool and locale": dg.MetadataValue.md(quality_table(by_place))},
            check_results=[
                check_result(name, [outcome for outcome in outcomes if outcome.kpi.name == kpi.name])
                for kpi, name in checks.items()
            ],
        )

    return quality


def _readable_kpis(root: ProjectRoot, project: str) -> tuple[Kpi, ...]:
    """Return the key figures; a file with a mistake says so when the asset runs, and does not keep the others from loading."""
    try:
        return load_kpis(root, project)
    except ConfigError:
        return ()


def _check_names(kpis: tuple[Kpi, ...]) -> dict[Kpi, str]:
    names: dict[Kpi, str] = {}
    for kpi in kpis:
        plain = name = word(kpi.name)
        number = 2
        while name in names.values():
            name, number = f"{plain}_{number}", number + 1
        names[kpi] = name
    return names
