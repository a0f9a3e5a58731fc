from dataclasses import replace

from smo_pipelines.alerts.episodes import episode_alert
from smo_pipelines.alerts.messages import document, slack_payload
from smo_pipelines.domain.alerts import Severity
from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.episodes import AlarmKind
from tests.examples.nightly_records import nightly_record

RECORD = nightly_record(60, drops={2: (30, 60, 0.15)})
AT = "2026-02-20T03:00:00+00:00"


def test_an_episode_wakes_with_what_since_when_how_much_and_why() -> None:
    (one,) = RECORD.explanations
    alert = episode_alert("hate", one.episode, one, at=AT, links=(("Nightly page", "http://127.0.0.1:5000/"),))
    assert (alert.key, alert.severity) == (one.episode.key, Severity.error)
    assert alert.title == (
        "hate, plan demo: False positive rate on demo-lookalikes, at the baseline's threshold is worse than its baseline by more than its "
        "margin"
    )
    assert alert.lines[0].startswith(f"Opened on {one.episode.opened.isoformat()}. It began about 2026-02-")
    assert alert.lines[1].startswith("Change against the baseline: +7.1 pp (95% +5.6 to +8.6), from 22.0 to 29.1")
    assert alert.lines[2] == "Cause: pool lenient@1 gave 0% of the ratings and gives 40%."
    assert alert.lines[3].startswith("Without the ratings of pool lenient@1, on the same draws otherwise: a change of -6.3 pp")
    assert "Ratings by pool, counted: lenient@1 from 0% to 40%; core@1 from 100% to 60%." in alert.lines
    assert not [line for line in alert.lines if "locale" in line], "what did not move is not told"
    assert slack_payload(alert) and document(alert)


def test_the_same_episode_has_the_same_key_whatever_is_known_of_it() -> None:
    (one,) = RECORD.explanations
    why = NotEstimable(question=one.episode.stream.question, code=WhyNot.few_nights, sentence="one\nnight is too few")
    later = replace(one, effect=why, cause=why, groups=(), left_out=(), episode=replace(one.episode, since=why))
    alert = episode_alert("hate", later.episode, later, at=AT)
    assert alert.key == one.episode.key == episode_alert("hate", one.episode, one, at=AT).key
    assert "When it began could not be estimated: one night is too few." in alert.lines[0]
    assert "How large it is could not be estimated: one night is too few. Allowed is a loss of 6 pp." in alert.lines


def test_a_broken_floor_is_said_as_what_was_seen() -> None:
    (one,) = RECORD.explanations
    floor = replace(one.episode, kind=AlarmKind.floor)
    alert = episode_alert("hate", floor, replace(one, episode=floor), at=AT)
    assert alert.title.endswith("is beyond its floor")
    assert "Its floor was broken in the night of 2026-02-" in alert.lines[0] and "95%" not in alert.lines[0]


def test_an_episode_that_cannot_be_explained_wakes_all_the_same() -> None:
    (one,) = RECORD.explanations
    alert = episode_alert("hate", one.episode, None, at=AT, why="the labels are no longer\nin the label tables")
    assert alert.lines[-1] == "Its size and cause could not be computed: the labels are no longer in the label tables"
