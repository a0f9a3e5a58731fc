"""An operation replayed night by night through the nightly pipeline: what alarms, when, and what is named as the cause.

The embedded operation for 120 nights after a blessing: in one replay the lenient vendor pool takes over all rating on night 60, in its
quiet twin nothing changes; both share the first 59 nights. And 30 nights of Kern et al. (2023), offensive, in which the raters of
condition E take over from those of condition A on night 11 (needs SMO_REAL_DATA).

    python -m bench.replay [--quick] [--seeds N] [--jobs N] [--seconds S] [--kern N]

A seed that was replayed is kept in bench/results/replay.json and not run again. ``--seconds`` starts no further seed after that
time. The last line is one JSON object; the full form writes the tables into docs/nightly-calibration.md.
"""

import argparse
import datetime as dt
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import yaml

import bench.replay_kern2023 as kern
from bench.nightly import put_between
from smo_pipelines.config.nightly import find_nightly_plan
from smo_pipelines.domain.effects import EffectEstimate
from smo_pipelines.domain.episodes import ChangePoint, Episode, StreamState
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.domain.nights import Baseline
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.nightly.bless import bless
from smo_pipelines.nightly.explain import explain_episode
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.materials import gather
from smo_pipelines.nightly.night import run_nights
from smo_pipelines.simulate.nights import FIRST_DAY, label_days

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
RESULTS = Path(__file__).parent / "results" / "replay.json"
MARKS = ("<!-- table: python -m bench.replay -->", "<!-- end of table: python -m bench.replay -->")

WINDOW = 28
HISTORY = 2 * WINDOW
"""Days of labels before the blessing: a window for each day on which a blessed run is dated."""
LAST = 14
"""Nights at the end of a replay whose mean is shown."""
LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
_DAY = dt.timedelta(days=1)

GOLD = {
    "kind": "items",
    "project": "demo",
    "items": {"split": "benchmark", "policy": "hate"},
    "golds": ["hate@4"],
    "slices": ["clause"],
}
LOOKALIKES = {**GOLD, "items": {**GOLD["items"], "lookalike": "yes"}}
PLAN: dict[str, Any] = {
    "area": "hate",
    "recipe": {"project": "demo", "question": "hate", "items": {"split": "train"}, "pool": "all"},
    "label_set": "hate@4",
    "classifier": "tfidf",
    "items": 1000,
    "window_days": WINDOW,
    "runs": 2,
    "blessed_runs": 20,
    "blessed_over_days": WINDOW,
    "streams": [
        {"metric": "average_precision", "on": "replay-gold", "margin": 0.08},
        {"metric": "recall", "on": "replay-gold", "threshold": "baseline", "margin": 0.15},
        {"metric": "recall", "on": "replay-gold", "items": "slice:clause=3.5", "threshold": "baseline", "margin": 0.20},
        {"metric": "false_positive_rate", "on": "replay-lookalikes", "threshold": "baseline", "margin": 0.25},
    ],
}
"""Margins of three standard deviations of a run, but for clause 3.5, which the vendor's raters often do not see: two."""


def write_project(folder: Path, plan: dict[str, Any], benchmarks: dict[str, Any]) -> Workspace:
    """Write a project with the checkout's configuration, one nightly plan and its benchmarks, and open it."""
    for part in ("guidelines", "pools", "rules", "classifiers"):
        shutil.copytree(CONFIGS / part, folder / "configs" / part)
    for part, contents in (("nightly", {"replay": plan}), ("benchmarks", benchmarks)):
        (folder / "configs" / part).mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / "configs" / part / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "experiments").mkdir()
    return open_workspace(folder)


def together(batches: Iterable[LabelBatch]) -> LabelBatch:
    """Return several days as one import."""
    import pyarrow as pa

    tables = [batch.tables for batch in batches]
    first = tables[0]
    return LabelBatch(
        project=first["items"]["project"][0].as_py(),
        source="replay",
        items=pa.concat_tables([one["items"] for one in tables]).drop_columns(["project"]),
        raters=first["raters"].drop_columns(["project"]),
        ratings=pa.concat_tables([one["ratings"] for one in tables]).drop_columns(["project"]),
    )


