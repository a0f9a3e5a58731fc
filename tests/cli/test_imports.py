"""From an export on the disk to the tables: what is said before, what is written, and what a mistake costs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from smo_pipelines.cli import imports as module
from smo_pipelines.experiment.workspace import open_workspace
from tests.cli.conftest import Smo
from tests.examples import exports
from tests.examples.projects import files_of

Place = Callable[..., str]


@pytest.fixture
def place(project: Path) -> Place:
    def write(content: Any, name: str = "export.json") -> str:
        path = project / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def words(text: str) -> str:
    return " ".join(text.split())


def test_an_export_is_found_out_shown_and_imported(smo: Smo, place: Place, project: Path) -> None:
    path = place(exports.label_studio())
    answer = smo("import", path, "--project", "mine")
    assert answer.code == 0, answer
    said = words(answer.out)
    assert "format: label-studio (tasks with data and a list of annotations)" in said
    assert "items 2 2 raters 3 3 ratings 4 4 unreadable rows 0" in said
    assert "question policy: " in said and "hate 2" in said and "fine 2" in said
    assert "project mine: 4 ratings of 2 new items by 3 new raters imported" in said
    assert exports.MAIL not in answer.out + answer.err
    again = words(smo("import", path, "--project", "mine").out)
    assert "ratings 4 0" in again and "0 ratings of 0 new items by 0 new raters imported, 4 were there already" in again


def test_only_what_is_new_comes_from_a_later_export(smo: Smo, place: Place) -> None:
    smo("import", place(exports.label_studio()), "--project", "mine")
    later = [*exports.label_studio(), exports.ls_task(3, [exports.ls_annotation(31)])]
    said = words(smo("import", place(later), "--project", "mine").out)
    assert "items 3 1 raters 3 0 ratings 5 1" in said and "1 ratings of 1 new items by 0 new raters imported, 4 were there" in said


def test_a_dry_run_shows_the_same_and_writes_nothing(smo: Smo, place: Place, project: Path) -> None:
    path = place(exports.argilla_nested())
    smo("import", path, "--project", "mine", "--dry-run")  # makes the development key
    before = files_of(project)
    answer = smo("import", path, "--project", "mine", "--dry-run")
    said = words(answer.out)
    assert "note WARNING: 2 records are of the nested form" in said
    assert "dry run: 4 ratings of 2 items by 2 raters, 0 rows quarantined; nothing was written" in said
    assert files_of(project) == before


def test_a_format_may_be_named_in_two_ways(smo: Smo, place: Place) -> None:
    path = place(exports.lewidi(), "odd.txt")
    for arguments in (["lewidi", path], [path, "--format", "lewidi"]):
        assert "format: lewidi (as you said)" in smo("import", *arguments, "--project", "mine", "--dry-run").out
    answer = smo("import", path, "--format", "lewdi")
    assert answer.code == 2 and "did you mean 'lewidi'?" in answer.err
    answer = smo("import", "a", "b", "c")
    assert answer.code == 2 and "one file or folder is imported at a time" in answer.err


def test_bad_records_are_listed_now_and_later(smo: Smo, place: Place, project: Path) -> None:
    tasks = exports.label_studio()
    tasks[0]["annotations"] += [{**exports.ls_annotation(40 + n), "completed_by": None} for n in range(12)]
    path = place(tasks)
    before = files_of(project)
    answer = smo("import", path, "--project", "mine")
    assert answer.code == 2 and "12 of 16 rows cannot be read" in answer.err and answer.err.count("\n") == 1
    assert {name for name in files_of(project) if name not in before} <= {".smo/keys/rater-key"}
    answer = smo("import", path, "--project", "mine", "--max-bad-share", "0.9")
    assert "quarantined export.json:1: record 1: annotation 3: no rater (completed_by)" in answer.out
    assert "... and 2 more quarantined rows" in answer.out
    listed = smo("quarantine", "mine")
    assert listed.out.count("export.json:1: record 1: annotation ") == 12
    assert "12 rows of project mine are in quarantine" in listed.out
    assert "2 not shown (--limit 0)" in smo("quarantine", "mine", "--limit", "10").out
    assert "did you mean 'mine'?" in smo("quarantine", "mien").err


def test_the_share_of_bad_rows_may_stand_in_the_mapping(smo: Smo, place: Place, project: Path) -> None:
    tasks = exports.label_studio()
    tasks[0]["annotations"][0]["completed_by"] = None
    mapping = place(yaml.safe_dump({"project": "mine", "max_bad_share": 0.5}), "mapping.yaml")
    assert smo("import", place(tasks), "--mapping", mapping).code == 0
    assert smo("import", place(tasks), "--mapping", mapping, "--max-bad-share", "0.1").code == 2


def test_the_guideline_of_the_mapping_closes_the_labels(smo: Smo, place: Place) -> None:
    options = {"project": "mine", "constants": {"guideline": "hate@3"}, "values": {"hate": "violating"}, "max_bad_share": 0.6}
    answer = smo("import", place(exports.label_studio()), "--mapping", place(yaml.safe_dump(options), "mapping.yaml"))
    assert "label 'fine' is not one of benign, violating" in answer.out


def test_a_known_item_with_another_text_is_refused_before_anything_is_written(smo: Smo, place: Place, project: Path) -> None:
    smo("import", place(exports.label_studio()), "--project", "mine")
    before = {name: digest for name, digest in files_of(project).items() if name.startswith(".smo/")}
    changed = [exports.ls_task(1, [exports.ls_annotation(1)], data={"text": "changed"})]
    answer = smo("import", place(changed), "--project", "mine")
    assert answer.code == 2 and "is known with another text" in answer.err
    assert {name: digest for name, digest in files_of(project).items() if name.startswith(".smo/")} == before


def test_names_of_files_do_not_command_the_terminal(smo: Smo, place: Place) -> None:
    tasks = [*exports.label_studio(), {"id": 1}]
    answer = smo("import", place(tasks, "\x1b[31mred.json"), "--project", "mine", "--max-bad-share", "0.5")
    assert answer.code == 0 and "\x1b" not in answer.out and "[31mred.json:1: record 3" in answer.out


def test_a_bar_shows_how_much_was_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "console", Console(force_terminal=True, width=80))
    notes: list[str] = []
    with module._progress("export.json", notes) as listener:
        listener.progress(0.5)
        listener.note("a note")
    assert "reading export.json" in capsys.readouterr().out and notes == ["a note"]


def test_a_snapshot_of_what_came_in(smo: Smo, place: Place, project: Path) -> None:
    smo("import", place(exports.lewidi()), "--project", "mine")
    tables = open_workspace(project).tables
    assert tables.rating_count("mine") == 6 and len(tables.items("mine")) == 2
