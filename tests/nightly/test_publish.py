"""After a night: the page, the tracker, and one alert an episode, on servers that are real."""

import datetime as dt
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.alerts import Retry
from smo_pipelines.cli.main import main
from smo_pipelines.domain.alerts import Acknowledgement, DeliveryState
from smo_pipelines.errors import NightlyError
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly import publish as publish_module
from smo_pipelines.nightly.publish import alert_log, publish_nights
from smo_pipelines.tracking.nightly import NightlyTracker
from tests.examples.http_endpoint import http_endpoint
from tests.examples.mail_server import mail_server
from tests.examples.nights import FAR, day, plan_of, write_plan
from tests.examples.ports import free_port
from tests.nightly.conftest import LAST

NIGHT = dt.datetime.combine(day(LAST), dt.time(4), tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh database of the tracker: making its tables takes seconds, copying them none."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    NightlyTracker(f"sqlite:///{path}").check()
    return path


@pytest.fixture(autouse=True)
def _tracker(migrated: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for name in ("swapped", "quiet"):
        if name in request.fixturenames:
            state = request.getfixturevalue(name).root.state
            state.mkdir(exist_ok=True)
            shutil.copy(migrated, state / "mlflow.db")


def at_night() -> dt.datetime:
    return NIGHT


def curve(workspace: Workspace, run_id: str, name: str) -> list[int]:
    tracker = NightlyTracker(workspace.tracking_uri, workspace.artifact_root)
    with tracker.session() as client:
        return [one.step for one in client.get_metric_history(run_id, name)]


def test_an_episode_reaches_a_webhook_a_mailbox_and_a_command_once(swapped: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "told"
    append = [sys.executable, "-c", "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())", str(target)]
    with http_endpoint() as endpoint, mail_server() as server:
        smtp = {"host_env": "MAIL", "port": server.port, "security": "none", "from": "smo@example.org", "to": ["night@example.org"]}
        write_plan(swapped.root.path, alerts={"webhooks": [{"url_env": "HOOK"}], "smtp": smtp, "commands": [append]})
        environment = {"HOOK": endpoint.url, "MAIL": "127.0.0.1"}
        workspace = open_workspace(swapped.root.path)
        plan = plan_of(workspace)
        links = {"Dagster run": "http://127.0.0.1:3000/runs/1"}
        first = publish_nights(workspace, plan, clock=at_night, links=links, environment=environment)
        again = publish_nights(workspace, plan, clock=at_night, links=links, environment=environment)
    episodes = first.record.state.open_episodes
    assert episodes and first.record.unexplained == {}
    assert {(one.alert, one.state, one.fresh) for one in first.deliveries} == {
        (episode.key, DeliveryState.sent, True) for episode in episodes
    }
    assert len(first.deliveries) == 3 * len(episodes) and not [one for one in again.deliveries if one.fresh]
    assert len(endpoint.heard) == len(server.mails) == target.read_bytes().count(b"\n") == len(episodes)
    said = server.mails[0].get_content()
    assert (
        "Change against the baseline: " in said and "95%" in said and "It began about 2026-" in said
    ) or "floor was broken" in said
    assert "Dagster run: http://127.0.0.1:3000/runs/1" in said
    page = Path(first.page).read_text()
    assert all(episode.key in page for episode in episodes) and Path(first.page).name == "nightly-small.html"
    assert first.run is not None and first.run == again.run and first.waiting == ""
    steps = curve(workspace, first.run.run_id, "0 alarm/state")
    assert steps == [night.date.toordinal() for night in first.record.nights]


def test_what_fails_holds_up_nothing_and_is_made_good(swapped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smo_pipelines.alerts.delivery.time.sleep", lambda _: None)
    write_plan(swapped.root.path, alerts={"webhooks": [{"url_env": "HOOK"}, {"url_env": "UNSET"}]})
    workspace = open_workspace(swapped.root.path)
    plan = plan_of(workspace)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    down = {"HOOK": f"http://127.0.0.1:{free_port()}/x"}
    first = publish_nights(workspace, plan, clock=at_night, environment=down)
    assert first.run is None and "the nights are in the store" in first.waiting and Path(first.page).is_file()
    assert {one.state for one in first.deliveries} == {DeliveryState.failed}
    assert {one.attempts for one in first.deliveries if one.channel == "webhook-HOOK"} == {Retry().attempts}
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with http_endpoint() as endpoint:
        second = publish_nights(workspace, plan, clock=at_night, environment={"HOOK": endpoint.url})
    assert second.run is not None and len(curve(workspace, second.run.run_id, "0 alarm/state")) == len(first.record.nights)
    sent = [one for one in second.deliveries if one.channel == "webhook-HOOK"]
    assert {(one.state, one.fresh) for one in sent} == {(DeliveryState.sent, True)}
    assert len(endpoint.heard) == len(first.record.state.open_episodes)


def test_an_episode_that_somebody_took_over_is_not_told_and_says_so(swapped: Workspace) -> None:
    write_plan(swapped.root.path, alerts={"webhooks": [{"url_env": "UNSET"}]})
    workspace = open_workspace(swapped.root.path)
    plan = plan_of(workspace)
    keys = [episode.key for episode in publish_nights(workspace, plan, clock=at_night, environment={}).record.state.open_episodes]
    for key in keys:
        alert_log(workspace).take(Acknowledgement(alert=key, by="Ana", at=NIGHT.isoformat()))
    with http_endpoint() as endpoint:
        after = publish_nights(workspace, plan, clock=at_night, environment={"UNSET": endpoint.url})
    assert endpoint.heard == [] and sorted(after.record.acknowledged) == sorted(keys)
    assert "taken over by Ana" in Path(after.page).read_text()


def test_an_episode_that_cannot_be_explained_is_told_all_the_same(swapped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise NightlyError("the labels are no longer in the label tables")

    monkeypatch.setattr(publish_module, "explain_episode", fails)
    write_plan(swapped.root.path, alerts={"webhooks": [{"url_env": "HOOK"}]})
    workspace = open_workspace(swapped.root.path)
    with http_endpoint() as endpoint:
        done = publish_nights(workspace, plan_of(workspace), clock=at_night, environment={"HOOK": endpoint.url})
    assert set(done.record.unexplained.values()) == {"the labels are no longer in the label tables"}
    assert "the labels are no longer in the label tables" in str(endpoint.heard[0][2]["blocks"])


def test_a_quiet_plan_wakes_nobody_and_the_command_says_where_to_look(
    quiet: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_endpoint() as endpoint:
        write_plan(quiet.root.path, alerts={"webhooks": [{"url_env": "HOOK"}]})
        monkeypatch.setenv("HOOK", endpoint.url)
        monkeypatch.setenv("SMO_ROOT", str(quiet.root.path))
        with pytest.raises(SystemExit) as stop:
            main(
                ["nightly", "small", "--date", day(26).isoformat(), "--clock", dt.datetime.combine(day(26), dt.time(4)).isoformat()]
            )
    said = capsys.readouterr().out
    assert not stop.value.code and "page:" in said and "tracker: run" in said and "alert:" not in said
    assert endpoint.heard == []
    page = (quiet.root.state / "reports" / "nightly-small.html").read_text()
    assert "None of 2 watched numbers" in page
    late = publish_nights(quiet, plan_of(quiet), clock=lambda: FAR, environment={})
    assert late.record.missing[0] == day(27) and "is due and has not run" in Path(late.page).read_text()
