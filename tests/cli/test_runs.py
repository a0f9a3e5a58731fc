"""Whole runs, in processes of their own: undisturbed, killed, two at once, repeated."""

import json
import re
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.experiment.record import tracker_of
from smo_pipelines.experiment.workspace import open_workspace
from tests.examples.projects import run_command, spec, start_command, write_spec

N_REPLICATES, N_REDRAWS = 4, 3
N_FITS = 2 * (N_REPLICATES + N_REDRAWS)


class Run(NamedTuple):
    out: str
    trained: int
    digest: str


class Killed(NamedTuple):
    """A project whose run was killed: what was finished, by file, and which processes outlived the killed one."""

    project: Path
    finished: dict[str, tuple[int, int]]
    outlived: set[int]


@pytest.fixture(scope="module")
def ready(filled_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose tracker has its tables already: making them takes as long as a run."""
    folder = tmp_path_factory.mktemp("ready") / "project"
    shutil.copytree(filled_project, folder)
    write_spec(folder, replicates=N_REPLICATES, redraws=N_REDRAWS)
    tracker_of(open_workspace(folder)).check()
    return folder


@pytest.fixture(scope="module")
def undisturbed(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    shutil.copytree(ready, folder)
    return folder, _run(folder)


@pytest.fixture(scope="module")
def killed(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    folder = tmp_path_factory.mktemp("killed") / "project"
    shutil.copytree(ready, folder)
    process = start_command(folder, "run", "small")
    while len(_fits(folder)) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    family = set(_descendants(process.pid))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 120
    while (outlived := {pid for pid in family if _alive(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert family, "the run had no training process"
    return Killed(folder, _fits(folder), outlived)


@pytest.fixture(scope="module")
def resumed_by_two(killed: Killed) -> tuple[Run, Run]:
    """The same command again after the kill, twice at the same time."""
    started = [start_command(killed.project, "run", "small") for _ in range(2)]
    said = [process.communicate(timeout=240) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    one, other = (_read(out) for out, _ in said)
    return one, other


def _run(project: Path, name: str = "small") -> Run:
    done = run_command(project, "run", name)
    assert done.returncode == 0, done.stderr
    return _read(done.stdout)


def _read(out: str) -> Run:
    trained, digest = re.search(r"fits trained now: (\d+)", out), re.search(r"decision digest (\w+)", out)
    assert trained and digest, out
    return Run(out, int(trained[1]), digest[1])


def _fits(project: Path) -> dict[str, tuple[int, int]]:
    """Return the inode and time of every file of the finished fits."""
    results = project / ".smo" / "results" / "fits"
    finished = [path.parent for path in results.glob("*/manifest.json")]
    facts = {path: path.stat() for folder in finished for path in folder.iterdir()}
    return {f"{path.parent.name}/{path.name}": (stat.st_ino, stat.st_mtime_ns) for path, stat in facts.items()}


def _keys(project: Path, kind: str) -> set[str]:
    return {path.parent.name for path in (project / ".smo" / "results" / kind).glob("*/manifest.json")}


def _descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from _descendants(int(child))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_run_ends_with_intervals_a_page_and_one_row_in_the_tracker(undisturbed: tuple[Path, Run]) -> None:
    project, run = undisturbed
    assert run.trained == N_FITS == len(_keys(project, "fits"))
    (key,) = _keys(project, "decisions")
    entry = project / ".smo" / "results" / "decisions" / key
    (path,) = entry.glob("*-decision.json")
    effects = json.loads(path.read_bytes())["effects"]
    primary = next(effect for effect in effects if effect["question"]["role"] == "primary")
    assert primary["interval"]["low"] < primary["treatment"] - primary["control"] < primary["interval"]["high"]
    assert primary["n_redraws"] == 2 * N_REDRAWS
    assert "<html" in (project / ".smo" / "reports" / "small.html").read_text(encoding="utf-8")
    with sqlite3.connect(project / ".smo" / "mlflow.db") as database:
        tags = "select value, count(*) from tags where key = 'smo.role' group by value"
        assert dict(database.execute(tags)) == {"effect": 1, "replicate": N_FITS}
        assert database.execute("select value from tags where key = 'decision'").fetchone()[0] in run.out


def test_what_it_cost_and_all_decisions_are_printed(undisturbed: tuple[Path, Run]) -> None:
    folder, _ = undisturbed
    shown = run_command(folder, "show", "small")
    assert shown.returncode == 0, shown.stderr
    assert re.search(
        r"cost of control: labels [\d.,]+ USD \([\d,]+ ratings\); computing [\d.,]+ core (seconds|minutes), ", shown.stdout
    )
    said = " ".join(shown.stdout.split())
    assert "The treatment costs what the control costs." in said and "the same interval by other rules, as a check:" in said
    digested = run_command(folder, "digest")
    assert digested.returncode == 0, digested.stderr
    assert digested.stdout.startswith("1 change is decided: 1 ")
    page = folder / ".smo" / "digest.html"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(page) in digested.stdout.replace("\n", "")


def test_a_decision_is_shown_as_it_was_made_without_its_fits(undisturbed: tuple[Path, Run], tmp_path: Path) -> None:
    folder, run = undisturbed
    shutil.copytree(folder, tmp_path / "later")
    for kind in ("fits", "snapshots"):
        shutil.rmtree(tmp_path / "later" / ".smo" / "results" / kind)
    shown = run_command(tmp_path / "later", "show", "small")
    assert shown.returncode == 0, shown.stderr
    assert f"decision digest {run.digest}" in shown.stdout and "cost of treatment: labels " in shown.stdout


def test_output_to_a_pipe_holds_no_frames_of_a_bar(undisturbed: tuple[Path, Run]) -> None:
    _, run = undisturbed
    assert "\r" not in run.out and "\x1b" not in run.out
    assert "━━━━━━━━━━ " not in run.out
    assert sum(line.startswith("training ") for line in run.out.splitlines()) == 1
    assert all(len(line) <= 80 for line in run.out.splitlines() if line.startswith(("│", "╭", "┃")))


def test_the_same_command_again_trains_nothing_and_says_the_same(undisturbed: tuple[Path, Run]) -> None:
    project, run = undisturbed
    before, page = _fits(project), (project / ".smo" / "reports" / "small.html").read_bytes()
    again = _run(project)
    assert (again.trained, again.digest) == (0, run.digest)
    assert _fits(project) == before
    assert (project / ".smo" / "reports" / "small.html").read_bytes() == page
    shown = run_command(project, "show", "small")
    assert shown.returncode == 0, shown.stderr
    assert f"decision digest {run.digest}" in shown.stdout


def test_a_new_experiment_trains_only_what_no_other_has(undisturbed: tuple[Path, Run]) -> None:
    project, _ = undisturbed
    (project / "configs" / "benchmarks" / "english.yaml").write_text(
        yaml.safe_dump(
            {"kind": "items", "project": "demo", "items": {"split": "benchmark", "locale": "en-GB"}, "golds": ["hate@3", "hate@4"]}
        )
    )
    arms = {"treatment": {"guideline": "hate@4", "pool": "vendor-lenient@1"}, "replicates": N_REPLICATES, "redraws": N_REDRAWS}
    write_spec(project, "wider", benchmarks=["english"], **arms)
    fits, scores = _keys(project, "fits"), _keys(project, "predictions")
    run = _run(project, "wider")
    assert run.trained == N_FITS // 2, "the control is the other experiment's control"
    assert len(_keys(project, "fits") - fits) == N_FITS // 2
    new_scores_of_control, scores_of_treatment = N_FITS // 2, 2 * N_FITS // 2
    assert len(_keys(project, "predictions") - scores) == new_scores_of_control + scores_of_treatment


def test_kill_dash_nine_leaves_no_training_process(killed: Killed) -> None:
    assert killed.outlived == set()
    assert 0 < len({name.split("/")[0] for name in killed.finished}) < N_FITS
    assert not _keys(killed.project, "decisions")
    assert not (killed.project / ".smo" / "reports").exists()


def test_a_killed_run_goes_on_where_it_stopped(killed: Killed, resumed_by_two: tuple[Run, Run]) -> None:
    after = _fits(killed.project)
    assert {name: after[name] for name in killed.finished} == killed.finished, "a finished fit was written again"
    trained = [run.trained for run in resumed_by_two]
    assert sum(trained) == N_FITS - len({name.split("/")[0] for name in killed.finished}), "each fit once, by one of the two"


def test_however_it_was_run_the_decision_is_the_same(undisturbed: tuple[Path, Run], resumed_by_two: tuple[Run, Run]) -> None:
    assert {run.digest for run in resumed_by_two} == {undisturbed[1].digest}


def test_two_runs_at_once_leave_one_row_in_the_tracker(killed: Killed, resumed_by_two: tuple[Run, Run]) -> None:
    with sqlite3.connect(killed.project / ".smo" / "mlflow.db") as database:
        rows = "select count(*) from tags join runs using (run_uuid) where key = 'smo.role' and value = ? and lifecycle_stage = 'active'"
        assert database.execute(rows, ["effect"]).fetchone() == (1,)
        assert database.execute(rows, ["replicate"]).fetchone() == (N_FITS,)


def test_the_stored_spec_is_the_written_one(undisturbed: tuple[Path, Run]) -> None:
    workspace = open_workspace(undisturbed[0])
    written = spec(replicates=N_REPLICATES, redraws=N_REDRAWS)
    resolved = resolve_experiment(written, workspace.catalogue)
    assert workspace.store.get("registered", "small.v1").meta["spec_hash"] == resolved.spec_hash
    assert _keys(undisturbed[0], "prepared") >= {resolved.spec_hash}
