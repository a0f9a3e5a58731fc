"""``smo bless`` and ``smo nightly`` from a shell."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smo_pipelines.cli.main import app
from smo_pipelines.errors import SmoError
from smo_pipelines.experiment.workspace import open_workspace
from tests.examples.nights import BLESSED, add_labels, day, make_nightly_project, write_plan

CLOCK = f"{day(BLESSED + 3)}T12:00:00Z"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_nightly_project(tmp_path_factory.mktemp("nightly") / "project")
    add_labels(open_workspace(folder), days=30)
    return folder


def smo(project: Path, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["--root", str(project), *arguments])
    if isinstance(found.exception, SmoError):
        return 2, str(found.exception)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


def test_from_the_blessing_to_the_newest_night(project: Path) -> None:
    code, said = smo(project, "nightly", "small", "--clock", CLOCK)
    assert code == 2 and "`smo bless small` makes one" in said
    code, said = smo(project, "bless", "small", "--date", day(BLESSED).isoformat(), "--clock", CLOCK)
    assert code == 0 and "20 runs" in said and "average_precision" in said
    code, said = smo(project, "nightly", "small", "--clock", CLOCK)
    assert code == 0 and said.count("2 runs on draws") == 3 and "quiet" in said
    code, said = smo(project, "nightly", "--clock", CLOCK)
    assert code == 0 and "no night is due that is not stored" in said, "the only plan need not be named"
    code, said = smo(project, "nightly", "show", "small", "--date", day(BLESSED + 1).isoformat())
    assert code == 0 and f"newest night {day(BLESSED + 1)}" in said
    code, said = smo(project, "nightly", "run", "small", "--clock", CLOCK, "--exit-code")
    assert code == 0


def mistakes() -> Sequence[tuple[tuple[str, ...], str]]:
    return [
        (("nightly", "smal"), "did you mean 'small'?"),
        (("nightly", "small", "--date", "yesterday"), "--date 'yesterday' is not a date such as"),
        (("nightly", "small", "--clock", "noon"), "--clock: 'noon' is not a moment such as"),
        (("bless", "small", "--runs", "3"), "at least 20 runs"),
    ]


@pytest.mark.parametrize(("arguments", "said"), mistakes())
def test_a_mistake_is_one_sentence(project: Path, arguments: tuple[str, ...], said: str) -> None:
    code, output = smo(project, *arguments)
    assert code == 2 and said in output


def test_one_of_several_plans_must_be_named(project: Path) -> None:
    write_plan(project, "other")
    code, said = smo(project, "nightly", "show")
    assert code == 2 and "name a nightly plan; there are other, small" in said
    (project / "configs" / "nightly" / "other.yaml").unlink()
