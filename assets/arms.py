"""Both arms of an experiment, by one factory: labels first, then a step a replicate, in one run."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.failures import plain_failures
from assets.labels import LABEL_TABLES
from assets.partitions import experiments
from assets.planning import PLAN
from assets.resources import SmoProject
from smo_pipelines.domain.decisions import may_train
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.experiment.jobs import jobs_of, waiting_jobs
from smo_pipelines.experiment.plan import findings_of
from smo_pipelines.experiment.prepare import arm_snapshot, is_pinned, load_arms
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.replicates import shared_pool
from smo_pipelines.experiment.training import check_texts, warm_texts

__all__ = ["build_arm"]

_RETRY = dg.RetryPolicy(max_retries=1, delay=2)


def build_arm(arm: ArmName, guidelines: list[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Return one arm's assets: its label snapshot and its replicates."""
    return [_snapshot(arm, guidelines), _replicates(arm)]


def _snapshot(arm: ArmName, guidelines: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[str(arm), "label_snapshot"],
        partitions_def=experiments,
        group_name="labels",
        deps=[*LABEL_TABLES.values(), *guidelines],
        description=f"The {arm} arm's labels: ratings selected and aggregated by its recipe, named by the digest of their content.",
        kinds={"deltalake", "duckdb"},
        owners=["team:smo"],
    )
    def label_snapshot(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
        with plain_failures():
            workspace = project.open()
            experiment = project.experiment(workspace, context.partition_key)
            pinned = load_arms(workspace, experiment) if is_pinned(workspace, experiment) else None
            snapshot = pinned.snapshots[arm] if pinned is not None else arm_snapshot(workspace, experiment, arm)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(snapshot.digest),
            metadata={
                "items": len(snapshot),
                "ratings": int(snapshot.n_ratings.sum()),
                "raters": len(snapshot.votes.rater_ids),
                "effective raters": float(snapshot.votes.effective_raters),
                "positive share": float(snapshot.share.mean()),
                "experiment": context.partition_key,
                "digest": snapshot.digest,
            },
        )

    return label_snapshot


def _replicates(arm: ArmName) -> dg.AssetsDefinition:
    @dg.op(
        name=f"{arm}_queue",
        out=dg.DynamicOut(str),
        ins={"planned": dg.In(dg.Nothing)},
        description="Queue what is not computed yet, of both arms at once, so that every core has work; one step a replicate follows.",
    )
    def queue(context: dg.OpExecutionContext, project: SmoProject) -> Iterator[dg.DynamicOutput[str]]:
        with plain_failures():
            workspace = project.open()
            arms = project.arms(workspace, context.partition_key)
            if not may_train(findings_of(workspace, arms)):
                context.log.warning("the experiment is not valid, so nothing is trained; the decision says why")
                return
            jobs = jobs_of(workspace, arms)
            waiting = waiting_jobs(workspace, jobs)
            if waiting:
                check_texts(workspace, arms)
                warm_texts(workspace, arms)
                shared_pool(arms.experiment.classifier.threads).queue(waiting)
        context.log.info(f"{len(waiting)} of {len(jobs)} replicates of both arms are to be computed")
        for job in jobs:
            if job.id.arm is arm:
                yield dg.DynamicOutput(job.to_json(), mapping_key=job.id.label.replace("-", "_"))

    @dg.op(
        name=f"{arm}_fit_and_score",
        retry_policy=_RETRY,
        pool="torch",
        description="Fit one replicate and score it on every benchmark.",
    )
    def fit_and_score(replicate: str) -> str:
        job = ReplicateJob.from_json(replicate)
        with plain_failures(allow_retries=True):
            return shared_pool(job.classifier.threads).complete(job)

    @dg.op(name=f"{arm}_gather", description="The arm's replicates, finished.")
    def gather(context: dg.OpExecutionContext, keys: list[str]) -> int:
        context.add_output_metadata({"replicates": len(keys), "experiment": context.partition_key})
        return len(keys)

    @dg.graph_asset(
        key=[str(arm), "replicates"],
        partitions_def=experiments,
        group_name="replicates",
        ins={"planned": dg.AssetIn(key=PLAN, dagster_type=dg.Nothing)},
        description=f"The {arm} arm's fits and scores, one retried step each; what is in the store already is not computed again.",
        kinds={"pytorch", "scikitlearn"},
        owners=["team:smo"],
    )
    def replicates(planned: Any) -> Any:
        return gather(queue(planned).map(fit_and_score).collect())

    return replicates
