"""The Markdown guidelines say the same as the simulator's table: read with regular expressions, not with the project's parser."""

import re
from pathlib import Path

import pytest

from smo_pipelines.simulate.policy import GUIDELINES

ROOT = Path(__file__).parents[2] / "configs"
VERSIONS = [version for versions in GUIDELINES.values() for version in versions]
HEADING = re.compile(r"^## (\S+) (.+)$", re.MULTILINE)
FRONT = re.compile(r"^(\w+): (.+)$", re.MULTILINE)


def parts(guideline: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the front matter's pairs and the clauses' texts (with titles) of a file."""
    _, front, body = (ROOT / "guidelines" / (guideline.replace("@", "/") + ".md")).read_text(encoding="utf-8").split("---\n", 2)
    cut = HEADING.split(body)[1:]
    return dict(FRONT.findall(front)), {cut[k]: cut[k + 1] + cut[k + 2] for k in range(0, len(cut), 3)}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.id)
def test_ids_question_labels_and_clauses_agree_with_the_table(version) -> None:
    front, clauses = parts(version.id)
    assert front["id"] == version.id
    assert front["question"] == version.policy
    assert front["labels"] == "[benign, violating]"
    assert front["positive"] == "violating"
    assert tuple(clauses) == version.clauses


def test_a_parent_is_the_version_before_it() -> None:
    for versions in GUIDELINES.values():
        parents = [parts(version.id)[0]["parent"] for version in versions]
        assert parents == ["null", *(version.id for version in versions[:-1])]


def test_hate_4_edits_the_planted_clause_and_one_decoy_only() -> None:
    (_, before), (_, after) = parts("hate@3"), parts("hate@4")
    assert [clause for clause in before if before[clause] != after[clause]] == ["3.2", "3.4"]


@pytest.mark.parametrize(
    ("guideline", "labels", "positive"),
    [
        ("kern2023-hate@1", '["0", "1"]', '"1"'),
        ("kern2023-offensive@1", '["0", "1"]', '"1"'),
        ("hatecheck@1", "[non-hateful, hateful]", "hateful"),
        ("xstest@1", "[safe, unsafe]", "unsafe"),
        ("openai-hate@1", '["0", "1"]', '"1"'),
    ],
)
def test_guidelines_of_public_data_name_their_labels(guideline: str, labels: str, positive: str) -> None:
    front, clauses = parts(guideline)
    assert (front["id"], front["labels"], front["positive"]) == (guideline, labels, positive)
    assert clauses


def test_pools_select_by_the_attribute_that_simulated_raters_carry() -> None:
    for name in ("core", "vendor-lenient"):
        text = (ROOT / "pools" / f"{name}.yaml").read_text(encoding="utf-8")
        assert text == f"id: {name}@1\nwhere: {{pool: {name}}}\n"
