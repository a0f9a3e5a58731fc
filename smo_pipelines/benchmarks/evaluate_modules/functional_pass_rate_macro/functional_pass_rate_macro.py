"""The evaluate module of macro functional pass rate; README.md is its card."""

from smo_pipelines.benchmarks.metric_module import module_of

Module = module_of("functional_pass_rate_macro")
