"""The jobs that materialise assets: an experiment from labels to report, and the quality of the labels."""

import dagster as dg

__all__ = ["ab_experiment", "label_quality"]

ab_experiment = dg.define_asset_job(
    "ab_experiment",
    selection=dg.AssetSelection.groups("labels", "plan", "replicates", "comparison"),
    executor_def=dg.in_process_executor,
    description="Run one registered experiment to its decision: choose its partition and launch, nothing to fill in.",
    tags={"smo/job": "ab_experiment"},
)

label_quality = dg.define_asset_job(
    "label_quality",
    selection=dg.AssetSelection.groups("quality"),
    executor_def=dg.in_process_executor,
    description="Measure every project's labels as they are now, and judge its key figures.",
    tags={"smo/job": "label_quality"},
)
