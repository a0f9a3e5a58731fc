"""Where the arms meet: matched labels, effects, the decision and its report."""

from collections.abc import Iterator

import dagster as dg

from assets.partitions import experiments
from assets.resources import SmoProject
from smo_pipelines.domain.decisions import Finding, FindingCode
from smo_pipelines.domain.effects import EffectEstimate, Role
from smo_pipelines.domain.phrases import change_with_interval, question_phrase
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.experiment.prepare import Arms
from smo_pipelines.experiment.record import publish, track_plan
from smo_pipelines.experiment.run import conclude, effects_of
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["build_comparison"]

_SHOWN = {Role.primary, Role.guardrail}
_MATCHED = dg.AssetKey(["comparison", "matched_labels"])
_CHECKS = {
    FindingCode.few_matched_items: "Enough items are labelled by both arms.",
    FindingCode.items_lost_in_matching: "Few items are lost in matching.",
    FindingCode.leakage: "Hardly any training item stands in a benchmark.",
    FindingCode.sample_ratio: "Raters were assigned as declared.",
    FindingCode.one_class: "Both labels are there to learn from.",
    FindingCode.few_raters: "There are enough raters for a claim about raters like these.",
}


def build_comparison() -> list[dg.AssetsDefinition]:
    """Return the assets that are downstream of both arms."""
    return [matched_labels, effect_estimates, decision, report]


@dg.asset(
    key=_MATCHED,
    partitions_def=experiments,
    group_name="comparison",
    deps=[["control", "label_snapshot"], ["treatment", "label_snapshot"]],
    check_specs=[dg.AssetCheckSpec(str(code), asset=_MATCHED, description=text) for code, text in _CHECKS.items()],
    description="The items both arms label, without ties and leaked items: fixed here, before anything is trained.",
    owners=["team:smo"],
)
def matched_labels(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Pin the arms, show the experiment as planned in the tracker, and check validity."""
    workspace = project.open()
    arms = project.pinned(workspace, context.partition_key)
    problem = track_plan(workspace, arms.experiment, {"dagster": project.run_link(context.run_id)})
    if problem is not None:
        context.log.warning(f"the tracker does not show this experiment yet: {problem}")
    shift = arms.label_shift
    return dg.MaterializeResult(
        metadata={
            "matched items": shift.matched_items,
            "labels flipped": shift.total.flips,
            "labels leaked": shift.leaked_items,
            "experiment": context.partition_key,
            "change": arms.experiment.change.what,
        },
        check_results=list(_check_results(arms.findings)),
    )


@dg.asset(
    key=["comparison", "effect_estimates"],
    partitions_def=experiments,
    group_name="comparison",
    deps=[["control", "replicates"], ["treatment", "replicates"]],
    description="Treatment minus control, metric by metric, each with its interval or the reason why there is none.",
    owners=["team:smo"],
)
def effect_estimates(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Compare the arms' replicates."""
    workspace = project.open()
    arms = project.arms(workspace, context.partition_key)
    effects = effects_of(workspace, arms) if arms.valid else ()
    metadata: dict[str, float | int | str] = {"experiment": context.partition_key, "estimated": 0, "not estimable": 0}
    metadata["estimated"] = sum(isinstance(effect, EffectEstimate) for effect in effects)
    metadata["not estimable"] = len(effects) - int(metadata["estimated"])
    for effect in effects:
        if isinstance(effect, EffectEstimate) and effect.question.role in _SHOWN:
            name = f"{effect.question.role}/{question_phrase(effect.question)}"
            metadata |= {name: float(effect.estimate), f"{name} low": effect.interval.low, f"{name} high": effect.interval.high}
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=["comparison", "decision"],
    partitions_def=experiments,
    group_name="comparison",
    deps=[["comparison", "effect_estimates"]],
    description="Ship, hold, roll back, inconclusive or invalid, by the rule that was fixed before training.",
    owners=["team:smo"],
)
def decision(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Apply the rule."""
    workspace = project.open()
    decided = _record(context, project, workspace, project.arms(workspace, context.partition_key)).decision
    metadata: dict[str, float | str | dg.MetadataValue[str]] = {
        "verdict": str(decided.verdict),
        "sentence": decided.sentence,
        "experiment": context.partition_key,
        "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in decided.reasons)),
        "digest": decided.digest,
    }
    primary = next((e for e in decided.effects if e.question.role is Role.primary), None)
    if isinstance(primary, EffectEstimate):
        change, low, high = change_with_interval(primary)
        metadata |= {"primary effect": float(primary.estimate), "primary": f"{change} [{low}, {high}]"}
    return dg.MaterializeResult(data_version=dg.DataVersion(decided.digest), metadata=metadata)


@dg.asset(
    key=["comparison", "report"],
    partitions_def=experiments,
    group_name="comparison",
    deps=[["comparison", "decision"]],
    retry_policy=dg.RetryPolicy(max_retries=1, delay=2),
    description="The page a lead forwards, in the store and attached to the MLflow run.",
    kinds={"mlflow", "html"},
    owners=["team:smo"],
)
def report(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Keep the result, then send it to the tracker."""
    workspace = project.open()
    record = _record(context, project, workspace, project.arms(workspace, context.partition_key))
    published = publish(workspace, record)
    metadata: dict[str, dg.MetadataValue[str] | str] = {
        "verdict": str(record.decision.verdict),
        "experiment": context.partition_key,
        "report": dg.MetadataValue.path(published.report),
    }
    if published.run is not None:
        metadata["mlflow run"] = dg.MetadataValue.url(project.mlflow_link(published.run.url_path))
    if published.waiting is not None:
        metadata["tracker"] = published.waiting
        context.log.warning(
            f"the tracker has not taken everything; it is kept and sent again with the next report: {published.waiting}"
        )
    return dg.MaterializeResult(metadata=metadata)


def _record(context: dg.AssetExecutionContext, project: SmoProject, workspace: Workspace, arms: Arms) -> ExperimentRecord:
    moment = project.now()
    effects = effects_of(workspace, arms) if arms.valid else ()
    return conclude(
        workspace,
        arms,
        effects=effects,
        started_at=moment,
        finished_at=moment,
        launched_by="dagster",
        links={"dagster": project.run_link(context.run_id)},
    )


def _check_results(findings: tuple[Finding, ...]) -> Iterator[dg.AssetCheckResult]:
    for code in _CHECKS:
        of_code = [finding for finding in findings if finding.code is code]
        worst = min(of_code, key=lambda finding: finding.passed, default=None)
        yield dg.AssetCheckResult(
            check_name=str(code),
            passed=worst is None or worst.passed,
            severity=dg.AssetCheckSeverity.ERROR if worst is not None and worst.blocking else dg.AssetCheckSeverity.WARN,
            description="not declared, so not checked" if worst is None else worst.sentence,
            metadata={} if worst is None else {"actual": float(worst.actual), "limit": float(worst.limit)},
        )
