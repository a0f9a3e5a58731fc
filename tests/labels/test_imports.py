import subprocess
import sys


def test_the_package_loads_without_its_engines():
    # a Dagster code location imports this package each time it is loaded
    check = "import sys, smo_pipelines.labels; sys.exit(bool({'duckdb', 'deltalake', 'pyarrow', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_every_public_name_is_where_it_is_said_to_be():
    from smo_pipelines import labels

    assert sorted(labels.__all__) == sorted(labels._HOME)
    assert all(getattr(labels, name) is not None for name in labels.__all__)
    assert not hasattr(labels, "nothing of this name")
