import sys
from pathlib import Path

import pytest
import yaml

from smo_pipelines.alerts import AlertLog
from smo_pipelines.cli.console import now
from smo_pipelines.domain.alerts import Alert, Delivery, DeliveryState, Severity
from smo_pipelines.experiment.workspace import open_workspace
from tests.cli.conftest import Smo

PLAN = {
    "recipe": {"project": "demo", "question": "hate", "items": {"split": "train"}, "pool": "all"},
    "label_set": "hate@4",
    "classifier": "quick",
    "items": 100,
    "streams": [{"metric": "average_precision", "on": "gold", "gold": "hate@4", "margin": 0.03}],
}


def write_plan(project: Path, **alerts: object) -> None:
    folder = project / "configs" / "nightly"
    folder.mkdir(exist_ok=True)
    (folder / "demo.yaml").write_text(yaml.safe_dump({**PLAN, "alerts": alerts}))


def append_to(path: Path) -> list[str]:
    return [sys.executable, "-c", "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())", str(path)]


def test_the_channels_of_a_plan_are_tried(smo: Smo, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_plan(project)
    assert "sends no alert" in smo("alert", "test", "demo").err
    write_plan(project, commands=[append_to(tmp_path / "told")], webhooks=[{"url_env": "HOOK"}])
    monkeypatch.delenv("HOOK", raising=False)
    answer = smo("alert", "test", "demo")
    assert answer.code == 2 and "1 of 2 deliveries failed: webhook-HOOK" in answer.err
    assert "sent command-" in answer.out and "HOOK, which is not set" in answer.out
    write_plan(project, commands=[append_to(tmp_path / "told")])
    assert smo("alert", "test", "demo").code == 0
    assert (tmp_path / "told").read_text().count("Test of the alerts of demo: nothing is wrong") == 2
    assert "nothing waits" in smo("alert", "send", "demo").out
    assert smo("alert", "test", "dmo").err.startswith("error: unknown nightly plan 'dmo'; did you mean 'demo'?")


def test_an_alert_is_listed_sent_later_and_taken_over(smo: Smo, project: Path, tmp_path: Path) -> None:
    assert smo("alert", "list").out == "no alert\n"
    workspace = open_workspace(project)
    log = AlertLog(workspace.store, workspace.lock("alerts"))
    title = "average precision fell <b>[bold]"
    for number in (1, 2):
        found = Alert(
            key=f"demo.2026-03-1{number}.aa", severity=Severity.error, title=title, at=f"2026-03-1{number}T03:00:00+00:00"
        )
        log.keep(found, ["webhook-HOOK"])
        log.note(
            Delivery(
                alert=found.key,
                channel="webhook-HOOK",
                state=DeliveryState.failed,
                attempts=4,
                at=now().isoformat(),
                sentence="did not answer",
            )
        )
    shown = smo("alert", "list")
    assert shown.out.index("demo.2026-03-12.aa") < shown.out.index("demo.2026-03-11.aa")
    assert title in " ".join(shown.out.split()) and "failed webhook-HOOK (did not answer)" in shown.out
    assert "begins the keys of 2" in smo("alert", "ack", "demo", "--by", "Ana").err
    assert "is with Ana since" in smo("alert", "ack", "demo.2026-03-12", "--by", "Ana", "--note", "pool\nreverted").out
    assert "was taken over by Ana" in smo("alert", "ack", "demo.2026-03-12", "--by", "Ben").out
    assert "pool reverted" in smo("alert", "list").out
    assert "demo.2026-03-12" not in smo("alert", "list", "--open").out
    assert smo("alert", "ack", "none", "--by", "Ana").code == 2
    write_plan(project, webhooks=[{"url_env": "HOOK"}])
    late = smo("alert", "send", "demo")
    assert late.code == 2 and late.out.count("failed webhook-HOOK") == 1, "the other one is taken over"
