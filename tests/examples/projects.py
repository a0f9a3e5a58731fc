"""A small project to run commands in: real configs, the embedded operation, and an experiment that takes seconds."""

import hashlib
import os
import shutil
import subprocess
import sys
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from smo_pipelines.experiment.workspace import open_workspace
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation

__all__ = [
    "CHECKOUT",
    "SPEC",
    "add_operation",
    "command",
    "environment",
    "files_of",
    "make_project",
    "run_command",
    "spec",
    "start_command",
    "write_spec",
]

CHECKOUT = Path(__file__).parents[2]

SPEC: dict[str, Any] = {
    "id": "small",
    "area": "hate",
    "change": {"id": "OC-0042", "what": "clause 3.2 exempts quoted hate"},
    # five ratings an item: no ties, so that what is trained on does not depend on the other arm's ties
    "control": {
        "project": "demo",
        "question": "hate",
        "items": {"split": "train"},
        "guideline": "hate@3",
        "pool": "core@1",
        "overlap": 5,
    },
    "treatment": {"guideline": "hate@4"},
    "assignment": "same_items_relabelled",
    "raters": "random",
    "redraws": 3,
    "classifier": "quick",
    "replicates": 2,
    "primary": {"metric": "average_precision", "on": "gold", "gold": "hate@4", "smallest_effect_of_interest": 0.02},
    "guardrails": [{"metric": "average_precision", "on": "gold", "items": "gold_unchanged", "margin": 0.05}],
}

_GOLD = {
    "kind": "items",
    "project": "demo",
    "items": {"split": "benchmark", "policy": "hate"},
    "golds": ["hate@3", "hate@4"],
    "cluster": "template",
    "slices": ["locale", "clause"],
}


def spec(**changes: Any) -> dict[str, Any]:
    """Return the small experiment with other values; None removes a key."""
    merged = {**deepcopy(SPEC), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def write_spec(project: Path, name: str = "small", **changes: Any) -> None:
    content = yaml.safe_dump(spec(id=name, **changes), sort_keys=False)
    (project / "experiments" / f"{name}.yaml").write_text(content, encoding="utf-8")


def make_project(folder: Path) -> Path:
    """Write a project without ratings: the real guidelines, pools and rules, one benchmark, one classifier, one experiment."""
    for part in ("guidelines", "pools", "rules"):
        shutil.copytree(CHECKOUT / "configs" / part, folder / "configs" / part)
    for part, name, content in (("benchmarks", "gold", _GOLD), ("classifiers", "quick", {"kind": "tfidf", "ngrams": [2, 3]})):
        (folder / "configs" / part).mkdir()
        (folder / "configs" / part / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "experiments").mkdir()
    write_spec(folder)
    return folder


def add_operation(project: Path) -> None:
    """Import a small embedded operation, at a fixed moment."""
    operation = simulate_operation(0, train_items=260, benchmark_items=200, policies=["hate"])
    write_operation(open_workspace(project).tables, operation, imported_at=datetime(2026, 5, 1, tzinfo=UTC))


def environment(project: Path) -> dict[str, str]:
    """Return the environment of a command in a project, on one core, with nothing of the caller's project in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMO_", "MLFLOW_", "DAGSTER_"))}
    own = {"SMO_ROOT": str(project), "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "COLUMNS": "80", "NO_COLOR": "1"}
    return {**kept, **own, "MLFLOW_DISABLE_TELEMETRY": "true"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "smo_pipelines", *arguments]


def start_command(project: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command on one core: it then has one training process."""

    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # a child inherits it
    try:
        pipe = subprocess.PIPE
        return subprocess.Popen(command(*arguments), env=environment(project), stdout=pipe, stderr=pipe, text=True)
    finally:
        os.sched_setaffinity(0, cores)


def run_command(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    process = start_command(project, *arguments)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def files_of(folder: Path) -> dict[str, str]:
    """Return the digest of every file of a project that somebody would miss: not locks, not what can be rebuilt."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock" and ".smo/cache/" not in str(path)
    }
