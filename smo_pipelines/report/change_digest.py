"""One self-contained page of every decided change: the sentence first, then a plot over time, a table, and what backs it."""

from dataclasses import dataclass

from smo_pipelines.domain.change_digest import AfterAll, ChangeDigest, DecidedChange, JudgedChange
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable
from smo_pipelines.domain.phrases import VERDICT_WORDS, amount, change_with_interval, money_words, question_phrase, unit_of
from smo_pipelines.domain.price import Money
from smo_pipelines.report.environment import template_environment
from smo_pipelines.report.forest import Forest, ForestRow, Mark, draw_png, laid_out
from smo_pipelines.report.page import VERDICT_SIGNS
from smo_pipelines.report.price import minus, per_point_words

__all__ = ["digest_forest", "digest_png", "digest_sentences", "render_digest"]

_AXIS = "percentage points of each change's own primary metric, better to the right"


@dataclass(frozen=True, kw_only=True)
class DigestRow:
    """One decided change in words; ``note`` says that it was superseded, or that nothing was changed."""

    date: str
    name: str
    what: str
    owner: str
    kind: str
    word: str
    sign: str
    verdict: str
    question: str
    effect: str
    guardrails: str
    extra: str
    per_point: str
    p: str
    after_all: str
    note: str


def render_digest(digest: ChangeDigest) -> str:
    """Return the page as HTML; everything that people wrote is escaped, and the same digest gives the same page."""
    first, *rest = digest_sentences(digest)
    return (
        template_environment()
        .get_template("digest.html.j2")
        .render(
            first=first,
            rest=rest,
            forest=digest_forest(digest),
            rows=[_row(one) for one in reversed(digest.changes) if not one.change.null_test],
            nulls=[_row(one) for one in reversed(digest.changes) if one.change.null_test],
            null_tests=digest.null_tests,
            false_ships=digest.false_ships,
            q=f"{100.0 * digest.q:g}%",
            benchmarks=digest.benchmarks,
            signs=[(VERDICT_SIGNS[verdict], word.capitalize()) for verdict, word in VERDICT_WORDS.items()],
        )
    )


def digest_png(digest: ChangeDigest) -> bytes:
    """Return the plot as a PNG picture."""
    return draw_png(digest_forest(digest), title="Every decided change, oldest first", axis=_AXIS)


def digest_sentences(digest: ChangeDigest) -> tuple[str, ...]:
    """Return what a lead reads first: how the changes in force were decided, and how many ships may be false."""
    inforce = [one for one in digest.changes if not one.change.null_test and one.change.superseded_by is None]
    counts = {verdict: sum(one.change.verdict is verdict for one in inforce) for verdict in Verdict}
    said = ", ".join(f"{count} {VERDICT_WORDS[verdict].lower()}" for verdict, count in counts.items() if count)
    decided = f"{len(inforce)} {'change is' if len(inforce) == 1 else 'changes are'} decided" + (f": {said}" if said else "")
    superseded = sum(one.change.superseded_by is not None for one in digest.changes)
    if superseded:
        decided += f" ({superseded} earlier {'version' if superseded == 1 else 'versions'} superseded)"
    sentences = [f"{decided}."]
    false = digest.false_ships
    if false.tested:
        could = "1 decision that could have shipped" if false.tested == 1 else f"{false.tested} decisions that could have shipped"
        sentences.append(
            f"Of {could}, {false.shipped} did; if none of these changes gained anything, {false.expected_at_most:.2g} false ships would be "
            "expected at most."
        )
        left = f"{false.not_standing} of the ships in force {'does' if false.not_standing == 1 else 'do'} not stand"
        if false.shipped:
            sentences.append(
                f"Read together (Benjamini-Hochberg at {100.0 * digest.q:g}%), "
                + (f"{left}." if false.not_standing else "every ship in force stands.")
            )
    nulls = digest.null_tests
    if nulls.interval is not None:
        ends = f"interval of the share {100.0 * nulls.interval.low:.0f} to {100.0 * nulls.interval.high:.0f}%; about 5% should"
        tests = "1 A/A test" if nulls.tests == 1 else f"{nulls.tests} A/A tests"
        sentences.append(f"{nulls.alarms} of {tests}, where nothing was changed, found an effect ({ends}).")
    return tuple(sentences)


