"""Fixtures for every test: real data only where it is named, and no test that depends on the caller's environment."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A test says the same of the same code, whatever else the machine does: drawn examples are drawn alike each time, and nothing is timed.
# To look for new ones: pytest --hypothesis-profile explore
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("steady", derandomize=True, **_UNTIMED)
settings.register_profile("explore", **_UNTIMED)
settings.load_profile("steady")

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
