"""``smo up``: both user interfaces and the daemon on this machine, started together and stopped together."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

import smo_pipelines
from smo_pipelines.cli.console import console
from smo_pipelines.errors import ServiceError
from smo_pipelines.store import write_atomic

__all__ = ["add_to"]

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0
_BINARIES = Path(sys.executable).parent
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

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
    _stop_on(*_STOP_SIGNALS)  # first: a shell's background job starts with Ctrl-C ignored
    from smo_pipelines.experiment.record import tracker_of
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    root, state = workspace.root.path, workspace.root.state
    services = _services(root, state, workspace.tracking_uri, host, dagster_port, mlflow_port)
    with _only_one(workspace.lock("up"), services, host):
        for service in services:
            _refuse_busy_port(service, host)
        environment = _environment(root, state, host, dagster_port, mlflow_port)
        # both databases are brought up to date here, by one process each, before several servers would race to do it
        with _dagster_storage(services, environment, state / "logs"):
            if any(service.name == "MLflow" for service in services):
                tracker_of(workspace).check()
        _serve(services, environment, root, state / "logs", host)


def _serve(services: Sequence[Service], environment: Mapping[str, str], root: Path, logs: Path, host: str) -> None:
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    try:
        for service in services:
            running.append((service, _start(service, environment, root, logs)))
        _wait_until_ready(running, host, logs)
        _announce(services, host, logs)
        _watch(running, logs)
    except KeyboardInterrupt:
        console.print("stopping ...")
    finally:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave servers behind
        _stop(running)
    console.print("stopped")


@contextlib.contextmanager
def _dagster_storage(services: Sequence[Service], environment: Mapping[str, str], logs: Path) -> Iterator[None]:
    """Create or migrate Dagster's storage beside what the caller does meanwhile."""
    logs.mkdir(parents=True, exist_ok=True)
    if not any(service.name == "Dagster" for service in services):
        yield
        return
    storage = Service("Dagster storage", [str(_BINARIES / "dagster"), "instance", "migrate"], None)
    process = _start(storage, environment, logs.parent, logs)
    try:
        yield
        if process.wait() != 0:
            raise _ended(storage, process, logs)
    finally:
        _stop([(storage, process)])


@contextlib.contextmanager
def _only_one(lock: Path, services: Sequence[Service], host: str) -> Iterator[None]:
    """Refuse to serve one project twice: two daemons would launch every experiment twice."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as stream:
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise ServiceError(
                f"this project is being served already ({stream.read().strip()}); open that, or stop it before starting another"
            ) from None
        stream.truncate(0)
        addresses = ", ".join(f"{service.name} http://{host}:{service.port}" for service in services if service.port is not None)
        stream.write(f"{addresses}, process {os.getpid()}")
        stream.flush()
        yield


def _services(root: Path, state: Path, tracking_uri: str, host: str, dagster_port: int, mlflow_port: int) -> list[Service]:
    services = []
    if tracking_uri.startswith("sqlite"):
        mlflow = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(mlflow_port), "--workers", "1"]
        mlflow += ["--backend-store-uri", tracking_uri, "--artifacts-destination", str(state / "mlartifacts"), "--serve-artifacts"]
        services.append(Service("MLflow", mlflow, mlflow_port, "/health"))
    workspace_file = _workspace_file(root)
    if workspace_file is not None and (_BINARIES / "dagster-webserver").exists():
        where = ["-w", str(workspace_file)]
        web = [str(_BINARIES / "dagster-webserver"), *where, "-h", host, "-p", str(dagster_port)]
        services.append(Service("Dagster", web, dagster_port, "/server_info"))
        services.append(Service("Dagster daemon", [str(_BINARIES / "dagster-daemon"), "run", *where], None))
    else:
        console.print(f"[yellow]Dagster is not served:[/] {_why_no_dagster(workspace_file)}", soft_wrap=True)
    if not services:
        raise ServiceError(
            f"there is nothing to serve: the tracker is another server, {tracking_uri}, and Dagster is not here either"
        )
    return services


def _workspace_file(root: Path) -> Path | None:
    """Return the file that names the Dagster code location: the project's own, else that of the checkout this package runs from."""
    places = (root, Path(smo_pipelines.__file__).parent.parent)
    return next((place / "workspace.yaml" for place in places if (place / "workspace.yaml").is_file()), None)


def _why_no_dagster(workspace_file: Path | None) -> str:
    if workspace_file is None:
        return "its code location is not part of the installed package; run `smo --root <this project> up` in a clone of the repository"
    return "it is not installed; `pip install 'smo-pipelines\\[dagster]'` brings it"


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
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that serve language-model traces only
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
            raise _ended(service, process, logs)


def _ended(service: Service, process: "subprocess.Popen[bytes]", logs: Path) -> ServiceError:
    tail = _log(service, logs).read_text(errors="replace").strip().splitlines()[-1:]
    return ServiceError(f"{service.name} ended with exit code {process.returncode}: {' '.join(tail)} (see {_log(service, logs)})")


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


def _stop_on(*numbers: signal.Signals) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
