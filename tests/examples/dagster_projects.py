"""A small project: its configs, one quick experiment, and the ratings of a small operation."""

import datetime as dt
import shutil
from pathlib import Path

from smo_pipelines.experiment.workspace import open_workspace
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation
from smo_pipelines.tracking import MlflowTracker

__all__ = ["QUICK", "REPOSITORY", "make_project", "write_experiment"]

REPOSITORY = Path(__file__).parents[2]
IMPORTED_AT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
QUICK = """\
id: quick
area: hate
change: {id: OC-0101, what: clause 3.2 exempts quoted hate, why: a third of the appeals, owner: team:hate-apac}
control:
  project: demo
  question: hate
  items: {split: train, policy: hate, locale: [en-GB, en-SG, es-MX, id-ID]}
  guideline: hate@3
  pool: core@1
treatment: {guideline: hate@4}
assignment: same_items_relabelled
raters: random
redraws: 3
classifier: tfidf
replicates: 2
primary: {metric: average_precision, on: demo-gold, gold: hate@4, smallest_effect_of_interest: 0.02}
guardrails:
  - {metric: average_precision, on: demo-gold, items: gold_unchanged, margin: 0.05}
rule: default
"""


def write_experiment(root: Path, text: str = QUICK, name: str = "quick") -> None:
    (root / "experiments" / f"{name}.yaml").write_text(text.replace("id: quick\n", f"id: {name}\n"), encoding="utf-8")


def make_project(root: Path, *, train_items: int = 320, benchmark_items: int = 400) -> None:
    """Write a project with ratings, the quick experiment and a tracker that is ready."""
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    (root / "experiments").mkdir()
    write_experiment(root)
    workspace = open_workspace(root)
    write_operation(
        workspace.tables, simulate_operation(3, train_items=train_items, benchmark_items=benchmark_items), imported_at=IMPORTED_AT
    )
    MlflowTracker(workspace.tracking_uri).check()
