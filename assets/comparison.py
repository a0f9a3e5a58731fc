"""Where the arms meet: matched labels, effects, the decision and its report."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg

from assets.failures import plain_failures
from assets.partitions import experiments
from assets.resources import SmoProject
from smo_pipelines.analysis.decide import decide
from smo_pipelines.domain.decisions import Finding, FindingCode, may_train
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.domain.phrases import change_with_interval, question_phrase, unit_of
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.experiment.plan import findings_of
from smo_pipelines.experiment.record import publish, track_plan
from smo_pipelines.experiment.run import conclude, effects_of
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["CHECKS_OF_PLAN", "MATCHED", "build_comparison", "check_results"]

MATCHED = dg.AssetKey(["labels", "matched_labels"])
_REPORT_PAGE = "report/effect_report.html"
_SHOWN = (Role.primary, Role.guardrail, Role.gold_cell)
_CHECKS = {
    FindingCode.few_matched_items: ("enough_matched_items", "Enough items are labelled by both arms."),
    FindingCode.items_lost_in_matching: ("few_items_lost", "Few items are lost in matching."),
    FindingCode.leakage: ("no_leakage", "Hardly any training item stands in a benchmark."),
    FindingCode.sample_ratio: ("sample_ratio", "Raters were assigned as declared."),
    FindingCode.one_class: ("both_classes", "Both labels are there to learn from."),
    FindingCode.few_raters: ("enough_raters", "There are enough raters for a claim about raters like these."),
}
_NOTHING_FOUND = defaultdict(
    lambda: "not declared, so not checked",
    {FindingCode.power_unknown: "it is known", FindingCode.planned_power: "it is not known, so not checked"},
)
CHECKS_OF_PLAN = {
    FindingCode.power_unknown: (
        "planned_power_known",
        "What the experiment can be expected to show is known before it is trained.",
    ),
    FindingCode.planned_power: (
        "enough_planned_power",
        "The experiment is likely to show what it is for, and its guardrails to pass.",
    ),
}


def build_comparison() -> list[dg.AssetsDefinition]:
    """Return the assets that are downstream of both arms."""
    return [matched_labels, effect_estimates, decision, report]


@dg.asset(
    key=MATCHED,
    partitions_def=experiments,
    group_name="labels",
    deps=[["control", "label_snapshot"], ["treatment", "label_snapshot"]],
    check_specs=[dg.AssetCheckSpec(name, asset=MATCHED, description=text) for name, text in _CHECKS.values()],
    description="The items both arms label, without ties and leaked items: fixed here, before anything is trained.",
    kinds={"python"},
    owners=["team:smo"],
)
def matched_labels(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Pin the arms, show the experiment as planned in the tracker, and check validity."""
    with plain_failures():
        workspace = project.open()
        arms = project.arms(workspace, context.partition_key)
    problem = track_plan(workspace, arms.experiment, {"dagster": project.run_link(context.run.run_id)})
    if problem is not None:
        context.log.warning(f"the tracker does not show this experiment yet: {problem}")
    shift = arms.label_shift
    return dg.MaterializeResult(
        metadata={
            "experiment": context.partition_key,
            "change": arms.experiment.change.what,
            "matched items": shift.matched_items,
            "labels flipped": shift.total.flips,
            "items leaked": shift.leaked_items,
        },
        check_results=list(check_results(arms.findings, _CHECKS)),
    )


