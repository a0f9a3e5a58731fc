"""What was told to whom: alerts, their deliveries and who took them over, in the store.

An alert is kept before anything is sent, and a delivery is noted before and after: so a process may die at any moment, and the
next one knows what is left to do.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smo_pipelines.domain.alerts import Acknowledgement, Alert, Delivery, DeliveryState, Severity
from smo_pipelines.errors import AlertError, UnknownName
from smo_pipelines.store import ResultStore, StoredResult, file_lock

__all__ = ["AlertLog", "LoggedAlert"]

_ALERTS, _DELIVERIES, _TAKEN = "alerts", "alert-deliveries", "alert-acknowledgements"
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,55}")


@dataclass(frozen=True, kw_only=True)
class LoggedAlert:
    """An alert and what became of it.

    Attributes
    ----------
    deliveries : tuple of Delivery
        One a channel that it was meant for, tried or not.
    taken : Acknowledgement or None
        None while nobody took it over.
    """

    alert: Alert
    deliveries: tuple[Delivery, ...]
    taken: Acknowledgement | None


class AlertLog:
    """The alerts of a project.

    Parameters
    ----------
    store : ResultStore
    lock : Path
        Of this machine's processes: two that meet send one alert once.
    """

    def __init__(self, store: ResultStore, lock: Path) -> None:
        self._store, self._lock = store, lock

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the alerts against the other processes of this machine."""
        with file_lock(self._lock):
            yield

    def keep(self, alert: Alert, channels: Iterable[str]) -> Alert:
        """Keep an alert with the channels it is meant for, in one step; return the one that is kept: the first of its key."""
        meta = {
            "key": alert.key,
            "severity": alert.severity.value,
            "title": alert.title,
            "lines": list(alert.lines),
            "links": [list(link) for link in alert.links],
            "at": alert.at,
        }
        earlier = self._store.find(_ALERTS, alert.key)
        meant = list(dict.fromkeys([*(earlier.meta["channels"] if earlier else ()), *channels]))
        if earlier is not None and meant == earlier.meta["channels"]:
            return _alert(earlier)
        facts = meta if earlier is None else dict(earlier.meta)
        return _alert(self._store.put(_ALERTS, alert.key, meta={**facts, "channels": meant}, replace=True))

    def delivery(self, alert: str, channel: str) -> Delivery | None:
        """Return what became of an alert on a channel; None when it was never tried."""
        entry = self._store.find(_DELIVERIES, _delivery_key(alert, channel))
        return None if entry is None else _delivery(entry)

    def note(self, delivery: Delivery) -> None:
        """Write what became of an alert on a channel, in place of what was written before."""
        meta = {
            "alert": delivery.alert,
            "channel": delivery.channel,
            "state": delivery.state.value,
            "attempts": delivery.attempts,
            "at": delivery.at,
            "sentence": delivery.sentence,
        }
        self._store.put(_DELIVERIES, _delivery_key(delivery.alert, delivery.channel), meta=meta, replace=True)

    def take(self, taken: Acknowledgement) -> Acknowledgement:
        """Keep who took an alert over and return who it is: the first.

        Raises
        ------
        AlertError
            When nobody is named.
        UnknownName
            When there is no such alert.
        """
        if not taken.by.strip():
            raise AlertError(f"say who takes the alert {taken.alert} over: --by NAME")
        self.find(taken.alert)
        meta = {"alert": taken.alert, "by": taken.by.strip(), "at": taken.at, "note": taken.note}
        return _taken(self._store.put(_TAKEN, taken.alert, meta=meta))

    def taken(self, alert: str) -> Acknowledgement | None:
        """Return who took an alert over; None while nobody did."""
        entry = self._store.find(_TAKEN, alert)
        return None if entry is None else _taken(entry)

    def find(self, name: str) -> Alert:
        """Return the alert whose key begins with these characters.

        Raises
        ------
        UnknownName
            When none does.
        AlertError
            When several do and none is exactly that.
        """
        keys = self._store.keys(_ALERTS)
        found = [name] if name in keys else [key for key in keys if name and key.startswith(name)]
        if not found:
            raise UnknownName("alert", name, keys)
        if len(found) > 1:
            raise AlertError(f"{name!r} begins the keys of {len(found)} alerts ({', '.join(found[:4])}): give more of one")
        return _alert(self._store.get(_ALERTS, found[0]))

    def all(self) -> list[LoggedAlert]:
        """Return every alert, the oldest first."""
        entries = sorted(self._store.entries(_ALERTS), key=lambda entry: (entry.meta["at"], entry.key))
        return [
            LoggedAlert(
                alert=_alert(entry),
                deliveries=tuple(self._delivery_or_waiting(entry.key, channel) for channel in entry.meta["channels"]),
                taken=self.taken(entry.key),
            )
            for entry in entries
        ]

    def _delivery_or_waiting(self, alert: str, channel: str) -> Delivery:
        waiting = Delivery(alert=alert, channel=channel, state=DeliveryState.waiting, attempts=0, at="")
        return self.delivery(alert, channel) or waiting


def _delivery_key(alert: str, channel: str) -> str:
    if not _CHANNEL.fullmatch(channel):
        raise AlertError(f"{channel!r} cannot name a channel: letters, digits, '_' and '-', 56 at most")
    return f"{alert}.to.{channel}"


def _alert(entry: StoredResult) -> Alert:
    meta: Any = entry.meta
    return Alert(
        key=meta["key"],
        severity=Severity(meta["severity"]),
        title=meta["title"],
        lines=tuple(meta["lines"]),
        links=tuple((name, address) for name, address in meta["links"]),
        at=meta["at"],
    )


def _delivery(entry: StoredResult) -> Delivery:
    meta: Any = entry.meta
    return Delivery(**{**meta, "state": DeliveryState(meta["state"])})


def _taken(entry: StoredResult) -> Acknowledgement:
    return Acknowledgement(**dict(entry.meta))
