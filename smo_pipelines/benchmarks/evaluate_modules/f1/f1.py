"""The evaluate module of F1; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("f1")
