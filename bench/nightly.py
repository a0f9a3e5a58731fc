"""How often a year of nights alarms for nothing, and how soon it notices a drop: the project's detector beside a nightly t test.

Simulated years (bench/nightly_years.py) of one watched number and of twenty: labels that overlap from night to night, and independent
runs; normal, heavy-tailed, skewed and tied values; labels that vary half, as much and half again as much as the training seed; nights
that were missed. The margin is four standard deviations of a run, its labels included.

    python -m bench.nightly [--quick] [--years N] [--jobs N] [--seed S]

The last line is one JSON object: ``false_alarm_year_max`` (the largest rate of any cell, nights as good as the baseline, and nights
that stand at the margin all year), ``naive_false_alarm_year`` (the smallest rate of any cell for a one-sided t test of the night's
runs against the blessed runs at 5%), ``delay_median_2x_margin`` (nights until the alarm, the worst cell's median, when the metric
drops by twice the margin on night 61). The full form writes docs/nightly-calibration.md and bench/results/nightly.json.
"""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import stats

from bench.nightly_years import NIGHTS, NOISES, World, Years, draw_years
from smo_pipelines.stats.change_point import change_point
from smo_pipelines.stats.sequential import FoldedNights, Watch, fold
from smo_pipelines.stats.two_way import wilson

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "nightly-calibration.md"
RESULTS = Path(__file__).parent / "results" / "nightly.json"
MARKS = ("<!-- table: python -m bench.nightly -->", "<!-- end of table: python -m bench.nightly -->")

STREAMS = 20
MARGIN = 4.0
"""In standard deviations of one run."""
NARROW = 3.0
"""A margin that is too narrow where all labels are shared: shown beside the other."""
DROP_NIGHT = 60
EARLY_NIGHTS = (0, 14, 30)
_AT_ONCE = 1000


def watched(years: Years, margin: float) -> FoldedNights:
    """Fold each year as one of twenty streams; a year watched alone alarms where its statistic reached a twentieth of the threshold."""
    rule = Watch(margin=margin, streams=STREAMS)
    return fold(years.blessed, years.runs.mean(axis=2), years.uniforms, rule, counted=years.counted)


