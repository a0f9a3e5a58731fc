"""What is sent to the experiment tracker, and the only place that knows MLflow."""

from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun
from smo_pipelines.tracking.outbox import Flushed, Outbox, deliver
from smo_pipelines.tracking.views import run_url, view_url

__all__ = ["Flushed", "MlflowTracker", "Outbox", "TrackedRun", "deliver", "run_url", "view_url"]
