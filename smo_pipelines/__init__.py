"""Measure what an operational change did to a safety model, how sure that is, why, at what price, and whether to keep it."""

__version__ = "0.1.0"
