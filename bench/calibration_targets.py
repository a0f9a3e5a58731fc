"""The figures of a calibration, and which of them miss their targets."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.coverage import Row

__all__ = ["TARGETS", "Figure", "figures", "missed_targets"]

Rows = Mapping[str, Sequence[Row]]

TARGETS: dict[str, tuple[float, float]] = {
    "coverage_min": (0.935, 1.0),
    "coverage_max": (0.0, 0.985),
    "coverage_mean": (0.945, 0.965),
    "aa_max": (0.0, 0.065),
    "shared_coverage_min": (0.935, 1.0),
    "shared_coverage_max": (0.0, 0.995),
    "rater_aa_max": (0.0, 0.08),
    "rater_ab_coverage_min": (0.92, 1.0),
    "planner_error_max": (0.0, 0.06),
    "planted_found": (0.9, 1.0),
    "flips_baseline_found": (0.0, 0.5),
    "null_alarms": (0.0, 0.1),
    # rules that see less must fail where the library's must pass
    "items_alone_min": (0.0, 0.935),
    "runs_alone_min": (0.0, 0.935),
    "unclustered_min": (0.0, 0.935),
    "rater_naive_min": (0.08, 1.0),
}
"""What each figure must lie between."""


@dataclass(frozen=True)
class Figure:
    """A share or a difference of shares, and over how many experiments the one that counts was counted."""

    value: float
    experiments: int

    def error(self, bound: float) -> float:
        """Return its Monte Carlo standard error if its true value were a target, taken as at least 5% and at most 95%."""
        rate = min(max(bound, 0.05), 0.95)
        return math.sqrt(rate * (1.0 - rate) / self.experiments)


def _shared(row: Row) -> bool:
    return bool(row.get("seed_correlation", 0.0) > 0.0)


def _least(rows: Iterable[Row], name: str) -> Figure:
    row = min(rows, key=lambda one: float(one[name]))
    return Figure(row[name], row["experiments"])


def _most(rows: Iterable[Row], name: str) -> Figure:
    row = max(rows, key=lambda one: float(one[name]))
    return Figure(row[name], row["experiments"])


def _of_intervals(rows: Sequence[Row]) -> dict[str, Figure]:
    apart, shared = [row for row in rows if not _shared(row)], [row for row in rows if _shared(row)]
    covered = [float(row["coverage"]) for row in apart]
    found = {
        "coverage_min": _least(apart, "coverage"),
        "coverage_max": _most(apart, "coverage"),
        "coverage_mean": Figure(math.fsum(covered) / len(covered), min(row["experiments"] for row in apart)),
        "aa_max": _most((row for row in rows if row["design"] == "A/A"), "rejected"),
    }
    if shared:
        found |= {"shared_coverage_min": _least(shared, "coverage"), "shared_coverage_max": _most(shared, "coverage")}
    for rule in ("items_alone", "runs_alone", "unclustered"):
        if of_rule := [row for row in rows if rule in row]:
            found[f"{rule}_min"] = _least(of_rule, rule)
    return found


def _of_raters(rows: Sequence[Row]) -> dict[str, Figure]:
    none, some = ([row for row in rows if row["design"] == design] for design in ("A/A", "A/B"))
    most = _most(some, "missed")
    disagree = [row for row in none if row["ratings"] == "3"]  # where raters agree, other raters change little and any rule holds
    return {
        "rater_aa_max": _most(none, "missed"),
        "rater_ab_coverage_min": Figure(1.0 - most.value, most.experiments),
        "rater_naive_min": _least(disagree, "missed_by_naive"),
    }


def _of_plans(rows: Sequence[Row]) -> dict[str, Figure]:
    sized = [{**row, "size": abs(row["error"])} for row in rows]
    found = {"planner_error_max": _most((row for row in sized if not _shared(row)), "size")}
    if shared := [row for row in sized if _shared(row)]:
        found["planner_error_shared_max"] = _most(shared, "size")
    return found


def _of_causes(rows: Sequence[Row]) -> dict[str, Figure]:
    names = ("planted_found", "flips_baseline_found", "null_alarms")
    return {name: Figure(math.fsum(row[name] for row in rows) / len(rows), len(rows)) for name in names}


def figures(parts: Rows) -> dict[str, Figure]:
    """Return the figures of the parts that were made."""
    found: dict[str, Figure] = {}
    if intervals := [*parts.get("crossed", ()), *parts.get("bootstrap", ())]:
        found |= _of_intervals(intervals)
    for name, of_part in (("raters", _of_raters), ("planner", _of_plans), ("cause", _of_causes)):
        if parts.get(name):
            found |= of_part(parts[name])
    return found


def missed_targets(found: Mapping[str, Figure], *, errors: float = 0.0) -> list[str]:
    """Return a sentence for each figure that misses its target.

    Parameters
    ----------
    found : mapping
        Of :func:`figures`.
    errors : float
        Monte Carlo standard errors that a figure may lie beyond its target.
    """
    sentences = []
    for name, figure in found.items():
        low, high = TARGETS.get(name, (-math.inf, math.inf))
        if not low - errors * figure.error(low) <= figure.value <= high + errors * figure.error(high):
            sentences.append(f"{name} is {figure.value:.4g}, which should lie between {low:g} and {high:g}")
    return sentences
