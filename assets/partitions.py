"""How experiments are split: one partition each, added when an experiment is registered."""

import dagster as dg

__all__ = ["experiments"]

experiments = dg.DynamicPartitionsDefinition(name="experiments")
