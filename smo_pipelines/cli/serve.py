"""``smo up``: both user interfaces and the daemon on this machine, started together and stopped together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smo_pipelines.cli.console import console
from smo_pipelines.errors import ServiceError
from smo_pipelines.store import write_atomic

__all__ = ["add_to"]

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0

_DAGSTER_YAML = """\
# Written by `smo up` when absent; edit it freely.
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 2
    dequeue_interval_seconds: 1
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 60
"""


@dataclass(frozen=True)
class Service:
    """One server: how it is started, and the address that answers when it is ready (None for one without an address)."""

    name: str
    command: Sequence[str]
    port: int | None
    probe: str = "/"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("up")(_up)


def _up(
    context: typer.Context,
    dagster_port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on; anyone who reaches it can launch and edit.")] = _LOOPBACK,
) -> None:
    """Serve Dagster (with its daemon) and MLflow until Ctrl-C."""
    from smo_pipelines.experiment.record import tracker_of
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    tracker_of(workspace).check()  # a new SQLite file is migrated here, once, before two servers would race to do it
    services = _services(workspace.root.path, workspace.root.state, workspace.tracking_uri, host, dagster_port, mlflow_port)
    environment = _environment(workspace.root.path, workspace.root.state, host, dagster_port, mlflow_port)
    for service in services:
        _refuse_busy_port(service, host)
    logs = workspace.root.state / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with Ctrl-C ignored
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        for service in services:
            running.append((service, _start(service, environment, workspace.root.path, logs)))
        _wait_until_ready(running, host, logs)
        _announce(services, host, logs)
        _watch(running, logs)
    except KeyboardInterrupt:
        console.print("stopping ...")
    finally:
        _stop(running)
    console.print("stopped")


def _services(root: Path, state: Path, tracking_uri: str, host: str, dagster_port: int, mlflow_port: int) -> list[Service]:
    binaries = Path(sys.executable).parent
    services = []
    if tracking_uri.startswith("sqlite"):
        mlflow = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(mlflow_port), "--workers", "1"]
        mlflow += ["--backend-store-uri", tracking_uri, "--artifacts-destination", str(state / "mlartifacts"), "--serve-artifacts"]
        services.append(Service("MLflow", mlflow, mlflow_port, "/health"))
    if (root / "workspace.yaml").exists() and (binaries / "dagster-webserver").exists():
        where = ["-w", str(root / "workspace.yaml")]
        web = [str(binaries / "dagster-webserver"), *where, "-h", host, "-p", str(dagster_port)]
        services.append(Service("Dagster", web, dagster_port, "/server_info"))
        services.append(Service("Dagster daemon", [str(binaries / "dagster-daemon"), "run", *where], None))
    if not services:
        raise ServiceError("there is nothing to serve: the tracker is another server, and this project has no workspace.yaml")
    return services


def _environment(root: Path, state: Path, host: str, dagster_port: int, mlflow_port: int) -> dict[str, str]:
    home = state / "dagster"
    if not (home / "dagster.yaml").exists():
        write_atomic(home / "dagster.yaml", _DAGSTER_YAML.encode())
    return {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "SMO_ROOT": str(root),
        "SMO_MLFLOW_URL": os.environ.get("SMO_MLFLOW_URL", f"http://{host}:{mlflow_port}"),
        "SMO_DAGSTER_URL": os.environ.get("SMO_DAGSTER_URL", f"http://{host}:{dagster_port}"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _refuse_busy_port(service: Service, host: str) -> None:
    if service.port is None:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if probe.connect_ex((host, service.port)) == 0:
            option = "--mlflow-port" if service.name == "MLflow" else "--dagster-port"
            raise ServiceError(
                f"port {service.port} on {host} is in use, so {service.name} cannot start there; stop what uses it or pass {option}"
            )


def _start(service: Service, environment: Mapping[str, str], root: Path, logs: Path) -> "subprocess.Popen[bytes]":
    with _log(service, logs).open("wb") as log:
        return subprocess.Popen(
            list(service.command), cwd=root, env=dict(environment), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _log(service: Service, logs: Path) -> Path:
    return logs / f"{service.name.lower().replace(' ', '-')}.log"


def _wait_until_ready(running: Sequence[tuple[Service, "subprocess.Popen[bytes]"]], host: str, logs: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    waiting = [service for service, _ in running if service.port is not None]
    while waiting:
        _raise_if_ended(running, logs)
        waiting = [service for service in waiting if not _answers(host, service)]
        if waiting and time.monotonic() > deadline:
            names = ", ".join(service.name for service in waiting)
            raise ServiceError(f"{names} did not answer within {_START_SECONDS:.0f} s; the logs are in {logs}")
        time.sleep(0.2)


def _answers(host: str, service: Service) -> bool:
    link = HTTPConnection(host, service.port, timeout=2)
    try:
        link.request("GET", service.probe)
        return link.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        link.close()


def _announce(services: Sequence[Service], host: str, logs: Path) -> None:
    for service in services:
        if service.port is not None:
            console.print(f"{service.name:<8} http://{host}:{service.port}")
    console.print(f"logs     {escape(str(logs))}\nCtrl-C stops everything", soft_wrap=True)


def _watch(running: Sequence[tuple[Service, "subprocess.Popen[bytes]"]], logs: Path) -> None:
    while True:
        _raise_if_ended(running, logs)
        time.sleep(1)


def _raise_if_ended(running: Sequence[tuple[Service, "subprocess.Popen[bytes]"]], logs: Path) -> None:
    for service, process in running:
        if process.poll() is not None:
            tail = _log(service, logs).read_text(errors="replace").strip().splitlines()[-1:]
            raise ServiceError(
                f"{service.name} ended with exit code {process.returncode}: {' '.join(tail)} (see {_log(service, logs)})"
            )


def _stop(running: Sequence[tuple[Service, "subprocess.Popen[bytes]"]]) -> None:
    for _, process in running:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    for _, process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        _signal_group(process, signal.SIGKILL)  # also what a server left behind in its group
        process.wait()


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
