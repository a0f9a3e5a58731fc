"""Pre-registration: the resolved spec and its rule are stored, by hash, before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from smo_pipelines.config.experiments import ExperimentFile, load_experiment_files, resolve_experiment
from smo_pipelines.domain.digests import canonical_json, short
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import RegistrationError, UnknownName
from smo_pipelines.experiment.earlier_looks import decided_twins, what_is_asked
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.store import file_lock

__all__ = ["Registration", "find_experiment", "known_experiments", "register_experiment"]

_KIND = "registered"


@dataclass(frozen=True)
class Registration:
    """One registered version of an experiment."""

    experiment: Experiment
    raw: Mapping[str, Any]
    new: bool


def register_experiment(workspace: Workspace, raw: Mapping[str, Any], source: str) -> Registration:
    """Resolve and store a spec; registering the same one again changes nothing.

    Raises
    ------
    ConfigError
        When the spec is not legal.
    RegistrationError
        When another spec is registered under this id and version, the version does not follow the one it supersedes, or it has
        been superseded without having been decided.
    """
    experiment = resolve_experiment(raw, workspace.catalogue, source)
    with file_lock(workspace.lock(f"register-{experiment.id}")):
        existing = workspace.store.find(_KIND, experiment.key)
        if existing is not None:
            _refuse_change(experiment, str(existing.meta["spec_hash"]))
            _refuse_superseded(workspace, experiment)
            return Registration(experiment=experiment, raw=raw, new=False)
        _refuse_case_twin(workspace, experiment.id)
        _check_succession(workspace, experiment)
        meta = {
            "experiment": experiment.id,
            "version": experiment.version,
            "spec_hash": experiment.spec_hash,
            "rule_hash": experiment.rule.digest,
            "asked": what_is_asked(experiment),
            "decided_twins": decided_twins(workspace, experiment),
            "raw": dict(raw),
        }
        # both hashes are of these bytes, so that anybody can check what was registered
        files = {"spec.json": canonical_json(experiment).encode(), "rule.json": canonical_json(experiment.rule).encode()}
        workspace.store.put(_KIND, experiment.key, meta=meta, files=files)
    return Registration(experiment=experiment, raw=raw, new=True)


def find_experiment(workspace: Workspace, name: str) -> ExperimentFile:
    """Return the experiment of this id: from ``experiments/``, else the newest one registered from elsewhere (the launch form).

    Raises
    ------
    UnknownName
        When there is none.
    """
    known = known_experiments(workspace)
    if name not in known:
        raise UnknownName("experiment", name, known)
    return known[name]


def known_experiments(workspace: Workspace) -> dict[str, ExperimentFile]:
    """Return every experiment by id, files first, then those registered through the launch form."""
    known = load_experiment_files(workspace.root)
    newest: dict[str, tuple[int, ExperimentFile]] = {}
    for entry in workspace.store.entries(_KIND):
        name, version = str(entry.meta["experiment"]), int(entry.meta["version"])
        if name not in known and version > newest.get(name, (0, None))[0]:
            newest[name] = (version, ExperimentFile(id=name, raw=entry.meta["raw"], source=f"the launch form ({name})"))
    return known | {name: file for name, (_, file) in newest.items()}


def _refuse_change(experiment: Experiment, registered: str) -> None:
    if registered == experiment.spec_hash:
        return
    raise RegistrationError(
        f"experiment {experiment.id!r} version {experiment.version} is registered with the spec {short(registered)}, and this one is "
        f"{short(experiment.spec_hash)}: a pre-registered spec does not change (its guideline, pool and benchmark files count). "
        f"Say `version: {experiment.version + 1}` and `supersedes: {registered}` to register the new one"
    )


def _refuse_superseded(workspace: Workspace, experiment: Experiment) -> None:
    """Refuse a version that a later one has taken the place of, unless it was decided: then it is only read again."""
    versions = [int(e.meta["version"]) for e in workspace.store.entries(_KIND) if e.meta["experiment"] == experiment.id]
    if max(versions) > experiment.version and workspace.store.find("decisions", experiment.spec_hash) is None:
        raise RegistrationError(
            f"experiment {experiment.id!r} version {experiment.version} was never decided and version {max(versions)} has superseded it; "
            f"run version {max(versions)}, or register the older spec as version {max(versions) + 1}"
        )


def _check_succession(workspace: Workspace, experiment: Experiment) -> None:
    if experiment.version == 1:
        if experiment.supersedes is not None:
            raise RegistrationError(f"experiment {experiment.id!r}: version 1 supersedes nothing; remove `supersedes`")
        return
    before = workspace.store.find(_KIND, replace(experiment, version=experiment.version - 1).key)
    if before is None:
        raise RegistrationError(f"experiment {experiment.id!r}: version {experiment.version - 1} was never registered")
    if experiment.supersedes != before.meta["spec_hash"]:
        raise RegistrationError(
            f"experiment {experiment.id!r} version {experiment.version} must say `supersedes: {before.meta['spec_hash']}`, "
            f"got {experiment.supersedes!r}"
        )


def _refuse_case_twin(workspace: Workspace, name: str) -> None:
    names = {str(entry.meta["experiment"]) for entry in workspace.store.entries(_KIND)}
    twin = next((other for other in names if other != name and other.casefold() == name.casefold()), None)
    if twin is not None:
        raise RegistrationError(f"experiment id {name!r} differs from the registered {twin!r} by case alone; choose another id")
