"""``import smo_pipelines`` offers the names of everyday use and costs nothing until one is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import smo_pipelines


def test_every_name_is_there_and_is_what_its_home_says() -> None:
    for name in smo_pipelines.__all__:
        assert getattr(getattr(smo_pipelines, name), "__name__", "__version__") == name
    assert set(smo_pipelines.__all__) <= set(dir(smo_pipelines))
    assert smo_pipelines.compare.__module__ == "smo_pipelines.analysis.compare"


def test_the_names_are_sorted_and_complete() -> None:
    assert list(smo_pipelines.__all__) == sorted(smo_pipelines.__all__)
    assert set(smo_pipelines.__all__) == set(smo_pipelines._HOMES) | {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'smo_pipelines' has no attribute 'comprae'"):
        _ = smo_pipelines.comprae  # type: ignore[attr-defined]


def test_importing_it_needs_the_standard_library_alone() -> None:
    program = (
        "import sys; import smo_pipelines, smo_pipelines.errors; smo_pipelines.SmoError; "
        "third = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'smo_pipelines', '__main__'}; "
        "print(sorted(third))"
    )
    root = str(Path(smo_pipelines.__file__).parents[1])
    # -S: without site-packages there is nothing but the standard library
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
