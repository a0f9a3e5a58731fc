import json

import numpy as np
import pytest

import bench.calibration
import bench.coverage_crossed
from bench.calibration import main
from bench.calibration_targets import TARGETS, Figure, missed_targets

JOBS = ["--quick", "--jobs", "2"]


def last_line(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_intervals_plans_and_splits_are_right_as_often_as_they_say(capsys):
    main(JOBS)
    found = last_line(capsys)
    assert TARGETS.keys() <= found.keys()
    assert found["rater_naive_min"] > 0.08 > found["rater_aa_max"]
    assert found["flips_baseline_found"] < found["planted_found"]


@pytest.mark.parametrize("narrow", ["items", "runs"])
def test_an_interval_over_one_source_alone_misses_its_targets(monkeypatch, capsys, narrow):
    whole = bench.coverage_crossed.half_widths

    def half_widths(parts, apart):
        _half, by_items, by_runs, unclustered = whole(parts, apart)
        return (by_items if narrow == "items" else by_runs), by_items, by_runs, unclustered

    monkeypatch.setattr(bench.coverage_crossed, "half_widths", half_widths)
    sizes = {**bench.calibration.QUICK, "crossed": {"experiments": 100, "others": 50, "items": (400,)}}
    monkeypatch.setattr(bench.calibration, "QUICK", sizes)
    with pytest.raises(SystemExit):
        main([*JOBS, "--only", "crossed"])
    assert "missed: coverage_min" in capsys.readouterr().out


def test_what_misses_a_target_is_named_and_luck_is_allowed_for_where_few_were_counted():
    few, many = Figure(0.91, 100), Figure(0.91, 40_000)
    assert missed_targets({"coverage_min": few}, errors=4.0) == []
    assert len(missed_targets({"coverage_min": many}, errors=4.0)) == 1
    assert missed_targets({"coverage_min": few}) == ["coverage_min is 0.91, which should lie between 0.935 and 1"]
    assert missed_targets({"null_alarms": Figure(float(np.nextafter(0.1, 1.0)), 200)}) != []


def test_the_planner_alone_has_nothing_to_be_held_against(capsys):
    with pytest.raises(SystemExit):
        main([*JOBS, "--only", "planner"])
    assert "add crossed" in capsys.readouterr().err
