"""Fitted classifiers outside their experiment: found by name or key, exported, logged as models, and used on new texts."""

from dataclasses import dataclass
from pathlib import Path

from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.errors import StoreError, UnknownName
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.store import StoredResult

__all__ = ["NamedFit", "export_fit", "find_fit", "fit_by_key", "load_fit", "log_fit"]


@dataclass(frozen=True, kw_only=True)
class NamedFit:
    """A fit in the store and what is known of it; ``labels`` are its classes, the negative one first."""

    entry: StoredResult
    config: ClassifierConfig
    labels: tuple[str, str] = ("negative", "positive")
    guideline: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """What a model card says of where a fit comes from."""
        known = {
            "Fit": self.entry.key,
            "Training set": str(self.entry.meta["training"]),
            "Threshold": f"{self.entry.meta['threshold']:.4f}",
        }
        return known | ({"Guideline": self.guideline} if self.guideline else {})


def find_fit(workspace: Workspace, experiment: Experiment, arm: ArmName, replicate: int) -> NamedFit:
    """Return one replicate's fit on the arm's own labels.

    Raises
    ------
    StoreError
        When the experiment has not begun, or this replicate is not fitted yet.
    UnknownName
        When the experiment has no such replicate.
    """
    jobs = {
        str(job.id.index): job
        for job in jobs_of(workspace, load_arms(workspace, experiment))
        if job.id.arm is arm and job.id.kind is ReplicateKind.snapshot
    }
    if str(replicate) not in jobs:
        raise UnknownName("replicate", str(replicate), jobs)
    entry = workspace.store.find("fits", jobs[str(replicate)].key)
    if entry is None:
        raise StoreError(f"replicate {replicate} of the {arm} arm is not fitted yet; `smo run {experiment.id}` fits it")
    guideline = workspace.catalogue.guidelines[str(experiment.recipe(arm).guideline)]
    others = [label for label in guideline.labels if label != guideline.positive]
    negative = others[0] if len(others) == 1 else f"not {guideline.positive}"
    return NamedFit(entry=entry, config=experiment.classifier, labels=(negative, guideline.positive), guideline=guideline.id)


def fit_by_key(workspace: Workspace, key: str) -> NamedFit:
    """Return the fit whose key starts with these characters.

    Raises
    ------
    StoreError
        When no fit, or more than one, has such a key.
    UnknownName
        When its classifier is no longer configured.
    """
    found = [entry for entry in workspace.store.entries("fits") if entry.key.startswith(key)]
    if len(found) != 1:
        some = ", ".join(short(entry.key) for entry in (found or workspace.store.entries("fits"))[:5]) or "none"
        raise StoreError(f"{len(found)} fits have a key that starts with {key!r}; fits in the store: {some}")
    name = str(found[0].meta["classifier"])
    if name not in workspace.catalogue.classifiers:
        raise UnknownName("classifier", name, workspace.catalogue.classifiers)
    return NamedFit(entry=found[0], config=workspace.catalogue.classifiers[name])


def load_fit(workspace: Workspace, fit: NamedFit) -> classifiers.Fitted:
    """Return the classifier, ready to score."""
    return classifiers.load(fit.config, {name: fit.entry.read(name) for name in fit.entry.names}, workspace.cache_dir)


def export_fit(workspace: Workspace, fit: NamedFit, folder: Path) -> Path:
    """Write a fit as a folder that ``transformers`` reads by itself, and return it.

    Raises
    ------
    ClassifierError
        When the fit is no transformer, or the folder is there already.
    """
    facts = {name: value for name, value in fit.facts.items() if name != "Threshold"}
    return classifiers.export(load_fit(workspace, fit), folder, labels=fit.labels, facts=facts)


def log_fit(workspace: Workspace, experiment: Experiment, fit: NamedFit, folder: Path) -> str:
    """Log an exported fit as a model of its experiment's run in the tracker, and return its address.

    Raises
    ------
    TrackingError
        When the tracker does not take it.
    """
    from smo_pipelines.classifiers.export import exported_pipeline
    from smo_pipelines.tracking.mlflow_backend import MlflowTracker
    from smo_pipelines.tracking.models import log_model

    tracker = MlflowTracker(workspace.tracking_uri, workspace.artifact_root)
    tags = {f"smo.{name.lower().replace(' ', '_')}": value for name, value in fit.facts.items()}
    return log_model(
        tracker, tracker.plan(experiment), exported_pipeline(folder), name=f"{experiment.id}-{fit.config.name}", facts=tags
    )
