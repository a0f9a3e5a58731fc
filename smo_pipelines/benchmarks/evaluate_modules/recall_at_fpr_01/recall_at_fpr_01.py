"""The evaluate module of recall at 1% FPR; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("recall_at_fpr_01")
