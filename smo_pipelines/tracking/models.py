"""A fitted classifier in MLflow, below the run of its experiment, without pickles: of its ``transformers`` flavour, or our own files."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun

__all__ = ["log_folder", "log_model", "save_folder", "save_model"]


def save_model(pipeline: Any, folder: Path, facts: Mapping[str, str]) -> None:
    """Write a text classification pipeline as an MLflow model: both labels with their scores, long texts cut.

    Parameters
    ----------
    facts : mapping of str to str
        Kept as the model's metadata, e.g. its threshold and the digest of its training set.
    """
    with _quiet():
        import mlflow.transformers

        mlflow.transformers.save_model(
            pipeline,
            str(folder),
            task="text-classification",
            model_config={"truncation": True, "top_k": None},
            # said here, because MLflow finds them out by loading the model in another process
            pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in ("transformers", "torch")],
            metadata=dict(facts),
        )


def log_model(tracker: MlflowTracker, run: TrackedRun, pipeline: Any, *, name: str, facts: Mapping[str, str]) -> str:
    """Log a pipeline as a model of a run and return its address, ``models:/...``, which ``mlflow.transformers.load_model`` takes.

    A model that is half sent is never ready: its state becomes ready last.

    Raises
    ------
    TrackingError
        When the tracker does not take it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        save_model(pipeline, folder, facts)
        return tracker.send_model(run, folder, name=name, facts=facts)


def save_folder(saved: Path, folder: Path, facts: Mapping[str, str], *, loader: str) -> None:
    """Write a saved classifier as an MLflow model: its plain files, and the module that reads them; nothing is pickled.

    Parameters
    ----------
    saved : Path
        A folder that the module ``loader`` reads.
    """
    with _quiet():
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            str(folder),
            loader_module=loader,
            data_path=str(saved),
            pip_requirements=[f"smo-pipelines=={version('smo-pipelines')}"],
            metadata=dict(facts),
        )


def log_folder(tracker: MlflowTracker, run: TrackedRun, saved: Path, *, name: str, facts: Mapping[str, str], loader: str) -> str:
    """Log a saved classifier as a model of a run and return its address, which ``mlflow.pyfunc.load_model`` takes.

    Raises
    ------
    TrackingError
        When the tracker does not take it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        save_folder(saved, folder, facts, loader=loader)
        return tracker.send_model(run, folder, name=name, facts=facts)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow from saying that a model that was never on a hub has no card and no licence there."""
    logs = [logging.getLogger(name) for name in ("mlflow.transformers", "mlflow.pyfunc", "mlflow.models.model")]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
