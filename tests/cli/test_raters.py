"""A new key for the pseudonyms, and pools beside one another, from the command line."""

import json
from pathlib import Path

import pytest

from smo_pipelines.experiment.workspace import open_workspace
from smo_pipelines.labels.pseudonyms import pseudonym
from tests.cli.conftest import Smo
from tests.examples import exports

KEY = "a new key, of thirty-two letters"


def test_raters_are_renamed_once_and_nothing_is_imported_twice(smo: Smo, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMO_RATER_KEY", raising=False)
    export, ids = project / "export.json", project / "ids.txt"
    export.write_text(json.dumps(exports.label_studio()))
    ids.write_text("\ufeff7\n8\r\n\n", encoding="utf-8")
    smo("import", str(export), "--project", "mine")
    answer = smo("raters", "rotate", "mine", "--ids", str(ids))
    assert answer.code == 2 and "there is no new rater key" in answer.err
    monkeypatch.setenv("SMO_RATER_KEY", KEY)
    answer = smo("raters", "rotate", "mine", "--ids", str(ids))
    assert answer.code == 2 and "1 raters and reviewers of project 'mine' have no raw id among the 2 given" in answer.err
    ids.write_text("7\n8\n9\n")
    answer = smo("raters", "rotate", "mine", "--ids", str(ids))
    assert answer.code == 0 and "project mine: 3 raters and reviewers renamed, 0 were there already, 0 keep" in answer.out, answer
    assert "keep SMO_RATER_KEY set" in answer.out and KEY not in answer.out
    with open_workspace(project).tables.views("mine") as views:
        assert {name for (name,) in views.rows("select rater_id from ratings")} == {
            pseudonym(KEY.encode(), "mine", raw) for raw in "789"
        }
    assert "0 raters and reviewers renamed, 3 were there already" in smo("raters", "rotate", "mine", "--ids", str(ids)).out
    assert "0 ratings of 0 new items by 0 new raters imported, 4 were" in smo("import", str(export), "--project", "mine").out


def test_a_file_that_has_no_ids_is_one_line(smo: Smo, project: Path) -> None:
    path = project / "ids.txt"
    for content, said in ((None, "cannot be read"), (b"\n\n", "has no raw id"), (b"\xff\xfe7", "it is not UTF-8 text")):
        if content is not None:
            path.write_bytes(content)
        answer = smo("raters", "rotate", "demo", "--ids", str(path))
        assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1


def test_two_pools_and_one_pool_at_two_times_are_compared(smo: Smo, project: Path) -> None:
    answer = smo("raters", "compare", "demo", "core@1", "vendor-lenient@1")
    assert answer.code == 0 and answer.err == ""
    said = " ".join(answer.out.split())
    assert "core@1 vendor-lenient@1 raters 120 60 of them in both 0 0 in this one alone 120 60" in said
    assert "overlap 0.00" in said and "100.0% of the work moved" in said
    times = ("--before-in", "..2026-04-01", "--after-in", "2026-04-01..")
    drift = " ".join(smo("raters", "compare", "demo", "all", *times).out.split())
    assert "all before 2026-04-01 all from 2026-04-01 raters 180 180 of them in both 180 180" in drift
    assert "overlap 1.00" in drift and "0.0% of the work moved" not in drift


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo", "core@1"], "is compared with itself; name a second pool, or two times"),
        (["demo", "core@1", "core@2"], "did you mean 'core@1'"),
        (["demmo", "core@1", "all"], "did you mean 'demo'"),
        (["demo", "all", "--before-in", "january"], "is not a time such as"),
        (["demo", "all", "--before-in", "january.."], "is not a moment such as"),
        (["demo", "all", "--before-in", "..1999-01-01"], "gave no rating, so there is no work to compare; choose"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_one_line(smo: Smo, project: Path, arguments: list[str], said: str) -> None:
    answer = smo("raters", "compare", *arguments)
    assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1
