"""The job that runs one experiment from labels to report."""

import dagster as dg

__all__ = ["ab_experiment"]

ab_experiment = dg.define_asset_job(
    "ab_experiment",
    selection=dg.AssetSelection.groups("labels", "replicates", "comparison"),
    executor_def=dg.in_process_executor,
    description="Run one registered experiment to its decision: choose its partition and launch, nothing to fill in.",
    tags={"smo/job": "ab_experiment"},
)
