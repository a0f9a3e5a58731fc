"""One self-contained page an experiment: opens from a file, prints, and asks nothing of the network."""

from smo_pipelines.domain.decisions import Decision, Verdict
from smo_pipelines.domain.effects import EffectEstimate
from smo_pipelines.domain.experiments import NullTest, RaterClaim
from smo_pipelines.domain.phrases import VERDICT_WORDS, primary_effect
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.report import sections
from smo_pipelines.report.diff import clause_diffs
from smo_pipelines.report.dots import dots_of
from smo_pipelines.report.environment import is_web, template_environment
from smo_pipelines.report.forest import forest_of
from smo_pipelines.report.labels import label_section
from smo_pipelines.report.plan import plan_section
from smo_pipelines.report.price import price_section
from smo_pipelines.report.quality import quality_section
from smo_pipelines.report.waterfall import cause_sections

__all__ = ["VERDICT_SIGNS", "render"]

VERDICT_SIGNS = {Verdict.ship: "✓", Verdict.hold: "=", Verdict.roll_back: "↩", Verdict.inconclusive: "?", Verdict.invalid: "!"}

_GLOSSARY = {
    "arm": "One side of the comparison: control is how labels were made before the change, treatment how they are made after it.",
    "average precision": "How well a model ranks what it should flag above what it should not; 100 is perfect.",
    "false positive rate": "Of the items that are fine, how many the model flags anyway; lower is better.",
    "flip": "An item whose label differs between the arms.",
    "gold": "The right answers of a benchmark, decided under one named version of the guideline.",
    "guardrail": "A metric that must not get worse by more than a margin that was fixed before training.",
    "interval": "The range of changes that fit the data; in 95 of 100 experiments such a range holds the true change.",
    "point": "A percentage point: metrics are shown from 0 to 100, and 1 point is one hundredth of that.",
    "power": "How likely an experiment is to show a change of a size that was fixed before; 80% is asked for.",
    "redraw": "A fit on labels from a reweighted draw of the same raters: shows how much the result hangs on who happened to rate.",
    "replicate": "One fit of the same classifier on the same labels with another seed: shows how much of a difference is luck.",
    "smallest effect of interest": "The improvement below which the change is not worth keeping, fixed before training.",
    "snapshot": "The labels of one arm, frozen and named by their content.",
}


def render(record: ExperimentRecord) -> str:
    """Return the page of a finished experiment as HTML.

    Everything that people wrote is escaped; no text of an item is ever part of it, and groups of fewer than
    :data:`~smo_pipelines.report.sections.FEWEST_RATERS` raters are left out. The same record gives the same page.
    """
    decision, experiment = record.decision, record.experiment
    blocking = [finding for finding in decision.findings if finding.blocking and not finding.passed]
    return (
        template_environment()
        .get_template("page.html.j2")
        .render(
            record=record,
            experiment=experiment,
            decision=decision,
            reasons=_beyond_the_sentence(decision),
            verdict_word=VERDICT_WORDS[decision.verdict].capitalize(),
            sign=VERDICT_SIGNS[decision.verdict],
            valid=decision.verdict is not Verdict.invalid,
            blocking=blocking,
            kind=experiment.kind.value.replace("_", " "),
            estimand=_estimand(record),
            claim=_claim(record),
            primary=sections.primary_of(record),
            forest=forest_of(record),
            guardrails=sections.guardrail_rows(record),
            golds=sections.gold_tables(record),
            arms=sections.arm_rows(record),
            dots=dots_of(record),
            plan=plan_section(record),
            causes=cause_sections(record),
            price=price_section(record),
            quality=quality_section(record),
            labels=label_section(record),
            diffs=clause_diffs(record.clause_edits),
            missing=sections.not_estimable(record),
            numbers=sections.all_numbers(record),
            links=[(name, address, is_web(address)) for name, address in sorted(record.provenance.links.items())],
            classifier=[(name, str(value)) for name, value in vars(experiment.classifier).items() if value not in ("", None)],
            glossary=_GLOSSARY,
            define=_GLOSSARY.__getitem__,
            fewest=sections.FEWEST_RATERS,
        )
    )


def _beyond_the_sentence(decision: Decision) -> list[str]:
    """Return the reasons that the decision's sentence does not say already."""
    said = decision.sentence.casefold()
    return [reason for reason in decision.reasons if reason.rstrip(".").casefold() not in said]


def _estimand(record: ExperimentRecord) -> str:
    effect = primary_effect(record.decision)
    return effect.estimand.sentence if isinstance(effect, EffectEstimate) else ""


def _claim(record: ExperimentRecord) -> str:
    experiment = record.experiment
    if experiment.null_test is not None:
        differs = "seeds" if experiment.null_test is NullTest.disjoint_seeds else "halves of the raters"
        return f"This is an A/A test: the arms differ only in their {differs}, so no effect is the right answer."
    cause = (
        "Assignment was by chance or on the same items, so a difference can be called an effect of the change."
        if experiment.assignment.causal
        else "Assignment was not by chance, so a difference is associated with the change, not shown to be caused by it."
    )
    raters = (
        "It is a claim about raters like these." if experiment.raters is RaterClaim.random else "It is about these raters only."
    )
    return f"{cause} {raters}"
