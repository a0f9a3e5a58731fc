"""The evaluate module of BPSN AUC; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("bpsn_auc")
