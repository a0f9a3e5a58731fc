import csv
from pathlib import Path

import pytest

from tests.cli.conftest import Smo
from tests.examples.projects import files_of, make_project
from tests.experiment.test_predictions import ITEMS, SCORES, write_benchmark


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = make_project(tmp_path / "project")
    write_benchmark(project)
    monkeypatch.setenv("SMO_ROOT", str(project))
    return project


def write(path: Path, scores: dict[str, float]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("item_id", "score"), *scores.items()])
    return str(path)


def test_benchmarks_are_listed_and_shown_without_their_texts(own: Path, smo: Smo) -> None:
    listed = smo("benchmark", "list")
    assert listed.code == 0
    assert "not here: benchmark 'gold'" in " ".join(listed.out.split())  # its project was not imported
    assert "40" in listed.out and "gold of hate@4" in listed.out
    shown = smo("benchmark", "show", "own")
    assert "40 items in 40 independent groups, from own.csv" in shown.out
    assert "gold of hate@4: 20 positive, 20 negative, 0 unknown" in shown.out
    assert "slice locale: de 20, en 20" in shown.out
    assert "decided experiments that were scored on it: none (0)" in shown.out
    assert "sock" not in shown.out + listed.out
    assert smo("benchmark", "show", "wn").err.count("did you mean 'own'?") == 1


def test_items_are_written_for_a_model_elsewhere_and_its_scores_come_back(own: Path, smo: Smo, tmp_path: Path) -> None:
    out = tmp_path / "items.csv"
    said = smo("benchmark", "items", "own", "--out", str(out)).out
    digest = said.split("--digest ")[1].split("`")[0]
    with out.open(newline="") as file:
        assert list(csv.reader(file)) == [["item_id", "text"], *([item, text] for item, text, *_ in ITEMS)]
    assert smo("benchmark", "items", "own", "--out", str(out)).code == 2
    path = write(tmp_path / "a.csv", SCORES)
    arguments = ("predictions", "import", path, "--benchmark", "own", "--model", "a", "--digest", digest)
    assert "a: 40 scores, threshold 0.5, on own" in smo(*arguments).out
    assert "were there already; nothing was written" in smo(*arguments).out
    better = write(tmp_path / "b.csv", SCORES | {"i00": 0.9, "i03": 0.1})
    smo("predictions", "import", better, "--benchmark", "own", "--model", "b")
    assert [line.split(":")[0] for line in smo("predictions", "list").out.splitlines()] == ["a", "b"]
    compared = smo("predictions", "compare", "a", "b", "--on", "own", "--metric", "functional_pass_rate")
    assert compared.code == 0
    assert "-5.0" in compared.out and "95.0" in compared.out
    assert "these fitted models; gold of guideline hate@4" in compared.out
    scored = smo("predictions", "score", "b", "--on", "own", "--by", "locale").out
    assert "100.0" in scored and "90.0" in scored


def test_mistakes_are_one_sentence_and_write_nothing(own: Path, smo: Smo, tmp_path: Path) -> None:
    before = files_of(own)
    bad = write(tmp_path / "bad.csv", SCORES | {"i05": 1.7})
    wanted = {
        ("predictions", "import", bad, "--benchmark", "own", "--model", "m"): "'i05' is '1.7'; legal: a number from 0 to 1",
        ("predictions", "import", bad, "--benchmark", "owm", "--model", "m"): "unknown benchmark 'owm'; did you mean 'own'?",
        ("predictions", "compare", "m", "n", "--on", "own"): "unknown model with predictions on 'own' 'm'; none is defined",
        ("predictions", "score", "m", "--on", "own", "--metric", "f2"): "'own' 'm'",
        ("matrix", "smal"): "unknown experiment 'smal'; did you mean 'small'?",
    }
    for arguments, sentence in wanted.items():
        answer = smo(*arguments)
        assert answer.code == 2 and sentence in answer.err, answer
        assert answer.err.count("error:") == 1 and "Traceback" not in answer.err
    assert files_of(own) == before
