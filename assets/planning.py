"""The plan, between the labels and the training: what the experiment can be expected to show."""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.comparison import CHECKS_OF_PLAN, MATCHED, check_results
from assets.failures import plain_failures
from assets.partitions import experiments
from assets.resources import SmoProject
from smo_pipelines.analysis.plan import plan_findings
from smo_pipelines.analysis.plan_words import cheapest_in_words, plan_sentence
from smo_pipelines.domain.effects import Role
from smo_pipelines.domain.phrases import question_phrase
from smo_pipelines.domain.plans import Plan, PlannedQuestion
from smo_pipelines.experiment.jobs import waiting_jobs
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.replicates import shared_pool
from smo_pipelines.experiment.run import plan_of
from smo_pipelines.experiment.training import check_texts, warm_texts

__all__ = ["PLAN", "planned_power"]

PLAN = dg.AssetKey(["plan", "planned_power"])


@dg.asset(
    key=PLAN,
    partitions_def=experiments,
    group_name="plan",
    deps=[MATCHED],
    pool="torch",
    retry_policy=dg.RetryPolicy(max_retries=1, delay=2),
    check_specs=[dg.AssetCheckSpec(name, asset=PLAN, description=text) for name, text in CHECKS_OF_PLAN.values()],
    description="The power to show what the experiment is for, and the cheapest design that has enough; fixed before anything else is trained.",
    kinds={"python"},
    owners=["team:smo"],
)
def planned_power(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Plan the experiment; where nothing was measured of its classifier before, fit the control a few times first."""
    with plain_failures(allow_retries=True):
        workspace = project.open()
        arms = project.arms(workspace, context.partition_key)
        if not arms.valid:
            context.log.warning("the experiment is not valid, so it is not planned; the checks of the matched labels say why")
            return dg.MaterializeResult(
                metadata={"experiment": context.partition_key}, check_results=list(check_results((), CHECKS_OF_PLAN))
            )

        def fit(jobs: Sequence[ReplicateJob]) -> None:
            waiting = waiting_jobs(workspace, jobs)
            if not waiting:
                return
            context.log.info(f"{len(waiting)} fits of the control are trained to plan from")
            check_texts(workspace, arms)
            warm_texts(workspace, arms)
            shared_pool(arms.experiment.classifier.threads).run(waiting)

        plan = plan_of(workspace, arms, fit)
    return dg.MaterializeResult(
        metadata={"experiment": context.partition_key, "sentence": plan_sentence(plan), **dict(_numbers(plan))},
        check_results=list(check_results(plan_findings(plan), CHECKS_OF_PLAN)),
    )


def _numbers(plan: Plan) -> Iterator[tuple[str, float | dg.MetadataValue[str]]]:
    planned = [one for one in plan.questions if isinstance(one, PlannedQuestion)]
    for one in planned:
        primary = one.question.role is Role.primary
        yield "planned power" if primary else f"planned power {question_phrase(one.question)}", float(one.power)
        if primary:
            yield "minimum detectable effect", float(one.needed)
    lines = [f"- {question_phrase(one.question)}: {cheapest_in_words(one)}" for one in planned]
    yield f"cheapest with {plan.target:.0%}", dg.MetadataValue.md("\n".join(lines) or "not known")
