"""Runs that are not over, and names that Dagster accepts: what sensors, schedules and assets share."""

import re

import dagster as dg

__all__ = ["UNDER_WAY", "word"]

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def word(text: str) -> str:
    """Return a text with every character that Dagster refuses in a name as ``_``."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)
