"""MLflow's own functions on a tracker of a test, leaving no trace: they write the tracker's address into the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["mlflow_at"]


@contextmanager
def mlflow_at(uri: str) -> Iterator[None]:
    """Let MLflow talk to this tracker until the block ends; projects that are opened later go to their own."""
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri("")
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before
