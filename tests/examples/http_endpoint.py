"""A real HTTP server on loopback that takes JSON."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Endpoint", "http_endpoint"]


@dataclass
class Endpoint:
    """A real HTTP server: what it was sent, and what it answers, in turn; then 200 for ever."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def http_endpoint() -> Iterator[Endpoint]:
    """Serve until the block ends."""
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
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
