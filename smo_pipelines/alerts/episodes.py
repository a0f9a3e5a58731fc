"""What an episode of the nightly evaluation says when it wakes somebody: which number, since when, how much, and what changed."""

from smo_pipelines.domain.alerts import Alert, Severity
from smo_pipelines.domain.episodes import Episode, Explanation
from smo_pipelines.domain.nightly_phrases import (
    behind_it,
    cause_sentence,
    effect_sentence,
    episode_title,
    since_sentence,
    what_moved,
)

__all__ = ["episode_alert"]

_MOVED_TOLD = 3
"""Of what changed in the labels; the nightly page has the rest."""


def episode_alert(
    area: str, episode: Episode, explanation: Explanation | None, *, at: str, links: tuple[tuple[str, str], ...] = (), why: str = ""
) -> Alert:
    """Return the alert of an episode; the same episode gives the same key for ever.

    Parameters
    ----------
    area : str
        The policy area of the plan.
    explanation : Explanation or None
        What is known of it; with None the alert says so, and ``why``.
    at : str
        The moment of the night that alarmed, ISO 8601 in UTC.
    links : tuple of (str, str)
        Where the nightly page and the run are.
    """
    known: tuple[str, ...] = (f"Its size and cause could not be computed: {' '.join(why.split()) or 'not tried'}",)
    if explanation is not None:
        known = (
            effect_sentence(explanation),
            cause_sentence(explanation),
            *behind_it(explanation),
            *what_moved(explanation)[:_MOVED_TOLD],
        )
    return Alert(
        key=episode.key,
        severity=Severity.error,
        title=f"{area}, {episode_title(episode)}",
        lines=(f"Opened on {episode.opened.isoformat()}. {since_sentence(episode)}", *known),
        links=links,
        at=at,
    )
