from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.alerts import AlertLog
from smo_pipelines.domain.alerts import Alert, Severity
from smo_pipelines.store import ResultStore, open_store
from tests.examples.http_endpoint import Endpoint, http_endpoint

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


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with http_endpoint() as found:
        yield found


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def sleep(pauses: list[float]) -> Callable[[float], None]:
    """Wait no time and remember how long it should have been."""
    return pauses.append
