"""What an episode of the nightly evaluation says when it wakes somebody: which number, since when, how much, and what changed."""

from smo_pipelines.domain.alerts import Alert, Severity
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable
from smo_pipelines.domain.episodes import AlarmKind, ChangePoint, Episode, Explanation, GroupChange
from smo_pipelines.domain.phrases import amount, change_with_interval, level_of, stream_phrase, unit_of

__all__ = ["change_sentence", "effect_sentence", "episode_alert", "group_sentence", "since_sentence"]

_GROUPS_TOLD = 2
_LEAST_MOVED = 0.05
"""Less of the ratings than this moving between groups is not told by itself."""


def episode_alert(area: str, explanation: Explanation, *, at: str, links: tuple[tuple[str, str], ...] = ()) -> Alert:
    """Return the alert of an episode; the same episode gives the same key for ever.

    Parameters
    ----------
    area : str
        The policy area of the plan.
    at : str
        The moment of the night that alarmed, ISO 8601 in UTC.
    links : tuple of (str, str)
        Where the nightly page and the run are.
    """
    episode = explanation.episode
    what = stream_phrase(episode.stream)
    wrong = (
        "beyond its floor in one night" if episode.kind is AlarmKind.floor else "worse than its baseline by more than its margin"
    )
    return Alert(
        key=episode.key,
        severity=Severity.error,
        title=f"{area}, plan {episode.plan}: {what} is {wrong}",
        lines=(
            f"Opened on {episode.opened.isoformat()}. {since_sentence(episode)}",
            effect_sentence(explanation),
            *change_sentence(explanation),
        ),
        links=links,
        at=at,
    )


def since_sentence(episode: Episode) -> str:
    """Return when the change began, with its interval, or why that is not known."""
    since = episode.since
    if not isinstance(since, ChangePoint):
        return f"When it began could not be estimated: {_clause(since.sentence)}."
    if since.earliest == since.latest:
        return f"It began on {since.first.isoformat()} (95% confidence: that night)."
    first, earliest, latest = (day.isoformat() for day in (since.first, since.earliest, since.latest))
    return f"It began about {first} (95% confidence: {earliest} to {latest})."


def effect_sentence(explanation: Explanation) -> str:
    """Return how large the change is against the baseline, with its interval and what was allowed, or why that is not known."""
    episode, effect = explanation.episode, explanation.effect
    metric = episode.stream.question.metric
    margin = f"{amount(metric, episode.stream.margin):g} {unit_of(metric)}".rstrip()
    if not isinstance(effect, EffectEstimate):
        return f"How large it is could not be estimated: {_clause(effect.sentence)}. Allowed is a loss of {margin}."
    change, low, high = change_with_interval(effect)
    level = f"{100 * effect.interval.level:g}%"
    unit = f" {unit_of(metric)}".rstrip()
    return (
        f"Change against the baseline: {change}{unit} ({level} {low} to {high}), from {level_of(metric, effect.control)} to "
        f"{level_of(metric, effect.treatment)}, over {len(episode.nights)} night{'s' if len(episode.nights) != 1 else ''}. "
        f"Allowed is a loss of {margin}."
    )


def change_sentence(explanation: Explanation) -> tuple[str, ...]:
    """Return what changed in the labels: the cause where one grouping stands out, else the groups that moved most."""
    found = [f"{_sentence(explanation.cause.sentence)}"] if explanation.cause.sentence else []
    if isinstance(explanation.cause, NotEstimable):
        found = [f"No cause stands out: {_clause(explanation.cause.sentence)}."]
    moved = [group for group in explanation.groups if group.moved >= _LEAST_MOVED][:_GROUPS_TOLD]
    found += [group_sentence(group) for group in moved]
    before, after = explanation.volume
    found.append(f"Ratings in the window: {before:,} at the blessing, {after:,} now.")
    return tuple(found)


def group_sentence(group: GroupChange) -> str:
    """Return how the ratings moved between groups, the largest change first, in shares that were counted.

    Examples
    --------
    >>> from smo_pipelines.domain.episodes import ShareChange
    >>> group_sentence(GroupChange(grouping="pool", moved=0.4, shares=(ShareChange(value="lenient", before=0.1, after=0.5),)))
    'Ratings by pool: lenient from 10% to 50%.'
    """
    told = [f"{_name(share.value)} from {share.before:.0%} to {share.after:.0%}" for share in group.shares[:3]]
    return f"Ratings by {group.grouping}: {'; '.join(told)}."


def _name(value: str) -> str:
    return " ".join(value.split())[:60] or "(none)"


def _clause(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _sentence(text: str) -> str:
    clause = _clause(text)
    return f"{clause[:1].upper()}{clause[1:]}."
