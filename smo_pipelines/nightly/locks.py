"""Which process of this machine is at work on a plan: one makes its nights at a time, and one publishes them."""

from pathlib import Path

from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.store import is_locked

__all__ = ["is_under_way", "night_lock", "publish_lock"]


def night_lock(workspace: Workspace, plan_id: str) -> Path:
    """Return the lock under which a night or a baseline is made."""
    return workspace.lock(f"nightly-{plan_id}")


def publish_lock(workspace: Workspace, plan_id: str) -> Path:
    """Return the lock under which nights are published."""
    return workspace.lock(f"publish-nightly-{plan_id}")


def is_under_way(workspace: Workspace, plan_id: str) -> bool:
    """Whether a process of this machine is making or publishing nights of a plan at this moment."""
    return any(is_locked(lock(workspace, plan_id)) for lock in (night_lock, publish_lock))
