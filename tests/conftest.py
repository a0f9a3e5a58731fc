"""Fixtures for every test: real data only where it is named, and no test that depends on the caller's environment."""

import os
import signal
from pathlib import Path

import pytest

_OWN_VARIABLES = (
    "SMO_CACHE_BYTES",
    "SMO_CLOCK",
    "SMO_ROOT",
    "SMO_STATE",
    "SMO_STORE",
    "SMO_TABLES",
    "SMO_RATER_KEY",
    "MLFLOW_TRACKING_URI",
    "DAGSTER_HOME",
)

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every command that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "true")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = os.environ.get("SMO_REAL_DATA")
    if folder and Path(folder).is_dir():
        return
    reason = f"SMO_REAL_DATA is {'not a folder: ' + folder if folder else 'not set'}: it names the folder of real rater-level data"
    if os.environ.get("SMO_REQUIRE_REAL_DATA"):
        raise pytest.UsageError(f"the real data is required here, and {reason}")
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def real_data() -> Path:
    return Path(os.environ["SMO_REAL_DATA"])
