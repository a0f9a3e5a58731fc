import os
import pty
import select
import signal
import time
from pathlib import Path

import pytest
import typer
from rich.console import Console

from smo_pipelines.cli import console as console_module
from smo_pipelines.cli.console import replicate_progress
from smo_pipelines.cli.main import app, main
from tests.cli.conftest import Smo
from tests.examples.projects import command, environment, write_spec

COMMANDS = {
    "alert",
    "benchmark",
    "bless",
    "cache",
    "classifier",
    "demo",
    "digest",
    "doctor",
    "experiments",
    "explain",
    "export",
    "fetch",
    "import",
    "init",
    "kpis",
    "matrix",
    "metrics",
    "nightly",
    "plan",
    "predictions",
    "promote",
    "quality",
    "quarantine",
    "raters",
    "registry",
    "run",
    "show",
    "simulate",
    "snapshot",
    "up",
}


def test_help_names_every_command_and_what_it_does(smo: Smo) -> None:
    answer = smo("--help")
    assert answer.code == 0
    assert "Usage: smo [OPTIONS] COMMAND" in answer.out
    assert all(f"│ {name} " in answer.out for name in COMMANDS)
    group = typer.main.get_command(app)
    assert set(group.commands) == COMMANDS  # type: ignore[attr-defined]
    assert [name for name, one in group.commands.items() if not one.help] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_has_help(name: str, smo: Smo) -> None:
    assert smo(name, "--help").code == 0
    one = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert [param.name for param in one.params if not getattr(param, "help", None)] == []


