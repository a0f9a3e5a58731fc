"""The quality of labels as an asset: numbers to plot, reasons in place of numbers, and key figures as checks that stop nothing."""

import math
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import defs
from assets.quality_metadata import check_result, plotted, quality_table
from smo_pipelines.domain.quality import Measure, QualityGroup
from tests.examples.dagster_runs import failure_sentence, job, metadata_of
from tests.examples.label_quality import NOT_REVIEWED, gold_outcome, share


def group(*, raters: int, pool: str = "core") -> QualityGroup:
    measures = {measure: share(0.7) for measure in Measure if measure is not Measure.acceptance}
    return QualityGroup(
        keys=(("pool", pool),), ratings=40, items=20, raters=raters, measures=measures | {Measure.acceptance: NOT_REVIEWED}
    )


@pytest.fixture(scope="module")
def made(module_project: Path) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return job("label_quality").execute_in_process(instance=instance)


def test_the_numbers_have_their_ends_and_what_has_none_says_why(made: dg.ExecuteInProcessResult) -> None:
    found = metadata_of(made, "labels/quality/demo")
    for measure in ("alpha", "gold_accuracy", "skip_rate", "cost_per_consensus_item", "median_duration"):
        low, value, high = (found[f"hate/{measure}{end}"] for end in (" low", "", " high"))
        assert isinstance(low, float)
        assert isinstance(value, float)
        assert isinstance(high, float)
        assert low <= value <= high
    assert "hate/acceptance" not in found
    assert found["hate/acceptance is not measured"] == "no rating was reviewed"
    numbers = [value for value in found.values() if isinstance(value, int | float)]
    assert all(math.isfinite(value) for value in numbers)
    assert len(numbers) <= 100  # the user interface plots no more names


def test_every_key_figure_is_a_check_that_stops_nothing(made: dg.ExecuteInProcessResult) -> None:
    found = {evaluation.check_name: evaluation for evaluation in made.get_asset_check_evaluations()}
    assert set(found) == {
        "agreement_on_hate",
        "accuracy_on_gold",
        "skipped_items",
        "time_a_label",
        "cost_of_an_item_decided",
        "accepted_in_review",
    }
    assert not any(evaluation.blocking for evaluation in found.values())
    unknown = found["accepted_in_review"]
    assert unknown.passed
    assert "no rating was reviewed" in (unknown.description or "")
    assert made.success


@pytest.mark.parametrize(
    ("value", "passed", "severity"),
    [(0.95, True, "WARN"), (0.9, True, "WARN"), (0.85, False, "WARN"), (0.7, False, "ERROR")],
)
def test_a_missed_target_warns_and_beyond_the_limit_is_an_error(value: float, passed: bool, severity: str) -> None:
    told = check_result("gold", [gold_outcome(share(value)), gold_outcome(share(0.99), pool="other")])
    assert (told.passed, told.severity.value) == (passed, severity)
    assert told.metadata["pool core/actual"].value == value
    assert (told.metadata["target"].value, told.metadata["limit"].value) == (0.9, 0.8)


def test_what_is_not_known_passes_with_its_sentence_and_no_number() -> None:
    told = check_result("gold", [gold_outcome(NOT_REVIEWED)])
    assert told.passed
    assert "not known" in (told.description or "")
    assert told.metadata["pool core/actual is not measured"].value == NOT_REVIEWED.sentence
    assert "pool core/actual" not in told.metadata


def test_few_raters_are_not_shown_anywhere() -> None:
    told = check_result("gold", [gold_outcome(share(0.5), pool="tiny", raters=4), gold_outcome(share(0.95))])
    assert told.passed
    assert "tiny" not in f"{told.description} {told.metadata}"
    assert "1 with fewer than 5 raters" in (told.description or "")
    groups = [group(raters=4, pool="tiny"), group(raters=5)]
    assert plotted(groups)["tiny/not shown"] == "fewer than 5 raters"
    assert "tiny/alpha" not in plotted(groups)
    table = quality_table(groups)
    assert "tiny" not in table
    assert "1 group is not shown: fewer than 5 raters" in table


def test_a_pool_with_a_bar_in_its_name_does_not_break_the_table() -> None:
    head, _, row = quality_table([group(raters=9, pool="a|b")]).splitlines()[2:5]
    assert row.replace("\\|", "").count("|") == head.count("|")


def test_a_file_that_cannot_be_read_is_a_failure_in_one_sentence(project: Path, instance: dg.DagsterInstance) -> None:
    path = project / "configs" / "kpis" / "demo.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("target: 0.667", "target: high"), encoding="utf-8")
    result = job("label_quality").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert "kpis/demo.yaml" in failure_sentence(result)


def test_two_projects_do_not_share_a_check(project: Path) -> None:
    folder = project / "configs" / "kpis"
    (folder / "other.yaml").write_bytes((folder / "demo.yaml").read_bytes())
    keys = {key.asset_key.to_user_string() for key in defs().resolve_asset_graph().asset_check_keys}
    assert {"labels/quality/demo", "labels/quality/other"} <= keys
