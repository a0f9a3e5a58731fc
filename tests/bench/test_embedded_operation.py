"""Random changes: drawn alike each time, run by the project's functions, and judged against their truth."""

import numpy as np
import pytest

from bench import embedded_operation as bench
from smo_pipelines.domain.changes import ChangeKind, kind_of_change

CHANGES = [bench.draw_change(number) for number in range(len(bench.KINDS))]


def truth(primary: float, flagged: float, error: float = 0.001) -> dict[str, dict[str, float]]:
    values = {"average_precision": primary, "false_positive_rate": flagged, "average_precision (gold_unchanged)": 0.0}
    return {name: {"mean": mean, "mc_error": error} for name, mean in values.items()}


def test_a_number_stands_for_one_change_of_the_kind_it_says():
    assert [bench.draw_change(change.number) for change in CHANGES] == CHANGES
    assert len({change.what for change in CHANGES}) > 15
    for change in CHANGES:
        kind = kind_of_change(change.control, change.treatment)
        assert (kind is ChangeKind.none) == (change.kind == "nothing, halves of the raters")
        assert (kind is ChangeKind.guideline_edit) == (change.kind == "guideline edit")
        assert change.before != change.after or change.kind in ("aggregation", "nothing, halves of the raters")


def test_fresh_raters_in_each_experiment_on_the_same_items():
    swap = CHANGES[5]
    one, other = bench.snapshots(swap, 1), bench.snapshots(swap, 2)
    for arm, snapshot in one.items():
        assert np.array_equal(snapshot.item_ids, other[arm].item_ids)
        assert not set(snapshot.votes.rater_ids) & set(other[arm].votes.rater_ids)


@pytest.mark.parametrize(
    ("primary", "flagged", "said"),
    [
        (0.05, 0.01, "a gain"),
        (0.05, 0.06, "harmful"),  # the false positive rate rose by more than the margin
        (-0.01, 0.0, "harmful"),
        (-0.001, 0.0, "too small to matter"),  # within twice the Monte Carlo error
        (0.01, -0.2, "too small to matter"),
    ],
)
def test_what_a_change_truly_is(primary, flagged, said):
    assert bench.classify(CHANGES[0], truth(primary, flagged)) == said


def test_an_experiment_and_its_truth_are_about_the_same_questions():
    edit = CHANGES[0]
    known = bench.truth_of(edit, range(2), 10_000)
    found = bench.one_experiment(edit, 7)
    assert set(known) == set(found["effects"])
    report = bench.report_of([edit], {edit.number: known}, [found, {**found, "verdict": "ship"}])
    assert report["coverage"]["average_precision"]["intervals"] == 2
    assert sum(report["verdicts"][report["changes"][0]["is"]].values()) == 2
    low, high = (found["effects"]["average_precision"][end] for end in ("low", "high"))
    mean = report["changes"][0]["average_precision"]["truth"]["mean"]
    assert report["coverage"]["average_precision"]["covered"] == 2 * (low <= mean <= high)
