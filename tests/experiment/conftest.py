import shutil
from pathlib import Path

import pytest

from smo_pipelines.experiment.workspace import Workspace, open_workspace
from tests.examples.projects import add_operation, make_project


@pytest.fixture(scope="session")
def filled_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("filled") / "project")
    add_operation(folder)
    return folder


@pytest.fixture
def workspace(filled_project: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(filled_project, tmp_path / "project")
    return open_workspace(tmp_path / "project")
