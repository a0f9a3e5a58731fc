"""What the tracker is sent for an experiment, planned and final; pure, so that what is logged can be tested without a tracker."""

import json
import statistics
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from smo_pipelines.domain.decisions import GuardrailStatus, Verdict
from smo_pipelines.domain.digests import canonical_json, digest_of
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question, Role
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.domain.phrases import (
    PLANNED,
    VERDICT_WORDS,
    amount,
    change_with_interval,
    guardrail_summary,
    primary_effect,
    question_phrase,
    unit_of,
)
from smo_pipelines.domain.records import BenchmarkFacts, ExperimentRecord, ReplicateFacts
from smo_pipelines.tracking.design import design_params
from smo_pipelines.tracking.items import (
    MAX_RUN_NAME,
    Artifact,
    Child,
    Dataset,
    Param,
    RunItems,
    Tag,
    cut,
    dataset_digest,
    finite_metrics,
    key_part,
)
from smo_pipelines.tracking.note import final_note, planned_note
from smo_pipelines.tracking.plan import plan_artifacts, plan_metrics
from smo_pipelines.tracking.quality import agreement_metrics, quality_tags

__all__ = ["DECISIONS", "REPORT_PATHS", "effects_table", "experiment_name", "final_items", "planned_items"]

DECISIONS = (*VERDICT_WORDS.values(), PLANNED)
"""The closed list of what the tag ``decision`` may hold."""

REPORT_PATHS = ("report/effect_report.html", "figs/forest.png")
"""Artifacts that are drawn elsewhere and handed in with a record."""

_SHOWN = 200


def experiment_name(experiment: Experiment) -> str:
    """Return the tracker's experiment that holds the changes of a policy area."""
    return f"smo/{experiment.area}/changes"


def planned_items(experiment: Experiment, links: Mapping[str, str] | None = None) -> RunItems:
    """Return what is logged before anything is trained: the design, which cannot be edited later, and the word PLANNED.

    Parameters
    ----------
    links : mapping of str to str
        Name and address, e.g. ``{"dagster": "http://..."}``.
    """
    lead = {"decision": PLANNED, "effect": "not measured yet", "guardrails": f"{len(experiment.rule.guardrails)} set"}
    tags = _tags({**lead, **_identity(experiment), "smo.state": "planned"} | _links(links or {}))
    return RunItems(
        experiment_name=experiment_name(experiment),
        spec_hash=experiment.spec_hash,
        run_name=cut(f"{experiment.change.id} {experiment.kind}: {experiment.change.what}", MAX_RUN_NAME),
        final=False,
        record_digest="",
        started_ms=0,
        finished_ms=0,
        first_tags=(*tags, Tag(key="mlflow.note.content", value=planned_note(experiment))),
        tags=(),
        last_tags=(),
        params=design_params(experiment),
        metrics=(),
        datasets=(),
        artifacts=(Artifact(path="plan/preregistration.json", content=_preregistration(experiment)),),
        children=(),
    )


def final_items(record: ExperimentRecord, drawn: Mapping[str, bytes] | None = None) -> RunItems:
    """Return everything that is logged of a finished experiment.

    The last tags hold the decision; a run that carries ``smo.state = final`` is whole. An invalid experiment logs no effect.

    Parameters
    ----------
    drawn : mapping of str to bytes
        Artifacts that are made elsewhere, by path, e.g. those of :data:`REPORT_PATHS`.
    """
    plan = planned_items(record.experiment)
    metrics, refused = finite_metrics(tuple(_metrics(record)))
    children = tuple(_child(record, replicate) for replicate in record.replicates)
    lead = {"decision": VERDICT_WORDS[record.decision.verdict], "effect": _effect_tag(record)}
    last = {**lead, "guardrails": guardrail_summary(record.decision), "smo.state": "final"}
    return RunItems(
        experiment_name=plan.experiment_name,
        spec_hash=plan.spec_hash,
        run_name=plan.run_name,
        final=True,
        record_digest=_content_digest(record, children),
        started_ms=_milliseconds(record.provenance.started_at),
        finished_ms=_milliseconds(record.provenance.finished_at),
        first_tags=plan.first_tags,
        tags=_tags(
            _identity(record.experiment) | _evidence(record, refused) | quality_tags(record) | _links(record.provenance.links)
        ),
        last_tags=(*_tags(last), Tag(key="mlflow.note.content", value=final_note(record))),
        params=plan.params,
        metrics=metrics,
        datasets=_datasets(record, tuple(ArmName)),
        artifacts=(
            *plan.artifacts,
            *plan_artifacts(record),
            Artifact(path="audit/decision.json", content=record.decision.to_json().encode()),
            Artifact(path="tables/effects.json", content=json.dumps(effects_table(record), allow_nan=False).encode()),
            *(Artifact(path=path, content=content) for path, content in (drawn or {}).items()),
        ),
        children=children,
    )


