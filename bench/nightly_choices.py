"""What a night leaves behind in the detector's reference: the rules that were tried, on years that should be silent and years that should not.

One stream, normal values in run standard deviations, margin 3, two independent runs a night. Rules: ``exact`` (night + margin), ``night``
(the night itself), ``capped night`` (never above the blessed median), ``median``, ``quartile`` (the one in use) and ``lowest`` (night +
margin, never above that point of the blessed values), ``nothing``. And what a night is ranked among: single blessed runs, or means of
as many blessed runs as a night has, which cost as many times more.

    python -m bench.nightly_choices [--quick] [--years N] [--seed S]

The last line is one JSON object: the share of years that alarm, and the median night of the alarm, by rule and course. The tables are in
docs/decisions/013-what-a-night-leaves-behind.md.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench.nightly_years import NIGHTS, World, draw_years
from smo_pipelines.stats.change_point import log_bets
from smo_pipelines.stats.sequential import Watch, fold

MARGIN = 3.0
RUNS = 2
_T = np.arange(NIGHTS)

RULES: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray] | None] = {
    "exact": lambda night, _: night + MARGIN,
    "night": lambda night, _: night,
    "capped night": lambda night, blessed: np.minimum(night, np.median(blessed, axis=1)),
    "median": lambda night, blessed: np.minimum(night + MARGIN, np.median(blessed, axis=1)),
    "quartile": lambda night, blessed: np.minimum(night + MARGIN, np.quantile(blessed, 0.25, axis=1)),
    "lowest": lambda night, blessed: np.minimum(night + MARGIN, blessed.min(axis=1)),
    "nothing": None,
}

SILENT: Mapping[str, np.ndarray] = {
    "as good as the baseline": 0.0 * _T,
    "at the margin": -MARGIN + 0.0 * _T,
    "at the margin from night 181": np.where(_T < 180, 0.0, -MARGIN),
    "at .8 margins from night 181": np.where(_T < 180, 0.0, -0.8 * MARGIN),
    "to and fro inside the margin": -MARGIN / 2 + MARGIN / 2 * np.cos(_T / NIGHTS * 4 * np.pi),
    "2 margins better, back on night 181": np.where(_T < 180, 2 * MARGIN, 0.0),
    "2 margins better, then .5 worse": np.where(_T < 180, 2 * MARGIN, -0.5 * MARGIN),
}
FOUND: Mapping[str, np.ndarray] = {
    "2 margins worse from night 61": np.where(_T < 60, 0.0, -2 * MARGIN),
    "1.5 margins worse from night 61": np.where(_T < 60, 0.0, -1.5 * MARGIN),
    "2 margins worse from night 1": -2 * MARGIN + 0.0 * _T,
    ".9 margins worse, 2 from night 181": np.where(_T < 180, -0.9 * MARGIN, -2 * MARGIN),
    "slowly down to 3 margins": -3 * MARGIN * _T / NIGHTS,
}


def statistic(
    blessed: np.ndarray, nights: np.ndarray, uniforms: np.ndarray, enters: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
) -> np.ndarray:
    """Return the statistic under another rule of what enters the reference: shape (n_years, n_nights)."""
    reference = np.full((len(blessed), blessed.shape[1] + nights.shape[1]), np.inf)
    size = blessed.shape[1]
    reference[:, :size] = blessed
    sums = np.zeros((len(blessed), len(log_bets(np.array([0.5]))[0])))
    found = np.zeros(nights.shape)
    for t, night in enumerate(nights.T):
        ranked = night[:, None] + MARGIN
        below = (reference[:, :size] < ranked - 1e-9).sum(axis=1)
        equal = (reference[:, :size] <= ranked + 1e-9).sum(axis=1) - below
        p = (below + uniforms[:, t] * (equal + 1)) / (size + 1)
        sums = np.minimum((sums + 1.0) * np.exp(log_bets(p)), 1e9)
        found[:, t] = sums.mean(axis=1)
        if enters is not None:
            reference[:, size] = enters(night, blessed)
            size += 1
    return found


def outcome(found: np.ndarray) -> dict[str, float | None]:
    """Return the share of years with an alarm and the median night of the first, counted from 1; None where most have none."""
    reached = found >= Watch(margin=MARGIN).threshold
    night = float(np.median(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)))
    return {"alarms": round(float(reached.any(axis=1).mean()), 4), "night": night if np.isfinite(night) else None}


def rules(years: int, blessed: int, seed: int) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the outcome of each course under each rule."""
    world = World(noise="normal", label_noise=0.0, shared=0.0, blessed=blessed, runs=RUNS)
    table: dict[str, dict[str, dict[str, float | None]]] = {}
    for name, level in {**SILENT, **FOUND}.items():
        drawn = draw_years(world, years, np.random.default_rng(seed), level=level)
        nights = drawn.runs.mean(axis=2)
        table[name] = {rule: outcome(statistic(drawn.blessed, nights, drawn.uniforms, enters)) for rule, enters in RULES.items()}
        shipped = fold(drawn.blessed, nights, drawn.uniforms, Watch(margin=MARGIN)).alarm.any(axis=1).mean()
        assert round(float(shipped), 4) == table[name]["quartile"]["alarms"], "the rule in use is not the one simulated"
    return table


def units(years: int, seed: int) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the outcome when a night's mean is ranked among single blessed runs, and among means of blessed runs."""
    table: dict[str, dict[str, dict[str, float | None]]] = {}
    courses = {
        name: {**SILENT, **FOUND}[name]
        for name in ("at the margin", "2 margins worse from night 1", "2 margins worse from night 61")
    }
    for noise in ("normal", "t4", "skewed", "tied"):
        for name, level in courses.items():
            world = World(noise=noise, label_noise=0.0, shared=0.0, blessed=20 * RUNS, runs=RUNS)
            drawn = draw_years(world, years, np.random.default_rng(seed), level=level)
            nights = drawn.runs.mean(axis=2)
            kinds = {
                "20 single runs": drawn.blessed[:, :20],
                "40 single runs": drawn.blessed,
                "20 means of 2 runs": drawn.blessed.reshape(years, 20, RUNS).mean(axis=2),
            }
            rule = RULES["quartile"]
            table[f"{noise}, {name}"] = {k: outcome(statistic(values, nights, drawn.uniforms, rule)) for k, values in kinds.items()}
    return table


def markdown(table: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> str:
    columns = list(next(iter(table.values())))
    lines = ["| Course | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in table.items():
        cells = [
            f"{one['alarms']:.3f}" + (f", night {one['night']:.0f}" if one["night"] is not None else "") for one in row.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 years a cell")
    parser.add_argument("--years", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    years = min(asked.years, 40) if asked.quick else asked.years
    result = {
        "rules, 20 blessed": rules(years, 20, asked.seed),
        "rules, 40 blessed": rules(years, 40, asked.seed),
        "units": units(years, asked.seed),
    }
    for name, table in result.items():
        print(f"\n{name}, {years} years a cell\n\n{markdown(table)}")
    print(json.dumps({"years": years, **result}))


if __name__ == "__main__":
    main()
