"""The evaluate module of balanced accuracy; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("balanced_accuracy")