def nights(workspace: Workspace, plan: NightlyPlan, baseline: Baseline, *, first: int, last: int, days: Iterable[Any]) -> None:
    """Import each day and run the night after it, for the nights of a baseline with these numbers, counted from 1."""
    materials = gather(workspace, plan)
    for number, day in zip(range(first, last + 1), days, strict=True):
        workspace.tables.append(day.batch, imported_at=day.imported_at)
        made = run_nights(workspace, plan, now=LATER, until=baseline.date + number * _DAY, materials=materials)
        assert len(made) == 1


def seen(workspace: Workspace, plan: NightlyPlan, baseline: Baseline, *, explained: bool) -> dict[str, Any]:
    """Return every episode of a replay: its night, its stream, since when, how big, and the named cause as told on that night."""
    state = fold_state(workspace, plan)
    return {
        "nights": len(state.streams[0].nights),
        "last": {one.stream.name: round(_mean_of_last(one), 4) for one in state.streams},
        "values": {one.stream.name: [_told(night.value) for night in one.nights] for one in state.streams},
        "episodes": [episode_row(workspace, plan, baseline, one, explained=explained) for one in state.episodes],
    }


def _mean_of_last(state: StreamState) -> float:
    return float(np.mean([night.value for night in state.nights[-LAST:] if isinstance(night.value, float)]))


def _told(value: Any) -> float | None:
    return round(value, 4) if isinstance(value, float) else None


def episode_row(
    workspace: Workspace, plan: NightlyPlan, baseline: Baseline, episode: Episode, *, explained: bool
) -> dict[str, Any]:
    def number(date: dt.date) -> int:
        return (date - baseline.date).days

    row: dict[str, Any] = {"stream": episode.stream.name, "kind": str(episode.kind), "alarm": number(episode.opened)}
    if isinstance(episode.since, ChangePoint):
        row["since"] = [number(episode.since.first), number(episode.since.earliest), number(episode.since.latest)]
    if explained:
        told = explain_episode(workspace, plan, episode.key, until=episode.opened)
        if isinstance(told.effect, EffectEstimate):
            row["effect"] = [
                round(told.effect.estimate, 4),
                round(told.effect.interval.low, 4),
                round(told.effect.interval.high, 4),
            ]
        if hasattr(told.cause, "grouping"):
            row["cause"] = {"grouping": told.cause.grouping, "value": told.cause.value, "confirmed": told.cause.confirmed}
        row["said"] = told.cause.sentence
    return row


def of_baseline(baseline: Baseline) -> dict[str, Any]:
    """Return each stream's margin beside the standard deviation of the blessed runs."""
    return {
        one.name: {
            "mean": round(baseline.mean(one), 4),
            "sd": round(float(np.std(baseline.values(one), ddof=1)), 4),
            "margin": one.margin,
        }
        for one in baseline.streams
    }


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One seed of the embedded operation: on which night the pool is replaced, how long it goes on, and its size."""

    seed: int
    swap_night: int = 60
    last_night: int = 120
    items_a_day: int = 60
    items_a_draw: int = 1000
    benchmark_items: int = 2400
    twins: tuple[str, ...] = ("quiet", "swap")


def replay(job: Replay) -> dict[str, Any]:
    """Replay the embedded operation with one seed: the swap and its quiet twin, which share the nights before it."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before"
        days = HISTORY + job.last_night
        made = {"days": days, "items_a_day": job.items_a_day, "benchmark_items": job.benchmark_items}
        # the night with number n sees the labels up to day HISTORY + n - 1: those of the swap's first day on the night of the swap
        swapped_on = HISTORY + job.swap_night - 1
        courses = {twin: list(label_days(job.seed, **made, swap_on=swapped_on if twin == "swap" else None)) for twin in job.twins}
        shared = courses[job.twins[0]]
        benchmarks = {"replay-gold": GOLD, "replay-lookalikes": LOOKALIKES}
        workspace = write_project(before, {**PLAN, "items": job.items_a_draw}, benchmarks)
        workspace.tables.append(together(day.batch for day in shared[:HISTORY]), imported_at=shared[HISTORY - 1].imported_at)
        plan = find_nightly_plan(workspace.catalogue, "replay")
        baseline, _ = bless(workspace, plan, date=FIRST_DAY + HISTORY * _DAY, now=LATER, known_at_blessing=True)
        nights(workspace, plan, baseline, first=1, last=job.swap_night - 1, days=shared[HISTORY:swapped_on])
        found: dict[str, Any] = {"seed": job.seed, "swap_night": job.swap_night, "baseline": of_baseline(baseline)}
        for name, course in courses.items():
            shutil.copytree(before, Path(scratch) / name)
            one = open_workspace(Path(scratch) / name)
            nights(one, plan, baseline, first=job.swap_night, last=job.last_night, days=course[swapped_on:])
            found[name] = seen(one, plan, baseline, explained=name == "swap")
    return {**found, "cpu_seconds": round(time.process_time() - started, 1)}


