"""``smo up`` says in one sentence why it does not start."""

import fcntl
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.ports import free_port

_SMO = "import sys; from smo_pipelines.cli.main import main; sys.argv[0] = 'smo'; main()"


def up(root: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _SMO, "--root", str(root), "up", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize("option", ["--mlflow-port", "--dagster-port"])
def test_a_busy_port_is_said_with_the_option_that_moves_it(project: Path, command_environment: dict[str, str], option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = "--dagster-port" if option == "--mlflow-port" else "--mlflow-port"
        done = up(project, command_environment, option, str(port), other, str(free_port()))
    assert done.returncode == 2
    assert done.stderr.startswith("error:")
    assert f"port {port}" in done.stderr
    assert option in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_project_is_served_once(project: Path, command_environment: dict[str, str]) -> None:
    lock = project / ".smo" / "locks" / "up.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
        stream.write("Dagster http://127.0.0.1:3000, process 1")
        stream.flush()
        done = up(project, command_environment, "--dagster-port", str(free_port()), "--mlflow-port", str(free_port()))
    assert done.returncode == 2
    assert "served already (Dagster http://127.0.0.1:3000, process 1)" in done.stderr
