"""What is kept of a finished experiment: in the store first, then in the tracker."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.report.forest import forest_png
from smo_pipelines.report.page import render
from smo_pipelines.store import write_atomic
from smo_pipelines.tracking.items import Artifact
from smo_pipelines.tracking.log_items import final_items
from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun
from smo_pipelines.tracking.outbox import Outbox

__all__ = ["Published", "is_decided", "publish", "stored_report", "track_plan", "tracker_of"]

_KIND = "decisions"
_REPORT = "report.html"


@dataclass(frozen=True)
class Published:
    """Where a finished experiment can be read.

    ``run`` is None, and ``waiting`` says why, while the tracker has not taken the record; it is kept in the outbox until then.
    """

    report: str
    run: TrackedRun | None
    waiting: str | None


def tracker_of(workspace: Workspace) -> MlflowTracker:
    """Return the project's tracker."""
    return MlflowTracker(workspace.tracking_uri, workspace.artifact_root if workspace.tracking_uri.startswith("sqlite") else None)


def track_plan(workspace: Workspace, experiment: Experiment, links: Mapping[str, str] | None = None) -> str | None:
    """Show a registered experiment in the tracker as planned; return why it could not be, or None."""
    try:
        tracker_of(workspace).plan(experiment, links)
    except TrackingError as error:
        return str(error)
    return None


def is_decided(workspace: Workspace, experiment: Experiment) -> bool:
    """Whether this spec has a decision in the store."""
    return workspace.store.find(_KIND, experiment.spec_hash) is not None


def stored_report(workspace: Workspace, experiment: Experiment) -> bytes:
    """Return the report page of a decided experiment.

    Raises
    ------
    StoreError
        When it is not decided.
    """
    return workspace.store.get(_KIND, experiment.spec_hash).read(_REPORT)


def publish(workspace: Workspace, record: ExperimentRecord) -> Published:
    """Keep a finished experiment and send it to the tracker.

    The first record of a decision is the one that is kept: a repeat with the same decision keeps its times and its page. An
    invalid experiment is not stored as decided, since nothing was trained and its data may still come.
    """
    decision, experiment = record.decision, record.experiment
    earlier = workspace.store.find(_KIND, experiment.spec_hash)
    if earlier is not None and earlier.meta["decision_digest"] == decision.digest:
        record = replace(record, provenance=replace(record.provenance, **earlier.meta["provenance"]))
    page = render(record).encode()
    if record.replicates:
        when = {name: getattr(record.provenance, name) for name in ("started_at", "finished_at", "launched_by")}
        meta = {
            "experiment": experiment.id,
            "version": experiment.version,
            "verdict": str(decision.verdict),
            "sentence": decision.sentence,
            "decision_digest": decision.digest,
            "provenance": when,
        }
        files = {"decision.json": decision.to_json().encode(), _REPORT: page}
        workspace.store.put(_KIND, experiment.spec_hash, meta=meta, files=files)
    path = workspace.root.state / "reports" / f"{experiment.id}.html"
    write_atomic(path, page)
    run, waiting = _send(workspace, record, page)
    return Published(report=str(path), run=run, waiting=waiting)


def _send(workspace: Workspace, record: ExperimentRecord, page: bytes) -> tuple[TrackedRun | None, str | None]:
    drawn = (
        Artifact(path="report/effect_report.html", content=page),
        Artifact(path="figs/forest.png", content=forest_png(record)),
        Artifact(path="audit/labels.json", content=canonical_json(record.labels).encode()),
    )
    items = final_items(record)
    items = replace(items, artifacts=(*items.artifacts, *drawn))
    outbox, tracker = Outbox(workspace.outbox), tracker_of(workspace)
    outbox.put(items)
    try:
        refused = outbox.flush(tracker).refused
        return tracker.send(items), "; ".join(pair[1] for pair in refused) or None
    except TrackingError as error:
        return None, str(error)
