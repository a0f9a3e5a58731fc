import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from smo_pipelines.tracking import MlflowTracker
from tests.examples.ports import free_port


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh database with its tables: making them takes seconds, copying them none."""
    path = tmp_path_factory.mktemp("mlflow") / "fresh.db"
    MlflowTracker(f"sqlite:///{path}").check()
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "mlflow.db"))


@pytest.fixture
def tracker(database: Path) -> MlflowTracker:
    return MlflowTracker(f"sqlite:///{database}")


@pytest.fixture
def server(database: Path, tmp_path: Path) -> Iterator[str]:
    """A real MLflow server on loopback."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(tmp_path / "served")]
    # its job execution is seven processes that serve language-model traces only
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, *places], stdout=log, stderr=log, start_new_session=True, env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(2000):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310 -- our own loopback address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the MLflow server did not start: {log.read_text()[-2000:]}")
