"""A label snapshot against pandas, on the same files, each in a process of its own.

The recipe: one question over both of its guideline versions, every rater; of a rater's two ratings of an item the latest counts;
majority; counts. The pandas side reads only the columns it needs, with the filter pushed down to the files, and gives the labels and
counts alone; the project's side gives the whole snapshot (texts, attributes, votes) and its digest. Both must agree on every label.

    python -m bench.snapshot [--quick] [--ratings N] [--tables DIR] [--no-peer]

``--tables`` keeps the simulated ratings, or uses those of an earlier run. The last line is one JSON object: ``ratings`` in the tables,
``ratio_vs_pandas`` (its seconds over ours), ``ratings_per_s``, ``peak_gb`` (of resident memory) of each side.
"""

import argparse
import datetime as dt
import hashlib
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.labels import TIE, RaterPool, SnapshotRecipe
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.simulate.volume import weekly_batches

PROJECT, QUESTION, POSITIVE = "large", "hate", "violating"
GUIDELINE = GuidelineVersion(id="hate@4", question=QUESTION, labels=("benign", POSITIVE), positive=POSITIVE, clauses=())
IMPORTED = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def simulate(tables: LabelTables, ratings: int) -> None:
    for batch in weekly_batches(0, ratings=ratings, project=PROJECT):
        tables.append(batch, imported_at=IMPORTED)


def ours(folder: Path) -> dict[str, Any]:
    tables = LabelTables(folder)
    recipe = SnapshotRecipe(project=PROJECT, question=QUESTION)
    started = time.perf_counter()
    snapshot = build_snapshot(tables, recipe, guideline=GUIDELINE, pool=RaterPool(id="all"))
    digest = snapshot.digest
    seconds = time.perf_counter() - started
    return facts(snapshot.labels, snapshot.n_ratings) | {"seconds": seconds, "digest": digest}


def pandas_peer(folder: Path) -> dict[str, Any]:
    from deltalake import DeltaTable

    files = DeltaTable(str(folder / "ratings")).file_uris()
    columns = ["item_id", "rater_id", "label", "round", "created_at", "skipped", "is_gold"]
    started = time.perf_counter()
    rows = pd.read_parquet(files, columns=columns, filters=[("project", "==", PROJECT), ("question", "==", QUESTION)])
    rows = rows[~rows["skipped"] & ~rows["is_gold"]]
    rows = rows.sort_values(["round", "created_at"]).drop_duplicates(["item_id", "rater_id"], keep="last")
    by_item = (rows["label"] == POSITIVE).groupby(rows["item_id"], sort=True).agg(["mean", "size"])
    share, n_ratings = by_item["mean"].to_numpy(), by_item["size"].to_numpy()
    labels = np.where(share > 0.5, 1, np.where(share < 0.5, 0, TIE))
    seconds = time.perf_counter() - started
    return facts(labels, n_ratings) | {"seconds": seconds}


def facts(labels: np.ndarray, n_ratings: np.ndarray) -> dict[str, Any]:
    content = labels.astype("<i8").tobytes() + n_ratings.astype("<i8").tobytes()
    return {"items": len(labels), "counted": int(n_ratings.sum()), "content": hashlib.sha256(content).hexdigest()}


def alone(side: Callable[[Path], dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Run one side in a fresh process, for its own peak of memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (side, folder))


def measured(side: Callable[[Path], dict[str, Any]], folder: Path) -> dict[str, Any]:
    found = side(folder)
    return found | {"peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute at most")
    parser.add_argument("--ratings", type=int)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--no-peer", action="store_true", help="the project's side alone, for sizes that pandas cannot hold")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-snapshot-") as temporary:
        folder = asked.tables or Path(temporary)
        tables = LabelTables(folder)
        if not tables.has_ratings(PROJECT):
            simulate(tables, asked.ratings or (1_000_000 if asked.quick else 20_000_000))
        ratings = tables.rating_count(PROJECT)
        mine = alone(ours, folder)
        print(f"ours:   {mine}")
        peer = None if asked.no_peer else alone(pandas_peer, folder)
        print(f"pandas: {peer}")
    if peer is not None and peer["content"] != mine["content"]:
        raise SystemExit("the two sides disagree on a label or a count")
    result = {
        "ratings": ratings,
        "counted": mine["counted"],
        "items": mine["items"],
        "ratio_vs_pandas": None if peer is None else round(peer["seconds"] / mine["seconds"], 2),
        "seconds": round(mine["seconds"], 1),
        "ratings_per_s": round(ratings / mine["seconds"]),
        "peak_gb": mine["peak_gb"],
        "peer_peak_gb": None if peer is None else peer["peak_gb"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
