"""Promotion: the gate's answer becomes a move in the record, and the record becomes aliases in the registry."""

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smo_pipelines.classifiers.saved import LOADER, write_folder
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.nights import Baseline
from smo_pipelines.domain.promotion import AliasMove, AliasName, Candidate, GateOutcome, aliases_after
from smo_pipelines.errors import ClassifierError, TrackingError
from smo_pipelines.experiment.fits import NamedFit, export_fit, load_fit
from smo_pipelines.experiment.record import tracker_of
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.gate import judge, plans_of
from smo_pipelines.nightly.moves import append_move, moves_of
from smo_pipelines.nightly.records import stored_baselines
from smo_pipelines.store import file_lock
from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun
from smo_pipelines.tracking.models import log_folder, log_model
from smo_pipelines.tracking.outbox import Outbox
from smo_pipelines.tracking.registry import ModelRegistry, Synced

__all__ = ["Promotion", "Registered", "promote", "sync_registry"]


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The registry after the record was brought to it; ``waiting`` says why it could not be, and the next call tries again."""

    synced: Synced | None = None
    waiting: str = ""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What came of asking the gate; ``move`` is None where no alias moves."""

    outcome: GateOutcome
    move: AliasMove | None
    aliases: Mapping[AliasName, Candidate]
    registered: Registered


def promote(workspace: Workspace, experiment: Experiment, *, by: str, now: dt.datetime) -> Promotion:
    """Make an experiment's treatment the champion of its area if the gate lets it through.

    The move is in the store before the registry hears of it, and a registry that does not answer is brought up to date by the next
    call. A candidate that has shipped and is held up by the nights alone becomes ``challenger``. Asking again moves nothing twice.

    Parameters
    ----------
    by : str
        Who asks.
    """
    area = experiment.area
    with file_lock(workspace.lock(f"promote-{area}")):
        judged = judge(workspace, experiment, now=now)
        moves, move = moves_of(workspace.store, area), None
        to = AliasName.champion if judged.outcome.passed else AliasName.challenger
        if judged.candidate is not None and not _is_there(aliases_after(moves), to, judged.candidate):
            move = AliasMove(
                number=len(moves),
                area=area,
                to=to,
                candidate=judged.candidate,
                checks=judged.outcome.checks,
                baselines=judged.baselines,
                by=by,
                at=now.isoformat(timespec="seconds"),
            )
            move = append_move(workspace.store, move)
    registered = sync_registry(workspace, area)
    aliases = aliases_after(moves_of(workspace.store, area))
    return Promotion(outcome=judged.outcome, move=move, aliases=aliases, registered=registered)


def sync_registry(workspace: Workspace, area: str) -> Registered:
    """Bring the registry of an area to what the record says: versions, aliases, and the nightly baselines beside the champion.

    Called after a promotion and after a blessing. Nothing is done for an area without a move.
    """
    with file_lock(workspace.lock(f"promote-{area}")):
        moves = moves_of(workspace.store, area)
        if not moves:
            return Registered()
        try:
            return Registered(synced=_sync(workspace, area, moves))
        except TrackingError as error:
            return Registered(waiting=f"{error}; the move is recorded, and the next `smo promote` or `smo bless` shows it there")


def _is_there(aliases: Mapping[AliasName, Candidate], to: AliasName, candidate: Candidate) -> bool:
    if to is AliasName.champion:
        return aliases.get(to) == candidate
    return candidate in (aliases.get(AliasName.champion), aliases.get(AliasName.challenger))


def _sync(workspace: Workspace, area: str, moves: tuple[AliasMove, ...]) -> Synced:
    tracker = tracker_of(workspace)
    registry = ModelRegistry(tracker, area)
    known = registry.versions()
    wanted, before = aliases_after(moves), aliases_after(moves[:-1])
    for candidate in wanted.values():
        newest = next(move for move in reversed(moves) if move.candidate == candidate)
        if candidate.fit not in known:
            _register(workspace, tracker, registry, candidate, _tags(newest))
        registry.tag(candidate.fit, _tags(newest))
    champion = wanted.get(AliasName.champion)
    if champion is not None:
        registry.tag(champion.fit, _baseline_tags(workspace, area))
    return registry.point(
        {alias: candidate.fit for alias, candidate in wanted.items()},
        {alias: candidate.fit for alias, candidate in before.items()},
        move=moves[-1].number,
    )


def _tags(move: AliasMove) -> dict[str, str]:
    candidate = move.candidate
    return {
        "gate": "pass" if move.to is AliasName.champion else "fail",
        "gate_checks": "; ".join(f"{'ok' if check.passed else 'NOT'}: {check.sentence}" for check in move.checks),
        "approved_by": move.by if move.to is AliasName.champion else "",
        "approved_at": move.at if move.to is AliasName.champion else "",
        "smo.change_id": candidate.change,
        "smo.experiment": candidate.experiment,
        "smo.spec_hash": candidate.spec_hash,
        "smo.decision_digest": candidate.decision_digest,
        "smo.snapshot": candidate.snapshot,
        "smo.guideline": candidate.guideline,
        "smo.classifier": candidate.config.name,
    }


def _baseline_tags(workspace: Workspace, area: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for plan in plans_of(workspace, area):
        blessed: tuple[Baseline, ...] = stored_baselines(workspace.store, plan.id)
        if blessed:
            found |= {f"smo.baseline.{plan.id}": blessed[-1].digest, f"smo.blessed.{plan.id}": blessed[-1].id}
    return found


def _register(
    workspace: Workspace, tracker: MlflowTracker, registry: ModelRegistry, candidate: Candidate, tags: Mapping[str, str]
) -> None:
    run = _run_of(workspace, tracker, candidate)
    entry = workspace.store.get("fits", candidate.fit)
    fit = NamedFit(entry=entry, config=candidate.config, labels=candidate.labels, guideline=candidate.guideline)
    load_fit(workspace, fit)  # a fit that is damaged is refused here, before anything is sent
    with tempfile.TemporaryDirectory() as scratch:
        address = _log(workspace, tracker, run, fit, Path(scratch) / "model")
    registry.add(candidate.fit, address, run, {**tags, "gate_report": f"runs:/{run.run_id}/report/effect_report.html"})


def _run_of(workspace: Workspace, tracker: MlflowTracker, candidate: Candidate) -> TrackedRun:
    name = f"smo/{candidate.area}/changes"
    found = tracker.find_run(name, candidate.spec_hash)
    if found is None:
        # the experiment may have been decided while the tracker was down
        Outbox(workspace.outbox).flush(tracker)
        found = tracker.find_run(name, candidate.spec_hash)
    if found is None:
        raise TrackingError(
            f"the tracker does not know experiment {candidate.experiment!r}: `smo run {candidate.experiment}` sends it"
        )
    return found


def _log(workspace: Workspace, tracker: MlflowTracker, run: TrackedRun, fit: NamedFit, folder: Path) -> str:
    facts = {f"smo.{name.lower().replace(' ', '_')}": value for name, value in fit.facts.items()}
    name = f"{fit.config.name}-{fit.entry.key[:12]}"
    try:
        export_fit(workspace, fit, folder)
    except ClassifierError:
        # transformers has no form for it: its own files, which this package reads
        write_folder(fit.config, {one: fit.entry.read(one) for one in fit.entry.names}, folder)
        return log_folder(tracker, run, folder, name=name, facts=facts, loader=LOADER)
    from smo_pipelines.classifiers.export import exported_pipeline

    return log_model(tracker, run, exported_pipeline(folder), name=name, facts=facts)