def effects_table(record: ExperimentRecord) -> dict[str, list[object]]:
    """Return every answer as the table MLflow can show; a number that does not exist is an empty cell with its reason beside it."""
    columns: list[object] = ["role", "question", "unit", "control", "treatment", "change", "low", "high", "p", "margin", "why not"]
    rows: list[object] = []
    for effect in _shown_effects(record):
        metric = effect.question.metric
        head: list[object] = [effect.question.role.value, question_phrase(effect.question), unit_of(metric) or "own unit"]
        margin = None if effect.margin is None else amount(metric, effect.margin)
        if isinstance(effect, NotEstimable):
            rows.append([*head, None, None, None, None, None, None, margin, f"{effect.code}: {effect.sentence}"])
        else:
            values = (effect.control, effect.treatment, effect.estimate, effect.interval.low, effect.interval.high)
            rows.append([*head, *(amount(metric, value) for value in values), effect.p, margin, ""])
    return {"columns": columns, "data": rows}


def _content_digest(record: ExperimentRecord, children: tuple[Child, ...]) -> str:
    content = {"decision": record.decision, "arms": record.arms, "labels": record.labels, "edits": record.clause_edits}
    return digest_of({**content, "benchmarks": record.benchmarks, "children": children})


def _shown_effects(record: ExperimentRecord) -> tuple[EffectEstimate | NotEstimable, ...]:
    return () if record.decision.verdict is Verdict.invalid else record.decision.effects


def _tags(values: Mapping[str, str]) -> tuple[Tag, ...]:
    return tuple(Tag(key=key, value=value) for key, value in values.items() if value)


def _identity(experiment: Experiment) -> dict[str, str]:
    change = experiment.change
    return {
        "change": cut(change.what, _SHOWN),
        "change_kind": experiment.kind.value,
        "owner": cut(change.owner, _SHOWN),
        "smo.change_id": change.id,
        "smo.experiment": experiment.id,
        "smo.role": "effect",
        "smo.rule_hash": experiment.rule.digest,
        "smo.spec_hash": experiment.spec_hash,
    }


def _links(links: Mapping[str, str]) -> dict[str, str]:
    return {f"smo.link.{key_part(name)}": cut(address, 1000) for name, address in links.items()}


def _evidence(record: ExperimentRecord, refused: tuple[str, ...]) -> dict[str, str]:
    missing = [f"{question_phrase(e.question)}: {e.code}" for e in record.decision.effects if isinstance(e, NotEstimable)]
    return {
        "smo.decision_digest": record.decision.digest,
        **{f"smo.snapshot_{arm.arm}": arm.snapshot_digest for arm in record.arms},
        "smo.not_estimable": cut("; ".join(missing), 2000),
        "smo.not_finite": cut("; ".join(refused), 2000),
        "smo.package_version": record.provenance.package_version,
        # how MLflow knows that a JSON file is to be shown as a table
        "mlflow.loggedArtifacts": json.dumps([{"path": "tables/effects.json", "type": "table"}]),
    }


def _effect_tag(record: ExperimentRecord) -> str:
    effect = primary_effect(record.decision)
    if record.decision.verdict is Verdict.invalid:
        return "not shown: invalid"
    if not isinstance(effect, EffectEstimate):
        return cut(f"not estimable: {effect.code}" if effect else "not estimable", _SHOWN)
    change, low, high = change_with_interval(effect)
    return f"{change} {unit_of(effect.question.metric)} [{low}, {high}]".replace("  ", " ")


def _preregistration(experiment: Experiment) -> bytes:
    plan = {"spec_hash": experiment.spec_hash, "rule_hash": experiment.rule.digest, "spec": experiment}
    return canonical_json(plan).encode()


def _metrics(record: ExperimentRecord) -> Iterator[tuple[str, float]]:
    if record.decision.verdict is not Verdict.invalid:
        for effect in record.decision.effects:
            if isinstance(effect, EffectEstimate):
                yield from _effect_metrics(effect)
        failed = sum(outcome.status is not GuardrailStatus.passed for outcome in record.decision.guardrails)
        yield "2 guardrail/failed count", failed
        yield from _arm_metrics(record)
    labels = record.labels
    yield "4 label/matched items", labels.matched_items
    yield "4 label/flips count", labels.total.flips
    if labels.matched_items:
        yield "4 label/items flipped pct", 100.0 * labels.total.flips / labels.matched_items
    if labels.total.expected is not None:
        yield "4 label/flips expected from redraws", labels.total.expected
    for arm in record.arms:
        yield f"4 label/{arm.arm} positive pct", 100.0 * arm.positive_share
    yield from agreement_metrics(record)
    yield from plan_metrics(record)


