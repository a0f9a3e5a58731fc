import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from smo_pipelines.cli.main import main
from tests.examples.projects import add_operation, make_project

Smo = Callable[..., "Answer"]


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def smo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Smo:
    """Run a command in this process, as the console script does."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        said = capsys.readouterr()
        return Answer(int(stop.value.code or 0), said.out, said.err)

    return call


@pytest.fixture(scope="session")
def filled_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the embedded operation imported; copy it, do not write to it."""
    folder = make_project(tmp_path_factory.mktemp("filled") / "project")
    add_operation(folder)
    return folder


@pytest.fixture
def project(filled_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of the test's own, which commands find by SMO_ROOT."""
    folder = tmp_path / "project"
    shutil.copytree(filled_project, folder)
    monkeypatch.setenv("SMO_ROOT", str(folder))
    return folder
