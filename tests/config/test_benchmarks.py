"""One file of benchmarks for several words, and names that do not move under the feet of experiments that are registered."""

from pathlib import Path

import pytest

from smo_pipelines.config.benchmarks import load_benchmark_specs
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.errors import ConfigError
from tests.examples.projects import CHECKOUT

HELD_OUT = "kind: heldout\nrecipe: {project: demo, question: hate, guideline: hate@3, instrument: %s}\n"


def write(root: ProjectRoot, name: str, text: str) -> Path:
    path = root.configs / "benchmarks" / f"{name}.yaml"
    path.write_text(text)
    return path


def test_for_each_gives_one_benchmark_a_word_equal_to_one_that_is_written_out(root: ProjectRoot) -> None:
    write(root, "held", "for_each: {instrument: [A, B]}\n" + HELD_OUT % '"{instrument}"')
    write(root, "written", HELD_OUT % "B")
    specs = load_benchmark_specs(root)
    assert {"held-A", "held-B"} <= set(specs) and "held" not in specs
    assert specs["held-B"].digest == specs["written"].digest != specs["held-A"].digest
    write(root, "two", "for_each: {i: [A, B], g: [hate@3, hate@4]}\n" + (HELD_OUT % '"{i}"').replace("hate@3", '"{g}"'))
    assert [name for name in load_benchmark_specs(root) if name.startswith("two")] == [
        "two-A-hate@3",
        "two-A-hate@4",
        "two-B-hate@3",
        "two-B-hate@4",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("for_each: [A]\n" + HELD_OUT % '"{i}"', "for_each must hold lists of words"),
        ("for_each: {}\n" + HELD_OUT % '"{i}"', "for_each must hold lists of words"),
        ("for_each: {i: [A], j: [B]}\n" + HELD_OUT % '"{i}"', "for_each lists 'j', and {j} stands nowhere in the file"),
        ("for_each: {i: [A]}\n" + HELD_OUT % '"{i}"' + "slicess: []\n", "slices"),
        ("for_each: {i: [a/b]}\n" + HELD_OUT % '"{i}"', "not a legal id"),
        ("for_each: {i: [A, A]}\n" + HELD_OUT % '"{i}"', "the benchmark 'held-A' is there already"),
        (
            "kind: table\npath: a.csv\ngold: hate@4\ncolumns: {golt: label}\n",
            "columns.golt names nothing that is read; did you mean",
        ),
        ("kind: openai_moderation\npath: a.jsonl.gz\n", "needs path, categories; categories is not there"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, said: str, root: ProjectRoot) -> None:
    write(root, "held", text)
    with pytest.raises(ConfigError, match=r"configs/benchmarks/held\.yaml") as refused:
        load_benchmark_specs(root)
    assert said in str(refused.value)


def test_files_of_experiments_that_are_registered_keep_their_names() -> None:
    # as they were when each stood in a file of its own and no benchmark had categories: a registered spec holds these digests
    specs = load_benchmark_specs(ProjectRoot(CHECKOUT))
    assert {name: specs[name].digest[:12] for name in ("hatecheck", "kern2023-heldout-A", "kern2023-heldout-B", "demo-gold")} == {
        "hatecheck": "c0c4f015a980",
        "kern2023-heldout-A": "74fbac63ee7b",
        "kern2023-heldout-B": "589c65646f03",
        "demo-gold": "9cf300046659",
    }
