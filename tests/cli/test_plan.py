from pathlib import Path

import yaml

from smo_pipelines.config.components import load_components
from smo_pipelines.config.root import ProjectRoot
from tests.cli.conftest import Smo
from tests.examples.projects import write_spec


def test_a_plan_says_its_sentence_first_and_registers_nothing(smo: Smo, project: Path) -> None:
    answer = smo("plan", "small")
    assert answer.code == 0, answer.err
    said = " ".join(answer.out.split())
    assert (
        "small A change of 2.0 points in average precision on gold under gold hate@4 would be shown with a probability of" in said
    )
    assert "cheapest with 80%:" in said and "fits trained now: 7" in said
    assert smo("experiments").out.splitlines()[1].startswith("-"), "it is undecided and can still be changed"
    write_spec(project, replicates=3)
    assert smo("plan", "small").code == 0, "nothing was registered that a changed file would contradict"


def test_what_a_decided_experiment_measured_is_a_file_that_the_next_plan_reads(smo: Smo, project: Path) -> None:
    refused = smo("plan", "small", "--measured")
    assert refused.code == 2 and "has no decision yet" in refused.err
    assert smo("run", "small").code == 0
    answer = smo("plan", "small", "--measured")
    assert answer.code == 0, answer.err
    folder = project / "configs" / "components"
    folder.mkdir()
    (folder / "quick.yaml").write_text(answer.out, encoding="utf-8")
    found = load_components(ProjectRoot(project), "quick")
    assert found is not None and found.seconds_a_fit is not None
    assert {one.question.metric for one in found.measured} >= {"average_precision", "f1", "false_positive_rate"}
    assert yaml.safe_load(answer.out)["measured"][0]["source"] == "small, 2 fits and 3 redraws of each arm"
    write_spec(project, "again", replicates=6)
    planned = smo("plan", "again")
    assert planned.code == 0 and "fits trained now" not in planned.out
    assert "components: small, 2 fits and 3 redraws of each arm" in " ".join(planned.out.split())