def naive(years: Years, margin: float = 0.0) -> np.ndarray:
    """Return on which nights a one-sided pooled t test at 5% says that the night's runs are worse by more than a margin."""
    r, k = years.blessed.shape[1], years.runs.shape[2]
    squares = years.blessed.var(axis=1) * r
    pooled = (squares[:, None] + years.runs.var(axis=2) * k) / (r + k - 2)
    gap = years.blessed.mean(axis=1)[:, None] - margin - years.runs.mean(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = gap / np.sqrt(pooled * (1.0 / r + 1.0 / k))
    return np.asarray((t > stats.t.ppf(0.95, r + k - 2)) & years.counted)


def rate(alarms: np.ndarray) -> dict[str, Any]:
    """Return the share of years with an alarm, with its interval."""
    share = float(alarms.mean())
    interval = wilson(share, len(alarms))
    return {"rate": share, "low": round(interval.low, 5), "high": round(interval.high, 5), "years": len(alarms)}


def false_alarms(job: tuple[World, float, float, int, int]) -> dict[str, Any]:
    """Return how many years of one cell alarm: one stream, any of twenty, and the nightly t tests."""
    world, level, margin_in_sd, years, seed = job
    rng = np.random.default_rng(seed)
    peaks, plain, same_margin = [], np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    margin = margin_in_sd * world.run_sd
    for start in range(0, years * STREAMS, _AT_ONCE):
        drawn = draw_years(world, min(_AT_ONCE, years * STREAMS - start), rng, level=level * margin)
        peaks.append(watched(drawn, margin).statistic.max(axis=1))
        if start == 0:  # a rate near 1 needs no more years
            plain, same_margin = naive(drawn).any(axis=1), naive(drawn, margin).any(axis=1)
    peak = np.concatenate(peaks)
    threshold = Watch(margin=margin).threshold
    return {
        **asdict(world),
        "level": level,
        "margin_in_run_sd": margin_in_sd,
        "margin_in_seed_sd": round(margin, 3),
        "one_stream": rate(peak >= threshold),
        "twenty_streams": rate((peak.reshape(years, STREAMS) >= STREAMS * threshold).any(axis=1)),
        "naive": rate(plain),
        "naive_with_margin": rate(same_margin),
    }


def delays(job: tuple[World, int, int, int]) -> dict[str, Any]:
    """Return nights until the alarm, the first night of the drop counted as 1, and how often the interval of its start holds it."""
    world, night, years, seed = job
    margin = MARGIN * world.run_sd
    level = np.where(np.arange(NIGHTS) < night, 0.0, -2.0 * margin)
    drawn = draw_years(world, years, np.random.default_rng(seed), level=level)
    statistic = watched(drawn, margin).statistic
    found: dict[str, Any] = {**asdict(world), "night": night, "margin_in_seed_sd": round(margin, 3), "years": years}
    alone = fold(drawn.blessed, drawn.runs.mean(axis=2), drawn.uniforms, Watch(margin=margin), counted=drawn.counted)
    for name, streams in (("one_stream", 1), ("twenty_streams", STREAMS)):
        reached = statistic >= Watch(margin=margin, streams=streams).threshold
        first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
        after = first[first > night] - night
        found[name] = {
            "early": int((first <= night).sum()),
            "median": float(np.median(after)),
            "p90": float(np.quantile(after, 0.9, method="higher")),
            "found_in_30": round(float((after <= 30).mean()), 4),
        }
    found["since"] = since(alone, drawn.counted, night)
    return found


def since(alone: FoldedNights, counted: np.ndarray, night: int) -> dict[str, Any]:
    """Return how often the interval of the first night holds the true one, over the first alarms after it."""
    inside, widths = [], []
    for year in np.flatnonzero(alone.alarm.any(axis=1)):
        alarm = int(alone.alarm[year].argmax())
        places = np.flatnonzero(counted[year, : alarm + 1])
        if alarm < night or len(places) < 3:
            continue
        one = change_point(alone.p.data[year, places])
        # a night that did not run cannot be told from the next one that did
        truth = places[min(int(np.searchsorted(places, night)), len(places) - 1)]
        inside.append(places[one.earliest] <= truth <= places[one.latest])
        widths.append(one.latest - one.earliest + 1)
    return {"coverage": round(float(np.mean(inside)), 4), "alarms": len(inside), "median_nights": float(np.median(widths))}


def cells(*, quick: bool) -> tuple[list[World], list[World], list[World]]:
    """Return the cells without a change, those that stand at the margin, and those with a drop."""
    noises = (0.5, 1.5) if quick else (0.5, 1.0, 1.5)
    missed = (True,) if quick else (False, True)
    labels = (0.0, 1.0) if quick else (0.0, 0.5, 1.0)
    quiet = [
        World(noise=noise, label_noise=r, shared=shared, missed=gone)
        for noise, r, shared, gone in itertools.product(NOISES, noises, labels, missed)
    ]
    at_margin = [World(noise=noise, label_noise=1.0, shared=0.0, blessed=n) for noise in NOISES for n in (20, 40)]
    whole = [World(noise=noise, label_noise=r, shared=shared) for noise in NOISES for r in noises for shared in labels]
    drop = whole + [replace(world, missed=True) for world in whole if world.shared == 1.0]
    return quiet, at_margin, drop


def report(*, quick: bool, years: int, jobs: int, seed: int) -> dict[str, Any]:
    """Run every cell."""
    quiet, at_margin, drop = cells(quick=quick)
    seeds = itertools.count(1000 * seed)
    alarms = [(world, 0.0, MARGIN, years, next(seeds)) for world in quiet]
    alarms += [(world, -1.0, MARGIN, years, next(seeds)) for world in at_margin]
    alarms += [(world, 0.0, NARROW, years, next(seeds)) for world in quiet if world.shared and world.missed]
    few = max(years // 2, 20)
    falls = [(world, DROP_NIGHT, few, next(seeds)) for world in drop]
    early = [World(noise="normal", label_noise=1.0, shared=0.5, blessed=blessed) for blessed in (20, 40)]
    falls += [(world, night, few, next(seeds)) for world in early for night in EARLY_NIGHTS]
    if jobs == 1:
        return {"false_alarms": [false_alarms(job) for job in alarms], "drops": [delays(job) for job in falls]}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return {"false_alarms": list(pool.map(false_alarms, alarms)), "drops": list(pool.map(delays, falls))}


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the last line."""
    held = [cell for cell in rows["false_alarms"] if cell["margin_in_run_sd"] == MARGIN]
    both = [cell[name] for cell in held for name in ("one_stream", "twenty_streams")]
    worst = max(both, key=lambda one: one["rate"])
    quiet = [cell for cell in held if cell["level"] == 0.0]
    lasting = [row for row in rows["drops"] if row["night"] == DROP_NIGHT]
    first = [row for row in rows["drops"] if row["night"] == 0]
    return {
        "false_alarm_year_max": round(worst["rate"], 4),
        "false_alarm_year_max_high": worst["high"],
        "naive_false_alarm_year": round(min(cell["naive"]["rate"] for cell in quiet), 4),
        "naive_false_alarm_year_max": round(max(cell["naive"]["rate"] for cell in quiet), 4),
        "delay_median_2x_margin": slowest(row for row in lasting if not row["missed"]),
        "delay_median_2x_margin_nights_missed": slowest(row for row in lasting if row["missed"]),
        "delay_median_first_night": {str(row["blessed"]): row["one_stream"]["median"] for row in first},
        "since_coverage_min": min(row["since"]["coverage"] for row in rows["drops"]),
        "margin_in_run_sd": MARGIN,
        "cells": len(held),
    }


def slowest(rows: Iterable[dict[str, Any]]) -> float:
    return max(row[name]["median"] for row in rows for name in ("one_stream", "twenty_streams"))


def percent(one: dict[str, Any]) -> str:
    return f"{100 * one['rate']:.1f}% ({100 * one['low']:.1f} to {100 * one['high']:.1f})"


def labels_of(cell: dict[str, Any]) -> str:
    if not cell["shared"]:
        return "independent"
    return f"rolling, {'all' if cell['shared'] == 1.0 else 'half'} shared"


def tables(rows: dict[str, Any]) -> str:
    """Return the tables of the document."""
    quiet = [cell for cell in rows["false_alarms"] if cell["level"] == 0.0]
    lines = [*_quiet(quiet, MARGIN, "four"), *_quiet(quiet, NARROW, "three")]
    lines += ["", "**A year that stands at the margin**, independent runs: where the bound of 5% is exact.", ""]
    lines += ["| Values | Blessed runs | One stream | Any of twenty | Nightly t test with the margin |", "|---|---|---|---|---|"]
    for cell in (cell for cell in rows["false_alarms"] if cell["level"] != 0.0):
        lines.append(
            f"| {cell['noise']} | {cell['blessed']} | {percent(cell['one_stream'])} | {percent(cell['twenty_streams'])} | "
            f"{percent(cell['naive_with_margin'])} |"
        )
    return "\n".join([*lines, *_drops(rows["drops"]), ""])


def _quiet(cells: list[dict[str, Any]], margin: float, said: str) -> list[str]:
    """Return the table of years without a change: per noise and labels, the worst cell over label noise and missed nights."""
    lines = [
        "",
        f"**A year without a change**, margin of {said} run standard deviations: share of years with an alarm (95% interval),",
    ]
    lines += ["the worst cell over label noise and missed nights.", ""]
    lines += ["| Values | Labels | One stream | Any of twenty | Nightly t test | Margin, in seed SD |", "|---|---|---|---|---|---|"]
    with_margin = [cell for cell in cells if cell["margin_in_run_sd"] == margin]
    for (noise, _), group in _grouped(with_margin, lambda cell: (cell["noise"], cell["shared"])):
        worst = {
            name: max((cell[name] for cell in group), key=lambda one: one["rate"]) for name in ("one_stream", "twenty_streams")
        }
        least = min((cell["naive"] for cell in group), key=lambda one: one["rate"])
        margins = sorted({cell["margin_in_seed_sd"] for cell in group})
        lines.append(
            f"| {noise} | {labels_of(group[0])} | {percent(worst['one_stream'])} | {percent(worst['twenty_streams'])} | "
            f"at least {percent(least)} | {margins[0]:.1f} to {margins[-1]:.1f} |"
        )
    return lines


def _drops(rows: list[dict[str, Any]]) -> list[str]:
    """Return the tables of drops: late with nights missed, the worst cell over label noise; and soon after a blessing."""
    lines = [
        "",
        f"**A lasting drop of twice the margin on night {DROP_NIGHT + 1}**: nights until the alarm, the drop's first as 1, and how",
    ]
    lines += [
        "often the interval of its first night holds it. The worst cell over label noise. Missed: one night in ten and a fortnight,"
    ]
    lines += ["counted as nights of delay.", ""]
    lines += ["| Values | Labels | One stream, median / 90% | Twenty, median / 90% | Interval holds | Nights in it |"]
    lines += ["|---|---|---|---|---|---|"]
    late = [row for row in rows if row["night"] == DROP_NIGHT]
    for (noise, _, missed), group in _grouped(late, lambda row: (row["noise"], row["shared"], row["missed"])):
        slow = {name: max((row[name] for row in group), key=_slowness) for name in ("one_stream", "twenty_streams")}
        covered = min((row["since"] for row in group), key=lambda one: one["coverage"])
        holds = f"{100 * covered['coverage']:.1f}% of {covered['alarms']} | {covered['median_nights']:.0f}"
        said = labels_of(group[0]) + (", missed" if missed else "")
        lines.append(f"| {noise} | {said} | {nights(slow['one_stream'])} | {nights(slow['twenty_streams'])} | {holds} |")
    lines += ["", "**The same drop soon after a blessing**, normal values, labels as noisy as the seed and half shared.", ""]
    lines += [
        "| Blessed runs | First night of the drop | One stream, median / 90% | Twenty, median / 90% | Twenty, found in 30 nights |"
    ]
    lines += ["|---|---|---|---|---|"]
    for row in (row for row in rows if row["night"] != DROP_NIGHT):
        found = f"{100 * row['twenty_streams']['found_in_30']:.0f}%"
        lines.append(
            f"| {row['blessed']} | {row['night'] + 1} | {nights(row['one_stream'])} | {nights(row['twenty_streams'])} | {found} |"
        )
    return lines


def _slowness(row: dict[str, Any]) -> tuple[float, float]:
    return row["median"], row["p90"]


def nights(row: dict[str, Any]) -> str:
    return f"{row['median']:.0f} / {row['p90']:.0f}"


def _grouped(rows: list[dict[str, Any]], key: Any) -> list[tuple[Any, list[dict[str, Any]]]]:
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.items())


def put_between(marks: tuple[str, str], text: str) -> None:
    """Put a table between its two marks in the document."""
    document = DOCUMENT.read_text(encoding="utf-8")
    before, after = document.split(marks[0])[0], document.split(marks[1])[1]
    DOCUMENT.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer cells and years, one process; writes nothing")
    parser.add_argument(
        "--years", type=int, default=400, help="years of twenty streams a cell; one stream has twenty times as many"
    )
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    years, jobs = (min(asked.years, 20), 1) if asked.quick else (asked.years, asked.jobs)
    rows = report(quick=asked.quick, years=years, jobs=jobs, seed=asked.seed)
    print(tables(rows))
    result = summary(rows)
    if not asked.quick:
        command = " ".join(["python -m bench.nightly", *(sys.argv[1:] if arguments is None else arguments)])
        RESULTS.write_text(json.dumps({"command": command, **result, **rows}, indent=1) + "\n", encoding="utf-8")
        put_between(MARKS, tables(rows))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
