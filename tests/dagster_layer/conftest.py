"""A small project with ratings, made once: every test works on its own copy."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from smo_pipelines.experiment import replicates
from tests.examples.dagster_projects import REPOSITORY, make_project


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "project"
    root.mkdir()
    make_project(root)
    return root


@pytest.fixture(scope="session", autouse=True)
def one_worker() -> Iterator[None]:
    """Fits of this size take milliseconds and a worker takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicates, "worker_count", lambda threads: 1)
        yield


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    shutil.copytree(template, root)
    monkeypatch.setenv("SMO_ROOT", str(root))
    return root


@pytest.fixture(scope="module")
def module_project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One copy for several tests that read and do not write."""
    root = tmp_path_factory.mktemp("module") / "project"
    shutil.copytree(template, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMO_ROOT", str(root))
        patch.delenv("SMO_STATE", raising=False)
        yield root


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def bare_project(project: Path) -> Path:
    """A project into which nothing was imported."""
    shutil.rmtree(project / ".smo" / "tables")
    return project


@pytest.fixture
def command_environment(project: Path) -> dict[str, str]:
    return {**os.environ, "SMO_ROOT": str(project), "PYTHONPATH": str(REPOSITORY), "DAGSTER_HOME": ""}
