"""The import of a large CSV file through ``smo import``, in a process of its own: file, mapping, checks, pseudonyms, tables.

Four raters an item, a text of twelve words in each row, times, durations, a locale and a guideline. The clock starts before the command
and stops when it has ended; processor time is of the command and its children, since another program on the machine slows the one and
not the other.

    python -m bench.import_csv [--quick] [--rows N]

The last line is one JSON object: ``rows``, ``megabytes``, ``seconds``, ``cpu_seconds``, ``rows_per_s``, ``peak_gb`` (of resident memory),
``again_seconds`` (the same file once more, which adds nothing).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

PER_ITEM = 4
WORDS = np.array(
    [
        "the",
        "train",
        "was",
        "late",
        "again",
        "thanks",
        "for",
        "lovely",
        "photos",
        "walk",
        "by",
        "sea",
        "dinner",
        "tonight",
        "news",
        "spring",
        "fair",
        "offer",
    ]
)
MAPPING = "project: large\nconstants: {question: hate}\n"


def write_csv(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    words = WORDS[rng.integers(0, len(WORDS), (rows // PER_ITEM, 12))]
    first = rng.integers(0, 2000, rows // PER_ITEM)
    labels = np.where(rng.random((rows // PER_ITEM, PER_ITEM)) < 0.2, "violating", "benign")
    with path.open("w", encoding="utf-8") as stream:
        stream.write("item_id,text,rater_id,label,created_at,guideline,locale,duration_s\n")
        for item, text in enumerate(words):
            start = f"i{item},{' '.join(text)} {item},r"
            for k in range(PER_ITEM):
                when = f"2026-0{1 + item % 6}-{1 + item % 28:02d}T{k:02d}:00:00Z"
                seconds = round(3 + 20 * ((item * 7 + k) % 97) / 97, 1)
                stream.write(f"{start}{(first[item] + 7 * k) % 2000},{labels[item, k]},{when},hate@4,en-GB,{seconds}\n")


def imported(root: Path, rows: int, *, new: int) -> dict[str, float]:
    """Import the file as a user does, and return what it took."""
    command = [sys.executable, "-m", "smo_pipelines", "--root", str(root), "import", "ratings.csv", "--mapping", "mapping.yaml"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "SMO_RATER_KEY": "a key for this benchmark only"}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    found = re.search(r"project large: ([\d,]+) ratings of .* ([\d,]+) were there already, 0 rows quarantined", said)
    if process.returncode or found is None or [int(one.replace(",", "")) for one in found.groups()] != [new, rows - new]:
        raise SystemExit(f"the import went wrong: {said}")
    return {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_gb": used.ru_maxrss / 2**20}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute at most")
    parser.add_argument("--rows", type=int)
    asked = parser.parse_args(arguments)
    rows = (asked.rows or (200_000 if asked.quick else 3_000_000)) // PER_ITEM * PER_ITEM
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        root = Path(folder)
        (root / "configs").mkdir()
        (root / "mapping.yaml").write_text(MAPPING)
        write_csv(root / "ratings.csv", rows)
        megabytes = (root / "ratings.csv").stat().st_size / 1e6
        first = imported(root, rows, new=rows)
        again = imported(root, rows, new=0)
    print(f"first {first}\nagain {again}")
    result = {
        "command": " ".join(["python -m bench.import_csv", *arguments]),
        "rows": rows,
        "megabytes": round(megabytes),
        "seconds": round(first["seconds"], 1),
        "cpu_seconds": round(first["cpu_seconds"], 1),
        "rows_per_s": round(rows / first["seconds"]),
        "peak_gb": round(first["peak_gb"], 2),
        "again_seconds": round(again["seconds"], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
