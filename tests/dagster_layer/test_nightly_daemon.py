"""Nights that a real daemon starts, at an injected moment: missed ones, a killed one, and who is told."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psutil
import pytest

from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly.bless import bless, current_baseline
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.night import nights_of, run_nights
from tests.examples.dagster_projects import REPOSITORY
from tests.examples.http_endpoint import http_endpoint
from tests.examples.mail_server import mail_server
from tests.examples.nights import FAR, add_labels, day, make_nightly_project, plan_of, write_plan

pytestmark = [pytest.mark.daemon, pytest.mark.timeout(900)]

BLESSED = 22
SPOILT = 22
"""From this day on labels say nearly the opposite, so that nights fall through the floor within days."""
_DAGSTER_YAML = """\
telemetry: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {max_concurrent_runs: 1, dequeue_interval_seconds: 1}
run_monitoring: {enabled: true, poll_interval_seconds: 5, start_timeout_seconds: 180}
"""


@contextmanager
def daemon(home: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", str(REPOSITORY / "workspace.yaml")]
    with (home / "daemon.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a daemon, its code server and its runs, without a word to any of them."""
    if process.poll() is None:
        family = psutil.Process(process.pid)
        for one in [*family.children(recursive=True), family]:
            one.kill()
    process.wait()


def wait_until(true: Callable[[], bool], what: str, home: Path, seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen in {seconds:.0f} s: {(home / 'daemon.log').read_text()[-3000:]}")
        time.sleep(0.2)


def dates(workspace: Workspace) -> list[dt.date]:
    return [night.date for night in nights_of(workspace, current_baseline(workspace, plan_of(workspace)))]


def test_nights_through_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.environ.get("SMO_DAEMON_TESTS"):
        pytest.skip("takes minutes; SMO_DAEMON_TESTS=1 runs it")
    project, home, clock = make_nightly_project(tmp_path / "project"), tmp_path / "dagster", tmp_path / "clock"
    home.mkdir()
    (home / "dagster.yaml").write_text(_DAGSTER_YAML, encoding="utf-8")
    workspace = open_workspace(project)
    add_labels(workspace, days=BLESSED + 8, against_from=SPOILT, items_a_day=60)
    with http_endpoint() as endpoint, mail_server() as mail:
        tick = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=120)
        write_plan(
            project,
            window_days=4,
            items=160,
            blessed_over_days=8,
            streams=[{"metric": "average_precision", "on": "gold", "gold": "hate@4", "margin": 0.05, "floor": 0.4}],
            schedule={"hour": tick.hour, "minute": tick.minute},
            alerts={
                "webhooks": [{"url_env": "SMO_ALERT_WEBHOOK"}],
                "smtp": {
                    "host_env": "SMO_SMTP_HOST",
                    "port": mail.port,
                    "security": "none",
                    "from": "smo@example.org",
                    "to": ["night@example.org"],
                },
            },
        )
        for other in [*(project / "configs" / "nightly").glob("demo.yaml"), *(project / "experiments").glob("*.yaml")]:
            other.unlink()  # nothing else is to be started
        plan = plan_of(workspace)
        bless(workspace, plan, date=day(BLESSED), now=FAR)
        shutil.copytree(project, tmp_path / "twin")
        newest = day(BLESSED + 4)
        clock.write_text((plan.schedule.moment(newest) + dt.timedelta(minutes=1)).isoformat(), encoding="utf-8")
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "SMO_ROOT": str(project),
            "SMO_CLOCK": str(clock),
            "SMO_ALERT_WEBHOOK": endpoint.url,
            "SMO_SMTP_HOST": "127.0.0.1",
            "PYTHONPATH": str(REPOSITORY),
        }
        monkeypatch.setenv("DAGSTER_HOME", str(home))

        # as `smo up` does: two processes that make Dagster's databases at once are in each other's way
        migrate = [str(Path(sys.executable).parent / "dagster"), "instance", "migrate"]
        subprocess.run(migrate, env=environment, check=True, capture_output=True)

        # the schedule fires, and the nights that were missed are run before its own
        with daemon(home, environment), dg.DagsterInstance.from_config(str(home)) as instance:
            wait_until(lambda: newest in dates(workspace), "the night of the schedule", home, 400.0)
            started = instance.get_runs(dg.RunsFilter(tags={"dagster/schedule_name": "nightly_small"}))
            assert newest.isoformat() in {run.tags["dagster/partition"] for run in started}
            assert dates(workspace) == [day(BLESSED + k) for k in range(1, 5)]
            wait_until(
                lambda: not instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])),
                "the end of the runs",
                home,
            )

        # one alert an episode and channel, though every run of these nights looked for somebody to wake
        told = [headers["idempotency-key"] for _, headers, _ in endpoint.heard]
        lasting = {episode.key for episode in fold_state(workspace, plan).open_episodes}
        assert lasting and len(told) == len(set(told)) == len(lasting)
        assert len(mail.mails) == len(lasting)

        # a night whose run, daemon and code server are killed in the middle of it is completed after the next start
        newest = day(BLESSED + 5)
        clock.write_text((plan.schedule.moment(newest) + dt.timedelta(hours=1)).isoformat(), encoding="utf-8")
        with daemon(home, environment) as process, dg.DagsterInstance.from_config(str(home)) as instance:
            mine = dg.RunsFilter(tags={"dagster/partition": newest.isoformat()}, statuses=[dg.DagsterRunStatus.STARTED])
            wait_until(lambda: instance.get_runs_count(mine) > 0, "the run of the next night", home)
            kill(process)
        assert newest not in dates(workspace), "it was killed before it was done"
        with daemon(home, environment):
            wait_until(lambda: newest in dates(workspace), "the night after the kill", home, 400.0)

    twin = open_workspace(tmp_path / "twin")
    run_nights(twin, plan_of(twin), now=FAR, until=newest)
    assert fold_state(twin, plan_of(twin)) == fold_state(workspace, plan)
    assert list(nights_of(twin, current_baseline(twin, plan))) == list(nights_of(workspace, current_baseline(workspace, plan)))
