"""What changed in the labels, as values: counts and ids alone, never a text, and no group of fewer than five raters."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smo_pipelines.domain.attribution import Contrast
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.label_changes import Component, FlipCount, LabelShift, OwnedFlips, ReviewReason, ShareShift
from smo_pipelines.domain.phrases import contrast_words
from smo_pipelines.domain.pools import PoolComparison
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.report.sections import FEWEST_RATERS

__all__ = ["ClauseRow", "FlipRow", "FlipTable", "LabelSection", "OwnerRow", "ReviewRow", "label_section"]

_OWNERS = {
    Component.clause: "clause {}",
    Component.guideline: "the guideline, clause not known",
    Component.instrument: "the instrument",
    Component.pool: "who rated",
    Component.period: "the period of the ratings",
    Component.overlap: "the number of ratings an item",
    Component.qa: "the quality filter",
    Component.aggregation: "the aggregation",
    Component.ties: "the tie rule",
    Component.unexplained: "no part of the change",
}
_REASONS = {
    ReviewReason.against_gold: "left a gold that did not change",
    ReviewReason.unexpected_flip: "flipped although its raters agreed",
    ReviewReason.not_as_edited: "did not become what the edited clause says",
    ReviewReason.groups_disagree: "groups of its raters disagree",
    ReviewReason.near_tie: "close to a tie",
}


@dataclass(frozen=True, kw_only=True)
class FlipRow:
    """Label changes of a group; ``ties`` is empty where none came or went; shares are of the longest bar, 0 to 100."""

    group: str
    items: str
    ways: str
    flips: str
    expected: str
    beyond: str
    ties: str
    bar: float
    bar_expected: float | None


@dataclass(frozen=True, kw_only=True)
class FlipTable:
    """Label changes by one attribute; ``hidden`` counts the groups that are too small to show."""

    by: str
    rows: tuple[FlipRow, ...]
    hidden: int


@dataclass(frozen=True, kw_only=True)
class OwnerRow:
    """What one part of the change owns; ``share`` is what its flips add to the change of the positive share, in points.

    ``share_by_chance`` is what drawing the raters again would add, either way.
    """

    owner: str
    items: str
    flips: str
    expected: str
    beyond: str
    share: str
    share_by_chance: str


@dataclass(frozen=True, kw_only=True)
class ClauseRow:
    """One edited clause: its items, their positive share before and after, and the flips among them and among the others."""

    clause: str
    items: str
    shares: str
    change: str
    inside: str
    inside_expected: str
    outside: str
    outside_expected: str


@dataclass(frozen=True, kw_only=True)
class ReviewRow:
    """One item to look at again."""

    item: str
    priority: str
    reasons: str


@dataclass(frozen=True, kw_only=True)
class LabelSection:
    """The section: sentences, then tables.

    Attributes
    ----------
    shift : tuple of str
        Sentences on the positive share and on the raters.
    refused : str
        Why no owner is named; empty where owners are.
    hidden_clauses, hidden_owners : int
        How many have too few raters to show.
    """

    shift: tuple[str, ...]
    refused: str
    owners: tuple[OwnerRow, ...]
    hidden_owners: int
    clauses: tuple[ClauseRow, ...]
    hidden_clauses: int
    tables: tuple[FlipTable, ...]
    review: tuple[ReviewRow, ...]


def label_section(record: ExperimentRecord) -> LabelSection:
    """Return what changed in the labels, in words and without the groups that are too small to show."""
    labels = record.labels
    fewest = min((arm.n_raters for arm in record.arms), default=0)
    owners = () if labels.ownership is None else labels.ownership.owners
    shown = [owned for owned in owners if _large_enough(owned.count, fewest)]
    refused = None if labels.ownership is None else labels.ownership.refused
    touched = [touch for touch in labels.clauses if _large_enough(touch.inside, fewest)]
    return LabelSection(
        shift=(*_share_sentences(labels), *_direction(labels.total), *_rater_sentences(labels)),
        refused="" if refused is None else _minus(refused.sentence),
        owners=tuple(_owner_row(owned, labels.total.items) for owned in sorted(shown, key=_by_weight)),
        hidden_owners=len(owners) - len(shown),
        clauses=tuple(
            ClauseRow(
                clause=f"{touch.edit.id} ({touch.edit.change.value})",
                items=f"{touch.inside.items:,}",
                shares=_levels(touch.shift),
                change=_change(touch.shift),
                inside=f"{touch.inside.flips:,}",
                inside_expected=_expected(touch.inside),
                outside=f"{touch.outside.flips:,}",
                outside_expected=_expected(touch.outside),
            )
            for touch in touched
        ),
        hidden_clauses=len(labels.clauses) - len(touched),
        tables=tuple(_flip_tables(labels, fewest)),
        review=tuple(
            ReviewRow(item=item.item_id, priority=f"{item.priority:.2f}", reasons="; ".join(_REASONS[r] for r in item.reasons))
            for item in labels.review
            if fewest >= FEWEST_RATERS
        ),
    )


def _large_enough(group: FlipCount, fewest: int) -> bool:
    # where the raters of a group are not known, too few items or too few raters in a whole arm still give it away
    known = group.raters if group.raters is not None else min(group.items, fewest)
    return known >= FEWEST_RATERS


def _by_weight(owned: OwnedFlips) -> tuple[bool, float, str]:
    return owned.component is Component.unexplained, -owned.count.flips, owned.name


def _minus(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)  # noqa: RUF001 -- a minus sign, as wide as the plus


def _signed(value: float, digits: int = 0) -> str:
    return _minus(f"{value:+,.{digits}f}")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _levels(shift: ShareShift | NotEstimable | None) -> str:
    return f"{_percent(shift.control)} → {_percent(shift.treatment)}" if isinstance(shift, ShareShift) else ""


def _change(shift: ShareShift | NotEstimable | None) -> str:
    if not isinstance(shift, ShareShift):
        return "" if shift is None else f"could not be computed: {shift.sentence}"
    value, _, interval = contrast_words("positive_share", Contrast(estimate=shift.change, interval=shift.interval)).partition(" ")
    return _minus(f"{value} points {interval}")


def _share_sentences(labels: LabelShift) -> Iterator[str]:
    matched, mix = labels.matched_shift, labels.mix_shift
    if isinstance(matched, ShareShift):
        yield (
            f"Labelled positive, among the items of both arms: {_levels(matched)}, a change of {_change(matched)}. The interval is "
            f"about items and raters like these ({matched.n_items:,} items, {matched.effective_raters:.0f} effective raters)."
        )
    elif matched is not None:
        yield f"The change of the positive share {_change(matched)}."
    if isinstance(mix, ShareShift):
        yield f"Items that one arm alone labels add {_change(mix)} to the difference between the arms as a whole ({_levels(mix)})."


def _rater_sentences(labels: LabelShift) -> Iterator[str]:
    raters = labels.raters
    if not isinstance(raters, PoolComparison):
        return
    if min(raters.raters_before, raters.raters_after) < FEWEST_RATERS or 0 < raters.shared < FEWEST_RATERS:
        yield f"How the arms' raters compare is not shown: it would tell of fewer than {FEWEST_RATERS} raters."
        return
    if not raters.shared:
        yield f"No rater works in both arms ({raters.raters_before:,} and {raters.raters_after:,} raters)."
        return
    yield (
        f"{raters.shared:,} raters work in both arms, of {raters.raters_before:,} and {raters.raters_after:,}; they gave "
        f"{100 * raters.shared_ratings_before:.0f}% of the control's ratings and {100 * raters.shared_ratings_after:.0f}% of the "
        "treatment's."
    )


def _direction(total: FlipCount) -> Iterator[str]:
    if total.flips and total.net_low is not None:
        yield (
            f"{total.to_positive:,} labels became positive and {total.to_negative:,} negative, {_signed(total.net)} net; chance moves as "
            f"many either way and leaves {_net_range(total, 1, 0)}."
        )


def _net_range(group: FlipCount, scale: float, digits: int) -> str:
    if group.net_low is None or group.net_high is None:
        return "not known"
    return f"{_signed(scale * group.net_low, digits)} to {_signed(scale * group.net_high, digits)}"


def _owner_row(owned: OwnedFlips, matched: int) -> OwnerRow:
    name = _OWNERS[owned.component].format(owned.name)
    detail = "" if owned.component in (Component.clause, Component.unexplained) else f" ({owned.name})"
    return OwnerRow(
        owner=name + detail,
        items=f"{owned.count.items:,}",
        flips=f"{owned.count.flips:,}",
        expected=_expected(owned.count),
        beyond=_beyond(owned.count),
        share=_signed(100 * owned.count.net / matched, 1) if matched else "",
        share_by_chance=_net_range(owned.count, 100 / matched, 1) if matched else "",
    )


def _flip_tables(labels: LabelShift, fewest: int) -> Iterator[FlipTable]:
    yield _flip_table("all items", (labels.total,), fewest)
    for by, groups in sorted(labels.by.items()):
        if len(groups) > 1 or groups[0].items < labels.total.items:  # a single group of all items says nothing new
            yield _flip_table(by, groups, fewest)


def _flip_table(by: str, groups: Sequence[FlipCount], fewest: int) -> FlipTable:
    shown = [group for group in groups if _large_enough(group, fewest)]
    longest = max((max(group.flips, group.expected_high or 0.0) for group in shown), default=0.0) or 1.0
    rows = tuple(_flip_row(group, longest) for group in sorted(shown, key=lambda group: (-group.flips, group.group)))
    return FlipTable(by=by, rows=rows, hidden=len(groups) - len(shown))


def _flip_row(group: FlipCount, longest: float) -> FlipRow:
    return FlipRow(
        group=group.group,
        items=f"{group.items:,}",
        ways=f"{group.to_positive:,} / {group.to_negative:,}",
        flips=f"{group.flips:,}",
        expected=_expected(group),
        beyond=_beyond(group),
        ties=f"{group.to_tie:,} became tied, {group.from_tie:,} were" if group.to_tie or group.from_tie else "",
        bar=round(100 * group.flips / longest, 1),
        bar_expected=None if group.expected is None else round(100 * group.expected / longest, 1),
    )


def _expected(group: FlipCount) -> str:
    if group.expected is None:
        return "not known"
    if group.expected_low is None or group.expected_high is None:
        return f"{group.expected:.0f}"
    return f"{group.expected:.0f} ({group.expected_low:.0f} to {group.expected_high:.0f})"


def _beyond(group: FlipCount) -> str:
    interval = group.excess_interval
    if group.excess is None or interval is None:
        return "not known"
    return f"{_signed(group.excess)} ({_signed(interval.low)} to {_signed(interval.high)})"
