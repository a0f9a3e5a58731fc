"""Dawid and Skene's estimator beside crowd-kit's: time, memory and how far the answers differ, at equal iterations.

Each side runs alone in a fresh process on the same ratings, drawn from ``--seed``. What is timed is the fit, from ratings in memory
to posteriors, by the processor's clock: both sides run on one core, and a busy machine slows what waits, not what is counted. The
peak is the process's highest resident size, its libraries and the ratings included. crowd-kit decides how many
iterations there are, by its own stopping rule and at most ``--iterations``, and this project's estimator then runs as many.

    python -m bench.dawid_skene [--quick] [--ratings N] [--raters N] [--iterations N] [--seed S]

The last line is one JSON object. ``ratio_vs_crowdkit`` is the smaller of the two crowds' ratios, ``max_abs_diff`` the larger of
their differences in any posterior, and the peaks are the larger ones, in 10^9 bytes.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.crowds import Crowd, skilled_crowd, strict_and_lenient_crowd

CROWDS: dict[str, Callable[..., Crowd]] = {"four_labels": skilled_crowd, "strict_and_lenient": strict_and_lenient_crowd}
PER_ITEM = 3


def ours(crowd: Crowd, iterations: int) -> Callable[[], tuple[np.ndarray, int]]:
    from smo_pipelines.stats.dawid_skene import fit_dawid_skene

    sizes = {"n_items": len(crowd.truth), "n_raters": crowd.n_raters, "n_labels": crowd.n_labels}

    def fit() -> tuple[np.ndarray, int]:
        found = fit_dawid_skene(crowd.item, crowd.rater, crowd.label, **sizes, tolerance=-np.inf, max_iterations=iterations)
        return found.posterior, found.iterations

    return fit


def peer(crowd: Crowd, iterations: int) -> Callable[[], tuple[np.ndarray, int]]:
    import pandas as pd
    from crowdkit.aggregation.classification.dawid_skene import DawidSkene

    frame = pd.DataFrame({"task": crowd.item, "worker": crowd.rater, "label": crowd.label})

    def fit() -> tuple[np.ndarray, int]:
        found = DawidSkene(iterations).fit(frame)
        return found.probas_.sort_index().sort_index(axis=1).to_numpy(), len(found.loss_history_)

    return fit


SIDES = {"ours": ours, "peer": peer}


def peak_bytes() -> int:
    """Return the highest resident size of this process; on Linux ``getrusage`` would count its parent's as well."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def one_side(side: str, folder: Path, iterations: int) -> None:
    """Fit the folder's crowd in this process, leave the posteriors there, and print what it took."""
    warnings.simplefilter("ignore")  # crowd-kit passes pandas an argument that pandas has deprecated
    with np.load(folder / "crowd.npz") as columns:
        crowd = Crowd(**{name: column if column.ndim else int(column) for name, column in columns.items()})
    fit = SIDES[side](crowd, iterations)
    started = time.process_time(), time.perf_counter()
    posterior, ran = fit()
    seconds, wall_seconds = time.process_time() - started[0], time.perf_counter() - started[1]
    peak = peak_bytes()
    np.save(folder / f"{side}.npy", posterior)
    print(json.dumps({"seconds": seconds, "wall_seconds": wall_seconds, "peak_bytes": peak, "iterations": ran}))


def in_own_process(side: str, folder: Path, iterations: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.dawid_skene", "--side", side, str(folder), str(iterations)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def compared(crowd: Crowd, iterations: int) -> dict[str, float]:
    """Run both sides on one crowd."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "crowd.npz", **vars(crowd))
        theirs = in_own_process("peer", folder, iterations)
        own = in_own_process("ours", folder, int(theirs["iterations"]))
        difference = float(np.abs(np.load(folder / "ours.npy") - np.load(folder / "peer.npy")).max())
    assert own["iterations"] == theirs["iterations"]
    return {
        "iterations": own["iterations"],
        "seconds": round(own["seconds"], 3),
        "peer_seconds": round(theirs["seconds"], 3),
        "wall_seconds": round(own["wall_seconds"], 3),
        "peer_wall_seconds": round(theirs["wall_seconds"], 3),
        "ratio": round(theirs["seconds"] / own["seconds"], 1),
        "max_abs_diff": difference,
        "peak_gb": round(own["peak_bytes"] / 1e9, 3),
        "peer_peak_gb": round(theirs["peak_bytes"] / 1e9, 3),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer ratings: a minute at most")
    parser.add_argument("--ratings", type=int)
    parser.add_argument("--raters", type=int)
    parser.add_argument("--iterations", type=int, default=100, help="at most, as crowd-kit has it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.side:
        one_side(asked.side[0], Path(asked.side[1]), int(asked.side[2]))
        return
    ratings = asked.ratings or (600_000 if asked.quick else 3_000_000)
    raters = asked.raters or (200 if asked.quick else 2000)
    rows = {
        name: compared(draw(asked.seed, n_items=ratings // PER_ITEM, n_raters=raters, per_item=PER_ITEM), asked.iterations)
        for name, draw in CROWDS.items()
    }
    for name, row in rows.items():
        print(f"{name:20} {row['seconds']:8.2f} s, crowd-kit {row['peer_seconds']:8.2f} s, {row['iterations']} iterations each")
    head = {"program": "dawid_skene", "command": " ".join(["python -m bench.dawid_skene", *arguments]), "raters": raters}
    total = {
        "ratings": ratings,
        "ratio_vs_crowdkit": min(row["ratio"] for row in rows.values()),
        "max_abs_diff": max(row["max_abs_diff"] for row in rows.values()),
        "peak_gb": max(row["peak_gb"] for row in rows.values()),
        "peer_peak_gb": max(row["peer_peak_gb"] for row in rows.values()),
    }
    print(json.dumps({**head, **total, "crowds": rows}))


if __name__ == "__main__":
    main(sys.argv[1:])
