from pathlib import Path

import pytest

from smo_pipelines.config.root import ProjectRoot
from tests.examples.projects import make_project


@pytest.fixture
def root(tmp_path: Path) -> ProjectRoot:
    return ProjectRoot(make_project(tmp_path / "project"))
