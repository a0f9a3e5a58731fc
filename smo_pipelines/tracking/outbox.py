"""Records on their way to the tracker: kept as files until the tracker has them, so that one that is down loses nothing."""

import base64
import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast, get_args, get_origin, get_type_hints

from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.errors import StoreError, TrackingError
from smo_pipelines.store import file_lock, write_atomic
from smo_pipelines.tracking.items import RunItems
from smo_pipelines.tracking.log_items import final_items
from smo_pipelines.tracking.mlflow_backend import TrackedRun

__all__ = ["Flushed", "Outbox", "deliver", "deliver_items"]


class _Tracker(Protocol):
    def check(self) -> None: ...
    def send(self, items: RunItems) -> TrackedRun: ...


@dataclass(frozen=True, kw_only=True)
class Flushed:
    """What became of the waiting records, by file name: where those sent are shown, and why the others were refused."""

    sent: Mapping[str, TrackedRun]
    refused: Mapping[str, str]


class Outbox:
    """A folder of records that the tracker has not confirmed.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, items: RunItems) -> Path:
        """Keep a finished experiment, whole and on the disk, until it is sent; the same one is kept once."""
        with file_lock(self.folder / ".lock"):
            name = f"{items.spec_hash[:12]}-{items.record_digest[:12]}.json"
            waiting = self.pending()
            for path in waiting:
                if path.name.split("-", 1)[1] == name:
                    return path
            number = int(waiting[-1].name.split("-", 1)[0]) + 1 if waiting else 1
            path = self.folder / f"{number:06d}-{name}"
            write_atomic(path, json.dumps(_plain(items), sort_keys=True).encode())
            return path

    def pending(self) -> list[Path]:
        """Return the waiting records' files, in the order in which they came."""
        return sorted(self.folder.glob("[0-9]*-*.json"))

    def flush(self, tracker: _Tracker) -> Flushed:
        """Send the waiting records in order; each leaves the folder once the tracker has all of it.

        A record that the tracker refuses stays, and does not hold up the ones behind it.

        Raises
        ------
        TrackingError
            When the tracker does not answer at all; everything stays.
        """
        sent: dict[str, TrackedRun] = {}
        refused: dict[str, str] = {}
        with file_lock(self.folder / ".flush"):
            for path in self.pending():
                tracker.check()
                try:
                    sent[path.name] = tracker.send(_read(path))
                except TrackingError as error:
                    refused[path.name] = str(error)
                else:
                    path.unlink()
        return Flushed(sent=sent, refused=refused)


def deliver(
    tracker: _Tracker, outbox: Outbox, record: ExperimentRecord, artifacts: Mapping[str, bytes] | None = None
) -> TrackedRun:
    """Send a finished experiment through the outbox, behind what waits there already.

    Raises
    ------
    TrackingError
        When the tracker does not take it; it then waits in the outbox and goes out with the next one.
    """
    return deliver_items(tracker, outbox, final_items(record, artifacts))


def deliver_items(tracker: _Tracker, outbox: Outbox, items: RunItems) -> TrackedRun:
    """Send a finished run through the outbox (errors as :func:`deliver`)."""
    path = outbox.put(items)
    try:
        flushed = outbox.flush(tracker)
    except TrackingError as error:
        raise TrackingError(f"{error}; the record waits in {outbox.folder} and is sent with the next one") from error
    if path.name in flushed.refused:
        raise TrackingError(f"{flushed.refused[path.name]}; the record waits in {path}")
    # another process may have sent it meanwhile; sending again changes nothing and says where it is shown
    return flushed.sent[path.name] if path.name in flushed.sent else tracker.send(items)


def _read(path: Path) -> RunItems:
    try:
        return cast("RunItems", _built(RunItems, json.loads(path.read_bytes())))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} is not a record that was waiting for the tracker ({error}); move it away and send again"
        ) from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _built(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _built(hints[name], item) for name, item in value.items()})
    if isinstance(kind, types.GenericAlias) and get_origin(kind) is tuple:
        return tuple(_built(get_args(kind)[0], item) for item in value)
    return base64.b64decode(value) if kind is bytes else value
