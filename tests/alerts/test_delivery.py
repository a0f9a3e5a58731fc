import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.alerts import AlertLog, Retry, open_channels, send_alert, send_waiting
from smo_pipelines.alerts.channels import Channel
from smo_pipelines.domain.alerts import (
    Acknowledgement,
    Alert,
    AlertSettings,
    CommandSettings,
    DeliveryState,
    MailSecurity,
    MailSettings,
    WebhookSettings,
)
from smo_pipelines.errors import AlertError, UnknownName
from smo_pipelines.store import ResultStore, open_store
from tests.alerts.conftest import AT, clock, example_alert
from tests.examples.http_endpoint import Endpoint
from tests.examples.mail_server import mail_server

Sleep = Callable[[float], None]


def hook(endpoint: Endpoint) -> tuple[Channel, ...]:
    return open_channels(AlertSettings(webhooks=(WebhookSettings(url_env="HOOK"),)), {"HOOK": endpoint.url})


def test_an_alert_reaches_a_webhook_a_mailbox_and_a_command_once(
    log: AlertLog, alert: Alert, endpoint: Endpoint, sleep: Sleep, tmp_path: Path
) -> None:
    target = tmp_path / "lines"
    append = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"
    with mail_server() as server:
        settings = AlertSettings(
            webhooks=(WebhookSettings(url_env="HOOK"),),
            mail=MailSettings(host_env="M", sender="a@b.c", to=("d@e.f",), port=server.port, security=MailSecurity.none),
            commands=(CommandSettings(arguments=(sys.executable, "-c", append, str(target))),),
        )
        channels = open_channels(settings, {"HOOK": endpoint.url, "M": "127.0.0.1"})
        first = send_alert(log, alert, channels, clock=clock, sleep=sleep)
        # the same episode tomorrow, in other words
        again = send_alert(log, replace(alert, title="still below"), channels, clock=clock, sleep=sleep)
    assert [(one.state, one.fresh) for one in first] == [(DeliveryState.sent, True)] * 3
    assert [(one.state, one.fresh) for one in again] == [(DeliveryState.sent, False)] * 3
    assert (len(endpoint.heard), len(server.mails), target.read_bytes().count(b"\n")) == (1, 1, 1)
    (logged,) = log.all()
    assert logged.alert == alert and logged.taken is None and {one.state for one in logged.deliveries} == {DeliveryState.sent}


def test_a_server_that_restarts_is_waited_for(
    log: AlertLog, alert: Alert, endpoint: Endpoint, sleep: Sleep, pauses: list[float]
) -> None:
    endpoint.answers = [(503, {}), (429, {"Retry-After": "20"}), (429, {"Retry-After": "86400"})]
    (delivery,) = send_alert(log, alert, hook(endpoint), clock=clock, sleep=sleep)
    assert (delivery.state, delivery.attempts, len(endpoint.heard)) == (DeliveryState.sent, 4, 4)
    assert pauses == [1.0, 20.0, 60.0], "its own pauses, longer where asked, never more than a minute"


def test_one_that_stays_down_is_told_later_and_holds_up_nobody(
    log: AlertLog, alert: Alert, endpoint: Endpoint, sleep: Sleep, pauses: list[float]
) -> None:
    settings = AlertSettings(webhooks=(WebhookSettings(url_env="DOWN"), WebhookSettings(url_env="HOOK")))
    down = open_channels(settings, {"HOOK": endpoint.url, "DOWN": "http://127.0.0.1:9/x"})
    failed, sent = send_alert(log, alert, down, clock=clock, retry=Retry(attempts=3), sleep=sleep)
    assert (failed.state, failed.attempts, sent.state) == (DeliveryState.failed, 3, DeliveryState.sent)
    assert failed.sentence.startswith("the webhook in DOWN: did not answer") and len(pauses) == 2
    up = open_channels(settings, {"HOOK": endpoint.url, "DOWN": endpoint.url})
    (late,) = send_waiting(log, up, clock=clock, sleep=sleep)
    assert (late.channel, late.state, late.attempts) == ("webhook-DOWN", DeliveryState.sent, 4)
    assert send_waiting(log, up, clock=clock, sleep=sleep) == ()
    assert len(endpoint.heard) == 2


