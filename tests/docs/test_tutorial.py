"""The tutorial's own files, run as they stand."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from smo_pipelines.cli.main import main
from smo_pipelines.labels.formats.json_options import JsonOptions

TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
SPAM = ("buy cheap watches now", "win a free prize today", "claim your bonus offer", "limited deal click here")
LETTER = ("our monthly newsletter is out", "this week in the club newsletter", "newsletter: news of the spring fair")
# Harmless texts have words of spam, and newsletters have none: so a model of the first version puts newsletters last for a reason,
# and not where a draw of raters happens to put them.
FINE = (
    "see you at the free concert tonight",
    "win or lose we walk today",
    "thanks for the cheap watches",
    "the offer of a lift now",
)


def smo(*arguments: str) -> int:
    """Run a command in this process and return its exit code."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def block(after: str) -> str:
    """Return the first fenced block behind a line of the tutorial."""
    return re.search(r"```\w+\n(.*?)```", TUTORIAL.split(after, 1)[1], re.DOTALL)[1]


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "my-operation"
    assert smo("init", str(root)) == 0
    for path in (root / "experiments").glob("*.yaml"):
        path.unlink()
    first = block("`configs/guidelines/spam/1.md`:")
    guidelines = root / "configs" / "guidelines" / "spam"
    guidelines.mkdir()
    (guidelines / "1.md").write_text(first, encoding="utf-8")
    (guidelines / "2.md").write_text(first.replace("id: spam@1", "id: spam@2\nparent: spam@1"), encoding="utf-8")
    (root / "columns.yaml").write_text(block("`columns.yaml` says which column is what:"), encoding="utf-8")
    (root / "configs" / "benchmarks" / "spam-gold.yaml").write_text(block("`configs/benchmarks/spam-gold.yaml`:"), encoding="utf-8")
    (root / "experiments" / "spam-2.yaml").write_text(block("in the format of"), encoding="utf-8")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SMO_RATER_KEY", "a key for this test, 32 bytes long")  # redraws of raters go by pseudonym
    return root


TAIL = [
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "fern",
    "grove",
    "hazel",
    "iris",
    "jade",
    "kelp",
    "lilac",
    "maple",
    "nettle",
    "olive",
    "pine",
    "quartz",
    "reed",
    "sage",
    "thyme",
]


def draw(rng: np.random.Generator, n: int) -> list[tuple[str, bool, bool]]:
    """Return texts, each with whether it is spam under the first and under the second version."""
    kinds = ((SPAM, True, True), (LETTER, False, True), (FINE, False, False))
    drawn = [kinds[int(k)] for k in rng.integers(3, size=n)]
    # a tail of its own, since a text that is nearly a benchmark's leaves training
    return [(f"{rng.choice(texts)} {' '.join(rng.choice(TAIL, 8))} {rng.integers(10**6)}", old, new) for texts, old, new in drawn]


def write_data(project: Path) -> None:
    """Write ratings of both versions, and gold that the raters never saw."""
    rng = np.random.default_rng(3)
    words = np.array(["fine", "spam"])
    ratings = [
        {"task": f"t{i}", "body": text, "worker": f"w{(i + k) % 40}", "answer": words[int(truth != (rng.random() < 0.05))],
         "when": "2026-03-01T10:00:00Z", "policy": policy, "split": "train"}
        for i, (text, old, new) in enumerate(draw(rng, 240))
        for policy, truth in (("spam@1", old), ("spam@2", new))
        for k in range(3)
    ]  # fmt: skip
    write_rows(project / "ratings.csv", ratings)
    gold = [
        {"item_id": f"g{i}", "text": text, "thread": f"h{i}", "locale": "en", "spam@1": words[int(old)], "spam@2": words[int(new)]}
        for i, (text, old, new) in enumerate(draw(rng, 300))
    ]
    write_rows(project / "data" / "spam-gold.csv", gold)


def test_the_tutorial_runs_as_it_stands(project, capsys):
    write_data(project)
    assert smo("import", "ratings.csv", "--mapping", "columns.yaml", "--dry-run") == 0
    assert smo("import", "ratings.csv", "--mapping", "columns.yaml") == 0
    assert smo("run", "spam-2") == 0
    printed = capsys.readouterr().out
    assert "1,440 ratings" in printed
    assert "average precision on spam-gold under gold spam@2 rose" in " ".join(printed.replace("│", " ").split())


def test_the_guardrail_it_asks_for_is_really_asked_for(project, capsys):
    path = project / "experiments" / "spam-2.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("guardrails:")] + "guardrails: []\n", encoding="utf-8")
    assert smo("run", "spam-2") == 2
    assert "gold_unchanged" in " ".join(capsys.readouterr().err.split())


def test_the_mapping_of_a_tool_s_export_is_legal():
    options = JsonOptions.of(yaml.safe_load(block("because the tool has its own names")), "label-studio")
    assert options.questions == {"spam": "is_spam"} and options.values == {"Yes": "spam", "No": "fine"}
