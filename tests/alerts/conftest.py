import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.alerts import AlertLog
from smo_pipelines.domain.alerts import Alert, Severity
from smo_pipelines.store import ResultStore, open_store

AT = datetime(2026, 3, 14, 4, 30, tzinfo=UTC)


def clock() -> datetime:
    return AT


def example_alert(**changes: Any) -> Alert:
    values: dict[str, Any] = {
        "key": "hate-nightly.2026-03-14.1a2b3c4d",
        "severity": Severity.error,
        "title": "hate: average precision on demo-gold is below its baseline since about 2026-03-11",
        "lines": ("Average precision on demo-gold: 71.2, baseline 75.4.", "The pool changed: core@1 to <lenient> & co."),
        "links": (("Nightly page", "http://127.0.0.1:5000/#/experiments/3/runs/abc?a=1&b=2"),),
        "at": AT.isoformat(),
    }
    return Alert(**{**values, **changes})


@pytest.fixture
def alert() -> Alert:
    return example_alert()


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return open_store(tmp_path / "store")


@pytest.fixture
def log(store: ResultStore, tmp_path: Path) -> AlertLog:
    return AlertLog(store, tmp_path / "alerts.lock")


@dataclass
class Endpoint:
    """A real HTTP server: what it was sent, and what it answers, in turn; then 200 for ever."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.heard.append((f"{self.command} {self.path}", headers, json.loads(content) if content else None))
            code, more = found.answers.pop(0) if found.answers else (200, {})
            self.send_response(code)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET = _answer  # noqa: N815 -- the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's own word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0/SECRET"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def sleep(pauses: list[float]) -> Callable[[float], None]:
    """Wait no time and remember how long it should have been."""
    return pauses.append
