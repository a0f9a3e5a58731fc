"""The jobs: one experiment from labels to report, and the guideline versions."""

import dagster as dg

from assets.partitions import experiments

__all__ = ["ab_experiment", "guideline_versions"]

ab_experiment = dg.define_asset_job(
    "ab_experiment",
    selection=dg.AssetSelection.groups("control", "treatment", "comparison"),
    partitions_def=experiments,
    executor_def=dg.in_process_executor,
    description="Run one registered experiment to its decision: choose its partition and launch, nothing to fill in.",
    tags={"smo/job": "ab_experiment"},
)

guideline_versions = dg.define_asset_job(
    "guideline_versions",
    selection=dg.AssetSelection.groups("guidelines"),
    executor_def=dg.in_process_executor,
    description="Bring the guideline versions of configs/guidelines up to date.",
)
