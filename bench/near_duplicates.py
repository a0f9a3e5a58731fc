"""How many training texts nearly stand in a benchmark, by similarity, and what finding them costs.

Pairs of public data sets are read from the folder in SMO_REAL_DATA; without it only the embedded operation is compared. The cost is
that of texts of its templates, by the processor's clock. Where ``datasketch`` is installed (it is not needed for anything), its
MinHash with locality-sensitive hashing looks for the same pairs, and what it misses is counted.

    python -m bench.near_duplicates [--quick]

The last line is one JSON object: for each pair of sets the training texts at or above each similarity, and processor seconds.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smo_pipelines.benchmarks.leakage import NEAR
from smo_pipelines.benchmarks.near_duplicates import FEWEST_SHINGLES, bare_words, nearest_similarity, shingles
from smo_pipelines.domain.texts import copy_key
from smo_pipelines.simulate.operation import simulate_operation

LIMITS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
Texts = list[str]


def embedded(train_items: int, benchmark_items: int, seed: int = 0) -> tuple[Texts, Texts]:
    """Return the training and benchmark texts of the embedded operation's hate policy, of all markets."""
    operation = simulate_operation(seed, train_items=train_items, benchmark_items=benchmark_items, policies=("hate",))
    split = operation.truth.items["split"].to_numpy()
    texts = operation.items["text"].to_numpy()
    return texts[split == "train"].tolist(), texts[split == "benchmark"].tolist()


def real_pairs(folder: Path) -> Iterator[tuple[str, Texts, Texts]]:
    """Yield pairs of sets that a team could train on and be scored on."""
    kern = {part: pd.read_csv(folder / "kern2023" / f"full_{part}_s.csv")["tweet_hashed"].dropna() for part in ("train", "test")}
    tweets = {part: column.unique().tolist() for part, column in kern.items()}
    cases = pd.read_csv(folder / "hatecheck" / "test_suite_cases.csv")["test_case"].tolist()
    davidson = pd.read_csv(folder / "davidson2017" / "labeled_data.csv")["tweet"].tolist()
    again = pd.read_csv(folder / "roettger2022" / "annotations_g1.csv")["text"].tolist()
    lewidi = {}
    for part in ("train", "test"):
        path = folder / "lewidi2023-md-agreement" / f"MD-Agreement_{part}.json"
        lewidi[part] = [item["text"] for item in json.loads(path.read_text(encoding="utf-8")).values()]
    yield "kern2023 train, kern2023 test", tweets["train"], tweets["test"]
    yield "MD-Agreement train, MD-Agreement test", lewidi["train"], lewidi["test"]
    yield "kern2023, HateCheck", tweets["train"] + tweets["test"], cases
    yield "davidson2017, HateCheck", davidson, cases
    yield "kern2023, roettger2022", tweets["train"] + tweets["test"], again
    yield "roettger2022, davidson2017", again, davidson


def compare(training: Sequence[str], held: Sequence[str]) -> dict[str, float]:
    """Count the training texts by their similarity with the nearest text of the benchmark."""
    start = time.process_time()
    nearest = nearest_similarity(training, [held])[:, 0]
    seconds = time.process_time() - start
    copies = {copy_key(text) for text in held}
    row: dict[str, float] = {"training": len(training), "benchmark": len(held), "cpu_s": round(seconds, 1)}
    row["exact"] = sum(copy_key(text) in copies for text in training)
    return row | {f"{limit:g}": int((nearest >= limit).sum()) for limit in LIMITS} | minhash(training, held)


def minhash(training: Sequence[str], held: Sequence[str]) -> dict[str, float]:
    """Look for the same texts with MinHash signatures of 128 permutations, their candidates verified; nothing without the library."""
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError:
        return {}
    start = time.process_time()
    own, other = ([{s.encode() for s in shingles(bare_words(text))} for text in texts] for texts in (training, held))
    index = MinHashLSH(threshold=NEAR, num_perm=128)
    for key, signature in enumerate(MinHash.bulk(other, num_perm=128, seed=1)):
        index.insert(key, signature)
    found = 0
    for row, signature in zip(own, MinHash.bulk(own, num_perm=128, seed=1), strict=True):
        pairs = (other[key] for key in index.query(signature))
        found += any(min(len(row), len(one)) >= FEWEST_SHINGLES and len(row & one) >= NEAR * len(row | one) for one in pairs)
    seconds = time.process_time() - start
    long = [text for text in training if len(shingles(bare_words(text))) >= FEWEST_SHINGLES]
    every = int((nearest_similarity(long, [held])[:, 0] >= NEAR).sum())
    return {"minhash_cpu_s": round(seconds, 1), "minhash_misses": every - found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the hundred thousand texts")
    quick = parser.parse_args().quick
    rows = {"embedded operation": compare(*embedded(3_000, 6_000))}
    if os.environ.get("SMO_REAL_DATA"):
        rows |= {name: compare(training, held) for name, training, held in real_pairs(Path(os.environ["SMO_REAL_DATA"]))}
    if not quick:
        rows["embedded operation, large"] = compare(*embedded(100_000, 4_000))
    for name, row in rows.items():
        print(f"{name}: {row}")
    print(json.dumps({"bench": "near_duplicates", "limit": NEAR, "pairs": rows}))


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
