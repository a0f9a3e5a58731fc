"""The evaluate module of Brier score; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("brier_score")