def digest_forest(digest: ChangeDigest) -> Forest | None:
    """Return the primary effect of every change, oldest first; superseded ones are marked, null tests left out."""
    shown = [one for one in digest.changes if not one.change.null_test]
    return laid_out([_forest_row(one, first=k == 0) for k, one in enumerate(shown)])


def _forest_row(judged: JudgedChange, *, first: bool) -> ForestRow:
    change, effect = judged.change, judged.change.effect
    word = VERDICT_WORDS[change.verdict].capitalize() + (", superseded" if change.superseded_by is not None else "")
    label = f"{change.decided_at[:10]} {VERDICT_SIGNS[change.verdict]} {word} · {_name(change)}: {change.what}"
    if not isinstance(effect, EffectEstimate):
        value = "could not be computed" if isinstance(effect, NotEstimable) else "not shown"
        return ForestRow(group="Oldest first", first=first, label=label, value=value, tone="unclear", mark=None)
    metric, better = effect.question.metric, effect.improvement_interval
    tone = "better" if better.low > 0 else "worse" if better.high < 0 else "unclear"
    value = _effect_words(effect)
    if not unit_of(metric):
        return ForestRow(group="Oldest first", first=first, label=label, value=f"{value}, own unit", tone=tone, mark=None)
    mark = Mark(
        point=amount(metric, effect.improvement), low=amount(metric, better.low), high=amount(metric, better.high), limit=None
    )
    return ForestRow(group="Oldest first", first=first, label=label, value=value, tone=tone, mark=mark)


def _name(change: DecidedChange) -> str:
    version = f" version {change.version}" if change.version > 1 else ""
    return f"{change.change_id} ({change.experiment}{version})"


def _effect_words(effect: EffectEstimate) -> str:
    value, low, high = (text.replace("-", "−") for text in change_with_interval(effect))  # noqa: RUF001 -- a minus sign
    return f"{value} ({low} to {high})"


def _row(judged: JudgedChange) -> DigestRow:
    change, effect = judged.change, judged.change.effect
    estimated = isinstance(effect, EffectEstimate)
    notes = []
    if change.superseded_by is not None:
        notes.append(f"superseded by version {change.superseded_by}")
    if change.looks > 1:
        notes.append(f"look {change.looks} at this change: its intervals are wider for it")
    return DigestRow(
        date=change.decided_at[:10],
        name=_name(change),
        what=change.what,
        owner=change.owner,
        kind=change.kind.value.replace("_", " "),
        word=VERDICT_WORDS[change.verdict].capitalize(),
        sign=VERDICT_SIGNS[change.verdict],
        verdict=change.verdict.value,
        question="" if effect is None else question_phrase(effect.question),
        effect=_effect_words(effect) if isinstance(effect, EffectEstimate) else _why_no_effect(effect),
        guardrails=change.guardrails,
        extra=_extra(change),
        per_point=per_point_words(change.price),
        p="" if judged.p_adjusted is None else ("< 0.001" if judged.p_adjusted < 0.001 else f"{judged.p_adjusted:.3f}"),
        after_all=judged.after_all.value if estimated and judged.after_all is not AfterAll.not_tested else "",
        note="; ".join(notes),
    )


def _why_no_effect(effect: NotEstimable | None) -> str:
    return "not shown: the experiment is not valid" if effect is None else f"could not be computed: {effect.sentence}"


def _extra(change: DecidedChange) -> str:
    if change.price is None:
        return "not recorded"
    extra = change.price.extra
    return minus(money_words(extra.amount, extra.currency)) if isinstance(extra, Money) else f"not known: {extra.sentence}"
