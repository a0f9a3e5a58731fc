"""Benchmarks read from files: one module a published suite, and one for any table."""
