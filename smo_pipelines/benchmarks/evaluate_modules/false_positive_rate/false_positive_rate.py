"""The evaluate module of false positive rate; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("false_positive_rate")