@pytest.mark.parametrize("after", [0, 1])
def test_a_sender_that_dies_tells_once_more_never_not_at_all(
    log: AlertLog, alert: Alert, endpoint: Endpoint, sleep: Sleep, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Killed before the first note nothing has left; killed before the second a copy under the same name follows."""

    class Killed(BaseException):
        pass

    calls = 0
    original = AlertLog.note

    def dying(self: AlertLog, delivery: Any) -> None:
        nonlocal calls
        if calls == after:
            raise Killed
        calls += 1
        original(self, delivery)

    monkeypatch.setattr(AlertLog, "note", dying)
    with pytest.raises(Killed):
        send_alert(log, alert, hook(endpoint), clock=clock, sleep=sleep)
    monkeypatch.undo()
    assert len(endpoint.heard) == after
    (logged,) = log.all()
    assert [one.state for one in logged.deliveries] == [(DeliveryState.waiting, DeliveryState.sending)[after]]
    (delivery,) = send_waiting(log, hook(endpoint), clock=clock, sleep=sleep)
    assert delivery.state is DeliveryState.sent and delivery.attempts == after + 1
    assert {headers["idempotency-key"] for _, headers, _ in endpoint.heard} == {alert.key}
    assert len(endpoint.heard) == after + 1


def test_who_takes_an_alert_over_is_the_first_and_nothing_more_is_sent(
    log: AlertLog, alert: Alert, endpoint: Endpoint, sleep: Sleep
) -> None:
    endpoint.answers = [(404, {})]
    send_alert(log, alert, hook(endpoint), clock=clock, sleep=sleep)
    first = log.take(Acknowledgement(alert=alert.key, by="Ana", at=AT.isoformat(), note="pool reverted"))
    assert log.take(Acknowledgement(alert=alert.key, by="Ben", at=AT.isoformat())) == first
    assert send_waiting(log, hook(endpoint), clock=clock, sleep=sleep) == ()
    (told,) = send_alert(log, alert, hook(endpoint), clock=clock, sleep=sleep)
    assert told.state is DeliveryState.failed and "Ana took it over" in told.sentence
    assert len(endpoint.heard) == 1
    assert log.all()[0].taken == first


def test_an_alert_is_found_by_the_beginning_of_its_key(log: AlertLog, endpoint: Endpoint, sleep: Sleep) -> None:
    one, two = example_alert(key="hate.1"), example_alert(key="hate.12")
    for alert in (one, two):
        send_alert(log, alert, hook(endpoint), clock=clock, sleep=sleep)
    assert log.find("hate.1") == one and log.find("hate.12") == two
    with pytest.raises(AlertError, match="begins the keys of 2"):
        log.find("hate")
    for unknown in ("", "x", "a/b"):
        with pytest.raises(UnknownName):
            log.find(unknown)
    with pytest.raises(AlertError, match="--by NAME"):
        log.take(Acknowledgement(alert="hate.1", by=" ", at=""))


def test_a_channel_that_came_later_is_told_of_episodes_that_are_told_again_only(
    log: AlertLog, alert: Alert, endpoint: Endpoint, sleep: Sleep
) -> None:
    send_alert(log, alert, hook(endpoint), clock=clock, sleep=sleep)
    more = AlertSettings(webhooks=(WebhookSettings(url_env="HOOK"), WebhookSettings(url_env="NEW")))
    channels = open_channels(more, {"HOOK": endpoint.url, "NEW": endpoint.url})
    assert send_waiting(log, channels, clock=clock, sleep=sleep) == ()
    assert [one.fresh for one in send_alert(log, alert, channels, clock=clock, sleep=sleep)] == [False, True]


def _send(folder: str, url: str) -> int:
    store: ResultStore = open_store(Path(folder) / "store")
    channels = open_channels(AlertSettings(webhooks=(WebhookSettings(url_env="HOOK"),)), {"HOOK": url})
    done = send_alert(AlertLog(store, Path(folder) / "lock"), example_alert(), channels, clock=clock)
    return sum(one.fresh for one in done)


def test_processes_that_meet_tell_once(endpoint: Endpoint, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        told = pool.starmap(_send, [(str(tmp_path), endpoint.url)] * 6)
    assert sum(told) == 1 and len(endpoint.heard) == 1
