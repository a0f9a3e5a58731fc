"""What is kept of a finished experiment: in the store first, then in the tracker."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from smo_pipelines.domain.decisions import Decision
from smo_pipelines.domain.digests import canonical_json, short
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.experiment.decision_json import decision_from_json
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.report.forest import forest_png
from smo_pipelines.report.page import render
from smo_pipelines.store import StoredResult, file_lock, write_atomic
from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun
from smo_pipelines.tracking.outbox import Outbox, deliver

__all__ = [
    "SPENDING",
    "Published",
    "decided_entry",
    "decided_verdict",
    "decision_digest",
    "is_decided",
    "publish",
    "stored_decision",
    "track_plan",
    "tracker_of",
]

_KIND = "decisions"
_DECISION = "decision.json"
SPENDING = "spending.json"
"""The file of a decision's entry that says what its arms cost."""

_REPORT = "report.html"
_FOREST = "forest.png"


@dataclass(frozen=True)
class Published:
    """Where a finished experiment can be read.

    ``run`` is None, and ``waiting`` says why and where, while the tracker has not taken the record. ``waiting`` with a run is about
    earlier records.
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


def decided_entry(workspace: Workspace, experiment: Experiment) -> StoredResult | None:
    """Return what the store keeps of the decision on this spec, or None while there is none."""
    return workspace.store.find(_KIND, experiment.spec_hash)


def is_decided(workspace: Workspace, experiment: Experiment) -> bool:
    """Whether this spec has a decision in the store."""
    return decided_entry(workspace, experiment) is not None


def decided_verdict(workspace: Workspace, experiment: Experiment) -> str | None:
    """Return the verdict on this spec, or None while there is none."""
    entry = decided_entry(workspace, experiment)
    return None if entry is None else str(entry.meta["verdict"])


def decision_digest(workspace: Workspace, experiment: Experiment) -> str:
    """Return the name of the decision on this spec.

    Raises
    ------
    StoreError
        When there is none.
    """
    return str(workspace.store.get(_KIND, experiment.spec_hash).meta["decision_digest"])


def stored_decision(entry: StoredResult) -> Decision:
    """Return the decision that an entry of the store keeps."""
    return decision_from_json(entry.read(_DECISION).decode())


def publish(workspace: Workspace, record: ExperimentRecord) -> Published:
    """Keep a finished experiment and send it to the tracker.

    The first record of a decision is the one that is kept: a repeat with the same decision keeps its times and its pictures.
    Another decision on the same spec, as other code may give, takes its place. An invalid experiment is not stored as decided,
    since nothing was trained and its data may still come.
    """
    experiment = record.experiment
    with file_lock(workspace.lock(f"publish-{short(experiment.spec_hash)}")):
        earlier = decided_entry(workspace, experiment)
        if earlier is not None and earlier.meta["decision_digest"] == record.decision.digest:
            record = replace(record, provenance=replace(record.provenance, **earlier.meta["provenance"]))
            page, forest = render(record).encode(), earlier.read(_FOREST)
        else:
            page, forest = render(record).encode(), forest_png(record)
            if record.replicates:
                _keep(workspace, record, page, forest)
        path = workspace.root.state / "reports" / f"{experiment.id}.html"
        write_atomic(path, page)
    run, waiting = _send(workspace, record, page, forest)
    return Published(report=str(path), run=run, waiting=waiting)


def _keep(workspace: Workspace, record: ExperimentRecord, page: bytes, forest: bytes) -> None:
    decision, experiment = record.decision, record.experiment
    meta = {
        "experiment": experiment.id,
        "version": experiment.version,
        "verdict": str(decision.verdict),
        "sentence": decision.sentence,
        "decision_digest": decision.digest,
        "provenance": {name: getattr(record.provenance, name) for name in ("started_at", "finished_at", "launched_by")},
    }
    files = {_DECISION: decision.to_json().encode(), _REPORT: page, _FOREST: forest}
    if record.price is not None:
        files[SPENDING] = canonical_json([arm.spending for arm in record.price.arms]).encode()
    workspace.store.put(_KIND, experiment.spec_hash, meta=meta, files=files, replace=True)


def _send(workspace: Workspace, record: ExperimentRecord, page: bytes, forest: bytes) -> tuple[TrackedRun | None, str | None]:
    drawn = {
        "report/effect_report.html": page,
        "figs/forest.png": forest,
        "audit/labels.json": canonical_json(record.labels).encode(),
    }
    outbox = Outbox(workspace.outbox)
    try:
        run = deliver(tracker_of(workspace), outbox, record, drawn)
    except TrackingError as error:
        return None, str(error)
    others = len(outbox.pending())
    return run, f"{others} earlier records still wait in {outbox.folder}" if others else None
