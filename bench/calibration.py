"""How often the library's intervals, plans and splits are right, on experiments whose truth is known.

Five parts, each from the library's own functions: the crossed interval (``bench.coverage_crossed``), intervals by a bootstrap of items
(``bench.coverage_bootstrap``), claims about a rater pool (``bench.coverage_raters``), planned power (``bench.planner_error``), and the
planted cause of a change beside a decoy (``bench.root_cause``). The full form stores its rows in ``bench/results/calibration.json`` and
writes its tables into ``docs/calibration.md``; it is an error when a target is missed. The quick form simulates a small part of it and
allows each figure four standard errors.

    python -m bench.calibration [--quick] [--jobs N] [--only PART ...]

The last line is one JSON object.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bench.calibration_tables import write_tables
from bench.calibration_targets import figures, missed_targets
from bench.coverage import Row
from bench.coverage_bootstrap import bootstrap_rows
from bench.coverage_crossed import ITEMS, crossed_rows
from bench.coverage_raters import RATERS, rater_rows
from bench.planner_error import planner_rows
from bench.root_cause import planted_rows

PARTS = ("crossed", "bootstrap", "raters", "planner", "cause")
RESULTS = Path("bench/results/calibration.json")
DOCUMENT = Path("docs/calibration.md")

FULL: dict[str, dict[str, Any]] = {
    "crossed": {"experiments": 3000, "others": 2000, "items": ITEMS},
    "bootstrap": {"experiments": 2000},
    "raters": {"experiments": 1000, "pools": 4000, "raters": RATERS},
    "planner": {"pilot": 100},
    "cause": {"draws": 200},
}
QUICK: dict[str, dict[str, Any]] = {
    "crossed": {"experiments": 200, "others": 100, "items": (400,)},
    "bootstrap": {"experiments": 75},
    "raters": {"experiments": 150, "pools": 500, "raters": RATERS[:1]},
    "planner": {"pilot": 20},
    "cause": {"draws": 3, "n_items": 400, "benchmark_items": 500},
}


def rows_of(part: str, pool: Executor, sizes: Mapping[str, Any], done: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return one part's rows; the planner is held against the experiments of the crossed interval."""
    if part == "planner":
        return planner_rows(pool, done["crossed"], **sizes)
    of: dict[str, Callable[..., list[Row]]] = {
        "crossed": crossed_rows,
        "bootstrap": bootstrap_rows,
        "raters": rater_rows,
        "cause": planted_rows,
    }
    return of[part](pool, **sizes)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute at most; stores nothing")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="make these anew; the others are those stored")
    asked = parser.parse_args(arguments)
    if asked.quick and "planner" in asked.only and "crossed" not in asked.only:
        parser.error("the planner is held against the experiments of the crossed interval: add crossed")
    command = " ".join(["python -m bench.calibration", *arguments])
    report: dict[str, Any] = {"program": "calibration", "parts": {}}
    if set(asked.only) < set(PARTS) and not asked.quick:
        report = json.loads(RESULTS.read_text(encoding="utf-8"))
    with ProcessPoolExecutor(asked.jobs) as pool:
        for part in (part for part in PARTS if part in asked.only):
            started, sizes = time.perf_counter(), (QUICK if asked.quick else FULL)[part]
            done = {name: one["rows"] for name, one in report["parts"].items()}
            rows = rows_of(part, pool, sizes, done)
            seconds = round(time.perf_counter() - started, 1)
            report["parts"][part] = {"command": command, "jobs": asked.jobs, "seconds": seconds, "sizes": sizes, "rows": rows}
            print(f"{part}: {len(rows)} rows in {seconds:.0f} s", flush=True)
    found = figures({name: one["rows"] for name, one in report["parts"].items()})
    report["figures"] = {name: round(figure.value, 4) for name, figure in found.items()}
    report["missed"] = missed_targets(found, errors=4.0 if asked.quick else 0.0)
    if not asked.quick:
        RESULTS.write_text(dumped(report), encoding="utf-8")
        write_tables(DOCUMENT, report)
    for sentence in report["missed"]:
        print(f"missed: {sentence}")
    print(json.dumps(report["figures"]))
    if report["missed"]:
        raise SystemExit(1)


def dumped(report: Mapping[str, Any]) -> str:
    """Return the report as JSON with one row a line."""
    head = {name: value for name, value in report.items() if name != "parts"}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    parts = []
    for name, part in report["parts"].items():
        about = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in part.items() if key != "rows"]
        rows = ",\n".join(f"    {json.dumps(row)}" for row in part["rows"])
        parts.append(f"  {json.dumps(name)}: {{\n" + ",\n".join([*about, f'   "rows": [\n{rows}\n   ]']) + "\n  }")
    return "{\n" + ",\n".join([*lines, ' "parts": {\n' + ",\n".join(parts) + "\n }"]) + "\n}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
