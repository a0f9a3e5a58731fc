"""The evaluate module of subgroup AUC; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("subgroup_auc")
