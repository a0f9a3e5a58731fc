"""A new key for the pseudonyms, from the command line."""

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