def test_no_command_is_help(smo: Smo) -> None:
    assert "Commands" in smo().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runn"], "No such command 'runn'"),
        (["run"], "xperiment"),
        (["run", "--fast", "x"], "No such option: --fast"),
        (["simulate", "--train-items", "3"], "--train-items"),
        (["simulate", "--seed", "x"], "--seed"),
    ],
)
def test_a_mistyped_command_is_one_line(arguments: list[str], said: str, smo: Smo) -> None:
    answer = smo(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("error: ") and answer.err.count("\n") == 1
    assert said in answer.err and "--help` says what is legal" in answer.err


def test_ids_are_shown_whole_however_narrow_the_terminal(smo: Smo, project: Path) -> None:
    longest = "an-experiment-with-an-id-of-sixty-three-characters-which-is-all"
    assert len(longest) == 63
    write_spec(project, longest)
    write_spec(project, "broken", classifier="none-such")
    answer = smo("experiments")
    assert answer.code == 2 and "1 of the experiment files cannot be read" in answer.err
    assert longest in answer.out and "unreadable" in answer.out
    assert all(len(line) <= 80 for line in answer.out.splitlines())
    (project / "experiments" / "broken.yaml").unlink()
    (project / "experiments" / f"{longest}.yaml").unlink()
    answer = smo("experiments")
    assert answer.code == 0 and answer.err == ""
    assert "small" in answer.out and "OC-0042" in answer.out and "guideline edit" in answer.out


def test_a_new_project_works(smo: Smo, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert smo("init", str(folder)).code == 0
    answer = smo("--root", str(folder), "experiments")
    assert answer.code == 0 and "counter-speech-exempt" in answer.out
    simulated = smo("--root", str(folder), "simulate", "--train-items", "100", "--benchmark-items", "100")
    assert simulated.code == 0 and "were there already" in simulated.out
    again = smo("--root", str(folder), "simulate", "--train-items", "100", "--benchmark-items", "100")
    assert "0 ratings of 0 items by 0 raters written" in again.out
    answer = smo("init", str(folder))
    assert answer.code == 2 and "is not an empty folder" in answer.err
    answer = smo("init", str(folder / ".gitignore"))
    assert answer.code == 2 and "is not an empty folder" in answer.err


def test_days_of_labels_stand_beside_the_demo_under_another_name(smo: Smo, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    assert smo("init", str(folder)).code == 0
    few = ("--benchmark-items", "100")
    assert smo("--root", str(folder), "simulate", "--train-items", "100", *few).code == 0
    days = ("simulate", "--days", "2", "--items-a-day", "20", *few)
    refused = smo("--root", str(folder), *days)
    assert refused.code == 2 and "import into another project" in refused.err
    beside = smo("--root", str(folder), *days, "--project", "nights")
    assert beside.code == 0 and "project nights: 240 ratings of 2 days" in beside.out


def test_a_digest_of_nothing_says_what_to_do(smo: Smo, project: Path) -> None:
    answer = smo("digest")
    assert (answer.code, answer.out) == (2, "")
    assert "no experiment is decided yet" in answer.err and "smo run EXPERIMENT" in answer.err
    assert not (project / ".smo" / "digest.html").exists()


def test_the_doctor_says_what_is_there_and_what_is_missing(smo: Smo, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    answer = smo("doctor")
    assert answer.code == 2 and "1 of 8 checks failed" in answer.err
    assert "demo" in answer.out and "missing" in answer.out
    (project / "configs" / "rules" / "default.yaml").write_text("alpha: 2\n")
    assert "2 of 8 checks failed" in smo("doctor").err


def test_a_bar_shows_the_fits_and_the_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(console_module, "console", Console(force_terminal=True, width=100))
    with replicate_progress() as move:
        move("total", 2.0)
        move("control-snapshot-0", 0.5)
        move("control-snapshot-0", 1.0)
    said = capsys.readouterr().out
    assert "training" in said and "1/2 fits" in said and " left" in said


def test_without_a_terminal_there_is_one_line_and_no_bar(smo: Smo, capsys: pytest.CaptureFixture[str]) -> None:
    with replicate_progress() as move:
        move("total", 2.0)
        move("control-snapshot-0", 1.0)
    assert capsys.readouterr().out == "training 2 fits ...\n"
    with replicate_progress():
        pass
    assert capsys.readouterr().out == ""


def test_ctrl_c_is_said_in_one_line(project: Path) -> None:
    """In a terminal of its own, where Ctrl-C reaches the command and its training processes."""
    write_spec(project, replicates=50)
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command()[0], command("run", "small"), _without_tracker(project))  # noqa: S606
    said = _read_until(terminal, b" fits ")
    os.write(terminal, b"\x03")
    said += _read_until(terminal, None)
    _, status = os.waitpid(child, 0)
    text = said.decode()
    assert os.waitstatus_to_exitcode(status) == 130, text
    assert "stopped; what was finished is kept" in text
    assert "Traceback" not in text and "KeyboardInterrupt" not in text


def _without_tracker(project: Path) -> dict[str, str]:
    return environment(project) | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def _read_until(terminal: int, wanted: bytes | None) -> bytes:
    said = b""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and (wanted is None or wanted not in said):
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            said += os.read(terminal, 65536)
        except OSError:  # the command has ended
            break
    return said


def test_interrupted_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("smo_pipelines.experiment.register.known_experiments", interrupt)
    with pytest.raises(SystemExit) as stop:
        main(["experiments"])
    assert stop.value.code == 130
    assert capsys.readouterr().err.startswith("stopped;")


def test_snapshots_are_made_listed_traced_and_compared(smo: Smo, project: Path) -> None:
    recipe = project / "recipe.yaml"
    recipe.write_text("{project: demo, question: hate, guideline: hate@3, items: {split: train}}")
    made = smo("snapshot", "build", str(recipe))
    assert made.code == 0 and "guideline: hate@3" in made.out and "simulate" in made.out
    first = made.out.split()[1]
    recipe.write_text("{project: demo, question: hate, guideline: hate@4, items: {split: train}}")
    second = smo("snapshot", "build", str(recipe)).out.split()[1]
    assert {first, second} <= set(smo("snapshot", "list").out.split())
    assert smo("snapshot", "show", first).out == made.out
    compared = smo("snapshot", "diff", first, second)
    assert compared.code == 0 and "recipe guideline: hate@3 -> hate@4" in compared.out
    recipe.write_text("{project: demo, question: hate, guidline: hate@4}")
    refused = smo("snapshot", "build", str(recipe))
    assert refused.code == 2 and "did you mean 'guideline'?" in refused.err
