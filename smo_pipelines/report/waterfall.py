"""The waterfall: from the control to the treatment in steps, one for each part of the change, better to the right."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from smo_pipelines.domain.attribution import Attribution, CauseVerdict, Contrast, Share, Split
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.phrases import amount, contrast_words, question_phrase, unit_of
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.report.forest import nice_step
from smo_pipelines.report.sections import FEWEST_RATERS

__all__ = ["CauseSection", "Step", "Waterfall", "cause_sections"]

_EDGE = 3.0
_WORDS = {
    CauseVerdict.cause: "cause",
    CauseVerdict.interacting: "interacting",
    CauseVerdict.within_noise: "within noise",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One bar: its ends and those of its interval, as places in per cent of the axis; no interval where none is known."""

    label: str
    value: str
    beside: str
    verdict: str
    sentence: str
    tone: str
    x: float
    width: float
    interval: tuple[float, float] | None
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Waterfall:
    """One metric's change in steps, the whole change last; ticks are (place in per cent, text)."""

    question: str
    unit: str
    fine_tuned: str
    steps: tuple[Step, ...]
    ticks: tuple[tuple[float, str], ...]
    x_zero: float


@dataclass(frozen=True, kw_only=True)
class CauseSection:
    """One partition of the change; ``why_not`` stands in place of the rest where there is no split to show.

    Attributes
    ----------
    missing : tuple of (question, sentence)
        The metrics that could not be split.
    """

    by: str
    why_not: str = ""
    agreement: str = ""
    basis: str = ""
    together: tuple[tuple[str, str], ...] = ()
    plots: tuple[Waterfall, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()


def cause_sections(record: ExperimentRecord) -> tuple[CauseSection, ...]:
    """Return what the page says of each partition; nothing of an invalid experiment."""
    if record.decision.verdict is Verdict.invalid:
        return ()
    return tuple(_section(attribution) for attribution in record.attributions)


def _section(attribution: Attribution) -> CauseSection:
    if attribution.refused is not None:
        return CauseSection(by=attribution.by, why_not=attribution.refused.sentence)
    if any(player.raters < FEWEST_RATERS for player in attribution.players):
        # shares sum to the whole, so that leaving one out would still tell it
        return CauseSection(by=attribution.by, why_not=f"not shown: a part has fewer than {FEWEST_RATERS} raters")
    redraws = f" and {attribution.redraws} on redraws of its raters" if attribution.redraws else ", a claim about these raters only"
    return CauseSection(
        by=attribution.by,
        agreement="" if attribution.agreement is None else attribution.agreement.sentence,
        basis=(
            f"Every combination of the parts was fitted on {attribution.items:,} items, {attribution.runs} times on its labels{redraws}; "
            f"{attribution.left_out:,} items that some combination leaves tied or unrated are in none."
        ),
        together=tuple((player.name, ", ".join(player.members)) for player in attribution.players if player.members),
        plots=tuple(_waterfall(attribution, split) for split in attribution.splits if isinstance(split, Split)),
        missing=tuple(
            (question_phrase(split.question), split.sentence) for split in attribution.splits if isinstance(split, NotEstimable)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Bar:
    share: Share | None
    start: float
    end: float
    interval: tuple[float, float] | None


def _waterfall(attribution: Attribution, split: Split) -> Waterfall:
    bars = list(_bars(split))
    reached = [0.0, *(value for bar in bars for value in (bar.start, bar.end, *(bar.interval or ())))]
    step = nice_step((max(reached) - min(reached)) or 1.0)
    first, last = math.floor(min(reached) / step), math.ceil(max(reached) / step)

    def place(value: float) -> float:
        return float(round(_EDGE + (value / step - first) / max(last - first, 1) * (100.0 - 2 * _EDGE), 2))

    metric = split.question.metric
    return Waterfall(
        question=question_phrase(split.question),
        unit="points" if unit_of(metric) else "the metric's own unit",
        fine_tuned="" if split.fine_tuned is None else _minus(contrast_words(metric, split.fine_tuned)),
        steps=tuple(
            Step(
                label="the whole change" if bar.share is None else bar.share.player,
                value=_minus(contrast_words(metric, split.change if bar.share is None else bar.share.shapley)),
                beside="" if bar.share is None else _beside(attribution, split, bar.share),
                verdict="" if bar.share is None else _WORDS[bar.share.verdict],
                sentence="" if bar.share is None else _minus(bar.share.sentence),
                tone=_tone(bar),
                x=min(place(bar.start), place(bar.end)),
                width=round(abs(place(bar.end) - place(bar.start)), 2),
                interval=None if bar.interval is None else (place(bar.interval[0]), place(bar.interval[1])),
                whole=bar.share is None,
            )
            for bar in bars
        ),
        ticks=tuple((place(k * step), _minus(f"{k * step:+g}") if k else "0") for k in range(first, last + 1)),
        x_zero=place(0.0),
    )


def _bars(split: Split) -> Iterator[_Bar]:
    """Yield each step from where the one before it ended, in improvement and the metric's shown unit."""
    reached = 0.0
    for share in split.shares:
        end = reached + _better(split, share.shapley.estimate)
        yield _Bar(share=share, start=reached, end=end, interval=_interval(split, share.shapley, reached))
        reached = end
    yield _Bar(share=None, start=0.0, end=_better(split, split.change.estimate), interval=_interval(split, split.change, 0.0))


def _better(split: Split, value: float) -> float:
    return split.direction.sign * amount(split.question.metric, value)


def _interval(split: Split, contrast: Contrast, start: float) -> tuple[float, float] | None:
    if contrast.interval is None:
        return None
    ends = sorted(start + _better(split, value) for value in (contrast.interval.low, contrast.interval.high))
    return ends[0], ends[1]


def _tone(bar: _Bar) -> str:
    holds_zero = bar.interval is None or bar.interval[0] <= 0 <= bar.interval[1]
    unclear = holds_zero if bar.share is None else bar.share.verdict is CauseVerdict.within_noise
    return "unclear" if unclear or bar.start == bar.end else "better" if bar.end > bar.start else "worse"


def _beside(attribution: Attribution, split: Split, share: Share) -> str:
    metric = split.question.metric
    alone, back = (contrast_words(metric, Contrast(estimate=one.estimate)) for one in (share.first_in, share.swap_back))
    flips = attribution.player(share.player).flips
    return _minus(f"alone {alone}, taken back {back}; {flips:,} labels change when it comes alone")


def _minus(text: str) -> str:
    # a minus sign, as wide as the plus, where a number follows
    return "".join(
        "−" if letter == "-" and text[k + 1 : k + 2].isdigit() and not text[:k][-1:].isalnum() else letter  # noqa: RUF001
        for k, letter in enumerate(text)
    )