QUICK = Replay(seed=1, swap_night=4, last_night=6, items_a_day=10, items_a_draw=150, benchmark_items=300)


def replay_kern(seed: int) -> dict[str, Any]:
    """Replay the nights of Kern et al. with one order of the tweets; ``quiet`` is the same without the takeover."""
    started = time.process_time()
    found: dict[str, Any] = {"seed": seed, "swap_night": kern.SWAP_NIGHT}
    with tempfile.TemporaryDirectory() as scratch:
        for name, swap_night in (("swap", kern.SWAP_NIGHT), ("quiet", None)):
            workspace = write_project(Path(scratch) / name, kern.PLAN, kern.BENCHMARKS)
            days = list(kern.rated_days(seed, swap_night=swap_night))
            workspace.tables.append(
                together(day.batch for day in days[: kern.HISTORY]), imported_at=days[kern.HISTORY - 1].imported_at
            )
            plan = find_nightly_plan(workspace.catalogue, "replay")
            baseline, _ = bless(workspace, plan, date=kern.FIRST + kern.HISTORY * _DAY, now=LATER, known_at_blessing=True)
            nights(workspace, plan, baseline, first=1, last=kern.NIGHTS, days=days[kern.HISTORY :])
            found["baseline"] = of_baseline(baseline)
            found[name] = seen(workspace, plan, baseline, explained=name == "swap")
    return {**found, "cpu_seconds": round(time.process_time() - started, 1)}


def rows_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"embedded": [], "kern2023": []}


