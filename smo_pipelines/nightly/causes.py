"""Whether one group of ratings can be named as the cause of an episode."""

from collections.abc import Sequence

from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, WhyNot
from smo_pipelines.domain.episodes import Cause, ChangePoint, Episode, GroupChange, LeftOut

__all__ = ["name_cause"]

_MOVED_CLEARLY = 0.10


def name_cause(episode: Episode, groups: Sequence[GroupChange], left_out: Sequence[LeftOut]) -> Cause | NotEstimable:
    """Name the group of ratings behind an episode, or say why none can be named.

    A group is confirmed when drawing the same nights without its ratings makes them better (the whole 95% interval) and brings
    them back to within the margin of the baseline. One that is confirmed alone is the cause. Where leaving out could not be tried, or
    does not say, the grouping that moved at least a tenth of the ratings and twice as many as every other is named, not confirmed;
    not when leaving it out makes nothing better. A grouping that moved no more than on some night before the change is none, and neither
    is a group that came after the change began.

    Parameters
    ----------
    groups : sequence of GroupChange
        The most moved first.
    left_out : sequence of LeftOut
        At most one for each grouping.
    """
    tried = {one.grouping: one for one in left_out}
    early = [one for one in groups if one.grew is not None and one.moved > one.ordinary and not _came_later(one, episode)]
    confirmed = [group for group in early if group.grouping in tried and _undone(tried[group.grouping], episode)]
    if len(confirmed) == 1:
        one = confirmed[0]
        return _cause(one, True, f"{_grew(one)}; without its ratings the same nights are within the margin of the baseline")
    if confirmed:
        names = " and ".join(_name(group) for group in confirmed)
        return _none(
            episode,
            WhyNot.several_changes,
            f"{names} came together, and the nights recover without either: the ratings cannot tell them apart",
        )
    if not early or early[0].moved < _MOVED_CLEARLY:
        return _none(episode, WhyNot.unexplained, "no group of the ratings grew clearly since the blessing and before the change")
    first, rest = early[0], early[1:]
    if rest and first.moved < 2.0 * rest[0].moved:
        return _none(
            episode,
            WhyNot.several_changes,
            f"the ratings moved by {first.grouping} and by {rest[0].grouping}, neither clearly more than the other",
        )
    why = _why_unconfirmed(tried.get(first.grouping))
    if why is None:
        return _none(episode, WhyNot.unexplained, f"{_grew(first)}; but without its ratings the same nights are no better")
    return _cause(first, False, f"{_grew(first)}, and no other group moved as clearly; {why}")


def _came_later(group: GroupChange, episode: Episode) -> bool:
    return isinstance(episode.since, ChangePoint) and (group.began is None or group.began > episode.since.latest)


def _undone(one: LeftOut, episode: Episode) -> bool:
    if isinstance(one.gain, NotEstimable) or isinstance(one.remaining, NotEstimable):
        return False
    return one.gain.improvement_interval.low > 0.0 and one.remaining.improvement >= -episode.stream.margin


def _why_unconfirmed(one: LeftOut | None) -> str | None:
    """Return why leaving a group out does not confirm it, or None where it speaks against it."""
    if one is None:
        return "leaving its ratings out was not tried"
    if isinstance(one.gain, EffectEstimate):
        return (
            None if one.gain.improvement <= 0.0 else "what is gained without its ratings is within noise, or not all that was lost"
        )
    return f"leaving its ratings out cannot be tried: {one.gain.sentence}"


def _name(group: GroupChange) -> str:
    assert group.grew is not None  # noqa: S101 -- groups that did not grow are left out
    return f"{group.grouping} {group.grew.value or '(none)'}"


def _grew(group: GroupChange) -> str:
    assert group.grew is not None  # noqa: S101 -- groups that did not grow are left out
    began = "" if group.began is None else f", from {group.began.isoformat()} on"
    return f"{_name(group)} gave {group.grew.before:.0%} of the ratings at the blessing and gives {group.grew.after:.0%}{began}"


def _cause(group: GroupChange, confirmed: bool, sentence: str) -> Cause:
    assert group.grew is not None  # noqa: S101 -- groups that did not grow are left out
    return Cause(grouping=group.grouping, value=group.grew.value, confirmed=confirmed, sentence=sentence)


def _none(episode: Episode, code: WhyNot, sentence: str) -> NotEstimable:
    return NotEstimable(question=episode.stream.question, code=code, sentence=sentence)
