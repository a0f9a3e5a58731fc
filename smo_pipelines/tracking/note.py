"""The note of a run: its first line is a plain sentence, because that line alone is seen in the table of runs."""

import re
from collections.abc import Iterator

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.domain.phrases import (
    PLANNED,
    VERDICT_WORDS,
    change_with_interval,
    guardrail_summary,
    level_of,
    primary_effect,
    question_phrase,
    unit_of,
)
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.tracking.items import MAX_NOTE, cut

__all__ = ["final_note", "fit", "plain", "planned_note"]

_ADDRESS = re.compile(r"^https?://[A-Za-z0-9.:/_?=&%#@-]+$")
_MARKS = str.maketrans({"<": "(", ">": ")", "|": "/", "`": "'", "[": "(", "]": ")", "*": "", "#": "", "\\": "/"})


def planned_note(experiment: Experiment) -> str:
    """Return the note of an experiment that is registered and not yet decided."""
    primary = experiment.rule.primary
    lines = [
        f"{PLANNED} - {plain(experiment.change.what)}. To be decided on {question_phrase(primary.question)}.",
        "",
        f"{experiment.replicates} replicates and {experiment.redraws} redraws of the raters in each arm; "
        f"{len(experiment.rule.guardrails)} guardrails; smallest effect of interest {primary.smallest_effect_of_interest:g}.",
        "",
        f"Why: {plain(experiment.change.why) or 'not given'}",
    ]
    return fit(lines)


def final_note(record: ExperimentRecord) -> str:
    """Return the note of a finished experiment: sentence, reasons, table of effects, what is not known, where the rest is."""
    decision = record.decision
    lines = [_headline(record), "", plain(decision.sentence), ""]
    lines += [f"- {plain(reason)}" for reason in decision.reasons]
    if decision.verdict is not Verdict.invalid:
        lines += ["", "| Question | Control | Treatment | Change | Interval |", "|---|---|---|---|---|", *_rows(record)]
        missing = [e for e in decision.effects if isinstance(e, NotEstimable)]
        if missing:
            lines += ["", "What could not be computed:", ""]
            lines += [f"- {question_phrase(e.question)}: {plain(e.sentence)} ({e.code})" for e in missing]
    lines += ["", "Full report: artifact report/effect_report.html. Decision as data: audit/decision.json."]
    lines += [f"Run by {plain(name)}: {url}" for name, url in sorted(record.provenance.links.items()) if _ADDRESS.match(url)]
    lines += [f"Spec {short(decision.spec_hash)}, rule {short(decision.rule_hash)}, decision {short(decision.digest)}."]
    return fit(lines)


def _headline(record: ExperimentRecord) -> str:
    word, what = VERDICT_WORDS[record.decision.verdict], plain(record.experiment.change.what)
    effect = primary_effect(record.decision)
    if record.decision.verdict is Verdict.invalid:
        return f"{word} - {plain(record.decision.sentence)} {what}."
    if not isinstance(effect, EffectEstimate):
        return f"{word} - the primary effect could not be computed. {what}."
    change, low, high = change_with_interval(effect)
    level = f"{100 * effect.interval.level:g}%"
    amount = f"{change} {unit_of(effect.question.metric)}".rstrip()
    guardrails = guardrail_summary(record.decision)
    return f"{word} - {question_phrase(effect.question)} {amount} ({level} {low} to {high}), guardrails {guardrails}. {what}."


def _rows(record: ExperimentRecord) -> Iterator[str]:
    for effect in record.decision.effects:
        if isinstance(effect, EffectEstimate) and effect.question.role is not Role.slice:
            metric = effect.question.metric
            change, low, high = change_with_interval(effect)
            levels = f"{level_of(metric, effect.control)} | {level_of(metric, effect.treatment)}"
            yield f"| {question_phrase(effect.question)} | {levels} | {change} {unit_of(metric)} | {low} to {high} |"


def plain(text: str) -> str:
    """Return a text that people wrote so that it cannot become markup in a note."""
    return cut(text.translate(_MARKS), 600).rstrip(".")


def fit(lines: list[str]) -> str:
    """Return the lines as a note, cut where the tracker would cut it."""
    kept, size = [], 0
    more = "(more in the report)"
    for line in lines:
        if size + len(line) + 1 > MAX_NOTE - len(more) - 1:
            kept.append(more)
            break
        kept.append(line)
        size += len(line) + 1
    return "\n".join(kept)
