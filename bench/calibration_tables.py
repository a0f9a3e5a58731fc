"""The tables of a calibration, as the page of the documentation shows them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.calibration_targets import TARGETS
from bench.coverage import Row

__all__ = ["write_tables"]

MARKS = ("<!-- table: python -m bench.calibration -->", "<!-- end of table -->")
TITLES = {
    "functional_pass_rate": "accuracy",
    "f1": "F1",
    "average_precision": "average precision",
    "auroc": "AUROC",
    "recall_at_fpr_05": "recall at 5% FPR",
    "false_positive_rate": "false positive rate",
}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines] + [""]


def bound(low: float, high: float) -> str:
    if low > 0.0 and high < 1.0:
        return f"{low:g} to {high:g}"
    return f"at least {low:g}" if low > 0.0 else f"at most {high:g}"


def of_figures(report: Mapping[str, Any]) -> list[str]:
    def target(name: str) -> str:
        return bound(*TARGETS[name]) if name in TARGETS else "none"

    return table(["Figure", "Measured", "Target"], [[f"`{k}`", f"{v:.3f}", target(k)] for k, v in report["figures"].items()])


def by_runs(rows: Sequence[Row], value: Callable[[Row], str]) -> Iterator[list[str]]:
    """Yield one line a metric, design and number of items, with a cell for each number of runs."""
    keys = list(dict.fromkeys((row["metric"], row["design"], row["items"]) for row in rows))
    runs = sorted({row["runs"] for row in rows})
    for key in sorted(keys, key=lambda one: (list(TITLES).index(one[0]), one[1], one[2])):
        cells = {row["runs"]: value(row) for row in rows if (row["metric"], row["design"], row["items"]) == key}
        yield [TITLES[key[0]], key[1], f"{key[2]:,}", *(cells.get(k, "") for k in runs)]


def of_crossed(rows: Sequence[Row]) -> Iterator[str]:
    plain = [row for row in rows if row["cluster_size"] == 1 and row["treatment_spread"] == 1.0]
    apart = [row for row in plain if row["seed_correlation"] == 0.0]
    head = ["Metric", "Test", "Items", *(f"{k} runs" for k in sorted({row["runs"] for row in plain}))]
    yield f"**Independent seeds: coverage (items alone, runs alone)**, {apart[0]['experiments']:,} experiments a cell."
    yield ""
    yield from table(head, by_runs(apart, lambda r: f"{r['coverage']:.3f} ({r['items_alone']:.2f}, {r['runs_alone']:.2f})"))
    for correlation in sorted({row["seed_correlation"] for row in plain} - {0.0}):
        shared = [row for row in plain if row["seed_correlation"] == correlation]
        yield f"**Shared seeds, correlation {correlation:g}**, {shared[0]['experiments']:,} experiments a cell: coverage of the interval (of one"
        yield "that takes the runs for independent); and the half-width of both over that of an interval that knows the variance."
        yield ""
        yield from table(head, by_runs(shared, lambda r: f"{r['coverage']:.3f} ({r['unpaired']:.3f})"))
        yield from table(head, by_runs(shared, lambda r: f"{r['relative_width']:.2f} ({r['unpaired_width']:.2f})"))
    uneven = [row for row in rows if row["treatment_spread"] != 1.0]
    yield f"**The treatment's runs vary three times as much: coverage**, {uneven[0]['experiments']:,} experiments a cell."
    yield ""
    few = ["Metric", "Test", "Items", *(f"{k} runs" for k in sorted({row["runs"] for row in uneven}))]
    yield from table(few, by_runs(uneven, lambda r: f"{r['coverage']:.3f}"))
    clustered = [row for row in rows if row["cluster_size"] > 1]
    yield f"**Templates with cases that are alike: coverage**, {clustered[0]['experiments']:,} experiments a cell."
    yield ""
    yield from table(
        ["Templates", "Cases of each", "Test", "Runs", "Clustered by template", "Cases taken for independent"],
        [
            [
                r["items"] // r["cluster_size"],
                r["cluster_size"],
                r["design"],
                r["runs"],
                f"{r['coverage']:.3f}",
                f"{r['unclustered']:.3f}",
            ]
            for r in clustered
        ],
    )


def of_bootstrap(rows: Sequence[Row]) -> Iterator[str]:
    yield f"**Recall at 5% FPR by a bootstrap of items, AUROC by influence values: coverage**, {rows[0]['experiments']:,} experiments a cell."
    yield ""
    runs = sorted({row["runs"] for row in rows})
    keys = list(dict.fromkeys((row["metric"], row["design"]) for row in rows))
    lines = [
        [TITLES[key[0]], key[1], *(f"{row['coverage']:.3f}" for row in rows if (row["metric"], row["design"]) == key)]
        for key in keys
    ]
    yield from table(["Metric", "Test", *(f"{k} runs" for k in runs)], lines)


def of_raters(rows: Sequence[Row]) -> Iterator[str]:
    yield f"**Random raters, 5 runs and 10 redraws an arm**, {rows[0]['experiments']:,} experiments a cell."
    yield ""
    yield from table(
        [
            "Ratings an item",
            "Pools",
            "Raters",
            "Metric",
            "Test",
            "Interval misses",
            "Naive rule misses",
            "Half-width over that which knows the variance",
        ],
        [
            [
                r["ratings"],
                r["pools"],
                r["raters"],
                TITLES[r["metric"]],
                r["design"],
                f"{r['missed']:.3f} ± {r['missed_error']:.3f}",
                f"{r['missed_by_naive']:.3f}",
                f"{r['relative_width']:.2f}",
            ]
            for r in rows
        ],
    )


def of_planner(rows: Sequence[Row]) -> Iterator[str]:
    for correlation in sorted({row["seed_correlation"] for row in rows}):
        of = [{**row, "design": "A/B"} for row in rows if row["seed_correlation"] == correlation]
        seeds = f"shared seeds, correlation {correlation:g}" if correlation else "independent seeds"
        yield f"**Power: planned / simulated**, {seeds}, {of[0]['experiments']:,} experiments a cell."
        yield ""
        head = ["Metric", "Test", "Items", *(f"{k} runs" for k in sorted({row["runs"] for row in of}))]
        yield from table(head, by_runs(of, lambda r: f"{r['planned']:.3f} / {r['simulated']:.3f}"))


def of_cause(rows: Sequence[Row]) -> Iterator[str]:
    yield f"**The planted cause**, {len(rows)} draws: share of draws, or mean over them."
    yield ""
    named = {
        "planted part first of the split": "planted_found",
        "split could be estimated": "estimable",
        "planted part is a cause": "planted_is_cause",
        "planted part has the largest share": "planted_largest",
        "planted part has the most flips": "flips_baseline_found",
        "decoy is not within noise": "decoy_alarms",
        "null part is not within noise": "null_alarms",
        "share of the planted part, average precision": "share_planted",
        "share of the decoy": "share_decoy",
        "share of the null part": "share_null",
        "flips of the planted part": "flips_planted",
        "flips of the decoy": "flips_decoy",
        "flips of the null part": "flips_null",
    }
    means = {title: sum(row[name] for row in rows) / len(rows) for title, name in named.items()}
    yield from table(["", ""], [[title, f"{value:.3f}"] for title, value in means.items()])


def write_tables(document: Path, report: Mapping[str, Any]) -> None:
    """Put the tables of a report between the marks of a document."""
    of_part = {
        "crossed": ("The crossed interval", of_crossed),
        "bootstrap": ("Other metrics", of_bootstrap),
        "raters": ("Claims about a rater pool", of_raters),
        "planner": ("Planned power", of_planner),
        "cause": ("The planted cause", of_cause),
    }
    lines = ["", *of_figures(report)]
    if missing := [title for name, (title, _) in of_part.items() if name not in report["parts"]]:
        lines += [f"Not simulated in this run: {', '.join(missing).lower()}.", ""]
    for name, (title, make) in of_part.items():
        if name in report["parts"]:
            lines += [f"### {title}", "", *make(report["parts"][name]["rows"])]
    text = document.read_text(encoding="utf-8")
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    document.write_text(f"{before}{MARKS[0]}\n" + "\n".join(lines) + f"\n{MARKS[1]}{after}", encoding="utf-8")
