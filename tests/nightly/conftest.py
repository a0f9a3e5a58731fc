import shutil
from pathlib import Path

import pytest

from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly.bless import bless
from smo_pipelines.nightly.night import run_nights
from tests.examples.nights import BLESSED, FAR, add_labels, day, make_nightly_project, plan_of

SWAPPED = 32
LAST = 48


def copy(project: Path, folder: Path) -> Workspace:
    shutil.copytree(project, folder)
    return open_workspace(folder)


@pytest.fixture(scope="session")
def quiet_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels of many days by one pool, and a baseline."""
    project = make_nightly_project(tmp_path_factory.mktemp("quiet") / "project")
    workspace = open_workspace(project)
    add_labels(workspace, days=60)
    bless(workspace, plan_of(workspace), date=day(BLESSED), now=FAR)
    return project


@pytest.fixture
def quiet(quiet_project: Path, tmp_path: Path) -> Workspace:
    return copy(quiet_project, tmp_path / "project")


@pytest.fixture(scope="session")
def swapped_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From a day on another pool rates against the policy; the nights before and after are run."""
    project = make_nightly_project(tmp_path_factory.mktemp("swapped") / "project")
    workspace = open_workspace(project)
    add_labels(workspace, days=60, against_from=SWAPPED)
    plan = plan_of(workspace)
    bless(workspace, plan, date=day(BLESSED), now=FAR)
    run_nights(workspace, plan, now=FAR, until=day(LAST))
    return project


@pytest.fixture
def swapped(swapped_project: Path, tmp_path: Path) -> Workspace:
    return copy(swapped_project, tmp_path / "project")
