"""An episode in sentences, for the command line, alerts and pages: numbers and names of groups, never a text or a rater."""

from smo_pipelines.domain.effects import Interval, NotEstimable
from smo_pipelines.domain.episodes import AlarmKind, ChangePoint, Episode, Explanation, FigureChange, GroupChange
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.domain.pools import PoolComparison
from smo_pipelines.domain.quality import Measured, NotMeasured, value_in_words

__all__ = ["FIGURE_TITLES", "episode_title", "explanation_lines"]

FIGURE_TITLES = {
    "volume": "volume",
    "agreement": "Krippendorff's alpha",
    "gold_accuracy": "accuracy on gold",
    "positive_share": "share of positive ratings",
}


def episode_title(episode: Episode) -> str:
    """Return an episode in one line that stands alone."""
    what = "has been worse than its margin allows" if episode.kind is AlarmKind.drift else "is beyond its floor"
    return f"{episode.plan}: {episode.stream.name} {what} (alarm on {episode.opened.isoformat()})"


def explanation_lines(explanation: Explanation) -> tuple[str, ...]:
    """Return what is known of an episode, a sentence a line, the most important first."""
    episode = explanation.episode
    lines = [episode_title(episode), f"How big: {_effect(explanation.effect)}", _since(episode)]
    cause = explanation.cause
    if isinstance(cause, NotEstimable):
        lines.append(f"Cause: not named; {cause.sentence}")
    else:
        surely = "" if cause.confirmed else " (not confirmed)"
        lines.append(f"Cause: {cause.grouping} {cause.value or '(none)'}{surely}; {cause.sentence}")
    for one in explanation.left_out:
        name = f"Without the ratings of {one.grouping} {one.value or '(none)'}"
        lines.append(f"{name}: gained {_effect(one.gain)}; left against the baseline {_effect(one.remaining)}")
    lines += [_group(group) for group in explanation.groups if group.moved >= 0.01]
    lines.append(_raters(explanation.raters))
    lines += [_figure(figure) for figure in explanation.figures]
    return tuple(lines)


def _since(episode: Episode) -> str:
    if isinstance(episode.since, NotEstimable):
        return f"Since when: not known; {episode.since.sentence}"
    return f"Since when: {_dates(episode.since)}"


def _dates(since: ChangePoint) -> str:
    if since.earliest == since.latest:
        return since.first.isoformat()
    older = ", which is the first night after the blessing: it may be older" if since.from_the_start else ""
    return f"about {since.first.isoformat()} (95% interval {since.earliest.isoformat()} to {since.latest.isoformat()}{older})"


def _effect(effect: Effect) -> str:
    if isinstance(effect, NotEstimable):
        return f"not known, {effect.sentence}"
    low, high = effect.interval.low, effect.interval.high
    margin = "" if effect.margin is None else f"; the margin is {effect.margin:g}"
    return f"{effect.control:.4f} to {effect.treatment:.4f}, change {effect.estimate:+.4f} (95% interval {low:+.4f} to {high:+.4f}{margin})"


def _group(group: GroupChange) -> str:
    shown = ", ".join(f"{share.value or '(none)'} {share.before:.0%} to {share.after:.0%}" for share in group.shares[:4])
    return f"By {group.grouping}, {group.moved:.0%} of the ratings moved (counted): {shown}"


def _raters(raters: PoolComparison | NotEstimable) -> str:
    if isinstance(raters, NotEstimable):
        return f"Raters: {raters.sentence}"
    return (
        f"Raters: {raters.raters_before} then, {raters.raters_after} now, {raters.joined} of them new, who give "
        f"{1.0 - raters.shared_ratings_after:.0%} of the ratings now (counted)"
    )


def _figure(figure: FigureChange) -> str:
    direction = {1: "higher", -1: "lower", 0: "no clear change", None: "not compared"}[figure.moved]
    title = FIGURE_TITLES.get(figure.name, figure.name)
    return f"Labels, {title}: {_told(figure.before)}, now {_told(figure.after)}: {direction}"


def _told(told: Measured | NotMeasured) -> str:
    if isinstance(told, NotMeasured):
        return f"not measured ({told.sentence})"
    value = value_in_words(told.value, told.unit)
    if not isinstance(told.interval, Interval):
        return f"{value} (no interval: {told.interval.sentence})"
    low, high = (value_in_words(end, told.unit).removesuffix(f" {told.unit}") for end in (told.interval.low, told.interval.high))
    return f"{value} ({low} to {high})"
