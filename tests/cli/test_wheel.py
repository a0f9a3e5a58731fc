"""What an installed package holds, in an environment of its own."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.examples.projects import CHECKOUT

_NEEDED = (
    "smo_pipelines/report/templates/page.html.j2",
    "smo_pipelines/report/templates/style.css.j2",
    "smo_pipelines/benchmarks/evaluate_modules/auroc/auroc.py",
    "smo_pipelines/project_template/configs/rules/default.yaml",
    "smo_pipelines/project_template/experiments/counter-speech-exempt.yaml",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment that holds the wheel, and the dependencies through a path file."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # the folder is on the path, and the path files in it, e.g. of this checkout, are not read
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return folder / "bin" / "python"


def _python(interpreter: Path, *arguments: str, folder: Path, code: int = 0) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("SMO_")}
    command = [str(interpreter), *arguments]
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_the_wheel_holds_the_library_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"smo_pipelines", "smo_pipelines-0.1.0.dist-info"}
    assert [name for name in _NEEDED if name not in names] == []
    assert not [name for name in names if name.endswith((".pyc", ".csv", ".parquet")) or "/.smo/" in name]


def test_an_installed_package_makes_a_project(installed: Path, tmp_path: Path) -> None:
    where = _python(installed, "-c", "import smo_pipelines; print(smo_pipelines.__file__)", folder=tmp_path)
    assert where.strip().startswith(str(installed.parents[1]))
    assert "No module named 'assets'" in _python(installed, "-c", "import assets", folder=tmp_path, code=1)
    _python(installed, "-m", "smo_pipelines", "init", "mine", folder=tmp_path)
    assert (tmp_path / "mine" / "configs" / "guidelines" / "hate" / "4.md").is_file()
    listed = _python(installed, "-m", "smo_pipelines", "--root", "mine", "experiments", folder=tmp_path)
    assert "counter-speech-exempt" in listed