def _effect_metrics(effect: EffectEstimate) -> Iterator[tuple[str, float]]:
    question, metric = effect.question, effect.question.metric
    unit = f" {unit_of(metric)}".rstrip()
    prefix = {Role.primary: f"1 effect/{key_part(metric)}", Role.guardrail: f"2 guardrail/{_name(question)}"}
    head = prefix.get(question.role, f"5 other/{_name(question)}")
    yield f"{head} change{unit}", amount(metric, effect.estimate)
    yield f"{head} ci low{unit}", amount(metric, effect.interval.low)
    yield f"{head} ci high{unit}", amount(metric, effect.interval.high)
    if effect.margin is not None:
        yield f"{head} margin left{unit}", amount(metric, effect.improvement_interval.low + effect.margin)
    if question.role is Role.primary:
        yield f"{head} p", effect.p


def _name(question: Question) -> str:
    return key_part(question.label)


def _arm_metrics(record: ExperimentRecord) -> Iterator[tuple[str, float]]:
    label = record.experiment.rule.primary.question.label
    for arm in ArmName:
        runs = [r for r in record.replicates if r.id.arm is arm and r.id.kind is ReplicateKind.snapshot and label in r.metrics]
        values = [r.metrics[label] for r in runs]
        metric = record.experiment.rule.primary.question.metric
        unit = f" {unit_of(metric)}".rstrip()
        if values:
            yield f"3 arms/{key_part(metric)} {arm} mean{unit}", amount(metric, statistics.fmean(values))
        if len(values) > 1:
            yield f"3 arms/{key_part(metric)} {arm} sd{unit}", amount(metric, statistics.stdev(values))
        yield f"3 arms/{arm} replicates", len(runs)


def _datasets(record: ExperimentRecord, arms: tuple[ArmName, ...]) -> tuple[Dataset, ...]:
    # the tracker keeps one input of a dataset and run, so arms with the same labels share it
    trained: dict[str, list[str]] = {}
    for arm in record.arms:
        if arm.arm in arms:
            trained.setdefault(arm.snapshot_digest, []).append(arm.arm.value)
    labels = [
        Dataset(
            name=f"labels/{record.experiment.area}",
            digest=dataset_digest(digest),
            context=f"training {' and '.join(names)}",
            source=digest,
        )
        for digest, names in trained.items()
    ]
    return (*labels, *(_benchmark_dataset(facts) for facts in record.benchmarks))


def _benchmark_dataset(facts: BenchmarkFacts) -> Dataset:
    return Dataset(name=f"bench/{facts.name}", digest=dataset_digest(facts.digest), context="benchmark", source=facts.digest)


def _child(record: ExperimentRecord, replicate: ReplicateFacts) -> Child:
    one, change = replicate.id, record.experiment.change.id
    named = [(_bench_name(name), value) for name, value in replicate.metrics.items()]
    metrics, refused = finite_metrics([*named, ("train/threshold", replicate.threshold)])
    tags = {
        "group": f"{change} {one.arm}",
        "smo.arm": one.arm.value,
        "smo.change_id": change,
        "smo.classifier_key": replicate.key,
        "smo.experiment": record.experiment.id,
        "smo.kind": one.kind.value,
        "smo.not_finite": cut("; ".join(refused), 2000),
        "smo.replicate": one.label,
        "smo.role": "replicate",
        "smo.seed": str(one.seed),
        "smo.spec_hash": record.experiment.spec_hash,
    }
    return Child(
        label=one.label,
        name=cut(f"{change} {one.arm} {one.kind} {one.index}", MAX_RUN_NAME),
        tags=_tags(tags),
        params=(Param(key="seed", value=str(one.seed)), Param(key="threshold", value=repr(replicate.threshold))),
        metrics=metrics,
        datasets=_datasets(record, (one.arm,)),
    )


def _bench_name(name: str) -> str:
    metric, _, where = name.partition(" on ")
    return f"bench/{key_part(where) or 'other'}/{key_part(metric)}"


def _milliseconds(moment: str) -> int:
    if not moment:
        return 0
    when = datetime.fromisoformat(moment)
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
