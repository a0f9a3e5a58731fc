"""The evaluate module of average precision; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("average_precision")