def run_seeds(rows: dict[str, Any], jobs: Sequence[Replay], *, processes: int, seconds: float, keep: bool) -> None:
    """Replay the seeds that are not there, side by side, and keep each as it comes."""
    end = time.monotonic() + seconds
    waiting = list(jobs)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(replay, waiting.pop(0)) for _ in range(min(processes, len(waiting)))}
        while running:
            done = next(as_completed(running))
            running.remove(done)
            rows["embedded"] = sorted([*rows["embedded"], done.result()], key=lambda row: row["seed"])
            print(json.dumps(done.result()), flush=True)
            if keep:
                RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
            if waiting and time.monotonic() < end:
                running.add(pool.submit(replay, waiting.pop(0)))


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the last line."""
    embedded = rows["embedded"]
    first = [
        min((one["alarm"] for one in row["swap"]["episodes"] if one["alarm"] >= row["swap_night"]), default=None)
        for row in embedded
    ]
    delays = [night - row["swap_night"] + 1 for night, row in zip(first, embedded, strict=True) if night is not None]
    early = sum(any(one["alarm"] < row["swap_night"] for one in row["swap"]["episodes"]) for row in embedded)
    causes = [cause_of(row) for row in embedded]
    median = float(np.median([*delays, *[np.inf] * (len(embedded) - len(delays))])) if embedded else np.inf
    return {
        "replays": len(embedded),
        "early_alarms": early,
        "quiet_replays_with_an_alarm": sum(bool(row["quiet"]["episodes"]) for row in embedded),
        "found": len(delays),
        "delay_median": median if np.isfinite(median) else None,
        "vendor_named": sum(cause == "pool vendor-lenient" for cause in causes),
        "kern2023_replays": len(rows["kern2023"]),
    }


def tables(rows: dict[str, Any]) -> str:
    """Return the tables of the document."""
    lines = []
    for title, name in (
        ("The embedded operation, the lenient pool from night 60 of 120", "embedded"),
        ("Kern et al. (2023), condition E from night 11 of 30", "kern2023"),
    ):
        if not rows[name]:
            continue
        lines += ["", f"**{title}**, a row a seed.", ""]
        lines += [
            "| Seed | Early alarms | Of the quiet twin | First alarm after | Stream | Since (interval) | Effect then (95% interval) | Cause |"
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        lines += [_line(row) for row in rows[name]]
        lines += [
            "",
            "| Stream | Mean of the blessed runs | Their SD | Margin | In SD | Quiet, last 14 nights | Swapped, last 14 nights |",
            "|---|---|---|---|---|---|---|",
        ]
        for stream in rows[name][0]["baseline"]:
            told = [row["baseline"][stream] for row in rows[name]]
            mean, sd = (float(np.mean([one[what] for one in told])) for what in ("mean", "sd"))
            last = [float(np.mean([row[twin]["last"][stream] for row in rows[name]])) for twin in ("quiet", "swap")]
            margin = told[0]["margin"]
            lines.append(f"| {stream} | {mean:.3f} | {sd:.3f} | {margin:.2f} | {margin / sd:.1f} | {last[0]:.3f} | {last[1]:.3f} |")
    return "\n".join([*lines, ""])


def _line(row: dict[str, Any]) -> str:
    early = sum(one["alarm"] < row["swap_night"] for one in row["swap"]["episodes"])
    after = sorted((one for one in row["swap"]["episodes"] if one["alarm"] >= row["swap_night"]), key=lambda one: one["alarm"])
    head = f"| {row['seed']} | {early} | {len(row['quiet']['episodes'])} |"
    if not after:
        return f"{head} none | | | | |"
    first = after[0]
    since = f"night {first['since'][0]} ({first['since'][1]} to {first['since'][2]})" if "since" in first else "not estimable"
    effect = (
        f"{first['effect'][0]:+.3f} ({first['effect'][1]:+.3f} to {first['effect'][2]:+.3f})"
        if "effect" in first
        else "not estimable"
    )
    cause = cause_of(row)
    said = "none" if cause is None else cause + ("" if first["cause"]["confirmed"] else ", not confirmed")
    return f"{head} night {first['alarm']} | {first['stream']} | {since} | {effect} | {said} |"


def cause_of(row: dict[str, Any]) -> str | None:
    """Return the cause named at the first alarm after the swap."""
    after = [one for one in row["swap"]["episodes"] if one["alarm"] >= row["swap_night"]]
    cause = min(after, key=lambda one: one["alarm"]).get("cause") if after else None
    return None if cause is None else f"{cause['grouping']} {cause['value']}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, 3 quiet nights and 3 after the swap; keeps nothing")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--kern", type=int, default=0)
    asked = parser.parse_args(arguments)
    if asked.quick:
        rows: dict[str, Any] = {"embedded": [replay(QUICK)], "kern2023": []}
        print(json.dumps(rows["embedded"][0]))
    else:
        rows = rows_of(RESULTS)
        had = {row["seed"] for row in rows["embedded"]}
        jobs = [Replay(seed=seed) for seed in range(1, asked.seeds + 1) if seed not in had]
        run_seeds(rows, jobs, processes=asked.jobs, seconds=asked.seconds, keep=True)
        for seed in range(1, asked.kern + 1):
            if seed not in {row["seed"] for row in rows["kern2023"]}:
                rows["kern2023"].append(replay_kern(seed))
                print(json.dumps(rows["kern2023"][-1]), flush=True)
                RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        put_between(MARKS, tables(rows))
    print(json.dumps(summary(rows)))


if __name__ == "__main__":
    main()
