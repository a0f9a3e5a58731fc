from pathlib import Path

import pytest

from tests.cli.conftest import Smo


def test_the_list_and_a_name_that_is_not_on_it(smo: Smo, project: Path) -> None:
    said = smo("fetch").out
    assert "kern2023: 4.5 MB; licence: none in the repository" in said and said.count("\n") == 9
    answer = smo("fetch", "kern2022")
    assert answer.code == 2 and "did you mean 'kern2023'?" in answer.err


def test_the_licence_is_said_before_anything_is_read(smo: Smo, project: Path, tmp_path: Path) -> None:
    answer = smo("fetch", "roettger2022", "--from", str(tmp_path))
    assert answer.code == 2 and "holds neither annotations_g1.csv nor 0_data/annotations_g1.csv" in answer.err
    assert "licence: CC0 1.0" in answer.out and "holds real hate speech" in answer.out
    assert not (project / ".smo" / "data" / "roettger2022").exists()


@pytest.mark.real_data
def test_fetched_and_imported(smo: Smo, project: Path, real_data: Path) -> None:
    answer = smo("fetch", "lewidi2023-md-agreement", "--from", str(real_data / "lewidi2023-md-agreement"))
    folder = project / ".smo" / "data" / "lewidi2023-md-agreement"
    assert answer.code == 0 and f"next: smo import {folder}" in answer.out
    answer = smo("import", str(folder / "MD-Agreement_dev.json"))
    assert answer.code == 0 and "5,520 ratings of 1,104 new items" in answer.out
