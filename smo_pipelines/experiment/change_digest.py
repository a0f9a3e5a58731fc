"""Every decided change of a project, gathered from the store, shown on one page and sent to the tracker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smo_pipelines.analysis.change_digest import digest_of_changes
from smo_pipelines.domain.change_digest import BenchmarkUse, ChangeDigest, DecidedChange
from smo_pipelines.domain.changes import kind_of_fields
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.experiments import Assignment
from smo_pipelines.domain.phrases import guardrail_summary, primary_effect, shown_effect
from smo_pipelines.errors import ConfigError, TrackingError
from smo_pipelines.experiment.benchmark_uses import benchmark_uses
from smo_pipelines.experiment.price import stored_price
from smo_pipelines.experiment.record import stored_decision, tracker_of
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.report.change_digest import digest_png, digest_sentences, render_digest
from smo_pipelines.store import StoredResult, write_atomic
from smo_pipelines.tracking.change_digest import digest_items
from smo_pipelines.tracking.mlflow_backend import TrackedRun
from smo_pipelines.tracking.outbox import Outbox, deliver_items

__all__ = ["PublishedDigest", "change_digest", "publish_digest"]


@dataclass(frozen=True)
class PublishedDigest:
    """Where a digest can be read: its page, and a run in the tracker for each policy area, or why there is none."""

    page: str
    runs: Mapping[str, TrackedRun]
    waiting: Mapping[str, str]


def change_digest(workspace: Workspace) -> ChangeDigest:
    """Return every decided change of the store, read together.

    Raises
    ------
    ConfigError
        When nothing is decided yet.
    """
    store = workspace.store
    decided = store.entries("decisions")
    if not decided:
        raise ConfigError("no experiment is decided yet, so there is nothing to digest; `smo run EXPERIMENT` decides one")
    registered = {str(entry.meta["spec_hash"]): entry.meta for entry in store.entries("registered")}
    newest: dict[str, int] = {}
    for entry in decided:
        name = str(entry.meta["experiment"])
        newest[name] = max(newest.get(name, 0), int(entry.meta["version"]))
    changes = [_change(workspace, entry, registered.get(entry.key, {}), newest) for entry in decided]
    names = {str(entry.meta["digest"]): str(entry.meta["name"]) for entry in store.entries("benchmarks")}
    uses = [
        BenchmarkUse(benchmark=names[digest], digest=digest, experiments=users)
        for digest, users in benchmark_uses(workspace).items()
    ]
    return digest_of_changes(changes, uses)


def publish_digest(workspace: Workspace, digest: ChangeDigest) -> PublishedDigest:
    """Write the page, and show it in the tracker beside the changes of each policy area.

    A digest that says what the last one said changes nothing; one that says more takes its place, and the last is kept as superseded.
    """
    page = render_digest(digest).encode()
    path = workspace.root.state / "digest.html"
    write_atomic(path, page)
    runs: dict[str, TrackedRun] = {}
    waiting: dict[str, str] = {}
    sentences = digest_sentences(digest)
    drawn = {"report/digest.html": page, "figs/changes.png": digest_png(digest)}
    for area in sorted({one.change.area for one in digest.changes}):
        try:
            runs[area] = deliver_items(
                tracker_of(workspace), Outbox(workspace.outbox), digest_items(digest, area, sentences, drawn)
            )
        except TrackingError as error:
            waiting[area] = str(error)
    return PublishedDigest(page=str(path), runs=runs, waiting=waiting)


def _change(workspace: Workspace, entry: StoredResult, registered: Mapping[str, Any], newest: Mapping[str, int]) -> DecidedChange:
    raw: Mapping[str, Any] = registered.get("raw", {})
    about = raw.get("change", {})
    name, version = str(entry.meta["experiment"]), int(entry.meta["version"])
    decision = stored_decision(entry)
    control, treatment = raw.get("control", {}), raw.get("treatment") or {}
    null_test = raw.get("null_test") is not None
    # what a failed null test found is the point of it
    effect = primary_effect(decision) if null_test else shown_effect(decision)
    return DecidedChange(
        experiment=name,
        version=version,
        spec_hash=entry.key,
        decision_digest=decision.digest,
        change_id=str(about.get("id", name)),
        what=str(about.get("what", name)),
        owner=str(about.get("owner", "")),
        area=str(raw.get("area", "general")),
        kind=kind_of_fields(field for field, value in treatment.items() if control.get(field) != value),
        decided_at=str(entry.meta["provenance"]["finished_at"]),
        verdict=Verdict(decision.verdict),
        sentence=decision.sentence,
        guardrails=guardrail_summary(decision),
        effect=effect,
        looks=version,
        price=stored_price(workspace, entry, effect),
        superseded_by=newest[name] if newest[name] > version else None,
        null_test=null_test,
        causal=not raw or Assignment(raw.get("assignment", Assignment.unknown)).causal,
    )
