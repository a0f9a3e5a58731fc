"""Sends log items to MLflow: one effect run an experiment, found again by its spec, and finished last."""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.store import file_lock
from smo_pipelines.tracking.items import Artifact, Child, Dataset, Metric, Param, RunItems, Tag
from smo_pipelines.tracking.log_items import final_items, planned_items
from smo_pipelines.tracking.views import experiment_tags, run_url

__all__ = ["MlflowTracker", "TrackedRun", "parts"]

_SQLITE = "sqlite:///"
_MAX_METRICS = 800
_MAX_OTHERS = 100
"""A batch holds 1000 things at most, of which 100 params and 100 tags."""
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # a tracker that is down is reported in seconds, not minutes; the record waits in the outbox
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """Where an experiment is shown: ``url_path`` is what follows the server's address."""

    run_id: str
    experiment_id: str
    url_path: str


class MlflowTracker:
    """An MLflow server or SQLite file as the memory of experiments.

    Parameters
    ----------
    uri : str
        ``http://host:port`` or ``sqlite:///path``.
    artifact_root : str or Path, optional
        Where reports go when ``uri`` is a SQLite file; by default the folder ``mlartifacts`` beside it. A server has its own.
    """

    def __init__(self, uri: str, artifact_root: str | Path | None = None) -> None:
        if not uri.startswith((_SQLITE, "http://", "https://")):
            raise TrackingError(f"the tracker {uri!r} is not one this project knows; legal are 'http://...' and 'sqlite:///path'")
        self.uri = uri
        self._database = Path(uri.removeprefix(_SQLITE)).resolve() if uri.startswith(_SQLITE) else None
        if self._database is not None and artifact_root is None:
            artifact_root = self._database.parent / "mlartifacts"
        self._artifact_root = None if artifact_root is None else str(artifact_root)

    def check(self) -> None:
        """Ask the tracker for something small.

        Raises
        ------
        TrackingError
            When it does not answer.
        """
        with self._speaking():
            self._client.search_experiments(max_results=1)

    def plan(self, experiment: Experiment, links: Mapping[str, str] | None = None) -> TrackedRun:
        """Log an experiment before anything is trained; one that is known already is left as it is."""
        items = planned_items(experiment, links)
        with self._speaking(), self._alone():
            where = self._experiment_id(items.experiment_name)
            found = self._find(where, items.spec_hash)
            return self._tracked(where, found or self._create_planned(where, items))

    def find_run(self, experiment_name: str, spec_hash: str) -> TrackedRun | None:
        """Return where an experiment is shown, or None while the tracker does not know it."""
        with self._speaking(), self._alone():
            found = self._client.get_experiment_by_name(experiment_name)
            run = None if found is None else self._find(found.experiment_id, spec_hash)
            return None if run is None else self._tracked(found.experiment_id, run)

    def record(self, record: ExperimentRecord, artifacts: Mapping[str, bytes] | None = None) -> TrackedRun:
        """Log a finished experiment; the same record again changes nothing.

        Parameters
        ----------
        artifacts : mapping of str to bytes
            What is drawn elsewhere, by path: ``report/effect_report.html``, ``figs/forest.png``.
        """
        return self.send(final_items(record, artifacts))

    def send(self, items: RunItems) -> TrackedRun:
        """Write a finished experiment: children first, the effect run's content next, its decision and ``smo.state`` last.

        A run of the same spec that holds another result is kept as ``superseded``; one that was left half-written is completed.
        """
        with self._speaking(), self._alone():
            where = self._experiment_id(items.experiment_name)
            found = self._find(where, items.spec_hash)
            if found is not None and found.data.tags.get("smo.record_digest", items.record_digest) != items.record_digest:
                self._supersede(where, found.info.run_id)
                found = None
            if found is not None and found.data.tags.get("smo.state") == "final":
                return self._tracked(where, found)
            run = found or self._create_planned(where, items)
            self._write(where, run, items)
            return self._tracked(where, run)

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Yield MLflow's client for the other files of this folder, alone on a SQLite file; its failures become a TrackingError."""
        with self._speaking(), self._alone():
            yield self._client

    def send_model(self, run: TrackedRun, folder: Path, *, name: str, facts: Mapping[str, str]) -> str:
        """Log a saved model below a run and return its address; use :func:`smo_pipelines.tracking.models.log_model`."""
        with self._speaking(), self._alone():
            made = self._client.create_logged_model(run.experiment_id, name=name, source_run_id=run.run_id, tags=dict(facts))
            self._client.log_model_artifacts(made.model_id, str(folder))
            self._client.finalize_logged_model(made.model_id, "READY")
            return f"models:/{made.model_id}"

    def _write(self, where: str, run: Any, items: RunItems) -> None:
        run_id = run.info.run_id
        begun = (Tag(key="smo.state", value="writing"), Tag(key="smo.record_digest", value=items.record_digest))
        self._batch(run_id, tags=begun)
        self._client.update_run(run_id, status="RUNNING")
        children = self._children(where, run_id)
        for child in items.children:
            self._write_child(where, run_id, children.get(child.label), child, items)
        self._batch(run_id, metrics=items.metrics, params=items.params, tags=items.tags, at=items.finished_ms)
        self._inputs(run_id, items.datasets)
        self._upload(run_id, items.artifacts)
        self._client.set_terminated(run_id, "FINISHED", max(items.finished_ms, run.info.start_time))
        self._batch(run_id, tags=items.last_tags)

    def _write_child(self, where: str, parent: str, run: Any, child: Child, items: RunItems) -> None:
        if run is not None and run.data.tags.get("smo.state") == "final":
            return
        if run is None:
            tags = {"mlflow.parentRunId": parent, "smo.state": "writing", **{tag.key: tag.value for tag in child.tags}}
            run = self._create(where, child.name, tags, items.started_ms)
        self._inputs(run.info.run_id, child.datasets)
        self._client.set_terminated(run.info.run_id, "FINISHED", max(items.finished_ms, run.info.start_time))
        # the tracker writes the tags of a batch after its numbers
        tag = Tag(key="smo.state", value="final")
        self._batch(run.info.run_id, metrics=child.metrics, params=child.params, tags=(*child.tags, tag), at=items.finished_ms)

    def _create_planned(self, where: str, items: RunItems) -> Any:
        mine = self._create(where, items.run_name, {tag.key: tag.value for tag in items.first_tags}, items.started_ms)
        kept, *others = self._effect_runs(where, items.spec_hash)
        for run in others:
            # another process created the run of this spec in the same moment: one stays
            self._client.delete_run(run.info.run_id)
        if kept.info.run_id == mine.info.run_id:
            self._batch(kept.info.run_id, params=items.params)
            self._upload(kept.info.run_id, [one for one in items.artifacts if one.path.startswith("plan/")])
            self._client.update_run(kept.info.run_id, status="SCHEDULED")
        return kept

    def _create(self, where: str, name: str, tags: Mapping[str, str], start_ms: int) -> Any:
        return self._client.create_run(where, start_time=start_ms or None, tags=dict(tags), run_name=name)

    def _find(self, where: str, spec_hash: str) -> Any:
        return next(iter(self._effect_runs(where, spec_hash)), None)

    def _effect_runs(self, where: str, spec_hash: str) -> list[Any]:
        query = f"tags.`smo.spec_hash` = '{spec_hash}' AND tags.`smo.role` = 'effect'"
        runs = self._client.search_runs([where], filter_string=query, max_results=50)
        return sorted(runs, key=lambda run: (run.data.tags.get("smo.state") != "final", run.info.start_time, run.info.run_id))

    def _children(self, where: str, parent: str) -> dict[str, Any]:
        """Return the replicates' runs below an effect run by label; of two of one replicate the older stays."""
        query = f"tags.`mlflow.parentRunId` = '{parent}'"
        page = self._client.search_runs([where], filter_string=query, max_results=1000)
        runs = list(page)
        while page.token:
            page = self._client.search_runs([where], filter_string=query, max_results=1000, page_token=page.token)
            runs += page
        by_label: dict[str, Any] = {}
        for run in sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id)):
            first = by_label.setdefault(run.data.tags.get("smo.replicate", run.info.run_id), run)
            if first is not run:
                self._client.delete_run(run.info.run_id)
        return by_label

    def _supersede(self, where: str, run_id: str) -> None:
        for child in self._children(where, run_id).values():
            self._batch(child.info.run_id, tags=(Tag(key="smo.role", value="superseded_replicate"),))
        self._batch(run_id, tags=(Tag(key="smo.role", value="superseded"),))

    def _batch(
        self, run_id: str, *, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[Tag] = (), at: int = 0
    ) -> None:
        from mlflow import entities

        # a fixed moment and step make a repeated number the same row, so that a retry adds nothing
        sent = parts([entities.Metric(m.key, m.value, at, 0) for m in metrics], _MAX_METRICS)
        fixed = parts([entities.Param(p.key, p.value) for p in params], _MAX_OTHERS)
        words = parts([entities.RunTag(t.key, t.value) for t in tags], _MAX_OTHERS)
        for some_metrics, some_params, some_tags in zip_longest(sent, fixed, words, fillvalue=()):
            self._client.log_batch(run_id, metrics=some_metrics, params=some_params, tags=some_tags)

    def _inputs(self, run_id: str, datasets: Sequence[Dataset]) -> None:
        from mlflow.entities import Dataset as MlflowDataset
        from mlflow.entities import DatasetInput, InputTag

        inputs = [
            DatasetInput(
                MlflowDataset(name=one.name, digest=one.digest, source_type="smo", source=f'{{"digest": "{one.source}"}}'),
                [InputTag("mlflow.data.context", one.context)],
            )
            for one in datasets
        ]
        if inputs:
            self._client.log_inputs(run_id, inputs)

    def _upload(self, run_id: str, artifacts: Sequence[Artifact]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for artifact in artifacts:
                path = Path(folder) / artifact.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(artifact.content)
                self._client.log_artifact(run_id, str(path), str(Path(artifact.path).parent))

    def _experiment_id(self, name: str, tags: Mapping[str, str] | None = None) -> str:
        """Return the id of the tracker's experiment: made, or brought back from deletion, with note and views up to date."""
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = None if self._artifact_root is None else f"{self._artifact_root}/{name}"
            try:
                self._client.create_experiment(name, artifact_location=location)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = self._client.get_experiment_by_name(name)
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        for key, value in (experiment_tags() if tags is None else tags).items():
            # people add to the note in the interface; what they wrote stays
            edited = key == "mlflow.note.content" and key in found.tags
            if found.tags.get(key) != value and not edited:
                self._client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)

    @staticmethod
    def _tracked(where: str, run: Any) -> TrackedRun:
        run_id = str(run.info.run_id)
        return TrackedRun(run_id=run_id, experiment_id=where, url_path=run_url("", where, run_id))

    def _alone(self) -> AbstractContextManager[None]:
        """Hold the SQLite file against other processes of this machine; a server is not ours to lock."""
        return nullcontext() if self._database is None else file_lock(self._database.with_name(f".{self._database.name}.writing"))

    @cached_property
    def _client(self) -> Any:
        if self._database is None:
            return _open_client(self.uri)
        self._database.parent.mkdir(parents=True, exist_ok=True)
        # the first to come creates the tables; two that migrate at once leave a database that neither can open
        with file_lock(self._database.with_name(f".{self._database.name}.opening")):
            return _open_client(f"{_SQLITE}{self._database}")

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Turn what a tracker can fail with into one error."""
        try:
            yield
        except _failures() as error:
            reason = " ".join(str(error).split())[:400]
            raise TrackingError(
                f"the tracker {self.uri} did not take what it was sent ({type(error).__name__}: {reason})"
            ) from error


def _open_client(uri: str) -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # deprecations inside MLflow and what it imports are not the user's to act on
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


def _failures() -> tuple[type[BaseException], ...]:
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, RequestException, SQLAlchemyError, OSError)


def parts(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """Give the values in lists of at most so many."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
