"""The Dagster code location: the only wiring."""

import dagster as dg

from assets.arms import build_arm
from assets.comparison import build_comparison
from assets.guidelines import guideline_key, guideline_specs
from assets.jobs import ab_experiment, label_quality
from assets.labels import build_label_tables
from assets.launch import build_launch_job
from assets.planning import planned_power
from assets.quality import build_quality
from assets.resources import SmoProject, json_outputs
from assets.sensors import experiment_specs, input_versions
from smo_pipelines.config.experiments import Catalogue
from smo_pipelines.config.root import find_root
from smo_pipelines.domain.experiments import ArmName

__all__ = ["defs"]


@dg.definitions
def defs() -> dg.Definitions:
    """Return everything this code location serves."""
    root = find_root()
    catalogue = Catalogue(root)
    quality = build_quality(root)
    guidelines = [guideline_key(version) for version in catalogue.guidelines]
    return dg.Definitions(
        assets=[
            build_label_tables(),
            *guideline_specs(catalogue),
            *(asset for arm in ArmName for asset in build_arm(arm, guidelines)),
            planned_power,
            *build_comparison(),
            *quality,
        ],
        jobs=[ab_experiment, build_launch_job(catalogue), *([label_quality] if quality else [])],
        sensors=[experiment_specs, input_versions],
        resources={"project": SmoProject(), "io_manager": json_outputs},
    )
