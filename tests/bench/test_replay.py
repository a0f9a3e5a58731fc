"""What is read off replays: early alarms, delays and named causes; and that a small replay goes through the real pipeline."""

import pytest

from bench.replay import QUICK, replay, summary, tables

STREAM = "recall on gold"


def row(seed, *, swap=(), quiet=(), swap_night=60):
    twins = {
        name: {"nights": 120, "last": {STREAM: 0.7}, "episodes": list(episodes)}
        for name, episodes in (("swap", swap), ("quiet", quiet))
    }
    return {"seed": seed, "swap_night": swap_night, "baseline": {STREAM: {"mean": 0.8, "sd": 0.05, "margin": 0.1}}, **twins}


def episode(alarm, cause=None):
    told = {
        "stream": STREAM,
        "kind": "drift",
        "alarm": alarm,
        "since": [alarm - 5, alarm - 8, alarm - 3],
        "effect": [-0.1, -0.2, -0.05],
    }
    return told if cause is None else {**told, "cause": {"grouping": "pool", "value": cause, "confirmed": True}}


def test_an_early_alarm_is_none_of_those_found_and_the_first_later_one_counts():
    rows = {
        "embedded": [
            row(1, swap=[episode(12), episode(85, "vendor-lenient"), episode(90)]),
            row(2, swap=[episode(79, "vendor-lenient")], quiet=[episode(100)]),
            row(3),
        ],
        "kern2023": [],
    }
    found = summary(rows)
    assert (found["early_alarms"], found["quiet_replays_with_an_alarm"], found["found"]) == (1, 1, 2)
    assert found["delay_median"] == 26  # 20, 26 and never, the swap's own night counted as 1
    assert found["vendor_named"] == 2


def test_more_missed_than_found_has_no_median():
    rows = {"embedded": [row(1, swap=[episode(70)]), row(2), row(3)], "kern2023": []}
    assert summary(rows)["delay_median"] is None


def test_a_table_has_a_row_a_seed_and_says_when_nothing_was_found():
    text = tables({"embedded": [row(1, swap=[episode(80, "vendor-lenient")]), row(2)], "kern2023": []})
    assert (
        "| 1 | 0 | 0 | night 80 | recall on gold | night 75 (72 to 77) | -0.100 (-0.200 to -0.050) | pool vendor-lenient |" in text
    )
    assert "| 2 | 0 | 0 | none | | | | |" in text
    assert "Kern" not in text


@pytest.fixture(scope="module")
def small():
    return replay(QUICK)


def test_twins_share_the_nights_before_the_swap_and_part_on_its_night(small):
    for stream in small["baseline"]:
        quiet, swapped = (small[twin]["values"][stream] for twin in ("quiet", "swap"))
        assert len(quiet) == len(swapped) == QUICK.last_night
        assert quiet[: QUICK.swap_night - 1] == swapped[: QUICK.swap_night - 1]
    changed = [small["quiet"]["values"][one] != small["swap"]["values"][one] for one in small["baseline"]]
    assert any(changed)
