"""What is made of many A/As, and that the arms of one are what they are said to be."""

import numpy as np

from bench import null_experiments as bench
from bench.tables import write_table
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.stats.two_way import wilson


def one(group: str, rejected: bool) -> dict:
    effects = {"average_precision": {"estimate": 0.01, "half_width": 0.03, "p": 0.2, "rejected": rejected}}
    return {"group": group, "items": 500, "verdict": "invalid" if rejected else "hold", "effects": effects}


def test_rates_come_with_their_interval_and_what_could_not_be_estimated_is_counted_apart():
    found = [one("a", rejected=False)] * 18 + [one("b", rejected=True)] * 2
    found.append({**one("b", rejected=False), "effects": {"average_precision": {"not_estimable": "few_redraws"}}})
    row = bench.summary(bench.CELLS[0], found)["metrics"]["average_precision"]
    assert (row["tests"], row["rejected"], row["not_estimable"]) == (20, 2, 1)
    interval = wilson(0.1, 20)
    assert row["interval"] == [round(interval.low, 4), round(interval.high, 4)]
    assert row["range_over_groups"] == [0.0, 1.0]
    shown = bench.table({"kern2023/tfidf": bench.summary(bench.CELLS[0], found)})
    assert "2 of 20 | 0.100" in shown


def test_the_arms_are_disjoint_halves_of_the_raters_on_the_same_items(tmp_path, monkeypatch):
    monkeypatch.setenv("SMO_STATE", str(tmp_path))
    cell = next(cell for cell in bench.CELLS if cell.name == "operation/tfidf")
    arms = bench.operation_arms(cell, 3, str(tmp_path))
    control, treatment = (arms.rater_facts(arm).rater_ids for arm in ArmName)
    assert control
    assert treatment
    assert not control & treatment
    sets = [arms.training_set(one.arm, one.kind, one.index) for one in arms.experiment.replicate_ids() if one.label.endswith("-0")]
    assert all(np.array_equal(sets[0].item_ids, other.item_ids) for other in sets)
    seeds = [{one.seed for one in arms.experiment.replicate_ids() if one.arm is arm} for arm in ArmName]
    assert not seeds[0] & seeds[1]


def test_a_table_replaces_what_stood_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- table: x -->\nold\n<!-- end of table -->\nafter\n<!-- table: y -->\nkept\n<!-- end of table -->\n"
    )
    write_table("x", "| new |", page)
    assert page.read_text() == (
        "before\n<!-- table: x -->\n\n| new |\n\n<!-- end of table -->\nafter\n<!-- table: y -->\nkept\n<!-- end of table -->\n"
    )