@dg.asset(
    key=["comparison", "effect_estimates"],
    partitions_def=experiments,
    group_name="comparison",
    deps=[["control", "replicates"], ["treatment", "replicates"]],
    description="Treatment minus control, metric by metric, each with its interval or the reason why there is none.",
    kinds={"python"},
    owners=["team:smo"],
)
def effect_estimates(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Compare the arms' replicates."""
    with plain_failures():
        workspace = project.open()
        arms = project.arms(workspace, context.partition_key)
        effects = effects_of(workspace, arms) if may_train(findings_of(workspace, arms)) else ()
    estimated = [effect for effect in effects if isinstance(effect, EffectEstimate)]
    metadata: dict[str, float | str | dg.MetadataValue[str]] = {
        "experiment": context.partition_key,
        "effects": dg.MetadataValue.md(_table(effects) if effects else "none: the experiment is not valid, the checks say why"),
        "estimated": len(estimated),
        "not estimable": len(effects) - len(estimated),
    }
    for effect in estimated:
        if effect.question.role is Role.primary:
            metadata |= _numbers("primary effect", effect)
        elif effect.question.role is Role.guardrail:
            metadata |= _numbers(f"guardrail {question_phrase(effect.question)}", effect)
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=["comparison", "decision"],
    partitions_def=experiments,
    group_name="comparison",
    deps=[["comparison", "effect_estimates"]],
    description="Ship, hold, roll back, inconclusive or invalid, by the rule that was fixed before training.",
    kinds={"python"},
    owners=["team:smo"],
)
def decision(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Apply the rule."""
    with plain_failures():
        workspace = project.open()
        arms = project.arms(workspace, context.partition_key)
        findings = findings_of(workspace, arms)
        effects = effects_of(workspace, arms) if may_train(findings) else ()
        decided = decide(effects, experiment=arms.experiment, findings=findings)
    metadata: dict[str, float | str | dg.MetadataValue[str]] = {
        "experiment": context.partition_key,
        "verdict": str(decided.verdict),
        "sentence": decided.sentence,
        "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in decided.reasons)),
        "digest": decided.digest,
    }
    primary = next((e for e in decided.effects if e.question.role is Role.primary), None)
    if isinstance(primary, EffectEstimate):
        metadata |= _numbers("primary effect", primary)
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
    with plain_failures(allow_retries=True):
        workspace = project.open()
        record = _record(context, project, workspace)
        published = publish(workspace, record)
    metadata: dict[str, dg.MetadataValue[str] | str] = {
        "experiment": context.partition_key,
        "verdict": str(record.decision.verdict),
    }
    if published.run is not None:
        path, _, query = published.run.url_path.partition("?")
        metadata["report"] = dg.MetadataValue.url(project.mlflow_link(f"{path}/artifacts/{_REPORT_PAGE}?{query}"))
        metadata["mlflow run"] = dg.MetadataValue.url(project.mlflow_link(published.run.url_path))
    metadata["file"] = dg.MetadataValue.path(published.report)
    if published.waiting is not None:
        metadata["tracker"] = published.waiting
        context.log.warning(
            f"the tracker has not taken everything; it is kept and sent again with the next report: {published.waiting}"
        )
    return dg.MaterializeResult(metadata=metadata)


def _record(context: dg.AssetExecutionContext, project: SmoProject, workspace: Workspace) -> ExperimentRecord:
    arms = project.arms(workspace, context.partition_key)
    moment = project.now()
    run = context.instance.get_run_record_by_id(context.run.run_id)
    started = datetime.fromtimestamp(run.start_time, UTC) if run is not None and run.start_time else moment
    return conclude(
        workspace,
        arms,
        effects=effects_of(workspace, arms) if may_train(findings_of(workspace, arms)) else (),
        started_at=started,
        finished_at=moment,
        launched_by="dagster",
        links={"dagster": project.run_link(context.run.run_id)},
    )


def _numbers(name: str, effect: EffectEstimate) -> dict[str, float]:
    return {name: float(effect.estimate), f"{name} low": float(effect.interval.low), f"{name} high": float(effect.interval.high)}


def _table(effects: tuple[Effect, ...]) -> str:
    rows = ["| role | question | change | interval |", "|---|---|---|---|"]
    for effect in effects:
        if effect.question.role not in _SHOWN:
            continue
        lead = f"| {str(effect.question.role).replace('_', ' ')} | {question_phrase(effect.question)} "
        if isinstance(effect, NotEstimable):
            rows.append(f"{lead}| not estimable | {effect.sentence} |")
        else:
            change, low, high = change_with_interval(effect)
            rows.append(f"{lead}| {change} {unit_of(effect.question.metric)} | {low} to {high} |")
    return "\n".join(rows)


def check_results(findings: tuple[Finding, ...], checks: Mapping[FindingCode, tuple[str, str]]) -> Iterator[dg.AssetCheckResult]:
    """Yield a result for each of some checks: the worst finding of its code, or that it was not asked for."""
    for code, (name, _) in checks.items():
        of_code = [finding for finding in findings if finding.code is code]
        worst = min(of_code, key=lambda finding: finding.passed, default=None)
        yield dg.AssetCheckResult(
            check_name=name,
            passed=worst is None or worst.passed,
            severity=dg.AssetCheckSeverity.ERROR if worst is not None and worst.blocking else dg.AssetCheckSeverity.WARN,
            description=_NOTHING_FOUND[code] if worst is None else worst.sentence,
            metadata={} if worst is None else {"actual": float(worst.actual), "limit": float(worst.limit)},
        )
