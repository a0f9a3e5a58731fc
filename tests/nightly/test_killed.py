"""Kill a night at any point, or run two at once: the state is that of an undisturbed twin, bit for bit."""

import re
import shutil
import signal
import time
from pathlib import Path

from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.night import nights_of, run_nights
from tests.examples.nights import BLESSED, FAR, day, plan_of
from tests.examples.projects import start_command

LAST = day(BLESSED + 3)
_TIME = re.compile(rb'\s*"seconds": [0-9.e-]+,?')
COMMAND = ("nightly", "small", "--date", LAST.isoformat(), "--clock", FAR.isoformat())


def manifests(workspace: Workspace) -> dict[str, bytes]:
    """Return the bytes of everything that the store holds, by place in it, but for how long a fit took."""
    root = Path(workspace.store_location)
    files = (path for path in root.rglob("*") if path.is_file() and ".tmp" not in path.name)
    found = {str(path.relative_to(root)): path.read_bytes() for path in files}
    return {
        place: _TIME.sub(b"", content) if place.startswith("fits/") and place.endswith("manifest.json") else content
        for place, content in found.items()
    }


def test_a_night_that_is_killed_is_completed(quiet_project: Path, quiet: Workspace, tmp_path: Path) -> None:
    shutil.copytree(quiet_project, tmp_path / "twin")
    twin = open_workspace(tmp_path / "twin")
    run_nights(twin, plan_of(twin), now=FAR, until=LAST)
    nights, fits = Path(quiet.store_location) / "nightly-nights", Path(quiet.store_location) / "fits"
    before = len(list(fits.iterdir()))
    for grown in (1, 3):  # killed between the fits of the first night, and in the middle of the second
        process = start_command(quiet.root.path, *COMMAND)
        deadline = time.monotonic() + 120
        while len(list(fits.iterdir())) < before + grown and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not nights.exists() or len(list(nights.iterdir())) < 3, "it was killed before it was done"
    run_nights(quiet, plan_of(quiet), now=FAR, until=LAST)
    assert manifests(quiet) == manifests(twin)
    assert fold_state(quiet, plan_of(quiet)) == fold_state(twin, plan_of(twin))


def test_two_processes_at_once_give_one_result(quiet_project: Path, quiet: Workspace, tmp_path: Path) -> None:
    shutil.copytree(quiet_project, tmp_path / "twin")
    twin = open_workspace(tmp_path / "twin")
    run_nights(twin, plan_of(twin), now=FAR, until=LAST)
    processes = [start_command(quiet.root.path, *COMMAND) for _ in range(2)]
    said = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert manifests(quiet) == manifests(twin)
    ran = sum(out.count("2 runs on draws") for out, _ in said)
    assert ran == 3, "each night was made by one of the two"
    assert len(nights_of(quiet, current_baseline(quiet, plan_of(quiet)))) == 3
