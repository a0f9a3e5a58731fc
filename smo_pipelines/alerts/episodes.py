"""What an episode of the nightly evaluation says when it wakes somebody: which number, since when, how much, and what changed."""

from smo_pipelines.domain.alerts import Alert, Severity
from smo_pipelines.domain.episodes import AlarmKind, Explanation
from smo_pipelines.domain.nightly_phrases import change_sentences, effect_sentence, since_sentence
from smo_pipelines.domain.phrases import stream_phrase

__all__ = ["episode_alert"]


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
            *change_sentences(explanation),
        ),
        links=links,
        at=at,
    )
