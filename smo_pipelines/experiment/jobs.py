"""An experiment's replicates as jobs, with what they are trained on stored, and those of them that wait."""

from collections.abc import Sequence

from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.experiments import ReplicateId
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.replicate import ReplicateJob, is_finished
from smo_pipelines.experiment.stored import put_training_set
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["jobs_of", "waiting_jobs"]


def jobs_of(workspace: Workspace, arms: Arms, ids: Sequence[ReplicateId] | None = None) -> tuple[ReplicateJob, ...]:
    """Return the experiment's replicates, or others of its arms, as jobs, with their training sets stored."""
    experiment = arms.experiment
    config = classifiers.on_this_machine(experiment.classifier)
    backbone = classifiers.identity(config, workspace.cache_dir)
    return tuple(
        ReplicateJob(
            id=one,
            classifier=config,
            backbone=backbone,
            training_key=put_training_set(workspace.store, arms.training_set(one.arm, one.kind, one.index)),
            benchmarks=arms.benchmark_keys,
            store=workspace.store_location,
            cache_dir=str(workspace.cache_dir),
        )
        for one in (experiment.replicate_ids() if ids is None else ids)
    )


def waiting_jobs(workspace: Workspace, jobs: Sequence[ReplicateJob]) -> tuple[ReplicateJob, ...]:
    """Return the jobs whose fit or scores are not in the store yet."""
    return tuple(job for job in jobs if not is_finished(job, workspace.store))
