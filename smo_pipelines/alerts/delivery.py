"""Sending, at least once: an alert that is noted as sent is never sent again, and one that is not noted may have been.

The store knows an alert before the first channel hears of it. On each channel ``sending`` is written, the alert sent, and ``sent``
written. A process that dies between the last two leaves ``sending`` behind, and the next call sends a second copy, under the same
Message-ID and Idempotency-Key: a person may be told twice after a crash, never not at all. No protocol of these channels can promise
more.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from smo_pipelines.alerts.attempts import RETRY, Outcome, Retry
from smo_pipelines.alerts.channels import Channel
from smo_pipelines.alerts.log import AlertLog
from smo_pipelines.domain.alerts import Alert, Delivery, DeliveryState

__all__ = ["RETRY", "Retry", "send_alert", "send_waiting"]

_LONGEST_WAIT = 60.0


def send_alert(
    log: AlertLog,
    alert: Alert,
    channels: Iterable[Channel],
    *,
    clock: Callable[[], datetime],
    retry: Retry = RETRY,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Delivery, ...]:
    """Keep an alert and bring it to every channel that does not have it yet; return what became of it on each.

    A channel that fails holds up no other, and raises nothing: its delivery is ``failed`` with the reason, and
    :func:`send_waiting` tries it again. An alert that somebody took over is not sent any more.

    Parameters
    ----------
    clock : callable
        The current moment, in UTC.
    sleep : callable
        Waits so many seconds between the attempts on a channel.
    """
    with log.alone():
        meant = tuple(channels)
        kept = log.keep(alert, [channel.id for channel in meant])
        return tuple(_bring(log, kept, channel, clock, retry, sleep) for channel in meant)


def send_waiting(
    log: AlertLog,
    channels: Iterable[Channel],
    *,
    clock: Callable[[], datetime],
    retry: Retry = RETRY,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Delivery, ...]:
    """Send what did not get through earlier, on the channels it was meant for; return what was tried.

    A channel that came after an alert is not told of it.
    """
    found: list[Delivery] = []
    by_id = {channel.id: channel for channel in channels}
    with log.alone():
        for logged in log.all():
            for earlier in logged.deliveries:
                channel = by_id.get(earlier.channel)
                if channel is not None and logged.taken is None and earlier.state is not DeliveryState.sent:
                    found.append(_bring(log, logged.alert, channel, clock, retry, sleep))
    return tuple(found)


def _bring(
    log: AlertLog,
    alert: Alert,
    channel: Channel,
    clock: Callable[[], datetime],
    retry: Retry,
    sleep: Callable[[float], None],
) -> Delivery:
    before = log.delivery(alert.key, channel.id)
    if before is not None and before.state is DeliveryState.sent:
        return before
    taken = log.taken(alert.key)
    if taken is not None:
        at = "" if before is None else before.at
        attempts = 0 if before is None else before.attempts
        state, said = DeliveryState.failed, f"not sent: {taken.by} took it over"
        return Delivery(alert=alert.key, channel=channel.id, state=state, attempts=attempts, at=at, sentence=said)
    now = clock().isoformat(timespec="seconds")
    delivery = Delivery(
        alert=alert.key,
        channel=channel.id,
        state=DeliveryState.sending,
        attempts=0 if before is None else before.attempts,
        at=now,
    )
    pauses = iter(retry.pauses())
    while True:
        delivery = replace(delivery, attempts=delivery.attempts + 1)
        log.note(delivery)
        outcome = channel.send(alert)
        pause = None if outcome.delivered or not outcome.again else next(pauses, None)
        if pause is None:
            break
        sleep(min(max(pause, outcome.wait or 0.0), _LONGEST_WAIT))
    delivery = replace(
        delivery, state=_state(outcome), sentence=_sentence(channel, outcome), at=clock().isoformat(timespec="seconds")
    )
    log.note(delivery)
    return replace(delivery, fresh=outcome.delivered)


def _state(outcome: Outcome) -> DeliveryState:
    return DeliveryState.sent if outcome.delivered else DeliveryState.failed


def _sentence(channel: Channel, outcome: Outcome) -> str:
    return f"{channel.where}: {outcome.sentence}" if outcome.sentence else ""
