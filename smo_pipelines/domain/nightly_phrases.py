"""What nights add up to, in words: one wording for alerts, the nightly page and the tracker."""

from smo_pipelines.domain.effects import EffectEstimate, NotEstimable
from smo_pipelines.domain.episodes import AlarmKind, ChangePoint, Episode, Explanation, GroupChange
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.phrases import amount, change_with_interval, level_of, stream_phrase, unit_of

__all__ = [
    "change_sentences",
    "effect_sentence",
    "group_sentence",
    "loss_allowed",
    "since_sentence",
    "state_sentence",
    "state_word",
]

_GROUPS_TOLD = 2
_LEAST_MOVED = 0.05
"""Less of the ratings than this moving between groups is not told by itself."""


def state_word(record: NightlyRecord) -> str:
    """Return how a plan stands in a word: ``ALARM``, ``QUIET``, or ``NO NIGHT YET``."""
    if record.state.open_episodes:
        return "ALARM"
    return "QUIET" if record.state.newest is not None else "NO NIGHT YET"


def state_sentence(record: NightlyRecord) -> str:
    """Return how a plan stands in one sentence, which stands alone."""
    streams, episodes = record.state.streams, record.state.open_episodes
    watched = f"{len(streams)} watched number{'' if len(streams) == 1 else 's'}"
    if episodes:
        since = min(one.since.first if isinstance(one.since, ChangePoint) else one.opened for one in episodes)
        what = "; ".join(stream_phrase(one.stream) for one in episodes)
        are = "is" if len(episodes) == 1 else "are"
        return (
            f"{len(episodes)} of {watched} {are} worse than the baseline allows, the first since about {since.isoformat()}: {what}."
        )
    if record.state.newest is None:
        return f"Blessed on {record.baseline.date.isoformat()}, and no night has run since; {watched}."
    return (
        f"None of {watched} has fallen below its baseline by more than its margin, as far as {len(record.nights)} "
        f"night{'' if len(record.nights) == 1 else 's'} up to {record.state.newest.isoformat()} can tell."
    )


def loss_allowed(episode: Episode) -> str:
    """Return the margin of an episode's stream with its unit, e.g. ``3 pp``."""
    metric = episode.stream.question.metric
    return f"{amount(metric, episode.stream.margin):g} {unit_of(metric)}".rstrip()


def since_sentence(episode: Episode) -> str:
    """Return when the change began, with its interval, or why that is not known."""
    since = episode.since
    if episode.kind is AlarmKind.floor:
        return f"Its floor was broken in the night of {episode.opened.isoformat()}."
    if not isinstance(since, ChangePoint):
        return f"When it began could not be estimated: {_clause(since.sentence)}."
    if since.earliest == since.latest and not since.from_the_start:
        return f"It began on {since.first.isoformat()} (95% confidence: that night)."
    first, earliest, latest = (day.isoformat() for day in (since.first, since.earliest, since.latest))
    older = " or before the blessing" if since.from_the_start else ""
    return f"It began about {first} (95% confidence: {earliest} to {latest}{older})."


def effect_sentence(explanation: Explanation) -> str:
    """Return how large the change is against the baseline, with its interval and what was allowed, or why that is not known."""
    episode, effect = explanation.episode, explanation.effect
    metric = episode.stream.question.metric
    margin = loss_allowed(episode)
    if not isinstance(effect, EffectEstimate):
        return f"How large it is could not be estimated: {_clause(effect.sentence)}. Allowed is a loss of {margin}."
    change, low, high = change_with_interval(effect)
    level = f"{100 * effect.interval.level:g}%"
    unit = f" {unit_of(metric)}".rstrip()
    return (
        f"Change against the baseline: {change}{unit} ({level} {low} to {high}), from {level_of(metric, effect.control)} to "
        f"{level_of(metric, effect.treatment)}. Allowed is a loss of {margin}."
    )


def change_sentences(explanation: Explanation) -> tuple[str, ...]:
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
