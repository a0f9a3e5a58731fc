"""The evaluate module of BNSP AUC; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("bnsp_auc")
