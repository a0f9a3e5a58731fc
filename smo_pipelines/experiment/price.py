"""What an experiment's arms cost, gathered from the label tables, the fits and ``configs/costs.yaml``."""

import json
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from smo_pipelines.analysis.price import price_of
from smo_pipelines.config.costs import load_compute_price
from smo_pipelines.domain.classifiers import Device
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.experiments import ArmName, Effect
from smo_pipelines.domain.price import ArmSpending, ComputeUse, ExperimentPrice, LabelSpending, Money
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import NoRatings
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.record import SPENDING
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.store import StoredResult

__all__ = ["experiment_price", "spending_from_json", "stored_price"]

_HOUR = 3600.0


def experiment_price(workspace: Workspace, arms: Arms, jobs: Sequence[ReplicateJob], effect: Effect | None) -> ExperimentPrice:
    """Return what both arms cost, and a point of the primary metric.

    Parameters
    ----------
    jobs : sequence of ReplicateJob
        All of the experiment's; none where nothing was trained.
    effect : EffectEstimate or NotEstimable or None
        Of the primary metric; None where no effect is shown.
    """
    spending = [
        ArmSpending(
            arm=arm, labels=_labels(workspace, arms, arm), compute=_compute(workspace, [j for j in jobs if j.id.arm is arm])
        )
        for arm in ArmName
    ]
    return price_of(spending, effect, load_compute_price(workspace.root))


def stored_price(workspace: Workspace, entry: StoredResult, effect: Effect | None) -> ExperimentPrice | None:
    """Return what the arms of a decided experiment cost, and a point of the primary metric; None where nothing was kept of it.

    Parameters
    ----------
    effect : EffectEstimate or NotEstimable or None
        Of the primary metric; None where no effect is shown.
    """
    if SPENDING not in entry.names:
        return None
    return price_of(spending_from_json(entry.read(SPENDING).decode()), effect, load_compute_price(workspace.root))


def spending_from_json(text: str) -> tuple[ArmSpending, ...]:
    """Return the spending in a text that was made by :func:`~smo_pipelines.domain.digests.canonical_json`."""
    return tuple(
        ArmSpending(
            arm=ArmName(one["arm"]),
            labels=LabelSpending(total=_told(one["labels"]["total"], Money), ratings=one["labels"]["ratings"]),
            compute=_told(one["compute"], ComputeUse),
        )
        for one in json.loads(text)
    )


def _told(values: dict[str, Any], kind: Any) -> Any:
    if "code" in values:
        return NotMeasured(code=WhyNot(values["code"]), sentence=values["sentence"], counts=values["counts"])
    return kind(**values)


def _labels(workspace: Workspace, arms: Arms, arm: ArmName) -> LabelSpending:
    from smo_pipelines.labels.spending import label_spending

    snapshot, other = arms.snapshots[arm], next(one for name, one in arms.snapshots.items() if name is not arm)
    both = np.intersect1d(snapshot.item_ids, other.item_ids, assume_unique=True)
    try:
        return label_spending(workspace.tables, snapshot, workspace.catalogue.pools[snapshot.recipe.pool], both)
    except NoRatings as error:
        # an experiment that was pinned outlives its label tables
        return LabelSpending(total=NotMeasured(code=WhyNot.no_items, sentence=str(error)), ratings=0)


def _compute(workspace: Workspace, jobs: Sequence[ReplicateJob]) -> ComputeUse | NotMeasured:
    """Return what the fits of one arm took, whichever experiment made them."""
    if not jobs:
        return NotMeasured(code=WhyNot.not_recorded, sentence="nothing was trained")
    classifier = jobs[0].classifier
    on = 1 if classifier.device is Device.cuda else classifier.threads
    by_kind: dict[str, list[float]] = {}
    untimed = 0
    for job in jobs:
        meta = workspace.store.get("fits", job.key).meta
        if "seconds" in meta:
            by_kind.setdefault(str(job.id.kind), []).append(float(meta["seconds"]) * on / _HOUR)
        else:
            untimed += 1
    if untimed:
        said = f"{untimed} of {len(jobs)} fits were made before their time was kept"
        return NotMeasured(code=WhyNot.not_recorded, sentence=said, counts={"untimed": untimed})
    several = [hours for hours in by_kind.values() if len(hours) > 1]
    return ComputeUse(
        device="gpu" if classifier.device is Device.cuda else "core",
        fits=len(jobs),
        hours=_sum(by_kind.values()),
        variance=sum(len(hours) * statistics.variance(hours) for hours in several),
        df=sum(len(hours) - 1 for hours in several),
    )


def _sum(hours: Iterable[Sequence[float]]) -> float:
    return float(sum(sum(some) for some in hours))
