"""What nights add up to, in words: one wording for the command line, alerts, the nightly page and the tracker.

Numbers and names of groups, never a text of an item or a rater.
"""

from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable
from smo_pipelines.domain.episodes import AlarmKind, ChangePoint, Episode, Explanation, FigureChange, GroupChange, LeftOut
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.phrases import amount, change_with_interval, level_of, stream_phrase, unit_of
from smo_pipelines.domain.pools import PoolComparison
from smo_pipelines.domain.quality import Measured, NotMeasured, value_in_words

__all__ = [
    "FIGURE_TITLES",
    "behind_it",
    "cause_sentence",
    "effect_sentence",
    "episode_title",
    "explanation_lines",
    "since_sentence",
    "state_sentence",
    "state_word",
    "what_moved",
]

FIGURE_TITLES = {
    "volume": "Ratings in the window",
    "agreement": "Krippendorff's alpha",
    "gold_accuracy": "Accuracy on gold",
    "positive_share": "Share of positive ratings",
    "pool_drift": "Ratings moved between rater pools since the blessing",
}

_LEAST_MOVED = 0.01
"""Less of the ratings than this moving between groups is not told."""


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
        names = list(dict.fromkeys(stream_phrase(one.stream) for one in episodes))
        are = "is" if len(names) == 1 else "are"
        return f"{len(names)} of {watched} {are} worse than the plan allows, the first since about {since.isoformat()}: {'; '.join(names)}."
    if record.state.newest is None:
        return f"Blessed on {record.baseline.date.isoformat()}, and no night has run since; {watched}."
    return (
        f"None of {watched} has fallen below its baseline by more than its margin, as far as {len(record.nights)} "
        f"night{'' if len(record.nights) == 1 else 's'} up to {record.state.newest.isoformat()} can tell."
    )


def episode_title(episode: Episode) -> str:
    """Return an episode in one line that stands alone."""
    wrong = "beyond its floor" if episode.kind is AlarmKind.floor else "worse than its baseline by more than its margin"
    return f"plan {episode.plan}: {stream_phrase(episode.stream)} is {wrong}"


def since_sentence(episode: Episode) -> str:
    """Return when the change began, with its interval, or why that is not known."""
    since = episode.since
    if episode.kind is AlarmKind.floor:
        return f"Its floor was broken in the night of {episode.opened.isoformat()}."
    if not isinstance(since, ChangePoint):
        return f"When it began could not be estimated: {_clause(since.sentence)}."
    first, earliest, latest = (day.isoformat() for day in (since.first, since.earliest, since.latest))
    older = ", or before the blessing" if since.from_the_start else ""
    ends = "that night" if earliest == latest else f"{earliest} to {latest}"
    return f"It began about {first} (95% interval: {ends}{older})."


def effect_sentence(explanation: Explanation) -> str:
    """Return how large the change is against the baseline, with its interval and what was allowed, or why that is not known."""
    stream, effect = explanation.episode.stream, explanation.effect
    metric = stream.question.metric
    margin = f"Allowed is a loss of {amount(metric, stream.margin):g} {unit_of(metric)}".rstrip()
    if isinstance(effect, NotEstimable):
        return f"How large it is could not be estimated: {_clause(effect.sentence)}. {margin}."
    nights = len(explanation.nights)
    levels = f"from {level_of(metric, effect.control)} to {level_of(metric, effect.treatment)}"
    return f"Change against the baseline: {_change(effect)}, {levels}, over {nights} night{'' if nights == 1 else 's'}. {margin}."


def cause_sentence(explanation: Explanation) -> str:
    """Return the one group of ratings behind it and how sure that is, or why none is named."""
    cause = explanation.cause
    if isinstance(cause, NotEstimable):
        return f"No cause is named: {_clause(cause.sentence)}."
    sure = "Cause" if cause.confirmed else "Likely cause, not confirmed"
    return f"{sure}: {_clause(cause.sentence)}."


def behind_it(explanation: Explanation) -> tuple[str, ...]:
    """Return what becomes of the same nights without the ratings of each group that came or grew."""
    return tuple(_left_out(one) for one in explanation.left_out)


def what_moved(explanation: Explanation) -> tuple[str, ...]:
    """Return what changed in the labels since the blessing: between groups, of raters, and each figure."""
    groups = [_group(group) for group in explanation.groups if group.moved >= _LEAST_MOVED]
    return (*groups, _raters(explanation.raters), *(_figure(figure) for figure in explanation.figures))


def explanation_lines(explanation: Explanation) -> tuple[str, ...]:
    """Return all that is known of an episode, a sentence or two a line, the most important first."""
    return (
        since_sentence(explanation.episode),
        effect_sentence(explanation),
        cause_sentence(explanation),
        *behind_it(explanation),
        *what_moved(explanation),
    )


def _change(effect: EffectEstimate) -> str:
    change, low, high = change_with_interval(effect)
    amount_with_unit = f"{change} {unit_of(effect.question.metric)}".rstrip()
    return f"{amount_with_unit} ({100 * effect.interval.level:g}% {low} to {high})"


def _left_out(one: LeftOut) -> str:
    name = f"Without the ratings of {one.grouping} {_name(one.value)}, on the same draws otherwise"
    if isinstance(one.gain, NotEstimable):
        return f"{name}: not known, {_clause(one.gain.sentence)}."
    left = (
        f"not known, {_clause(one.remaining.sentence)}"
        if isinstance(one.remaining, NotEstimable)
        else f"{_change(one.remaining)} against the baseline"
    )
    return f"{name}: a change of {_change(one.gain)}; left is {left}."


def _group(group: GroupChange) -> str:
    told = "; ".join(f"{_name(share.value)} from {share.before:.0%} to {share.after:.0%}" for share in group.shares[:3])
    return f"Ratings by {group.grouping}, counted: {told}."


def _raters(raters: PoolComparison | NotEstimable) -> str:
    if isinstance(raters, NotEstimable):
        return f"Raters: {_clause(raters.sentence)}."
    share = 1.0 - raters.shared_ratings_after
    return (
        f"Raters, counted: {raters.raters_before:,} then, {raters.raters_after:,} now, {raters.joined:,} of them new, who give "
        f"{share:.0%} of the ratings now."
    )


def _figure(figure: FigureChange) -> str:
    direction = {1: "higher", -1: "lower", 0: "no clear change", None: "not compared"}[figure.moved]
    title = FIGURE_TITLES.get(figure.name, figure.name.replace("_", " ").capitalize())
    return f"{title}: {_told(figure.before)} at the blessing, {_told(figure.after)} now: {direction}."


def _told(told: Measured | NotMeasured) -> str:
    if isinstance(told, NotMeasured):
        return f"not measured ({_clause(told.sentence)})"
    value = value_in_words(told.value, told.unit)
    if not isinstance(told.interval, Interval):
        return f"{value} (no interval: {_clause(told.interval.sentence)})"
    low, high = (value_in_words(end, told.unit).removesuffix(f" {told.unit}") for end in (told.interval.low, told.interval.high))
    return f"{value} ({low} to {high})"


def _name(value: str) -> str:
    return " ".join(value.split())[:60] or "(none)"


def _clause(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
